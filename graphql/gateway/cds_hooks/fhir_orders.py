"""From FHIR resources (STU3 to R5) to what an order says. Lenient: what cannot be read is absent, never an error.

Source: FHIR R4 ServiceRequest, Patient, Encounter; R5 where codes became CodeableReference.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.fhir.code_systems import STANDARD_SYSTEMS
from federation.imaging.clinical_context import ReasonForExam

ORDER_TYPES = frozenset({"ServiceRequest", "ProcedureRequest", "ReferralRequest"})
_NOT_TO_BE_DONE = frozenset({"revoked", "cancelled", "completed", "entered-in-error"})
_LONGEST_TEXT = 1024


@dataclass(frozen=True, slots=True)
class CodedText:
    """One coding. ``system`` is the short name of a standard system, else as sent."""

    code: str
    system: str
    display: str
    is_standard: bool


@dataclass(frozen=True, slots=True, repr=False)
class OrderResource:
    """A service request, as far as the check needs it."""

    reference: str
    subject_reference: str
    subject_identifier: tuple[str, str] | None
    placer_order_number: str | None
    codings: tuple[CodedText, ...]
    description: str
    priority: str
    reasons: tuple[ReasonForExam, ...]
    requested_at: dt.datetime | None


def order_resources(resources: Iterable[Mapping[str, Any]]) -> tuple[OrderResource, ...]:
    """The orders among the resources that are still to be carried out."""
    return tuple(
        _order(resource)
        for resource in resources
        if resource.get("resourceType") in ORDER_TYPES
        and resource.get("status") not in _NOT_TO_BE_DONE
        and resource.get("doNotPerform") is not True
    )


def identifiers_of(patient: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """``(system, value)`` of a Patient's identifiers that are in use."""
    found = (_identifier(item) for item in _listed(patient.get("identifier")) if item.get("use") != "old")
    return tuple(pair for pair in found if pair is not None)


def encounter_class(encounter: Mapping[str, Any] | None) -> str:
    """The class code (EMER, IMP ...), empty when it is not said."""
    if encounter is None:
        return ""
    said = encounter.get("class")
    if isinstance(said, list):
        return next((coding.code for item in _listed(said) for coding in _codings(item)), "")
    return _text(said, "code") if isinstance(said, Mapping) else ""


def resources_in(prefetched: Iterable[Mapping[str, Any] | None]) -> Iterator[Mapping[str, Any]]:
    """Every resource of a prefetch, Bundles unpacked."""
    for resource in prefetched:
        if resource is None:
            continue
        if resource.get("resourceType") == "Bundle":
            inside = (entry.get("resource") for entry in _listed(resource.get("entry")))
            yield from (item for item in inside if isinstance(item, Mapping))
        else:
            yield resource


def _order(resource: Mapping[str, Any]) -> OrderResource:
    code = _concept(resource.get("code"))
    codings = tuple(_codings(code))
    subject = _mapping(resource.get("subject") or resource.get("patient"))
    words = [_text(code, "text") or next((c.display for c in codings if c.display), "")]
    for site in _listed(resource.get("bodySite")):
        said = _text(site, "text") or next((c.display for c in _codings(site) if c.display), "")
        if said and said.casefold() not in words[0].casefold():
            words.append(said)
    return OrderResource(
        reference=f"{resource.get('resourceType')}/{_text(resource, 'id')}",
        subject_reference=_text(subject, "reference"),
        subject_identifier=_identifier(_mapping(subject.get("identifier"))),
        placer_order_number=_placer_number(resource),
        codings=codings,
        description=" ".join(word for word in words if word)[:_LONGEST_TEXT],
        priority=_text(resource, "priority"),
        reasons=tuple(_reasons(resource)),
        requested_at=_instant(_text(resource, "authoredOn")),
    )


def _placer_number(resource: Mapping[str, Any]) -> str | None:
    for identifier in _listed(resource.get("identifier")):
        kinds = {coding.code for coding in _codings(_mapping(identifier.get("type")))}
        if "PLAC" in kinds and (value := _text(identifier, "value")):
            return value[:64]
    return None


def _reasons(resource: Mapping[str, Any]) -> Iterator[ReasonForExam]:
    for item in (*_listed(resource.get("reasonCode")), *_listed(resource.get("reason"))):
        concept = _concept(item)
        text = _text(concept, "text")
        if text:
            yield ReasonForExam(text=text[:_LONGEST_TEXT])
        for coding in _codings(concept):
            yield ReasonForExam(coding.code, coding.system, coding.display)


def _concept(value: object) -> Mapping[str, Any]:
    """A CodeableConcept, or the concept of a CodeableReference."""
    said = _mapping(value)
    return _mapping(said["concept"]) if "concept" in said else said


def _codings(concept: Mapping[str, Any]) -> Iterator[CodedText]:
    for coding in _listed(concept.get("coding")):
        system = _text(coding, "system")
        code = _text(coding, "code")[:64]
        name, is_standard = STANDARD_SYSTEMS.get(system, system)[:255], system in STANDARD_SYSTEMS
        yield CodedText(code, name, _text(coding, "display"), is_standard)


def _identifier(item: Mapping[str, Any]) -> tuple[str, str] | None:
    system, value = _text(item, "system"), _text(item, "value")
    return (system, value) if system and value else None


def _instant(text: str) -> dt.datetime | None:
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo is not None else None


def _listed(value: object) -> list[Mapping[str, Any]]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, Mapping)]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(table: Mapping[str, Any], key: str) -> str:
    value = table.get(key)
    return value.strip() if isinstance(value, str) else ""
