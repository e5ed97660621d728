"""Consents: what a person said of sharing, recorded as ``recordConsent`` does it, read, and searched for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.fhir.consent_mapping import ConsentSaid, consent_resource, read_consent
from adapters.fhir.resource_fields import ResourceRefused
from federation.errors import UnknownSite, UnknownStudyClass
from federation.ports import UnitOfWork
from federation.sites.consent import ConsentDirective
from federation.usecases.record_consent import RecordConsent, consent_lock, record_consent
from federation.usecases.see_person import all_numbers
from gateway.fhir.bundles import searchset
from gateway.fhir.door import FhirCall
from gateway.fhir.outcomes import UNPROCESSABLE, FhirAnswer, FhirProblem, issue, outcome
from mpi.units import carry_out
from mpi.usecases.resolve_identity import ResolvedIdentity, resolve_identity

_IGNORED = frozenset({"_format", "_pretty"})
_IDENTIFIED = frozenset({"patient:identifier", "patient.identifier"})


def record(call: FhirCall) -> FhirAnswer:
    """POST of a new decision, or PUT of the opposite one on what an earlier Consent was about."""
    resources = call.context.resources
    said = read_consent(call.body, call.systems, now=resources.clock())

    def act(uow: UnitOfWork) -> FhirAnswer:
        before = resolve_identity(said.patient, uow=uow)
        uow.lock([consent_lock(before.enterprise_id)])
        known = uow.consents.of(all_numbers(before))
        _check_update(call, said, before, uow)
        _check_newest(said, known)
        identity, kept = _record(said, call, uow)
        newest = next(one for one in reversed(kept) if _is_about(one, said))
        shown = uow.consents.act(newest.directive_id)[0]
        detail, subject = f"{said.effect.value}:{said.scope.value}", str(identity.enterprise_id)
        uow.audit.append(call.audit_event(subject=subject, detail=detail))
        uow.commit()
        status = 201 if len(kept) > len(known) and not call.resource_id else 200
        headers = {"Location": f"/fhir/Consent/{newest.directive_id}"}
        return FhirAnswer(_body(shown, call), status, (subject,), headers, detail, is_audited=True)

    return carry_out(resources.units, act)


def _record(
    said: ConsentSaid, call: FhirCall, uow: UnitOfWork
) -> tuple[ResolvedIdentity, tuple[ConsentDirective, ...]]:
    resources = call.context.resources
    command = RecordConsent(
        said.patient, said.scope, said.target, said.effect, call.context.caller.subject, source="fhir"
    )
    try:
        return record_consent(
            command, uow=uow, directory=resources.directory, clock=resources.clock, new_id=resources.new_id
        )
    except (UnknownSite, UnknownStudyClass) as error:
        raise ResourceRefused("value", said.target_path, "no site or study class is registered so") from error


def _check_update(call: FhirCall, said: ConsentSaid, identity: ResolvedIdentity, uow: UnitOfWork) -> None:
    if not call.resource_id:
        return
    if isinstance(call.body, dict) and call.body.get("id") != call.resource_id:
        raise ResourceRefused("invalid", "id", "is not the id of the URL")
    earlier = _by_id(call.resource_id, uow)
    numbers = set(all_numbers(identity))
    if not any(one.identifier in numbers for one in earlier):
        raise ResourceRefused("business-rule", "patient", "an update cannot make it another patient's")
    if not _is_about(earlier[0], said):
        raise ResourceRefused("business-rule", said.target_path, "an update changes deny or permit only")


def _check_newest(said: ConsentSaid, kept: Sequence[ConsentDirective]) -> None:
    """What was said before the decision that is known must not undo it."""
    same = [one for one in kept if _is_about(one, said)]
    if said.said_by is not None and any(
        one.recorded_at > said.said_by and one.effect is not said.effect for one in same[-1:]
    ):
        raise FhirProblem(
            409, "conflict", "consent_older", "a newer decision on the same is known", path="dateTime"
        )  # fmt: skip


def read(call: FhirCall) -> FhirAnswer:
    """One decision by its id."""
    with call.context.resources.read() as uow:
        found = _by_id(call.resource_id, uow)
        identity = resolve_identity(found[0].identifier, uow=uow)
        kept = uow.consents.of(all_numbers(identity))
        is_in_force = not _in_force(kept).isdisjoint(found)
        shown = consent_resource(found[0], call.systems, is_in_force=is_in_force)
    return FhirAnswer(shown, subjects=(str(identity.enterprise_id),))


def search(call: FhirCall) -> FhirAnswer:
    """Everything a person said, oldest first; each decision once, under the number it was kept for first."""
    patient = call.systems.token(_asked(call), "patient")
    with call.context.resources.read() as uow:
        identity = resolve_identity(patient, uow=uow)
        kept = uow.consents.of(all_numbers(identity))
    in_force = _in_force(kept)
    acts: dict[str, list[ConsentDirective]] = {}
    for one in kept:
        acts.setdefault(one.directive_id, []).append(one)
    entries = [
        {
            "resource": consent_resource(act[0], call.systems, is_in_force=any(one in in_force for one in act)),
            "search": {"mode": "match"},
        }
        for act in acts.values()
    ]
    return FhirAnswer(
        searchset(entries), subjects=(str(identity.enterprise_id),), detail=f"matches={len(entries)}"
    )  # fmt: skip


def _asked(call: FhirCall) -> str:
    if any(name not in _IGNORED for name, _ in call.in_url):
        text = "numbers are taken in the body only: POST Consent/_search"
        raise FhirProblem(400, "not-supported", "identifier_in_url", text)
    named = [value for name, value in call.in_form if name in _IDENTIFIED and value.strip()]
    if any(name not in _IDENTIFIED | _IGNORED for name, _ in call.in_form):
        raise FhirProblem(400, "not-supported", "parameter_not_supported", "a search parameter is not supported")
    if len(named) != 1:
        raise FhirProblem(UNPROCESSABLE, "too-costly", "search_too_wide", "name one patient: patient:identifier")
    return named[0]


def _by_id(directive_id: str, uow: UnitOfWork) -> Sequence[ConsentDirective]:
    found = uow.consents.act(directive_id)
    if not found:
        raise FhirProblem(404, "not-found", "consent_not_found", "no consent has this id")
    return found


def _is_about(one: ConsentDirective, said: ConsentSaid) -> bool:
    return (one.scope, one.target) == (said.scope, said.target)


def _in_force(kept: Sequence[ConsentDirective]) -> set[ConsentDirective]:
    return set({(one.identifier, one.scope, one.target): one for one in kept}.values())


def _body(newest: ConsentDirective, call: FhirCall) -> dict[str, Any] | None:
    if "return=minimal" in call.prefer:
        return None
    if "return=OperationOutcome" in call.prefer:
        return outcome(issue("information", "informational", "consent_recorded", "recorded"))
    return consent_resource(newest, call.systems, is_in_force=True)
