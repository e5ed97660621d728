"""Audit entries as FHIR R4 AuditEvents in the shape of IHE BALP."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from adapters.fhir.audit_resource import audit_resource
from mpi.audit import AuditEvent, AuditOutcome
from mpi.audit_chain import KeptEvent
from tests.contract.stores import NOW

PROFILES = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
EVENT = AuditEvent(
    at=NOW,
    actor="dr-1",
    role="physician",
    action="imagingHistory",
    outcome=AuditOutcome.SUCCESS,
    subject="E-1",
    purpose_of_use="TREAT",
    correlation_id="c-1",
)


def resource(**other: Any) -> dict[str, Any]:
    return audit_resource(KeptEvent(7, replace(EVENT, **other)))


def test_a_look_up_says_who_what_whom_why_and_what_came_of_it() -> None:
    written = resource()
    assert written["resourceType"] == "AuditEvent"
    assert written["id"] == "7"
    assert written["recorded"] == "2026-03-02T08:15:30.123Z"
    assert written["outcome"] == "0"
    assert written["purposeOfEvent"][0]["coding"][0] == {
        "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
        "code": "TREAT",
    }
    assert [agent["type"]["coding"][0]["code"] for agent in written["agent"]] == ["110153", "110152", "IRCP"]
    assert [agent["requestor"] for agent in written["agent"]] == [False, False, True]
    user = written["agent"][2]
    assert user["who"]["identifier"]["value"] == "dr-1"
    assert user["role"][0]["coding"][0]["code"] == "physician"
    person, query, request = written["entity"]
    assert (person["what"]["reference"], person["role"]["code"]) == ("Patient/E-1", "1")
    assert base64.b64decode(query["query"]) == b"imagingHistory"
    assert request["type"]["code"] == "XrequestId"
    assert request["what"]["identifier"]["value"] == "c-1"
    assert written["subtype"][1]["code"] == "imagingHistory"


@pytest.mark.parametrize(
    ("action", "code", "interaction", "profile"),
    [
        ("imagingHistory", "E", "search", "PatientQuery"),
        ("person", "R", "read", "PatientRead"),
        ("checkOrder", "C", "create", "PatientCreate"),
        ("decideReviewItem", "U", "update", "PatientUpdate"),
        ("hl7:A40", "U", "update", "PatientUpdate"),
        ("mpi load", "U", "update", "PatientUpdate"),
        ("mpi explain", "E", "search", "PatientQuery"),
        ("cds:order-sign", "E", "search", "PatientQuery"),
    ],
)
def test_each_kind_of_action_has_its_profile(action: str, code: str, interaction: str, profile: str) -> None:
    written = resource(action=action)
    assert written["action"] == code
    assert written["subtype"][0]["code"] == interaction
    assert written["meta"]["profile"] == [PROFILES + profile]
    kinds = [entity["type"]["code"] for entity in written["entity"]]
    assert kinds == ["1", "2", "XrequestId"]
    assert ("query" in written["entity"][1]) is (code == "E")


def test_about_nobody_the_profile_is_the_one_without_a_patient() -> None:
    written = resource(subject=None, purpose_of_use="", correlation_id="", role="")
    assert written["meta"]["profile"] == [PROFILES + "Query"]
    assert [entity["type"]["code"] for entity in written["entity"]] == ["2"]
    assert "purposeOfEvent" not in written
    assert "role" not in written["agent"][2]


@pytest.mark.parametrize(("outcome", "code"), [(AuditOutcome.REFUSED, "4"), (AuditOutcome.FAILED, "8")])
def test_what_did_not_take_place_claims_no_profile(outcome: AuditOutcome, code: str) -> None:
    written = resource(outcome=outcome, detail="role_not_allowed")
    assert "meta" not in written
    assert written["outcome"] == code
    assert written["outcomeDesc"].endswith(": role_not_allowed")
