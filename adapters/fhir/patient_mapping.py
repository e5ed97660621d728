"""From a FHIR R4 Patient to what a site says of its patient. Pure.

What is absent or empty is left alone: FHIR has no sign for *delete* that senders use. ``contact`` holds the names of
others and is never looked at. Source: FHIR R4 Patient, HumanName, Address, ContactPoint; HL7 FHIR-to-v2 NameUse map.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from adapters.fhir.identifier_systems import IdentifierSystems, social_security_digits
from adapters.fhir.patient_links import PatientLink, patient_links
from adapters.fhir.resource_fields import Element, ResourceRefused, resource
from mpi.errors import InvalidDemographics
from mpi.identity.demographics import AdministrativeSex, Demographics, PartialDate, PersonName, PostalAddress
from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.updates import DemographicsUpdate

NAME_TYPES = {"official": "L", "usual": "D", "nickname": "N", "maiden": "M", "anonymous": "S"}
"""HumanName.use to HL7 name types; ``old`` and ``temp`` have none."""

_SEXES = {
    "male": AdministrativeSex.MALE,
    "m": AdministrativeSex.MALE,
    "female": AdministrativeSex.FEMALE,
    "f": AdministrativeSex.FEMALE,
    "other": AdministrativeSex.OTHER,
    "o": AdministrativeSex.OTHER,
    "a": AdministrativeSex.OTHER,
}
_NO_SEX = frozenset({"", "unknown", "u", "un", "n"})
_NOT_A_PHONE = frozenset({"fax", "email", "pager", "url"})
_ONE_DIGIT = re.compile(r"0+|9+")
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PatientSaid:
    """A Patient as it was read. ``last_updated`` is the sender's instant, ``None`` when it gave none.

    ``resource_id`` is the sender's own id of the resource: it names nobody here.
    """

    identifiers: tuple[PatientIdentifier, ...]
    update: DemographicsUpdate
    is_active: bool
    links: tuple[PatientLink, ...]
    last_updated: dt.datetime | None
    resource_id: str


def read_patient(value: object, systems: IdentifierSystems, *, today: dt.date, path: str = "") -> PatientSaid:
    """Read a Patient resource. ``today``: nobody in it was born later.

    Raises:
        ResourceRefused: not a Patient, or a field that cannot be taken.
    """
    patient = resource(value, "Patient", path)
    identifiers = systems.identifiers(patient)
    name, others = _names(patient)
    birth_date, birth_date_sent = _birth_date(patient.text("birthDate"), today)
    home, work = _phones(patient)
    sent = Demographics(
        name=name,
        aliases=others,
        birth_date=birth_date,
        birth_date_sent=birth_date_sent,
        sex=_sex(patient),
        address=_address(patient),
        phones=(*home, *work),
        ssn_last4=social_security_digits(patient),
        national_id=next(
            (i.local_patient_id for i in identifiers if systems.registry.is_strong(i.assigning_authority)), ""
        ),
    )
    # A number at work never takes the place of one at home that this resource leaves alone.
    beside = frozenset({"phones"}) if work and not home else frozenset()
    return PatientSaid(
        identifiers=identifiers,
        update=DemographicsUpdate(sent, only_if_missing=beside),
        is_active=patient.flag("active") is not False,
        links=patient_links(patient, systems),
        last_updated=_last_updated(patient),
        resource_id=patient.text("id"),
    )


def _names(patient: Element) -> tuple[PersonName, tuple[PersonName, ...]]:
    """The name (``official``, then ``usual``, else the first) and all others."""
    read = [(element.text("use"), _name(element)) for element in patient.elements("name")]
    names = [(use, name) for use, name in read if not name.is_empty]
    if not names:
        return PersonName(), ()
    uses = [use for use, _ in names]
    chosen = next((uses.index(use) for use in ("official", "usual") if use in uses), 0)
    name = names.pop(chosen)[1]
    return name, tuple(dict.fromkeys(other for _, other in names if other != name))


def _name(element: Element) -> PersonName:
    given = element.texts("given")
    name = PersonName(
        family=element.text("family"),
        given=given[0] if given else "",
        middle=" ".join(given[1:]),
        prefix=" ".join(element.texts("prefix")),
        suffix=" ".join(element.texts("suffix")),
        use=NAME_TYPES.get(element.text("use"), ""),
    )
    return _split_text(element.text("text"), name.use) if name.is_empty else name


def _split_text(text: str, use: str) -> PersonName:
    """A name that was sent as text only: ``FAMILY, GIVEN`` is split, anything else stays whole."""
    family, comma, rest = text.partition(",")
    given, _, middle = rest.strip().partition(" ")
    return PersonName(family=family.strip(), given=given, middle=middle.strip(), use=use if comma or text else "")


def _birth_date(sent: str, today: dt.date) -> tuple[PartialDate | None, str]:
    """The date (``None``: missing or no evidence) and, when something unusable was sent, what that was.

    A birth date is the date as written: a time or offset behind it does not move it.
    """
    if not sent:
        return None, ""
    try:
        date = PartialDate.parse(sent.partition("T")[0])
    except InvalidDemographics:
        return None, sent
    digits = re.sub(r"\D", "", date.isoformat())
    first_day = dt.date(date.year, date.month or 1, date.day or 1)
    if _ONE_DIGIT.fullmatch(digits) or date.year == 1 or date == PartialDate(1900, 1, 1) or first_day > today + _DAY:
        return None, sent
    return date, ""


def _sex(patient: Element) -> AdministrativeSex | None:
    word = patient.text("gender").casefold()
    if word in _NO_SEX:
        return None
    if word not in _SEXES:
        raise ResourceRefused("code-invalid", patient.at("gender"), "is not male, female, other or unknown")
    return _SEXES[word]


def _phones(patient: Element) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Numbers at home (or without place), then numbers at work; as written, without ``tel:``."""
    home: dict[str, None] = {}
    work: dict[str, None] = {}
    for element in patient.elements("telecom"):
        number = re.sub(r"(?i)^(?:tel|sms):", "", element.text("value"))
        if number and "@" not in number and element.text("system") not in _NOT_A_PHONE:
            use = element.text("use")
            if use != "old":
                (work if use == "work" else home)[number] = None
    return tuple(home), tuple(work)


def _address(patient: Element) -> PostalAddress:
    """The home address, else the first that is not an old one."""
    usable = [a for a in patient.elements("address") if a.text("use") != "old"]
    chosen = next((a for a in usable if a.text("use") == "home"), usable[0] if usable else None)
    if chosen is None:
        return PostalAddress()
    address = PostalAddress(" ".join(chosen.texts("line")), chosen.text("city"), chosen.text("postalCode"))
    return PostalAddress(street=chosen.text("text")) if address.is_empty else address


def _last_updated(patient: Element) -> dt.datetime | None:
    meta = patient.element("meta")
    return None if meta is None else read_instant(meta.text("lastUpdated"))


def read_instant(text: str) -> dt.datetime | None:
    """An instant with its offset, ``None`` when there is none that can be used."""
    try:
        instant = dt.datetime.fromisoformat(text)
        return instant.astimezone(dt.UTC) if instant.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
