"""FHIR Patients read and written: what is kept, what counts as absent, and where an error is said to be."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from adapters.fhir.identifier_systems import IdentifierSystems
from adapters.fhir.patient_mapping import read_patient
from adapters.fhir.patient_resource import person_resource
from adapters.fhir.resource_fields import ResourceRefused
from mpi.identity.demographics import AdministrativeSex, Demographics, PartialDate, PersonName, PostalAddress
from mpi.identity.identifiers import AssigningAuthority, AuthorityRegistry, EnterpriseId, PatientIdentifier
from mpi.identity.records import SourceRecord

TODAY = dt.date(2026, 3, 10)
SYSTEMS = IdentifierSystems(
    AuthorityRegistry.of(
        AssigningAuthority("NGH", "2.999.1.1"),
        AssigningAuthority("LKM"),
        AssigningAuthority("NATID", "2.999.1.9", strong=True),
    ),
    {"LKM": "https://lkm.example/ids"},
)


def read(**fields: Any) -> Demographics:
    return read_patient({"resourceType": "Patient", **fields}, SYSTEMS, today=TODAY).update.sent


@pytest.mark.parametrize(
    ("system", "authority"),
    [
        ("urn:oid:2.999.1.1", "NGH"),
        ("URN:OID:2.999.1.1", "NGH"),
        ("NGH", "NGH"),
        ("https://lkm.example/ids", "LKM"),
        ("urn:oid:1.2.3", "1.2.3"),
        ("https://elsewhere.example", "https://elsewhere.example"),
    ],
)
def test_a_system_names_an_authority(system: str, authority: str) -> None:
    assert SYSTEMS.authority(system) == authority


def test_systems_come_back_as_they_are_known() -> None:
    written = [SYSTEMS.system(a) for a in ("NGH", "LKM", "1.2.3", "https://elsewhere.example", "OTHER")]
    assert written == [
        "urn:oid:2.999.1.1",
        "https://lkm.example/ids",
        "urn:oid:1.2.3",
        "https://elsewhere.example",
        "OTHER",
    ]


def test_what_is_written_is_read_again() -> None:
    said = Demographics(
        name=PersonName("López Díaz", "Ana", "María", "Dr", "Jr.", "L"),
        aliases=(PersonName("Garcia", "Ana", use="M"),),
        birth_date=PartialDate(1984, 3),
        sex=AdministrativeSex.FEMALE,
        address=PostalAddress("12 Elm Rd", "Quillby", "00181"),
        phones=("202-555-0134",),
    )
    record = SourceRecord(PatientIdentifier("LKM", "0055"), "LKM", said, dt.datetime(2026, 3, 1, tzinfo=dt.UTC))
    written = person_resource(EnterpriseId("e-1"), (record,), SYSTEMS)
    again = read_patient(written, SYSTEMS, today=TODAY)
    assert again.identifiers == (record.identifier,)
    assert again.update.sent == said


def test_of_a_person_who_says_nothing_nothing_is_written() -> None:
    record = SourceRecord(PatientIdentifier("NGH", "1"), "NGH", Demographics(), dt.datetime(2026, 3, 1, tzinfo=dt.UTC))
    assert set(person_resource(EnterpriseId("e-1"), (record,), SYSTEMS)) == {
        "resourceType",
        "id",
        "identifier",
        "active",
    }


@pytest.mark.parametrize(
    ("sent", "date", "kept"),
    [
        ("1984", "1984", ""),
        ("1984-03", "1984-03", ""),
        ("1984-03-12T23:59:59-10:00", "1984-03-12", ""),
        ("1900-01-01", None, "1900-01-01"),
        ("0001-01-01", None, "0001-01-01"),
        ("1984-02-30", None, "1984-02-30"),
        ("2026-03-11", "2026-03-11", ""),
        ("2026-03-12", None, "2026-03-12"),
        ("12/03/1984", None, "12/03/1984"),
        ("1899-12-31", "1899-12-31", ""),
    ],
)
def test_birth_dates_keep_their_precision_or_what_was_sent(sent: str, date: str | None, kept: str) -> None:
    said = read(birthDate=sent)
    assert (said.birth_date.isoformat() if said.birth_date else None, said.birth_date_sent) == (date, kept)


def test_only_phones_are_phones_and_home_comes_before_work() -> None:
    telecom = [
        {"system": "email", "value": "a@b.example"},
        {"system": "fax", "value": "1"},
        {"system": "phone", "use": "old", "value": "2"},
        {"system": "phone", "use": "work", "value": "3"},
        {"use": "mobile", "value": "tel:4"},
    ]
    assert read(telecom=telecom).phones == ("4", "3")
    only_work = read_patient({"resourceType": "Patient", "telecom": telecom[:4]}, SYSTEMS, today=TODAY)
    assert only_work.update.only_if_missing == {"phones"}


def test_the_number_of_a_social_security_card_is_its_last_four_digits() -> None:
    identifier = [
        {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "000-12-0047"},
        {"system": "urn:oid:2.999.1.9", "value": "N-1"},
        {"system": "NGH", "value": "7", "use": "old"},
    ]
    said = read_patient({"resourceType": "Patient", "identifier": identifier}, SYSTEMS, today=TODAY)
    assert said.identifiers == (PatientIdentifier("NATID", "N-1"),)
    assert (said.update.sent.ssn_last4, said.update.sent.national_id) == ("0047", "N-1")


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"name": "Ana"}, "name"),
        ({"name": [{"given": [["Ana"]]}]}, "name[0].given[0]"),
        ({"identifier": [{}, {"system": 5, "value": "1"}]}, "identifier[1].system"),
        ({"active": "yes"}, "active"),
        ({"link": [{"type": "replaced-by", "other": {}}]}, "link[0].other"),
        ({"identifier": [{"system": "NGH", "value": "9" * 600}]}, "identifier[0]"),
    ],
)
def test_an_error_names_the_path_and_no_value(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(ResourceRefused) as refused:
        read(**fields)
    assert refused.value.path == path
    assert "Ana" not in str(refused.value)
