"""``Patient/$match``: who could this be? A dry run with the scores of registering. Source: FHIR R4, PDQm ITI-119."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from adapters.fhir.patient_mapping import read_patient
from adapters.fhir.patient_resource import person_resource
from adapters.fhir.resource_fields import Element, ResourceRefused, resource
from federation.usecases.see_person import numbers_seen
from gateway.fhir.bundles import searchset, warning
from gateway.fhir.door import FhirCall
from gateway.fhir.outcomes import FhirAnswer
from mpi.identity.demographics import Demographics
from mpi.identity.records import MatchGrade
from mpi.identity.updates import apply_update
from mpi.usecases.match_person import MatchedPersons, PersonCandidate, match_person

MATCH_GRADE = "http://hl7.org/fhir/StructureDefinition/match-grade"
MATCH_WEIGHT = "urn:priorlink:match-weight"
MODEL_VERSION = "urn:priorlink:model-version"
MOST_MATCHES = 100


def match(call: FhirCall) -> FhirAnswer:
    """Parameters with a Patient, or a bare Patient; nothing is stored but the audit entry."""
    sent, only_certain, only_single, count = _parameters(call.body)
    resources = call.context.resources
    said = read_patient(sent, call.systems, today=resources.clock().date())
    described = apply_update(Demographics(), said.update)
    with resources.read() as uow:
        viewer = call.context.viewer(call.operation)
        view_of = resources.views_of(viewer, uow=uow)
        numbers = resources.without_withheld(said.identifiers, viewer, uow=uow)
        found = match_person(
            numbers,
            described,
            uow=uow,
            matcher=resources.matcher,
            clock=resources.clock,
            seen=numbers_seen(viewer, view_of),
        )
        # Who sees everybody sees the candidates as they were found.
        visible = (
            list(found.candidates)
            if viewer.sees_everybody
            else [
                replace(candidate, members=view.identity.records)
                for candidate in found.candidates
                if (view := view_of(candidate.enterprise_id)) is not None
            ]
        )
    eligible = [c for c in visible if not only_certain or c.grade is MatchGrade.CERTAIN]
    possible = [c for c in eligible if c.grade is not MatchGrade.CERTAINLY_NOT]
    if only_single and len(possible) != 1:
        eligible = []
    shown = (possible if only_single and eligible else eligible)[:count]
    body = searchset(
        [_entry(candidate, call) for candidate in shown],
        total=len(eligible),
        warnings=_warnings(found, len(eligible) - len(shown), call),
    )
    return FhirAnswer(body, subjects=tuple(c.enterprise_id for c in shown), detail=f"matches={len(eligible)}")


def _parameters(body: object) -> tuple[Any, bool, bool, int]:
    """(resource, onlyCertainMatches, onlySingleMatch, count)."""
    if not isinstance(body, dict) or body.get("resourceType") != "Parameters":
        return body, False, False, MOST_MATCHES
    sent: Any = None
    only_certain = only_single = False
    count = MOST_MATCHES
    for parameter in resource(body, "Parameters").elements("parameter"):
        match parameter.text("name"):
            case "resource":
                sent = parameter.fields.get("resource")
            case "onlyCertainMatches":
                only_certain = bool(parameter.flag("valueBoolean"))
            case "onlySingleMatch":
                only_single = bool(parameter.flag("valueBoolean"))
            case "count":
                count = _count(parameter)
    if sent is None:
        raise ResourceRefused("required", "parameter", "no resource to match")
    return sent, only_certain, only_single, count


def _count(parameter: Element) -> int:
    value = next((parameter.fields[n] for n in ("valueInteger", "valuePositiveInt") if n in parameter.fields), None)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ResourceRefused("value", parameter.path, "count is not a number above 0")
    return min(value, MOST_MATCHES)


def _entry(candidate: PersonCandidate, call: FhirCall) -> dict[str, Any]:
    shown = person_resource(candidate.enterprise_id, candidate.members, call.systems)
    search = {
        "extension": [
            {"url": MATCH_GRADE, "valueCode": candidate.grade.value},
            {"url": MATCH_WEIGHT, "valueDecimal": round(candidate.score.score, 3)},
            {"url": MODEL_VERSION, "valueString": candidate.score.model_version},
        ],
        "mode": "match",
        "score": round(candidate.score.match_probability, 6),
    }
    return {"resource": shown, "search": search}


def _warnings(found: MatchedPersons, hidden: int, call: FhirCall) -> list[dict[str, Any]]:
    warnings = []
    if found.truncated:
        call.context.metrics.count_truncated(call.operation)
        warnings.append(
            warning("truncated", "too many records are alike at first sight: only the nearest were compared")
        )
    if hidden > 0:
        warnings.append(warning("more_matches", f"{hidden} more matches were left out by count"))
    return warnings
