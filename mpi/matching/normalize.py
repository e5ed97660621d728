"""From what a site sent to the one canonical record that blocking and comparison both read."""

from __future__ import annotations

from collections.abc import Iterable
from sys import intern

from mpi.identity.demographics import AdministrativeSex, Demographics, PartialDate, PersonName
from mpi.identity.identifiers import PatientIdentifier
from mpi.matching.comparable import ComparableDate, ComparableName, ComparableRecord, PlaceholderName
from mpi.matching.contact import canonical_phone, comparable_address
from mpi.matching.names import build_name, comparable_name, split_packed_name
from mpi.matching.placeholders import (
    is_placeholder_date,
    is_placeholder_number,
    is_placeholder_ssn_last4,
    newborn_order,
    placeholder_name,
    words_beside_newborn,
)

NATIONAL_ID_TYPE = "national_id"


def normalize_record(
    identifiers: Iterable[PatientIdentifier], demographics: Demographics, *, strong_authorities: frozenset[str]
) -> ComparableRecord:
    """The canonical record of one source record.

    A birth date in the future is for the caller to judge (there is no clock here). The number in
    ``demographics.national_id`` counts as issued by the strong authority when there is exactly one.
    """
    name, placeholder, generation, birth_order = _name(demographics.name)
    aliases = tuple(dict.fromkeys(_aliases(demographics.aliases, name)))
    issued = list(identifiers)
    return ComparableRecord(
        name=name,
        aliases=aliases,
        placeholder=placeholder,
        birth_order=birth_order,
        generation=generation,
        birth_date=_birth_date(demographics.birth_date),
        sex=_sex(demographics.sex),
        phones=tuple(sorted({phone for text in demographics.phones if (phone := canonical_phone(text))})),
        address=comparable_address(demographics.address),
        ssn_last4=_ssn_last4(demographics.ssn_last4),
        strong_ids=_strong_ids(issued, demographics.national_id, strong_authorities),
        local_ids=tuple(
            sorted(
                {(i.assigning_authority, i.local_patient_id) for i in issued}
                - {
                    (i.assigning_authority, i.local_patient_id)
                    for i in issued
                    if i.assigning_authority in strong_authorities
                }
            )
        ),
    )


def _name(sent: PersonName) -> tuple[ComparableName, PlaceholderName | None, int, str]:
    unpacked = split_packed_name(sent)
    name, generation = comparable_name(unpacked)
    placeholder = placeholder_name(name.family, name.given, unpacked.given)
    if placeholder is None:
        return name, None, generation, ""
    if placeholder is PlaceholderName.NEWBORN:
        order = newborn_order(name.given, unpacked.given)
        in_family = placeholder_name((), name.family, unpacked.family) is PlaceholderName.NEWBORN
        in_given = placeholder_name((), name.given, unpacked.given) is PlaceholderName.NEWBORN
        family = name.family if not in_family else () if in_given else name.given
        family = family or words_beside_newborn(name.family if in_family else name.given)
        return build_name(family, (), ()), placeholder, generation, order
    return ComparableName(), placeholder, generation, ""


def _aliases(sent: Iterable[PersonName], name: ComparableName) -> Iterable[ComparableName]:
    for alias in sent:
        alias_name, placeholder, _, _ = _name(alias)
        if placeholder is None and (alias_name.family or alias_name.given):
            # An alias often holds only the part that differs (a maiden name): the rest is the name's.
            whole = build_name(alias_name.family or name.family, alias_name.given or name.given, alias_name.middle)
            if (whole.family, whole.given) != (name.family, name.given):
                yield whole


def _birth_date(date: PartialDate | None) -> ComparableDate | None:
    if date is None or is_placeholder_date(date):
        return None
    return ComparableDate(date.year, date.month or 0, date.day or 0)


def _sex(sex: AdministrativeSex | None) -> str:
    # O is what many systems send for "not known", so it is evidence neither way.
    return sex.value if sex in (AdministrativeSex.FEMALE, AdministrativeSex.MALE) else ""


def _ssn_last4(text: str) -> str:
    digits = "".join(character for character in text if character.isdigit())[-4:]
    return "" if len(digits) < 4 or is_placeholder_ssn_last4(digits) else intern(digits)


def _strong_ids(
    issued: list[PatientIdentifier], national_id: str, strong_authorities: frozenset[str]
) -> tuple[tuple[str, str], ...]:
    found = {
        (i.assigning_authority, _strong_value(i.local_patient_id))
        for i in issued
        if i.assigning_authority in strong_authorities
    }
    if national_id.strip():
        issuer = next(iter(strong_authorities)) if len(strong_authorities) == 1 else NATIONAL_ID_TYPE
        found.add((issuer, _strong_value(national_id)))
    return tuple(sorted((kind, value) for kind, value in found if value and not is_placeholder_number(value)))


def _strong_value(text: str) -> str:
    return "".join(character for character in text.upper() if character.isalnum())
