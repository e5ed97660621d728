"""One ImagingStudy, whatever the FHIR version, becomes one study."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from adapters.fhir_imaging.mapping import MappedResource, map_imaging_study
from adapters.fhir_imaging.patients import KnownPatients, Question
from federation.imaging.studies import SiteStudy, StudyStatus
from federation.sites.issuers import IssuerNames
from federation.sites.site import Site, SiteId
from mpi.identity.demographics import AdministrativeSex, PersonName
from mpi.identity.identifiers import AssigningAuthority, AuthorityRegistry, PatientIdentifier

NOW = dt.datetime(2026, 3, 10, 12, 0, tzinfo=dt.UTC)
SITE = Site(SiteId("LKM"), "Lindenkamp", "LKM", "Europe/Berlin")
SYSTEM = "https://lkm.example/number"
REGISTRY = AuthorityRegistry.of(
    AssigningAuthority("LKM"), AssigningAuthority("NATID", oid="2.999.1.9", strong=True), AssigningAuthority("NGH")
)
QUESTION = Question(SITE, PatientIdentifier("LKM", "00412"), NOW, IssuerNames(REGISTRY), (SYSTEM,))
DCM = "http://dicom.nema.org/resources/ontology/DCM"
ACSN = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "ACSN"}]}


def study(**changed: Any) -> dict[str, Any]:
    resource = {
        "resourceType": "ImagingStudy",
        "status": "available",
        "identifier": [{"system": "urn:dicom:uid", "value": "urn:oid:2.999.73.1"}],
        "started": "2024-03-10T09:30:00+01:00",
        "modality": [{"system": DCM, "code": "CT"}],
        **changed,
    }
    return {name: value for name, value in resource.items() if value is not None}


def mapped(
    resource: dict[str, Any], patient: dict[str, Any] | None = None, endpoints: dict[str, Any] | None = None
) -> MappedResource:
    return map_imaging_study(resource, QUESTION, patient=patient, endpoints=endpoints or {})


def study_of(
    resource: dict[str, Any], patient: dict[str, Any] | None = None, endpoints: dict[str, Any] | None = None
) -> SiteStudy:
    found = mapped(resource, patient, endpoints).study
    assert found is not None
    return found


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"identifier": [{"system": "urn:dicom:uid", "value": "2.999.73.1"}]},
        {"identifier": [{"system": "urn:ietf:rfc:3986", "value": "urn:oid:2.999.73.1"}]},
        {"identifier": {"system": "urn:dicom:uid", "value": " urn:oid:2.999.73.1\0"}},
        {"identifier": None, "uid": "urn:oid:2.999.73.1"},
        {
            "identifier": [
                {"system": "urn:ietf:rfc:3986", "value": "urn:uuid:7b0"},
                {"system": "urn:ietf:rfc:3986", "value": "urn:oid:2.999.73.9"},
                {"system": "urn:dicom:uid", "value": "urn:oid:2.999.73.1"},
            ]
        },
    ],
)
def test_the_uid_in_every_form(changed: dict[str, Any]) -> None:
    assert study_of(study(**changed)).study_instance_uid == "2.999.73.1"


@pytest.mark.parametrize(
    ("identifier", "warning"),
    [
        ([], "missing_study_uid"),
        ([{"system": "urn:ietf:rfc:3986", "value": "urn:uuid:7b0"}], "missing_study_uid"),
        ([{"system": "urn:dicom:uid", "value": "no-uid"}], "irregular_uid"),
    ],
)
def test_a_study_that_cannot_be_named_is_set_aside(identifier: list[Any], warning: str) -> None:
    assert mapped(study(identifier=identifier)) == MappedResource(None, (warning,))


def test_a_uid_with_leading_zeros_is_listed_and_flagged() -> None:
    found = study_of(study(identifier=[{"system": "urn:dicom:uid", "value": "urn:oid:2.999.073"}]))
    assert (found.study_instance_uid, found.warnings) == ("2.999.073", ("irregular_uid",))


@pytest.mark.parametrize(
    "changed",
    [
        {"modality": [{"system": DCM, "code": "CT"}, {"code": "pt"}]},
        {"modality": [{"coding": [{"system": DCM, "code": "CT"}]}, {"coding": [{"system": DCM, "code": "PT"}]}]},
        {"modality": None, "modalityList": [{"code": "PT"}, {"code": "CT"}]},
        {"modality": None, "series": [{"modality": {"code": "CT"}}, {"modality": {"coding": [{"code": "PT"}]}}]},
        {"modality": [{"coding": [{"system": "http://snomed.info/sct", "code": "C77477000"}], "text": "CT\\PT"}]},
    ],
)
def test_modalities_of_every_version(changed: dict[str, Any]) -> None:
    assert study_of(study(**changed)).modalities == ("CT", "PT")


@pytest.mark.parametrize(
    "changed",
    [
        {"accession": {"system": "urn:x", "value": "A-55"}},
        {"identifier": [*study()["identifier"], {"type": ACSN, "value": "A-55"}]},
        {"basedOn": [{"reference": "ServiceRequest/1"}, {"identifier": {"type": ACSN, "value": "A-55"}}]},
    ],
)
def test_the_accession_number_of_every_version(changed: dict[str, Any]) -> None:
    assert study_of(study(**changed)).accession_number == "A-55"


def test_another_identifier_is_no_accession_number() -> None:
    other = {"type": {"coding": [{"code": "PLAC"}]}, "value": "P-1"}
    assert study_of(study(identifier=[*study()["identifier"], other])).accession_number is None


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("available", StudyStatus.COMPLETED),
        ("registered", StudyStatus.SCHEDULED),
        ("cancelled", StudyStatus.CANCELLED),
        ("entered-in-error", StudyStatus.ENTERED_IN_ERROR),
        ("unknown", StudyStatus.UNKNOWN),
        ("something-new", StudyStatus.UNKNOWN),
        (None, StudyStatus.COMPLETED),
    ],
)
def test_the_status(code: str | None, status: StudyStatus) -> None:
    assert study_of(study(status=code)).status is status


@pytest.mark.parametrize(
    ("text", "instant", "day", "warnings"),
    [
        ("2024-03-10T09:30:00+01:00", "2024-03-10T09:30:00+01:00", "2024-03-10", ()),
        ("2024-03-10T09:30:00.123Z", "2024-03-10T09:30:00.123000+00:00", "2024-03-10", ()),
        ("2024-03-10T09:30:00", "2024-03-10T09:30:00+01:00", "2024-03-10", ()),
        ("2024-03-10", None, "2024-03-10", ()),
        ("2024-03-10T29:30:00Z", None, "2024-03-10", ("bad_time",)),
        ("2027-01-01T00:00:00Z", "2027-01-01T00:00:00+00:00", "2027-01-01", ("future_date",)),
    ],
)
def test_when_it_started(text: str, instant: str | None, day: str, warnings: tuple[str, ...]) -> None:
    found = study_of(study(started=text))
    assert found.started is not None
    assert found.started.local_date.isoformat() == day
    assert (None if found.started.instant is None else found.started.instant.isoformat()) == instant
    assert found.warnings == warnings


@pytest.mark.parametrize(
    ("text", "known", "warning"),
    [("2024-03", "2024-03", "partial_date"), ("2024-02-30", None, "bad_date"), (None, None, "missing_date")],
)
def test_a_study_without_a_day_stays(text: str | None, known: str | None, warning: str) -> None:
    found = study_of(study(started=text))
    assert found.started is None
    assert (found.started_in and found.started_in.isoformat()) == known
    assert found.warnings == (warning,)


def test_without_a_start_of_its_own_it_started_with_its_first_series() -> None:
    series = [{"started": "2024-03-10T10:00:00+02:00"}, {"started": "2024-03-10T08:30:00Z"}, {"started": "nonsense"}]
    found = study_of(study(started=None, series=series))
    assert found.started is not None
    assert found.started.instant == dt.datetime(2024, 3, 10, 8, tzinfo=dt.UTC)


def test_counts_come_from_the_study_or_from_its_series() -> None:
    said = study_of(study(numberOfSeries="2", numberOfInstances=40.0))
    assert (said.series_count, said.instance_count) == (2, 40)
    summed = study_of(study(series=[{"numberOfInstances": 3}, {"numberOfInstances": 4}]))
    assert (summed.series_count, summed.instance_count) == (2, 7)
    unclear = study_of(study(series=[{"numberOfInstances": 3}, {}], numberOfInstances=-1))
    assert (unclear.series_count, unclear.instance_count, unclear.warnings) == (2, None, ("bad_number",))


@pytest.mark.parametrize(
    ("changed", "states", "available"),
    [
        ({"numberOfInstances": 0}, {}, False),
        ({"availability": "OFFLINE"}, {}, False),
        ({"availability": "NEARLINE"}, {}, True),
        ({"endpoint": [{"reference": "Endpoint/e1"}]}, {"Endpoint/e1": "active"}, True),
        ({"endpoint": [{"reference": "Endpoint/e1"}]}, {"Endpoint/e1": "off"}, False),
        ({"endpoint": [{"reference": "Endpoint/e1"}, {"reference": "Endpoint/e2"}]}, {"Endpoint/e1": "off"}, None),
        ({}, {}, None),
    ],
)
def test_whether_images_can_be_had(changed: dict[str, Any], states: dict[str, str], available: bool | None) -> None:
    endpoints = {name: {"status": status} for name, status in states.items()}
    assert study_of(study(**changed), endpoints=endpoints).images_available is available


@pytest.mark.parametrize(
    "changed",
    [
        {"procedureCode": [{"coding": [{"system": "http://loinc.org", "code": "24627-2", "display": "CT Chest"}]}]},
        {
            "procedure": [
                {"concept": {"coding": [{"system": "http://loinc.org", "code": "24627-2"}], "text": "CT Chest"}}
            ]
        },
    ],
)
def test_the_procedure_of_r4_and_r5(changed: dict[str, Any]) -> None:
    found = study_of(study(**changed))
    assert (found.procedure_code, found.procedure_code_system) == ("24627-2", "LN")
    assert found.description == "CT Chest"
    assert study_of(study(**changed, description="Own words")).description == "Own words"


@pytest.mark.parametrize("site", [{"display": "Chest"}, {"concept": {"coding": [{"code": "1", "display": "Chest"}]}}])
def test_the_body_part_of_r4_and_r5(site: dict[str, Any]) -> None:
    assert study_of(study(series=[{"bodySite": site}])).body_part_examined == "Chest"


def test_the_patient_resource_is_evidence() -> None:
    patient = {
        "identifier": [
            {"system": SYSTEM, "value": "00412"},
            {"system": "urn:oid:2.999.1.9", "value": "N-1"},
            {"system": "https://insurer.example", "value": "I-1"},
        ],
        "name": [
            {"use": "nickname", "family": "L", "given": ["A"]},
            {"use": "official", "family": "Lärk", "given": ["Ana", "B"]},
        ],
        "birthDate": "1984-03-12",
        "gender": "female",
    }
    found = study_of(study(), patient)
    assert found.patient_name == PersonName("Lärk", "Ana", "B")
    assert found.birth_date is not None
    assert found.birth_date.isoformat() == "1984-03-12"
    assert found.sex is AdministrativeSex.FEMALE
    assert found.other_identifiers == (PatientIdentifier("NATID", "N-1"),)


@pytest.mark.parametrize("junk", [{"modality": "CT"}, {"series": "x"}, {"identifier": [None, 1]}, {"subject": []}])
def test_elements_of_another_shape_are_not_there(junk: dict[str, Any]) -> None:
    mapped(study(**junk))


def known(*patients: dict[str, Any]) -> KnownPatients:
    found = KnownPatients(QUESTION, "https://fhir.lkm.example/r4")
    for patient in patients:
        found.add(patient, f"http://inside:8080/fhir/Patient/{patient['id']}")
    return found


ANA = {"id": "p1", "identifier": [{"system": SYSTEM, "value": "00412"}]}
OTTO = {"id": "p2", "identifier": [{"system": SYSTEM, "value": "00413"}, {"value": "00412"}]}


@pytest.mark.parametrize(
    ("subject", "verdict"),
    [
        ({"reference": "Patient/p1"}, True),
        ({"reference": "Patient/p1/_history/3"}, True),
        ({"reference": "https://fhir.lkm.example/r4/Patient/p1"}, True),
        ({"reference": "http://inside:8080/fhir/Patient/p1"}, True),
        ({"reference": "https://elsewhere.example/r4/Patient/p1"}, False),
        ({"reference": "Patient/p2"}, False),
        ({"reference": "Patient/p3"}, None),
        ({"reference": "Patient/p3", "identifier": {"system": SYSTEM, "value": "00412"}}, True),
        ({"reference": "Patient/p1", "identifier": {"system": SYSTEM, "value": "00413"}}, False),
        ({"identifier": {"system": SYSTEM, "value": "00412"}}, True),
        ({"identifier": {"value": "00412"}}, True),
        ({"identifier": {"system": SYSTEM, "value": "004120"}}, False),
        ({"identifier": {"system": "urn:oid:2.999.1.9", "value": "00412"}}, False),
        ({"identifier": {"system": "https://elsewhere.example", "value": "00412"}}, False),
        ({}, False),
    ],
)
def test_whose_a_study_is(subject: dict[str, Any], verdict: bool | None) -> None:
    assert known(ANA, OTTO).verdict_on(study(subject=subject)) is verdict


def test_the_patient_of_stu3_and_a_contained_one() -> None:
    assert known(ANA).verdict_on(study(patient={"reference": "Patient/p1"})) is True
    contained = study(subject={"reference": "#me"}, contained=[{**ANA, "id": "me"}])
    assert known().verdict_on(contained) is True
    assert known().verdict_on({**contained, "contained": [{**OTTO, "id": "me"}]}) is False


@pytest.mark.parametrize(
    ("identifier", "systems", "asked"),
    [
        (PatientIdentifier("LKM", "1"), (SYSTEM, "urn:oid:2.999.8"), f"{SYSTEM}|1,urn:oid:2.999.8|1"),
        (PatientIdentifier("LKM", "1"), (), "1"),
        (PatientIdentifier("NATID", "1"), (SYSTEM,), "urn:oid:2.999.1.9|1"),
        (PatientIdentifier("LKM", "a,b|c$"), (SYSTEM,), f"{SYSTEM}|a\\,b\\|c\\$"),
    ],
)
def test_how_a_number_is_asked_for(identifier: PatientIdentifier, systems: tuple[str, ...], asked: str) -> None:
    assert Question(SITE, identifier, NOW, IssuerNames(REGISTRY), systems).search_value == asked


@pytest.mark.parametrize(
    ("security", "code"),
    [
        ([], None),
        ([{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}], "R"),
        ([{"system": "http://hl7.org/fhir/v3/Confidentiality", "code": "n"}], "N"),
        ([{"system": "urn:oid:2.16.840.1.113883.5.25", "code": c} for c in ("N", "V", "R")], "V"),
        ([{"system": "https://other.example", "code": "R"}], None),
    ],
)
def test_how_private_the_archive_calls_it(security: list[dict[str, str]], code: str | None) -> None:
    assert study_of(study(meta={"security": security})).confidentiality_code == code
