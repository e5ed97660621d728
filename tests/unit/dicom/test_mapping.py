"""What becomes of one row of an archive, whatever shape it came in."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from federation.errors import QueryRefused
from federation.imaging.studies import ReportStatus
from federation.sites.issuers import check_identifier
from mpi.identity.demographics import AdministrativeSex, PartialDate
from mpi.identity.identifiers import PatientIdentifier
from tests.unit.dicom.rows import ASKED, SITE, mapped, question, row, study_of


@pytest.mark.parametrize("sent", ["00412", "  00412 ", "00412\0", "00412 \0"])
def test_padding_is_no_part_of_an_id(sent: str) -> None:
    assert study_of(row(PatientID=sent)).patient_identifier == ASKED


@pytest.mark.parametrize("sent", ["412", "00412x", "0041", "00412\\77", None, "", ["00412", "77"], "00412^^^NGH"])
def test_another_id_is_somebody_else(sent: Any) -> None:
    result = mapped(row(PatientID=sent))
    assert result.study is None
    assert result.is_unrequested
    assert result.warnings == ("unrequested_patient",)


def test_letter_case_of_an_id_counts() -> None:
    asked = question(identifier=PatientIdentifier("NGH", "Ab1"))
    assert mapped(row(PatientID="ab1"), asked).is_unrequested
    assert not mapped(row(PatientID="Ab1"), asked).is_unrequested


def test_an_id_sent_as_a_number_is_that_text() -> None:
    asked = question(identifier=PatientIdentifier("NGH", "412"))
    assert study_of(row(PatientID=412), asked).patient_identifier.local_patient_id == "412"


def _qualifiers(oid: str) -> dict[str, Any]:
    return {"vr": "SQ", "Value": [{"00400032": {"vr": "UT", "Value": [oid]}}]}


@pytest.mark.parametrize(
    ("issuer", "qualifier", "is_ours"),
    [
        (None, None, True),
        ("NGH", None, True),
        ("NGH ", None, True),
        ("NGH&2.999.5&ISO", None, True),
        ("PACS-1", None, True),
        ("LKM", None, False),
        ("ngh", None, False),
        ("NOBODY", None, False),
        (None, "2.999.1.9", False),
        ("NGH", "2.999.1.9", False),
        ("NGH", "2.999.77", True),
        ("LKM", "2.999.77", False),
        (None, "2.999.77", False),
    ],
)
def test_the_issuer_must_be_the_sites_if_it_is_given(issuer: str | None, qualifier: str | None, is_ours: bool) -> None:
    sent = row(
        IssuerOfPatientID=issuer, IssuerOfPatientIDQualifiersSequence=_qualifiers(qualifier) if qualifier else None
    )
    assert mapped(sent, question(aliases=frozenset({"PACS-1"}))).is_unrequested is not is_ours


@pytest.mark.parametrize("number", ["PID1*", "PID?", "a\\b", "*"])
def test_patterns_are_refused(number: str) -> None:
    with pytest.raises(QueryRefused) as refusal:
        check_identifier(PatientIdentifier("NGH", number))
    assert refusal.value.reason == "wildcard_in_identifier"


@pytest.mark.parametrize("number", ["a\0b", "a\nb", "x" * 65])
def test_what_is_no_patient_id_is_refused(number: str) -> None:
    with pytest.raises(QueryRefused) as refusal:
        check_identifier(PatientIdentifier("NGH", number))
    assert refusal.value.reason == "unusable_identifier"


@pytest.mark.parametrize("number", ["25/1807", "A^B", "00412", "Ж-12", "a b"])
def test_other_odd_ids_are_asked_for(number: str) -> None:
    check_identifier(PatientIdentifier("NGH", number))


@pytest.mark.parametrize("sent", [None, "", {"vr": "UI"}, {"vr": "UI", "Value": []}, {"vr": "UI", "Value": [None]}])
def test_a_row_without_a_uid_is_set_aside(sent: Any) -> None:
    result = mapped(row(StudyInstanceUID=sent))
    assert result.study is None
    assert result.warnings == ("missing_study_uid",)
    assert not result.is_unrequested


@pytest.mark.parametrize(
    ("sent", "uid", "is_regular"),
    [
        ("1.2.3 ", "1.2.3", True),
        ("1.2.3\0", "1.2.3", True),
        ("1.2.03.4", "1.2.03.4", False),
        ("1.2..4", "1.2..4", False),
        ("1." + "2" * 64, "1." + "2" * 64, False),
    ],
)
def test_uids_stay_as_sent_and_odd_ones_are_flagged(sent: str, uid: str, is_regular: bool) -> None:
    study = study_of(row(StudyInstanceUID=sent))
    assert study.study_instance_uid == uid
    assert ("irregular_uid" in study.warnings) is not is_regular


def test_a_uid_that_is_none_is_set_aside_with_its_warning() -> None:
    result = mapped(row(StudyInstanceUID="../../etc"))
    assert (result.study, result.warnings) == (None, ("irregular_uid",))


@pytest.mark.parametrize(
    ("in_study", "single", "expected"),
    [
        (["CT", "PT"], None, ("CT", "PT")),
        ("PT\\CT", None, ("CT", "PT")),
        ([" ct ", "CT", None, ""], None, ("CT",)),
        (["CT\\SR", "KO"], "MR", ("CT", "KO", "SR")),
        (None, "MR", ("MR",)),
        ([], "MR", ("MR",)),
        (["?", "n/a"], "MR", ("MR",)),
        (["CT", "CT SCAN", "4", "-"], None, ("CT",)),
        (None, None, ()),
    ],
)
def test_modalities_are_a_sorted_set_of_codes(in_study: Any, single: Any, expected: tuple[str, ...]) -> None:
    assert study_of(row(ModalitiesInStudy=in_study, Modality=single)).modalities == expected


@pytest.mark.parametrize(
    ("sent", "count", "is_bad"),
    [
        (118, 118, False),
        ("118", 118, False),
        (" 118 ", 118, False),
        (118.0, 118, False),
        ("118.0", 118, False),
        (0, 0, False),
        ("", None, False),
        (None, None, False),
        (-1, None, True),
        ("many", None, True),
        ("1.5", None, True),
        (True, None, True),
        ("NaN", None, True),
        ("1e999", None, True),
    ],
)
def test_counts_are_read_or_unknown(sent: Any, count: int | None, is_bad: bool) -> None:
    study = study_of(row(NumberOfStudyRelatedInstances=sent))
    assert study.instance_count == count
    assert ("bad_number" in study.warnings) is is_bad


@pytest.mark.parametrize(
    "sent", [None, {"vr": "LO"}, {"vr": "LO", "Value": []}, {"vr": "LO", "Value": [""]}, {"Value": [None]}, "  ", "\0"]
)
def test_every_way_to_say_nothing_is_nothing(sent: Any) -> None:
    study = study_of(row(StudyDescription=sent, AccessionNumber=sent, PatientSex=sent, PatientBirthDate=sent))
    assert (study.description, study.accession_number, study.sex, study.birth_date) == (None, None, None, None)


@pytest.mark.parametrize(
    "element", [{"vr": "", "Value": ["CT"]}, {"value": ["CT"]}, {"vr": "LO", "Value": "CT"}, "CT", ["CT"]]
)
def test_a_value_is_read_in_whatever_box_it_comes(element: Any) -> None:
    sent = row()
    sent["00081030"] = element
    assert study_of(sent).description == "CT"


def test_tags_are_read_in_any_case_and_keywords_too() -> None:
    sent = {
        "0020000d": {"vr": "UI", "Value": ["1.2.3"]},
        "PATIENTID": {"vr": "LO", "Value": ["00412"]},
        "(0008,1030)": {"vr": "LO", "Value": ["CT"]},
    }
    study = study_of(sent)
    assert (study.study_instance_uid, study.description) == ("1.2.3", "CT")


def test_the_report_status_is_known_only_where_the_site_says_so() -> None:
    signed = dataclasses.replace(SITE, sr_means_final_report=True)
    assert study_of(row(ModalitiesInStudy=["CT", "SR"])).report_status is ReportStatus.UNKNOWN
    assert study_of(row(ModalitiesInStudy=["CT", "SR"]), question(site=signed)).report_status is ReportStatus.FINAL
    assert study_of(row(ModalitiesInStudy=["CT"]), question(site=signed)).report_status is ReportStatus.UNKNOWN


@pytest.mark.parametrize(
    ("availability", "count", "expected"),
    [
        (None, None, None),
        ("ONLINE", 3, True),
        ("NEARLINE", None, True),
        ("OFFLINE", 3, False),
        ("UNAVAILABLE", 3, False),
        ("ONLINE", 0, False),
        (None, 0, False),
        ("maybe", 3, None),
    ],
)
def test_images_can_be_had_or_not_or_nobody_says(availability: Any, count: Any, expected: bool | None) -> None:
    study = study_of(row(InstanceAvailability=availability, NumberOfStudyRelatedInstances=count))
    assert study.images_available is expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [("F", AdministrativeSex.FEMALE), ("m", AdministrativeSex.MALE), ("O", AdministrativeSex.OTHER), ("U", None)],
)
def test_a_sex_is_one_of_three_or_unknown(sent: str, expected: AdministrativeSex | None) -> None:
    assert study_of(row(PatientSex=sent)).sex is expected


def test_a_birth_date_stays_as_written_whatever_the_offset() -> None:
    study = study_of(row(PatientBirthDate="19840312", TimezoneOffsetFromUTC="-0500", StudyTime="233000"))
    assert study.birth_date == PartialDate(1984, 3, 12)
    assert study.started is not None
    assert study.started.local_date.isoformat() == "2024-03-10"


def _other(number: Any, issuer: Any) -> dict[str, Any]:
    return {"00100020": {"vr": "LO", "Value": [number]}, "00100021": {"vr": "LO", "Value": [issuer]}}


def test_other_ids_count_only_with_their_issuer() -> None:
    others = [
        _other("9990001234", "NATID"),
        _other("77", ""),
        _other("", "LKM"),
        _other("00412", "NGH"),
        _other("9990001234", "NATID"),
        {},
    ]
    study = study_of(row(OtherPatientIDsSequence={"vr": "SQ", "Value": others}))
    assert study.other_identifiers == (PatientIdentifier("NATID", "9990001234"),)


def test_a_procedure_code_comes_with_its_system() -> None:
    code = {"00080100": {"vr": "SH", "Value": ["RPID16"]}, "00080102": {"vr": "SH", "Value": ["RADLEX"]}}
    study = study_of(row(ProcedureCodeSequence={"vr": "SQ", "Value": [{}, code]}))
    assert (study.procedure_code, study.procedure_code_system) == ("RPID16", "RADLEX")


def test_a_study_shows_no_value_in_its_representation() -> None:
    sent = row(PatientName={"Alphabetic": "SECRETLARK^ANA"})
    assert "SECRETLARK" not in repr(study_of(sent)) + repr(mapped(sent))
