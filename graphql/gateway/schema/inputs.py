"""Arguments, and how they become domain values. Whatever cannot be used is named by its path, never by its value."""

from __future__ import annotations

import datetime as dt
import re

import strawberry

from federation.imaging.orders import ClinicalFlag, ImagingOrder
from federation.imaging.procedures import REGION_ORDER
from federation.imaging.timeline import TimelineFilter
from gateway.errors import InputRefused
from gateway.resources import HubResources
from mpi.errors import InvalidDemographics, InvalidIdentifier
from mpi.identity.demographics import AdministrativeSex, Demographics, PartialDate, PersonName, PostalAddress
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier

MIN_DEADLINE_MS, MAX_DEADLINE_MS = 100, 30_000
MAX_PAGE = 100
MAX_TEXT, MAX_CODE = 1024, 64
_MAX_ID, _MAX_OVERRIDDEN = 255, 200
_MODALITY = re.compile(r"[A-Z0-9]{2,16}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class InputProblem(InputRefused):
    """An argument that cannot be used; ``code`` is stable and ``field`` is its path."""

    def __init__(self, code: str, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.code, self.field, self.message = code, field, message


@strawberry.input(description="One hospital's number for a patient.")
class PatientIdentifierInput:
    assigning_authority: str = strawberry.field(description="Who issued the number, as registered with the hub.")
    local_patient_id: str = strawberry.field(description="The number. Leading zeros and letter case count.")


@strawberry.input(description="Names a patient in exactly one way: authority and number, or enterprise id.")
class PatientRefInput:
    assigning_authority: str | None = strawberry.field(default=None, description="Who issued localPatientId.")
    local_patient_id: str | None = strawberry.field(default=None, description="The number, exactly as issued.")
    enterprise_id: strawberry.ID | None = strawberry.field(default=None, description="The hub's own id of a person.")


@strawberry.input(description="What is known of a person to look for. Null and empty: not known.")
class PersonDescriptionInput:
    family: str | None = strawberry.field(default=None, description="Family name, or how it begins.")
    given: str | None = strawberry.field(default=None, description="Given name, or how it begins.")
    middle: str | None = strawberry.field(default=None, description="Further given names.")
    birth_date: str | None = strawberry.field(default=None, description="YYYY, YYYY-MM or YYYY-MM-DD.")
    sex: AdministrativeSex | None = strawberry.field(default=None, description="Administrative sex.")
    street: str | None = strawberry.field(default=None, description="Street and number.")
    city: str | None = strawberry.field(default=None, description="City.")
    postal_code: str | None = strawberry.field(default=None, description="Postal code.")
    phone: str | None = strawberry.field(default=None, description="Phone number, in any form.")


@strawberry.input(description="What to show of a history. What is not known of a study never hides it.")
class HistoryFilterInput:
    modalities: list[str] | None = strawberry.field(
        default=None, description="DICOM modalities (CR, CT ...) or examination classes (XR ...). Any of them."
    )
    regions: list[str] | None = strawberry.field(default=None, description="Anatomic regions, such as CHEST. Any.")
    since: str | None = strawberry.field(default=None, description="First day to show, YYYY-MM-DD, local to the site.")
    until: str | None = strawberry.field(default=None, description="Last day to show, YYYY-MM-DD, local to the site.")


@strawberry.input(description="What is about to be ordered; studies are then ranked by their relevance to it.")
class RelevantToInput:
    description: str = strawberry.field(description="The procedure in words.")
    modality: str | None = strawberry.field(default=None, description="DICOM modality, if known.")


@strawberry.input(description="An order for imaging that is about to be signed.")
class ImagingOrderInput:
    patient: PatientIdentifierInput = strawberry.field(description="Whom the order is for.")
    ordering_site: str = strawberry.field(description="Id of the registered site at which it is ordered.")
    description: str | None = strawberry.field(default=None, description="The procedure in words.")
    code: str | None = strawberry.field(default=None, description="Procedure code.")
    code_system: str | None = strawberry.field(default=None, description="System of the code, such as LN or a URI.")
    modality: str | None = strawberry.field(default=None, description="DICOM modality, if known.")
    body_part: str | None = strawberry.field(default=None, description="DICOM body part examined, if known.")
    flags: list[ClinicalFlag] | None = strawberry.field(
        default=None, description="Context known of the order. Null: nothing is known. Empty: none applies."
    )
    placer_order_number: str | None = strawberry.field(default=None, description="The orderer's number of the order.")
    overridden_priors: list[str] | None = strawberry.field(
        default=None, description="StudyInstanceUIDs for which this alert was overridden before."
    )
    requested_at: str | None = strawberry.field(
        default=None, description="When it was requested, ISO 8601 with offset. Null: now."
    )


def read_identifier(given: PatientIdentifierInput, field: str) -> PatientIdentifier:
    """One hospital's number.

    Raises:
        InputProblem: it cannot name anybody.
    """
    return _identifier(given.assigning_authority, given.local_patient_id, field)


def read_identifiers(given: list[PatientIdentifierInput], field: str, most: int = MAX_PAGE) -> list[PatientIdentifier]:
    """Some hospitals' numbers, at least one.

    Raises:
        InputProblem: too many, none, or one that cannot name anybody.
    """
    read_number(len(given), field, 1, most)
    return [read_identifier(one, f"{field}.{place}") for place, one in enumerate(given)]


def read_description(described: PersonDescriptionInput | None) -> Demographics:
    """The same as demographics.

    Raises:
        InputProblem: a text is too long, or the birth date is no date.
    """
    said = described or PersonDescriptionInput()
    names = ("family", "given", "middle", "street", "city", "postal_code", "phone")
    texts = {name: read_text((getattr(said, name) or "").strip(), f"described.{_camel(name)}") for name in names}
    try:
        born = PartialDate.parse(said.birth_date) if said.birth_date else None
    except InvalidDemographics:
        raise InputProblem("invalid_date", "described.birthDate", "must be YYYY, YYYY-MM or YYYY-MM-DD") from None
    return Demographics(
        name=PersonName(texts["family"], texts["given"], texts["middle"]),
        birth_date=born,
        sex=said.sex,
        address=PostalAddress(texts["street"], texts["city"], texts["postal_code"]),
        phones=(texts["phone"],) if texts["phone"] else (),
    )


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.title() for word in others)


def read_patient(patient: PatientRefInput | None, enterprise_id: str | None) -> PatientIdentifier | EnterpriseId:
    """Exactly one way of naming the patient.

    Raises:
        InputProblem: none, several or half of one.
    """
    ref = patient or PatientRefInput()
    ids = [text.strip() for text in (ref.enterprise_id, enterprise_id) if text is not None]
    by_number = ref.assigning_authority is not None or ref.local_patient_id is not None
    if len(ids) + by_number != 1:
        raise InputProblem("one_way_needed", "patient", "name the patient in exactly one way")
    if by_number:
        return _identifier(ref.assigning_authority or "", ref.local_patient_id or "", "patient")
    if not ids[0]:
        raise InputProblem("empty", "patient.enterpriseId", "must not be empty")
    return EnterpriseId(read_text(ids[0], "patient.enterpriseId"))


def read_order(order: ImagingOrderInput, resources: HubResources) -> ImagingOrder:
    """The order with its canonical procedure.

    Raises:
        InputProblem: a field cannot be used.
        UnknownSite: the ordering site is not registered.
    """
    site = resources.directory.site(order.ordering_site)
    for field, text, limit in _texts(order):
        read_text(text or "", f"order.{field}", limit)
    if not (order.description or "").strip() and not (order.code or "").strip():
        raise InputProblem("procedure_needed", "order.description", "give a description or a code")
    procedure = resources.normalize_order(
        site_id=site.site_id,
        description=order.description or "",
        modality=order.modality,
        body_part=order.body_part,
        code=order.code,
        code_system=order.code_system,
    )
    return ImagingOrder(
        patient_identifier=_identifier(
            order.patient.assigning_authority, order.patient.local_patient_id, "order.patient"
        ),
        ordering_site=site.site_id,
        requested_at=_requested_at(order, resources),
        procedure=procedure,
        description=order.description or "",
        code=order.code,
        code_system=order.code_system,
        placer_order_number=order.placer_order_number,
        flags=resources.rules.flags_of_unknown_context if order.flags is None else frozenset(order.flags),
        overridden_priors=_overridden(order),
    )


def read_filter(filter_: HistoryFilterInput | None) -> TimelineFilter:
    """What to show of a history.

    Raises:
        InputProblem: a day, region or modality that is none.
    """
    wanted = filter_ or HistoryFilterInput()
    modalities = frozenset(m.strip().upper() for m in wanted.modalities or ())
    if not all(_MODALITY.fullmatch(m) for m in modalities):
        raise InputProblem("unknown_modality", "filter.modalities", "not a modality code")
    regions = frozenset(r.strip().upper() for r in wanted.regions or ())
    if not regions <= set(REGION_ORDER):
        raise InputProblem("unknown_region", "filter.regions", "not a canonical region")
    since, until = read_day(wanted.since, "filter.since"), read_day(wanted.until, "filter.until")
    if since is not None and until is not None and since > until:
        raise InputProblem("empty_interval", "filter.until", "must not be before since")
    return TimelineFilter(modalities, regions, since, until)


def read_deadline(deadline_ms: int | None, default_seconds: float) -> float:
    """The deadline in seconds; ``None`` is the hub's default."""
    if deadline_ms is None:
        return default_seconds
    return read_number(deadline_ms, "deadlineMs", MIN_DEADLINE_MS, MAX_DEADLINE_MS) / 1000


def read_number(number: int, field: str, least: int, most: int) -> int:
    """A whole number inside its bounds."""
    if not least <= number <= most:
        raise InputProblem("out_of_range", field, f"must be {least} to {most}")
    return number


def read_text(text: str, field: str, limit: int = _MAX_ID) -> str:
    """A text that is not too long and holds no control characters."""
    if len(text) > limit:
        raise InputProblem("too_long", field, f"must not be longer than {limit} characters")
    if _CONTROL.search(text):
        raise InputProblem("control_character", field, "must not hold control characters")
    return text


def _identifier(authority: str, number: str, field: str) -> PatientIdentifier:
    read_text(authority, f"{field}.assigningAuthority")
    read_text(number, f"{field}.localPatientId")
    try:
        return PatientIdentifier(authority, number)
    except InvalidIdentifier:
        missing = "assigningAuthority" if not authority.strip(' "') else "localPatientId"
        raise InputProblem("empty", f"{field}.{missing}", "must not be empty") from None


def _texts(order: ImagingOrderInput) -> tuple[tuple[str, str | None, int], ...]:
    return (
        ("description", order.description, MAX_TEXT),
        ("code", order.code, MAX_CODE),
        ("codeSystem", order.code_system, MAX_CODE),
        ("modality", order.modality, MAX_CODE),
        ("bodyPart", order.body_part, MAX_CODE),
        ("placerOrderNumber", order.placer_order_number, MAX_CODE),
    )


def _requested_at(order: ImagingOrderInput, resources: HubResources) -> dt.datetime:
    if order.requested_at is None:
        return resources.clock()
    try:
        instant = dt.datetime.fromisoformat(order.requested_at)
    except ValueError:
        raise InputProblem("invalid_date", "order.requestedAt", "must be a time, ISO 8601") from None
    if instant.tzinfo is None:
        raise InputProblem("offset_needed", "order.requestedAt", "must have an offset")
    return instant


def _overridden(order: ImagingOrderInput) -> frozenset[str]:
    uids = frozenset(order.overridden_priors or ())
    if len(uids) > _MAX_OVERRIDDEN:
        raise InputProblem("too_long", "order.overriddenPriors", f"must not be more than {_MAX_OVERRIDDEN}")
    return frozenset(read_text(uid, "order.overriddenPriors", MAX_CODE) for uid in uids)


def read_day(text: str | None, field: str) -> dt.date | None:
    """A day; ``None`` stays ``None``."""
    if text is None:
        return None
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=dt.UTC).date()
    except ValueError:
        raise InputProblem("invalid_date", field, "must be a day, YYYY-MM-DD") from None
