"""Invented people for the matching tests, as canonical records."""

from __future__ import annotations

from mpi.identity.demographics import AdministrativeSex, Demographics, PartialDate, PersonName, PostalAddress
from mpi.identity.identifiers import PatientIdentifier
from mpi.matching.comparable import ComparableRecord
from mpi.matching.normalize import normalize_record

SEXES = {"F": AdministrativeSex.FEMALE, "M": AdministrativeSex.MALE, "O": AdministrativeSex.OTHER, "": None}
HOME = PostalAddress("12 Elm Street", "Quillby", "00184")
ELSEWHERE = PostalAddress("930 Oak Road", "Tamsen", "00333")
NOWHERE = PostalAddress()


def comparable(
    family: str = "",
    given: str = "",
    birth_date: str = "",
    *,
    middle: str = "",
    suffix: str = "",
    sex: str = "F",
    phone: str = "",
    address: PostalAddress = HOME,
    ssn_last4: str = "",
    national_id: str = "",
    patient_identifier: str = "NGH|1",
    aliases: tuple[PersonName, ...] = (),
    strong_authorities: frozenset[str] = frozenset(),
) -> ComparableRecord:
    demographics = Demographics(
        name=PersonName(family, given, middle, "", suffix),
        aliases=aliases,
        birth_date=PartialDate.parse(birth_date) if birth_date else None,
        sex=SEXES[sex],
        address=address,
        phones=(phone,) if phone else (),
        ssn_last4=ssn_last4,
        national_id=national_id,
    )
    identifiers = [PatientIdentifier.parse(patient_identifier)]
    return normalize_record(identifiers, demographics, strong_authorities=strong_authorities)
