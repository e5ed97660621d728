"""From ORC/OBR groups to what a site says of its orders. Pure.

Each ORC opens a group; without any ORC each OBR is one. Source: HL7 v2.5 chapter 4.5.1 (ORC), 4.5.3 (OBR), 4.5.4 (TQ1);
tables 0119 (order control), 0038 (order status), 0123 (result status).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from adapters.hl7v2.errors import ErrorCode, FieldError, Location
from adapters.hl7v2.message import NULL, Message, Repetition, Segment
from federation.imaging.clinical_context import ReasonForExam
from federation.imaging.placed_orders import OrderStatus

_PLACES = frozenset({"NW", "SN", "XO", "XX", "RO", "PA", "CH"})
"""Controls that speak for the content of the order: new, changed, replacing."""

_STATUS_ONLY = frozenset({"SC", "SR", "OK", "NA", "UA", "UX", "RE", "OR", "PR", "ST", "IP", ""})
_CANCELS = frozenset({"CA", "OC", "DC", "OD", "CR", "DR"})
_CANCELLED_STATES = frozenset({"CA", "DC"})
_FINISHED_STATES = frozenset({"CM"})
_FINAL_RESULTS = frozenset({"F", "C"})

STANDARD_SYSTEMS = frozenset(
    "C4 C5 CPT CPT4 CPT-4 HCPCS HPC LN LOINC RADLEX RPID RDL SCT SNM SNM3 SNOMED-CT SNOMEDCT NICIP OPS CCAM "
    "I10P ICD10PCS 2.16.840.1.113883.6.12 2.16.840.1.113883.6.1 2.16.840.1.113883.6.96 2.16.840.1.113883.6.256".split()
)
"""Names (table 0396) and OIDs of code systems that mean the same at every site."""

_MODALITIES = {
    "CT": "CT", "MR": "MR", "NMR": "MR", "MRI": "MR", "US": "US", "RUS": "US", "VUS": "US", "CUS": "US", "OUS": "US",
    "NMS": "NM", "NM": "NM", "PT": "PT", "PET": "PT", "MG": "MG", "XA": "XA", "RF": "RF", "CR": "CR", "DX": "DX",
}  # fmt: skip
"""OBR-24 (table 0074) as DICOM modalities. RAD and RX say the department, not the modality."""


@dataclass(frozen=True, slots=True, repr=False)
class SentProcedure:
    """OBR-4 after the choice: a standard code before the site's own, which is kept."""

    code: str = ""
    system: str = ""
    description: str = ""
    local_code: str = ""
    local_system: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class SentOrder:
    """One group. ``replaces``: it speaks for the content; else for the status alone. ``location`` is for errors."""

    placer_order_number: str
    filler_order_number: str
    status: OrderStatus
    replaces: bool
    procedure: SentProcedure
    modality: str
    priority: str
    reasons: tuple[ReasonForExam, ...]
    location: Location


def sent_orders(message: Message, *, is_result: bool) -> tuple[SentOrder, ...]:
    """Every order of the message, in order. A result without a number names no order and is left out.

    Raises:
        FieldError: no order, an order without a number, or an order control that we do not know.
    """
    groups = list(_groups(message))
    if not groups:
        raise FieldError(Location("OBR" if is_result else "ORC"), ErrorCode.REQUIRED_FIELD_MISSING, "order is missing")
    found = (_sent_order(group, is_result=is_result) for group in groups)
    return tuple(order for order in found if order is not None)


def patient_class(message: Message) -> str:
    """PV1-2, empty when it is not said."""
    pv1 = message.first("PV1")
    return "" if pv1 is None else _said(pv1.text(2))


def _groups(message: Message) -> Iterator[list[Segment]]:
    opener = "ORC" if message.first("ORC") is not None else "OBR"
    group: list[Segment] = []
    for segment in message.segments:
        if segment.name == opener:
            if group:
                yield group
            group = [segment]
        elif group:
            group.append(segment)
    if group:
        yield group


def _sent_order(group: list[Segment], *, is_result: bool) -> SentOrder | None:
    orc, obr = _first(group, "ORC"), _first(group, "OBR")
    place = Location(group[0].name, 2, group[0].sequence)
    placer, filler = _number(2, orc, obr), _number(3, orc, obr)
    if not placer and not filler:
        if is_result:
            return None
        raise FieldError(place, ErrorCode.REQUIRED_FIELD_MISSING, "order number is missing")
    control = "" if orc is None else _said(orc.text(1)).upper()
    status = _status(control, orc, obr, Location(place.segment, 1, place.sequence))
    return SentOrder(
        placer_order_number=placer,
        filler_order_number=filler,
        status=status,
        replaces=not is_result and obr is not None and (control in _PLACES or orc is None),
        procedure=_procedure(obr),
        modality=_modality(group, obr),
        priority=_priority(group, orc, obr),
        reasons=tuple(_reasons(group, orc, obr)),
        location=place,
    )


def _status(control: str, orc: Segment | None, obr: Segment | None, place: Location) -> OrderStatus:
    state = "" if orc is None else _said(orc.text(5)).upper()
    result = "" if obr is None else _said(obr.text(25)).upper()
    if control in _CANCELS or state in _CANCELLED_STATES:
        return OrderStatus.CANCELLED
    if control not in _PLACES and control not in _STATUS_ONLY:
        raise FieldError(place, ErrorCode.TABLE_VALUE_NOT_FOUND, "order control is not known")
    return OrderStatus.FINAL if result in _FINAL_RESULTS or state in _FINISHED_STATES else OrderStatus.NEW


def _number(field: int, *segments: Segment | None) -> str:
    """The entity identifier; ORC before OBR. The issuing application does not make it another number."""
    said = (_said(segment.text(field)) for segment in segments if segment is not None)
    return next((number for number in said if number), "")


def _procedure(obr: Segment | None) -> SentProcedure:
    if obr is None:
        return SentProcedure()
    coded = obr.first(4)
    triplets = [_triplet(coded, 1), _triplet(coded, 4)]
    sent = [triplet for triplet in triplets if triplet[0] or triplet[1]]
    standard = next((t for t in sent if t[0] and t[2].upper() in STANDARD_SYSTEMS), None)
    local = next((t for t in sent if t[0] and t[2].upper() not in STANDARD_SYSTEMS), None)
    code, text, system = standard or local or (sent[0] if sent else ("", "", ""))
    description = text or next((t[1] for t in sent if t[1]), "") or _said(coded.component(9))
    own = local or ("", "", "")
    return SentProcedure(code, system, description, own[0], own[2])


def _triplet(coded: Repetition, first: int) -> tuple[str, str, str]:
    code, text, system = (_said(coded.component(first + offset)) for offset in range(3))
    return code, text, system


def _modality(group: list[Segment], obr: Segment | None) -> str:
    ipc = _first(group, "IPC")
    if ipc is not None and (said := _said(ipc.text(5)).upper()):
        return said
    return "" if obr is None else _MODALITIES.get(_said(obr.text(24)).upper(), "")


def _priority(group: list[Segment], orc: Segment | None, obr: Segment | None) -> str:
    tq1 = _first(group, "TQ1")
    said = (
        "" if tq1 is None else _said(tq1.text(9)),
        "" if orc is None else _said(orc.first(7).component(6)),
        "" if obr is None else _said(obr.first(27).component(6)),
        "" if obr is None else _said(obr.text(5)),
    )
    return next((priority for priority in said if priority), "")


def _reasons(group: list[Segment], orc: Segment | None, obr: Segment | None) -> Iterator[ReasonForExam]:
    places = [(obr, 31), (orc, 16), *((dg1, 3) for dg1 in group if dg1.name == "DG1")]
    for segment, field in places:
        for coded in () if segment is None else segment.repetitions(field):
            for first in (1, 4):
                code, text, system = _triplet(coded, first)
                if code or text:
                    yield ReasonForExam(code, system, text)
    if obr is not None and (words := _said(obr.text(13))):
        yield ReasonForExam(text=words)


def _first(group: list[Segment], name: str) -> Segment | None:
    return next((segment for segment in group if segment.name == name), None)


def _said(text: str) -> str:
    return "" if text == NULL else text.strip()
