"""From a FHIR R4 ServiceRequest to what it says of an order. Strict: what cannot be taken as it is meant is refused.

Source: FHIR R4 12.6 (ServiceRequest), value sets request-status, request-intent, request-priority; 2.24.0.8 (dateTime).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass

from adapters.fhir.code_systems import STANDARD_SYSTEMS
from adapters.fhir.identifier_systems import IdentifierSystems
from adapters.fhir.patient_mapping import read_instant
from adapters.fhir.resource_fields import Element, ResourceRefused, resource
from federation.imaging.clinical_context import ReasonForExam
from federation.imaging.placed_orders import OrderStatus
from mpi.identity.identifiers import PatientIdentifier

ORDER_SYSTEM = "urn:priorlink:order:"
"""System of an order's numbers: this and the id of the site that gave them."""
SITE_SYSTEM = "urn:priorlink:site"
LONGEST_NUMBER = 64

_STATUSES = {
    "active": OrderStatus.NEW,
    "on-hold": OrderStatus.NEW,
    "revoked": OrderStatus.CANCELLED,
    "entered-in-error": OrderStatus.CANCELLED,
    "completed": OrderStatus.FINAL,
}
_NOT_PLACED = frozenset({"draft", "unknown"})
_ORDERS = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order"})
_OTHER_INTENTS = frozenset({"proposal", "plan", "directive", "option"})
_PRIORITIES = frozenset({"routine", "urgent", "asap", "stat"})
_OCCURRENCES = ("occurrenceDateTime", "occurrencePeriod", "occurrenceTiming")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_NOON = dt.time(12, tzinfo=dt.UTC)
_NUMBER_TYPES = frozenset({"PLAC", "FILL"})


@dataclass(frozen=True, slots=True, repr=False)
class OrderNumber:
    """One number. ``site`` is the site that it names, empty when it names none."""

    value: str
    is_fillers: bool
    site: str
    path: str


@dataclass(frozen=True, slots=True, repr=False)
class SaidCode:
    """One coding. ``system`` is the short name of a standard system, else as sent."""

    code: str
    system: str
    is_standard: bool


@dataclass(frozen=True, slots=True, repr=False)
class ServiceRequestSaid:
    """An order as it was sent. ``body_site`` is in words. ``wanted_at``: when the exam is due, else when it was asked
    for; ``None`` when neither is said. ``updated_at`` is the sender's ``meta.lastUpdated``."""

    patient: PatientIdentifier
    numbers: tuple[OrderNumber, ...]
    status: OrderStatus
    codes: tuple[SaidCode, ...]
    description: str
    body_site: str
    priority: str
    reasons: tuple[ReasonForExam, ...]
    wanted_at: dt.datetime | None
    updated_at: dt.datetime | None


def read_service_request(value: object, systems: IdentifierSystems) -> ServiceRequestSaid:
    """The order.

    Raises:
        ResourceRefused: a field is missing or cannot be taken; the error names it.
    """
    order = resource(value, "ServiceRequest")
    status = _status(order)
    _refuse_modifiers(order)
    code = order.element("code")
    codes = () if code is None else tuple(_codes(code))
    description = "" if code is None else code.text("text") or _first_display(code)
    if not codes and not description and status is OrderStatus.NEW:
        raise ResourceRefused("required", "code", "neither a code nor text")
    return ServiceRequestSaid(
        patient=_patient(order, systems),
        numbers=_numbers(order),
        status=status,
        codes=codes,
        description=description,
        body_site=" ".join(_body_sites(order)),
        priority=_one_of(order, "priority", _PRIORITIES),
        reasons=tuple(_reasons(order)),
        wanted_at=_wanted_at(order),
        updated_at=_updated_at(order),
    )


def _status(order: Element) -> OrderStatus:
    said = order.text("status")
    if not said:
        raise ResourceRefused("required", "status", "is missing")
    if said in _NOT_PLACED:
        raise ResourceRefused("not-supported", "status", "only orders that are placed, closed or cancelled are taken")
    if said not in _STATUSES:
        raise ResourceRefused("code-invalid", "status", "is not a status of a request")
    intent = order.text("intent")
    if not intent:
        raise ResourceRefused("required", "intent", "is missing")
    if intent not in _ORDERS:
        kind = "not-supported" if intent in _OTHER_INTENTS else "code-invalid"
        raise ResourceRefused(kind, "intent", "only orders are taken")
    return _STATUSES[said]


def _refuse_modifiers(order: Element) -> None:
    """What would turn the meaning round."""
    if order.flag("doNotPerform"):
        raise ResourceRefused("not-supported", "doNotPerform", "a request not to do something is no order")
    for name in ("modifierExtension", "implicitRules"):
        if order.fields.get(name):
            raise ResourceRefused("not-supported", name, "may change the meaning and is not known")


def _patient(order: Element, systems: IdentifierSystems) -> PatientIdentifier:
    subject = order.element("subject")
    identifier = None if subject is None else subject.element("identifier")
    if identifier is None or not identifier.text("system"):
        raise ResourceRefused("required", "subject.identifier", "the patient's number with its system is missing")
    return systems.identifier(identifier.text("system"), identifier.text("value"), "subject.identifier")


def _numbers(order: Element) -> tuple[OrderNumber, ...]:
    """Placer's and filler's; a number of no type is the placer's. Old ones and those of other types are no matter."""
    found = [number for item in order.elements("identifier") if (number := _number(item)) is not None]
    if not found:
        raise ResourceRefused("required", "identifier", "no order number (type PLAC or FILL)")
    for is_fillers in (False, True):
        alike = [one for one in found if one.is_fillers is is_fillers]
        if len({one.value for one in alike}) > 1:
            raise ResourceRefused("business-rule", alike[1].path, "a second number of the same type")
    return tuple(found)


def _number(item: Element) -> OrderNumber | None:
    kind = item.element("type")
    types = set() if kind is None else {coding.text("code") for coding in kind.elements("coding")}
    value = item.text("value")
    if not value or item.text("use") == "old" or (types and not types & _NUMBER_TYPES):
        return None
    if len(value) > LONGEST_NUMBER:
        raise ResourceRefused("too-long", item.at("value"), f"is longer than {LONGEST_NUMBER} characters")
    return OrderNumber(value, "FILL" in types, _named_site(item), item.path)


def _named_site(item: Element) -> str:
    system = item.text("system")
    if system.startswith(ORDER_SYSTEM):
        return system.removeprefix(ORDER_SYSTEM)
    assigner = item.element("assigner")
    identifier = None if assigner is None else assigner.element("identifier")
    if identifier is None or identifier.text("system") != SITE_SYSTEM:
        return ""
    return identifier.text("value")


def _codes(concept: Element) -> Iterator[SaidCode]:
    for coding in concept.elements("coding"):
        code, system = coding.text("code"), coding.text("system")
        if code:
            yield SaidCode(code, STANDARD_SYSTEMS.get(system, system), system in STANDARD_SYSTEMS)


def _first_display(concept: Element) -> str:
    return next((text for coding in concept.elements("coding") if (text := coding.text("display"))), "")


_SIDES = {"7771000": "left", "24028007": "right", "51440002": "bilateral"}
"""SNOMED CT qualifiers of laterality, which often come without words."""


def _body_sites(order: Element) -> Iterator[str]:
    for site in order.elements("bodySite"):
        sides = [
            _SIDES[code.text("code")]
            for code in site.elements("coding")
            if STANDARD_SYSTEMS.get(code.text("system")) == "SCT" and code.text("code") in _SIDES
        ]
        words = site.text("text") or " ".join(d for c in site.elements("coding") if (d := c.text("display")))
        yield from (side for side in sides if side not in words.casefold())
        if words:
            yield words


def _reasons(order: Element) -> Iterator[ReasonForExam]:
    for concept in order.elements("reasonCode"):
        if text := concept.text("text"):
            yield ReasonForExam(text=text)
        for coding in concept.elements("coding"):
            yield ReasonForExam(coding.text("code"), coding.text("system"), coding.text("display"))


def _one_of(order: Element, name: str, known: frozenset[str]) -> str:
    said = order.text(name)
    if said and said not in known:
        raise ResourceRefused("code-invalid", order.at(name), f"is not one of {', '.join(sorted(known))}")
    return said


def _wanted_at(order: Element) -> dt.datetime | None:
    said = [name for name in _OCCURRENCES if order.fields.get(name)]
    if len(said) > 1:
        raise ResourceRefused("structure", said[1], "occurrence is said twice")
    asked_at = read_date_time(order, "authoredOn")
    if not said:
        return asked_at
    if said[0] == "occurrenceDateTime":
        return read_date_time(order, "occurrenceDateTime")
    occurrence = order.element(said[0])
    if occurrence is None:
        return asked_at
    if said[0] == "occurrencePeriod":
        return read_date_time(occurrence, "start") or asked_at
    return _timed(occurrence) or asked_at


def _timed(timing: Element) -> dt.datetime | None:
    events = timing.texts("event")
    if timing.fields.get("repeat") or timing.fields.get("code") or len(events) > 1:
        raise ResourceRefused("not-supported", timing.path, "one order is for one examination")
    return _date_time(events[0], f"{timing.path}.event[0]") if events else None


def read_date_time(element: Element, name: str) -> dt.datetime | None:
    """A dateTime that names a day at least; of a bare day its noon in UTC."""
    said = element.text(name)
    return _date_time(said, element.at(name)) if said else None


def _date_time(said: str, path: str) -> dt.datetime:
    if _DAY.fullmatch(said):
        try:
            return dt.datetime.combine(dt.date.fromisoformat(said), _NOON)
        except ValueError:
            raise ResourceRefused("value", path, "is not a day") from None
    instant = read_instant(said)
    if instant is None:
        raise ResourceRefused("value", path, "is not a day, or an instant with its offset")
    return instant


def _updated_at(order: Element) -> dt.datetime | None:
    meta = order.element("meta")
    return None if meta is None else read_date_time(meta, "lastUpdated")
