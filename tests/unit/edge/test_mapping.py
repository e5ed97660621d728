"""The hub does not trust an agent: each row is read again, or set aside."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from adapters.edge.mapping import read_answer
from federation.errors import (
    QueryRefused,
    SourceError,
    SourceProtocolError,
    SourceTimedOut,
    SourceUnauthorised,
    SourceUnavailable,
)
from federation.imaging.studies import ReportStatus, StudyStatus
from federation.ports import SiteAnswer
from federation.sites.site import Site, SiteId
from mpi.identity.identifiers import PatientIdentifier

SITE = Site(SiteId("NGH"), "North General", "NGH")
ANA = PatientIdentifier("NGH", "00412")


def row(**changed: Any) -> dict[str, Any]:
    return {
        "studyInstanceUid": "2.999.1",
        "patientIdentifier": {"assigningAuthority": "NGH", "localPatientId": "00412"},
        "startedOn": "2024-03-10",
        "startedAt": "2024-03-10T09:30:00+00:00",
        "modalities": ["CT"],
        "status": "COMPLETED",
        "reportStatus": "FINAL",
        **changed,
    }


def read(*rows: object, **changed: Any) -> SiteAnswer:
    told = {"complete": True, "warnings": [], "droppedCount": 0, "studies": list(rows), **changed}
    return read_answer({"data": {"priorStudies": told}}, SITE, ANA)


def test_a_row_becomes_a_study_of_the_site_we_asked() -> None:
    (study,) = read(row()).studies
    assert study.site_id == "NGH"
    assert study.started is not None
    assert study.started.instant == dt.datetime(2024, 3, 10, 9, 30, tzinfo=dt.UTC)
    assert (study.status, study.report_status) == (StudyStatus.COMPLETED, ReportStatus.FINAL)


@pytest.mark.parametrize(
    "other", [{"localPatientId": "004123"}, {"localPatientId": "412"}, {"assigningAuthority": "LKM"}]
)
def test_somebody_elses_study_is_in_no_list(other: dict[str, str]) -> None:
    identifier = {"assigningAuthority": "NGH", "localPatientId": "00412", **other}
    answer = read(row(patientIdentifier=identifier), row())
    assert [study.study_instance_uid for study in answer.studies] == ["2.999.1"]
    assert (answer.dropped_count, answer.warnings, answer.is_complete) == (1, ("unrequested_patient",), True)


@pytest.mark.parametrize(
    ("changed", "warning"),
    [
        ({"studyInstanceUid": "<script>"}, "irregular_uid"),
        ({"studyInstanceUid": None}, "irregular_uid"),
        ({"startedOn": "yesterday"}, "bad_row"),
        ({"startedAt": "2024-03-10T09:30:00"}, "bad_row"),
        ({"seriesCount": -1}, "bad_row"),
        ({"instanceCount": True}, "bad_row"),
        ({"description": "x" * 1025}, "bad_row"),
        ({"description": {"$": 1}}, "bad_row"),
        ({"patientIdentifier": None}, "bad_row"),
        ({"patientName": "Lärk"}, "bad_row"),
        ({"birthDate": "1984-02-30"}, "bad_row"),
    ],
)
def test_a_row_that_cannot_be_read_makes_the_list_incomplete(changed: dict[str, Any], warning: str) -> None:
    answer = read(row(**changed), row(studyInstanceUid="2.999.2"))
    assert [study.study_instance_uid for study in answer.studies] == ["2.999.2"]
    assert (answer.is_complete, answer.warnings) == (False, (warning,))


def test_text_is_cleaned_and_unknown_words_are_unknown() -> None:
    told = row(
        description=" CT\x1b[2J CHEST\u202e ", status="TELEPORTED", sex="X", modalities=["CT", "ct<"], warnings=["<b>"]
    )
    (study,) = read(told, warnings=["fine_code", "Not A Code"]).studies
    assert study.description == "CT[2J CHEST"
    assert (study.status, study.sex, study.modalities, study.warnings) == (StudyStatus.UNKNOWN, None, ("CT",), ())
    assert read(warnings=["fine_code", "Not A Code"]).warnings == ("fine_code",)


def test_more_rows_than_a_person_can_have_are_cut() -> None:
    answer = read(*[row(studyInstanceUid=f"2.999.{n}") for n in range(10_001)])
    assert (len(answer.studies), answer.is_complete, answer.warnings) == (10_000, False, ("too_many_rows",))


@pytest.mark.parametrize(
    ("code", "reason", "kind", "expected"),
    [
        ("ARCHIVE_UNAVAILABLE", "connection_refused", SourceUnavailable, "archive_connection_refused"),
        ("ARCHIVE_TIMED_OUT", "deadline", SourceTimedOut, "archive_deadline"),
        ("ARCHIVE_UNAUTHORISED", "http_401", SourceUnauthorised, "archive_http_401"),
        ("ARCHIVE_PROTOCOL_ERROR", "Lärk, Ana", SourceProtocolError, "archive_failed"),
        ("POLICY_UNAVAILABLE", "policy_unavailable", SourceUnavailable, "agent_policy_unavailable"),
        ("QUERY_REFUSED", "foreign_authority", QueryRefused, "foreign_authority"),
        ("BAD_REQUEST", None, SourceProtocolError, "agent_refused_question"),
    ],
)
def test_a_failure_keeps_its_kind(code: str, reason: str | None, kind: type[SourceError], expected: str) -> None:
    document = {"data": None, "errors": [{"message": "m", "extensions": {"code": code, "reason": reason}}]}
    with pytest.raises(kind) as failure:
        read_answer(document, SITE, ANA)
    assert failure.value.reason == expected


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"data": None},
        {"data": {"priorStudies": None}},
        {"data": {"priorStudies": {"studies": []}}},
        {"data": {"priorStudies": {"complete": "yes", "studies": []}}},
        {"data": {"priorStudies": {"complete": True, "studies": {"0": {}}}}},
        {"errors": "many"},
        {"errors": [None]},
    ],
)
def test_an_answer_of_another_shape_is_never_an_empty_list(document: object) -> None:
    with pytest.raises(SourceProtocolError):
        read_answer(document, SITE, ANA)
