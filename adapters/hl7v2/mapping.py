"""From a PID segment to what a site says of its patient. Pure.

Empty fields are left alone, ``""`` deletes. Names of others (PID-6, NK1, GT1, IN1) are never looked at.
Source: HL7 v2.5 chapter 3.4.2 (PID), 2.A.88 (XPN), 2.A.86 (XAD); HL7 table 0001.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping

from adapters.hl7v2.birth_dates import read_birth_date
from adapters.hl7v2.errors import ErrorCode, FieldError, Location
from adapters.hl7v2.message import EMPTY, NULL, Repetition, Segment
from adapters.hl7v2.phones import phone_numbers
from mpi.identity.demographics import AdministrativeSex, Demographics, PersonName, PostalAddress
from mpi.identity.identifiers import AuthorityRegistry, PatientIdentifier
from mpi.identity.updates import DemographicsUpdate

_SEX = {
    "F": AdministrativeSex.FEMALE,
    "M": AdministrativeSex.MALE,
    "O": AdministrativeSex.OTHER,
    "A": AdministrativeSex.OTHER,
}
"""U (unknown) and N (not applicable) say nothing."""

_NAME_PARTS = {"family": 1, "given": 2, "middle": 3, "suffix": 4, "prefix": 5}
_ADDRESS_PARTS = {"street": 1, "city": 3, "postal_code": 5}
_NULLABLE_FIELDS = {"birth_date": 7, "sex": 8, "ssn_last4": 19}
_BAD_ADDRESS = "BA"
_REPLACEMENT_CHARACTER = "\ufffd"
_NOT_DIGIT = re.compile(r"\D")


def demographics_update(
    pid: Segment,
    identifiers: Iterable[PatientIdentifier],
    *,
    registry: AuthorityRegistry,
    message_day: dt.date,
) -> DemographicsUpdate:
    """What PID says. ``message_day`` is the day of the message: nobody in it was born later.

    Raises:
        FieldError: letters were lost before the text reached us (it holds the replacement character).
    """
    _require_letters(pid)
    name, other_names = _names(pid)
    birth_date, birth_date_sent = read_birth_date(pid.first(7), message_day=message_day)
    home = phone_numbers((*pid.repetitions(13), *pid.repetitions(40)))
    work = phone_numbers(pid.repetitions(14))
    sent = Demographics(
        name=_person_name(name),
        aliases=_aliases(other_names),
        birth_date=birth_date,
        birth_date_sent=birth_date_sent,
        sex=_SEX.get(pid.text(8).upper()),
        address=_postal_address(_address_repetition(pid)),
        phones=(*home, *work),
        ssn_last4=_ssn_last4(pid.text(19)),
        national_id=next((i.local_patient_id for i in identifiers if registry.is_strong(i.assigning_authority)), ""),
    )
    # A number at work never takes the place of one at home that this message leaves alone.
    beside = frozenset({"phones"}) if work and not home and not pid.first(13).is_null else frozenset()
    return DemographicsUpdate(sent=sent, deleted=frozenset(_deleted(pid, name, sent)), only_if_missing=beside)


def _names(pid: Segment) -> tuple[Repetition, tuple[Repetition, ...]]:
    """The name (the first repetition of type L, else the first) and all others: repetitions of PID-5 in any
    alphabet, and the alias field of old versions (PID-9)."""
    names = list(pid.repetitions(5))
    legal = next((index for index, n in enumerate(names) if n.component(7).upper() == "L"), 0)
    name = names.pop(legal) if names else EMPTY
    return name, (*names, *pid.repetitions(9))


def _aliases(others: Iterable[Repetition]) -> tuple[PersonName, ...]:
    return tuple(dict.fromkeys(n for n in map(_person_name, others) if not n.is_empty))


def _person_name(xpn: Repetition) -> PersonName:
    family = xpn.subcomponent(1, 1) or " ".join(filter(None, (xpn.subcomponent(1, 2), xpn.subcomponent(1, 3))))
    parts = _sent_parts(xpn, _NAME_PARTS) | {"family": "" if family == NULL else family}
    return PersonName(**parts, use=xpn.component(7).upper())


def _address_repetition(pid: Segment) -> Repetition:
    """The home address (type H), else the first that is not known to be wrong."""
    usable = [a for a in pid.repetitions(11) if a.component(7).upper() != _BAD_ADDRESS]
    return next((a for a in usable if a.component(7).upper() == "H"), usable[0] if usable else EMPTY)


def _postal_address(xad: Repetition) -> PostalAddress:
    street = xad.subcomponent(1, 1) or " ".join(filter(None, (xad.subcomponent(1, 3), xad.subcomponent(1, 2))))
    return PostalAddress(**_sent_parts(xad, _ADDRESS_PARTS) | {"street": "" if street == NULL else street})


def _sent_parts(repetition: Repetition, parts: Mapping[str, int]) -> dict[str, str]:
    return {part: "" if (text := repetition.component(n)) == NULL else text for part, n in parts.items()}


def _ssn_last4(text: str) -> str:
    digits = _NOT_DIGIT.sub("", text)
    return digits[-4:] if len(digits) >= 4 else ""


def _deleted(pid: Segment, name: Repetition, sent: Demographics) -> Iterable[str]:
    """Paths that were sent as an explicit null."""
    for path, number in _NULLABLE_FIELDS.items():
        if pid.first(number).is_null:
            yield path
    if pid.first(13).is_null and not sent.phones:
        yield "phones"
    if name.is_null:
        yield from ("name", "aliases")
    else:
        yield from (f"name.{part}" for part, n in _NAME_PARTS.items() if name.component(n) == NULL)
    address = _address_repetition(pid)
    if address.is_null:
        yield "address"
    else:
        yield from (f"address.{part}" for part, n in _ADDRESS_PARTS.items() if address.component(n) == NULL)


def _require_letters(pid: Segment) -> None:
    for number in (3, 5, 7, 9, 11, 13, 14):
        if any(
            _REPLACEMENT_CHARACTER in text
            for repetition in pid.repetitions(number)
            for component in repetition.components
            for text in component
        ):
            raise FieldError(
                Location("PID", number, pid.sequence), ErrorCode.DATA_TYPE, "letters were lost before sending"
            )
