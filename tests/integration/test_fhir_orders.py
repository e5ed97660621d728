"""Orders as ServiceRequests, alerts as DetectedIssues: what is taken, what is told, and what leaves no trace."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from adapters.hl7v2.order_effect import without_code_maps
from federation.sites.consent import ConsentPolicy, StudyClass
from gateway.permissions import Role
from mpi.audit import AuditOutcome
from tests.builders import NOON, person
from tests.fhir_door import FhirClient, codes, placed_request
from tests.integration.cds_world import Ehr, service_request
from tests.integration.hub_world import ANAS, ORDER, SURNAME, Hub, answering, hanging, hub_of_ana, study
from tests.integration.order_world import OrderDoor, new_order

P1 = {"implicated:identifier": "urn:priorlink:order:NGH|P-1"}
PLACER = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "PLAC"}]}


@pytest.fixture
def fhir() -> FhirClient:
    return FhirClient(hub_of_ana(), Role.PLUGIN)


def order(fhir: FhirClient, number: str = "P-1", /, **fields: Any) -> Any:
    answer = fhir.post("/ServiceRequest", placed_request(number, **fields))
    assert answer.status_code in (200, 201), answer.text
    return answer


def work(fhir: FhirClient) -> list[str]:
    """What is done about orders in the background."""
    return [kind for kind in OrderDoor(fhir.hub).work() if kind != "person_changed"]


def issues(fhir: FhirClient, form: dict[str, str] | None = None, **how: Any) -> list[Any]:
    found = fhir.search_issues(form or P1, **how)
    return [entry["resource"] for entry in found["entry"] if entry["search"]["mode"] == "match"]


def warnings(fhir: FhirClient, form: dict[str, str] | None = None) -> list[str]:
    entries = [e for e in fhir.search_issues(form or P1)["entry"] if e["search"]["mode"] == "outcome"]
    return [i["details"]["coding"][0]["code"] for e in entries for i in e["resource"]["issue"]]


def set_status(issue_: dict[str, Any]) -> tuple[str, str]:
    return issue_["status"], issue_["extension"][0]["valueCode"]


# An order's life


def test_an_order_is_taken_checked_and_told_as_an_issue(fhir: FhirClient) -> None:
    answer = order(fhir)
    assert answer.status_code == 201
    kept = answer.json()
    assert (kept["resourceType"], kept["status"]) == ("ServiceRequest", "active")
    assert kept["code"]["coding"] == [{"system": "http://www.ama-assn.org/go/cpt", "code": "74177"}]
    assert (issues(fhir), warnings(fhir)) == ([], ["check_pending"])
    assert work(fhir) == ["order_received", "alert_raised"]
    (found,) = issues(fhir)
    assert warnings(fhir) == []
    assert set_status(found) == ("preliminary", "raised")
    assert found["severity"] in ("moderate", "high")
    assert [c["code"] for c in found["code"]["coding"]] == ["DUPTHPY", "duplicate-imaging"]
    own, prior, *_ = found["implicated"]
    assert (own["type"], own["identifier"]["value"]) == ("ServiceRequest", "P-1")
    assert (prior["type"], prior["identifier"]["system"]) == ("ImagingStudy", "urn:dicom:uid")
    assert prior["identifier"]["value"] == "urn:oid:2.999.2"
    assert found["detail"] == " ".join(e["code"][0]["text"] for e in found["evidence"])
    assert found["reference"] == "urn:priorlink:rule-set:dup-rules/1"
    assert found["patient"]["identifier"] == {"system": "NGH", "value": "0007"}
    assert dt.datetime.fromisoformat(found["identifiedDateTime"]) == NOON
    assert fhir.send("GET", f"/DetectedIssue/{found['id']}").json() == found
    assert SURNAME not in json.dumps(found)


def test_the_kept_order_is_taken_back_as_what_it_is(fhir: FhirClient) -> None:
    kept = order(fhir, reasonCode=[{"text": "serial monitoring"}], authoredOn="2026-03-10T11:00:00+01:00").json()
    again = fhir.send("PUT", "/ServiceRequest", {**kept, "priority": "routine"})
    assert (again.status_code, again.json()) == (200, kept)


@pytest.mark.parametrize("status", ["revoked", "entered-in-error"])
def test_a_cancelled_order_has_its_alert_withdrawn_and_is_not_opened_again(fhir: FhirClient, status: str) -> None:
    order(fhir)
    work(fhir)
    gone = fhir.send("PUT", "/ServiceRequest", placed_request(status=status, code=None))
    assert (gone.status_code, gone.json()["status"]) == (200, "revoked")
    (found,) = issues(fhir)
    assert set_status(found) == ("cancelled", "superseded")
    again = order(fhir)
    assert codes(again) == ["order_closed"]
    assert work(fhir) == []
    assert set_status(issues(fhir)[0]) == ("cancelled", "superseded")


def test_a_cancellation_that_comes_first_is_remembered(fhir: FhirClient) -> None:
    assert order(fhir, status="revoked").status_code == 201
    assert codes(order(fhir)) == ["order_closed"]
    assert work(fhir) == []
    assert issues(fhir) == []


def test_a_completed_order_ends_its_alert(fhir: FhirClient) -> None:
    order(fhir)
    work(fhir)
    assert order(fhir, status="completed").json()["status"] == "completed"
    assert set_status(issues(fhir)[0]) == ("final", "expired")


def test_a_change_is_judged_again_and_an_older_one_changes_nothing(fhir: FhirClient) -> None:
    order(fhir)
    work(fhir)
    fhir.hub.now += dt.timedelta(minutes=5)
    knee = {"text": "XR KNEE LEFT"}
    late = order(fhir, code=knee, meta={"lastUpdated": "2026-03-01T00:00:00Z"})
    assert (codes(late), work(fhir)) == (["order_stale"], [])
    assert order(fhir, code=knee).json()["code"] == knee
    assert work(fhir) == ["order_received"]
    assert set_status(issues(fhir)[0]) == ("cancelled", "superseded")


def test_prefer_says_what_comes_back(fhir: FhirClient) -> None:
    sent = placed_request()
    minimal = fhir.post("/ServiceRequest", sent, headers={"Prefer": "return=minimal"})
    assert (minimal.status_code, minimal.content) == (201, b"")
    told = fhir.post("/ServiceRequest", sent, headers={"Prefer": "return=OperationOutcome"})
    assert (told.status_code, codes(told)) == (200, ["order_unchanged"])
    closed = placed_request(status="revoked")
    fhir.post("/ServiceRequest", closed)
    warned = fhir.post("/ServiceRequest", sent, headers={"Prefer": "return=minimal"})
    assert codes(warned) == ["order_closed"]


def test_mitigation_says_how_the_alert_was_answered(fhir: FhirClient) -> None:
    order(fhir)
    work(fhir)
    (found,) = issues(fhir)
    assert "mitigation" not in found
    fhir.hub.run("OverrideAlert", Role.PHYSICIAN, alertId=found["id"], reason="CLINICAL_CHANGE")
    answered = fhir.send("GET", f"/DetectedIssue/{found['id']}").json()
    assert set_status(answered) == ("final", "overridden")
    (mitigation,) = answered["mitigation"]
    assert [c["code"] for c in mitigation["action"]["coding"]] == ["overridden", "clinical-change"]
    assert mitigation["author"]["identifier"]["value"] == "demo-physician"
    order(fhir, "P-2")
    work(fhir)
    (second,) = issues(fhir, {"implicated:identifier": "urn:priorlink:order:NGH|P-2"})
    fhir.hub.run("AcceptAlert", Role.PHYSICIAN, alertId=second["id"])
    accepted = fhir.send("GET", f"/DetectedIssue/{second['id']}").json()
    assert [c["code"] for c in accepted["mitigation"][0]["action"]["coding"]] == ["accepted"]


def test_the_same_order_through_every_door_is_one_alert(fhir: FhirClient, tmp_path: Path) -> None:
    hub = fhir.hub
    order(fhir)
    OrderDoor(hub).order(new_order("P-1"))
    work(fhir)
    hub.run("CheckOrder", Role.PHYSICIAN, order=ORDER | {"placerOrderNumber": "P-1"})
    Ehr(hub, tmp_path, deadline_ms=5_000).cards(
        "order-sign", service_request(identifier=[{"type": PLACER, "value": "P-1"}])
    )
    order(fhir)
    work(fhir)
    assert len(OrderDoor(hub).alerts()) == 1
    assert len(issues(fhir, {"patient:identifier": "https://lkm.example/ids|55"})) == 1


def test_an_order_that_was_checked_before_it_had_a_number_is_found_and_withdrawn_by_it(fhir: FhirClient) -> None:
    fhir.hub.run("CheckOrder", Role.PHYSICIAN, order=ORDER)
    order(fhir)
    work(fhir)
    (found,) = issues(fhir)
    assert set_status(found) == ("preliminary", "shown")
    order(fhir, status="revoked")
    assert set_status(issues(fhir)[0]) == ("cancelled", "superseded")


def test_eight_callers_with_one_order_make_one_order_and_one_check(fhir: FhirClient) -> None:
    answers = fhir.at_once("/ServiceRequest", [placed_request()] * 8)
    assert sorted(a.status_code for a in answers) == [200] * 7 + [201]
    assert work(fhir) == ["order_received", "alert_raised"]


def test_an_issue_says_where_a_site_did_not_answer() -> None:
    hub = hub_of_ana(answering("NGH"), hanging("LKM"), answering("RDI"))
    fhir = FhirClient(hub, Role.PLUGIN)
    order(fhir)
    work(fhir)
    assert (issues(fhir), warnings(fhir)) == ([], ["check_incomplete"])


# What is read of it


def placed(fhir: FhirClient, number: str = "P-1") -> Any:
    return OrderDoor(fhir.hub).placed(f"NGH|{number}").order


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ({}, NOON),
        ({"authoredOn": "2026-03-09T08:00:00+01:00"}, dt.datetime(2026, 3, 9, 7, tzinfo=dt.UTC)),
        ({"occurrenceDateTime": "2026-03-12"}, dt.datetime(2026, 3, 12, 12, tzinfo=dt.UTC)),
        ({"occurrencePeriod": {"start": "2026-03-12T07:00:00Z"}}, dt.datetime(2026, 3, 12, 7, tzinfo=dt.UTC)),
        ({"occurrenceTiming": {"event": ["2026-03-12"]}}, dt.datetime(2026, 3, 12, 12, tzinfo=dt.UTC)),
        ({"occurrencePeriod": {"end": "2026-03-12"}, "authoredOn": "2026-03-09"}, NOON - dt.timedelta(days=1)),
    ],
)
def test_an_order_is_judged_for_when_the_exam_is_due(
    fhir: FhirClient, field: dict[str, Any], wanted: dt.datetime
) -> None:
    order(fhir, **field)
    assert placed(fhir).requested_at == wanted


def test_the_body_site_is_part_of_what_is_ordered(fhir: FhirClient) -> None:
    right = {"coding": [{"system": "http://snomed.info/sct", "code": "24028007"}]}
    order(fhir, code={"text": "XR KNEE"}, bodySite=[right])
    assert placed(fhir).description == "XR KNEE right"
    order(fhir, "P-2", code={"text": "XR KNEE LEFT"}, bodySite=[{"text": "knee left"}])
    assert placed(fhir, "P-2").description == "XR KNEE LEFT"


def test_priority_and_reasons_set_flags(fhir: FhirClient) -> None:
    flag = {"coding": [{"system": "urn:priorlink:clinical-flag", "code": "device_check"}]}
    order(fhir, priority="stat", reasonCode=[flag, {"text": "new injury"}])
    assert {f.value for f in placed(fhir).flags} == {"ed_context", "device_check", "new_injury_since_prior"}


def test_numbers_are_told_apart_by_their_type(fhir: FhirClient) -> None:
    filler = {"coding": [{"code": "FILL"}]}
    other = {"type": {"coding": [{"code": "ACSN"}]}, "value": "A-9"}
    assigned = {"assigner": {"identifier": {"system": "urn:priorlink:site", "value": "NGH"}}}
    order(
        fhir,
        identifier=[other, {"type": filler, "value": "F-1"}, {"type": PLACER, "value": "P-7", **assigned}],
    )
    assert [(n["type"]["coding"][0]["code"], n["value"]) for n in order(
        fhir, identifier=[{"type": filler, "value": "F-1"}]
    ).json()["identifier"]] == [("PLAC", "P-7"), ("FILL", "F-1")]  # fmt: skip
    work(fhir)
    assert len(issues(fhir, {"implicated:identifier": "urn:priorlink:order:NGH|F-1"})) == 1


# Refusals


@pytest.mark.parametrize(
    ("fields", "status", "code", "path"),
    [
        ({"resourceType": "Task"}, 400, "resource_invalid", "resourceType"),
        ({"status": None}, 422, "resource_required", "status"),
        ({"status": "draft"}, 422, "resource_not_supported", "status"),
        ({"status": "going"}, 422, "resource_code_invalid", "status"),
        ({"intent": None}, 422, "resource_required", "intent"),
        ({"intent": "plan"}, 422, "resource_not_supported", "intent"),
        ({"intent": "wish"}, 422, "resource_code_invalid", "intent"),
        ({"doNotPerform": True}, 422, "resource_not_supported", "doNotPerform"),
        ({"doNotPerform": "no"}, 400, "resource_structure", "doNotPerform"),
        ({"modifierExtension": [{"url": "u"}]}, 422, "resource_not_supported", "modifierExtension"),
        ({"code": None}, 422, "resource_required", "code"),
        ({"code": "CT"}, 400, "resource_structure", "code"),
        ({"subject": None}, 422, "resource_required", "subject.identifier"),
        ({"subject": {"reference": "Patient/1"}}, 422, "resource_required", "subject.identifier"),
        ({"subject": {"identifier": {"system": "NGH"}}}, 422, "resource_required", "subject.identifier"),
        ({"identifier": None}, 422, "resource_required", "identifier"),
        ({"identifier": [{"value": "x" * 65}]}, 422, "resource_too_long", "identifier[0].value"),
        ({"identifier": [{"value": "1"}, {"value": "2"}]}, 422, "resource_business_rule", "identifier[1]"),
        ({"identifier": [{"system": "urn:priorlink:order:XX", "value": "1"}]}, 422, "resource_value", "identifier[0]"),
        ({"priority": "soon"}, 422, "resource_code_invalid", "priority"),
        ({"authoredOn": "2026-03"}, 422, "resource_value", "authoredOn"),
        ({"occurrenceDateTime": "2026-02-30"}, 422, "resource_value", "occurrenceDateTime"),
        ({"occurrencePeriod": {"start": "then"}}, 422, "resource_value", "occurrencePeriod.start"),
        ({"occurrenceTiming": {"repeat": {"count": 3}}}, 422, "resource_not_supported", "occurrenceTiming"),
        ({"occurrenceTiming": {"event": ["now"]}}, 422, "resource_value", "occurrenceTiming.event[0]"),
        (
            {"occurrenceDateTime": "2026-03-12", "occurrencePeriod": {"start": "2026-03-12"}},
            400,
            "resource_structure",
            "occurrencePeriod",
        ),
        ({"meta": {"lastUpdated": "lately"}}, 422, "resource_value", "meta.lastUpdated"),
        ({"subject": {"identifier": {"system": "NGH", "value": "404"}}}, 404, "patient_not_found", None),
        ([1], 400, "resource_structure", None),
    ],
)
def test_what_cannot_be_taken_is_named_by_its_path_and_nothing_is_kept(
    fhir: FhirClient, fields: Any, status: int, code: str, path: str | None
) -> None:
    before = fhir.hub.store.committed
    answer = fhir.post("/ServiceRequest", fields if isinstance(fields, list) else placed_request(**fields))
    assert (answer.status_code, codes(answer)) == (status, [code]), answer.text
    assert answer.json()["issue"][0].get("expression", [None]) == [path]
    after = fhir.hub.store.committed
    assert (after.placed_orders, after.outbox) == (before.placed_orders, before.outbox)
    last = fhir.hub.audit()[-1]
    assert (last.action, last.outcome, last.detail) == ("fhir:feedOrder", AuditOutcome.FAILED, code)


def test_a_body_site_of_the_other_side_is_refused() -> None:
    fhir = FhirClient(hub_of_ana(normalize_order=without_code_maps), Role.PLUGIN)
    sent = placed_request(code={"text": "XR KNEE LEFT"}, bodySite=[{"text": "right knee"}])
    answer = fhir.post("/ServiceRequest", sent)
    assert (answer.status_code, codes(answer)) == (422, ["resource_business_rule"])
    assert answer.json()["issue"][0]["expression"] == ["bodySite"]
    same = placed_request(code={"text": "XR KNEE"}, bodySite=[{"text": "right knee"}])
    assert fhir.post("/ServiceRequest", same).status_code == 201
    assert placed(fhir).procedure.laterality.value == "right"


def test_a_number_belongs_to_one_patient_for_good(fhir: FhirClient) -> None:
    order(fhir)
    fhir.hub.index.register("NGH|90", as_=person("Otterbein", "Otto", born="1950-01-02", sex="M"))
    answer = fhir.post("/ServiceRequest", placed_request(patient="NGH|90"))
    assert (answer.status_code, codes(answer)) == (409, ["order_of_another_patient"])
    assert answer.json()["issue"][0]["expression"] == ["identifier[0]"]
    assert placed(fhir).patient_identifier.local_patient_id == "0007"


def test_a_site_is_named_or_found_by_the_patients_number(fhir: FhirClient) -> None:
    order(fhir, identifier=[{"value": "P-1"}])
    assert placed(fhir).ordering_site == "NGH"
    unknown = placed_request(identifier=[{"value": "P-1"}], patient="urn:oid:2.999.1.9|123")
    answer = fhir.post("/ServiceRequest", unknown)
    assert (answer.status_code, codes(answer)) == (422, ["resource_required"])


def test_an_order_of_a_site_that_the_token_does_not_name_is_refused(fhir: FhirClient) -> None:
    issuer = fhir.hub.issuer
    bearer = issuer.sign(issuer.claims(Role.PLUGIN) | {"sites": ["LKM"]})
    answer = fhir.hub.request(
        "POST", "/fhir/ServiceRequest", json=placed_request(), headers={"Authorization": f"Bearer {bearer}"}
    )
    assert (answer.status_code, codes(answer)) == (403, ["site_not_yours"])
    assert fhir.hub.audit()[-1].outcome is AuditOutcome.REFUSED
    assert work(fhir) == []


# Search


def test_numbers_are_not_taken_in_urls(fhir: FhirClient) -> None:
    for query in ("patient:identifier=NGH|0007", "implicated:identifier=urn:priorlink:order:NGH|P-1"):
        answer = fhir.send("GET", f"/DetectedIssue?{query}")
        assert (answer.status_code, codes(answer)) == (400, ["identifier_in_url"])
        answer = fhir.send("POST", f"/DetectedIssue/_search?{query}")
        assert (answer.status_code, codes(answer)) == (400, ["identifier_in_url"])


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({}, 422, "search_too_wide"),
        ({"code": "DUPTHPY"}, 400, "parameter_not_supported"),
        ({"patient": "Patient/1"}, 400, "parameter_not_supported"),
        ({"patient:identifier": "0007"}, 422, "resource_value"),
        ({"implicated:identifier": "NGH|P-1"}, 422, "resource_value"),
        ({"_id": "x", "_count": "many"}, 400, "count_not_a_number"),
    ],
)
def test_a_search_that_cannot_be_carried_out_says_why(
    fhir: FhirClient, form: dict[str, str], status: int, code: str
) -> None:
    answer = fhir.send("POST", "/DetectedIssue/_search", data=form)
    assert (answer.status_code, codes(answer)) == (status, [code])


def test_all_that_is_asked_must_fit_and_count_cuts(fhir: FhirClient) -> None:
    order(fhir)
    order(fhir, "P-2")
    work(fhir)
    both = issues(fhir, {"patient.identifier": "NGH|0007"})
    assert len(both) == 2
    one = fhir.search_issues({"patient:identifier": "NGH|0007", "_count": "1"})
    assert (one["total"], len(one["entry"])) == (2, 1)
    ids = [issue_["id"] for issue_ in both]
    assert [i["id"] for i in issues(fhir, {"patient:identifier": "NGH|0007", "_id": ids[0]})] == ids[:1]
    fhir.hub.index.register("NGH|90", as_=person("Otterbein", "Otto", born="1950-01-02", sex="M"))
    assert issues(fhir, {"patient:identifier": "NGH|90", "_id": ids[0]}) == []


# Consent and audit

SENSITIVE = ConsentPolicy((StudyClass("fetal", words=frozenset({"fetal"})),))


def deny(hub: Hub, scope: str = "EVERYTHING", target: str = "") -> None:
    hub.now += dt.timedelta(seconds=1)
    hub.run("RecordConsent", Role.PRIVACY_OFFICER, patient=ANAS, scope=scope, effect="DENY", target=target)
    hub.now += dt.timedelta(seconds=1)


def hub_with(*rows: Any) -> FhirClient:
    sources = [answering(site, [r for r in rows if r.site_id == site]) for site in ("NGH", "LKM", "RDI")]
    return FhirClient(hub_of_ana(*sources, consent=SENSITIVE), Role.PLUGIN)


def test_a_hidden_prior_leaves_no_trace() -> None:
    """The same answers, to the letter, as in a hub where it never was."""
    seen = study("2.999.1", "LKM|55", days_ago=5)
    hidden = study("2.999.8", "LKM|55", days_ago=1, description="CT ABD FETAL")
    answers = []
    for fhir in (hub_with(seen, hidden), hub_with(seen)):
        order(fhir)
        told = work(fhir)
        answers.append((told, fhir.search_issues(P1), fhir.search_issues({"patient:identifier": "NGH|0007"})))
    assert answers[0] == answers[1]
    assert "2.999.1" in json.dumps(answers[0])


def test_somebody_who_opted_out_has_no_issues_and_no_orders(fhir: FhirClient) -> None:
    order(fhir)
    work(fhir)
    (found,) = issues(fhir)
    deny(fhir.hub)
    gone = fhir.send("GET", f"/DetectedIssue/{found['id']}")
    never = fhir.send("GET", "/DetectedIssue/never-was")
    assert (gone.status_code, codes(gone)) == (never.status_code, codes(never)) == (404, ["issue_not_found"])
    for form in (P1, {"patient:identifier": "NGH|0007"}, {"_id": found["id"]}):
        assert fhir.search_issues(form) == {"entry": [], "resourceType": "Bundle", "type": "searchset", "total": 0}
    refused = fhir.post("/ServiceRequest", placed_request("P-2"))
    assert (refused.status_code, codes(refused)) == (404, ["patient_not_found"])
    assert "order_received" not in work(fhir)


def test_another_site_sees_neither_issue_nor_warning(fhir: FhirClient) -> None:
    order(fhir)
    issuer = fhir.hub.issuer
    bearer = issuer.sign(issuer.claims(Role.PLUGIN) | {"sites": ["LKM"]})
    how = {"headers": {"Authorization": f"Bearer {bearer}"}}
    assert fhir.search_issues(P1, **how)["total"] == 0
    assert fhir.search_issues(P1, **how)["entry"] == []
    work(fhir)
    assert issues(fhir) != []
    assert issues(fhir, **how) == []


def test_every_look_is_audited_with_the_person(fhir: FhirClient) -> None:
    order(fhir)
    work(fhir)
    (found,) = issues(fhir)
    fhir.send("GET", f"/DetectedIssue/{found['id']}")
    issues(fhir, {"patient:identifier": "NGH|0007"})
    ana = fhir.hub.index.person_of("NGH|0007")
    seen = [(e.action, e.subject) for e in fhir.hub.audit() if e.action.startswith("fhir:")]
    assert seen == [
        (name, ana) for name in ("fhir:feedOrder", "fhir:searchIssues", "fhir:readIssue", "fhir:searchIssues")
    ]


def test_metadata_lists_orders_and_issues(fhir: FhirClient) -> None:
    body = fhir.hub.request("GET", "/fhir/metadata").json()
    listed = {r["type"]: [i["code"] for i in r["interaction"]] for r in body["rest"][0]["resource"]}
    assert listed["ServiceRequest"] == ["create"]
    assert listed["DetectedIssue"] == ["read", "search-type"]
