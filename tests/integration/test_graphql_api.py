"""The GraphQL API as a client sees it: HTTP in, JSON out, everything behind it real but the archives."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from graphql import parse, validate

from federation.ports import SiteAnswer, SiteProbe
from federation.sites.reports import Capability, CapabilityReport
from federation.sites.site import SiteId
from gateway.permissions import Role
from gateway.schema.build import build_schema
from mpi.audit import AuditOutcome
from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.review import ReviewStatus
from tests.builders import NOON
from tests.integration.hub_world import (
    ANA,
    ANAS,
    OPERATIONS,
    ORDER,
    SURNAME,
    FakeSource,
    answering,
    exploding,
    hanging,
    hub_of_ana,
    hub_with_questions,
    refusing,
    states,
    study,
    uids,
)

# What physicians ask


def test_one_history_across_hospitals_newest_first_undated_last() -> None:
    hub = hub_of_ana()
    answer = hub.run("ImagingHistory", Role.PHYSICIAN, patient=ANAS)
    assert uids(answer) == ["2.999.2", "2.999.1", "2.999.3"]
    assert states(answer) == {"NGH": "ANSWERED", "LKM": "ANSWERED", "RDI": "ANSWERED"}
    assert answer["complete"] is True
    assert answer["person"]["enterpriseId"] == hub.index.person_of("NGH|0007")
    newest = answer["studies"]["edges"][0]["node"]
    assert newest["startedAt"] == "2026-03-07T12:00:00+00:00"
    assert newest["procedure"] == {
        "modality": "CT", "regions": ["ABDOMEN", "PELVIS"], "laterality": "NONE", "contrast": "WITH", "focus": None,
    }  # fmt: skip
    assert newest["locations"] == [
        {
            "site": "LKM",
            "patientIdentifier": {"assigningAuthority": "LKM", "localPatientId": "55"},
            "accessionNumber": "A-2.999.2",
            "imagesAvailable": True,
            "openUrl": None,
        }
    ]
    assert newest["relevance"] is None
    assert newest["probableCopies"] == []


def test_the_enterprise_id_names_the_same_person_in_either_place() -> None:
    hub = hub_of_ana()
    enterprise_id = hub.index.person_of("LKM|55")
    by_ref = hub.run("ImagingHistory", Role.PLUGIN, patient={"enterpriseId": enterprise_id})
    query = "query($id: ID) { imagingHistory(enterpriseId: $id) { ... on ImagingHistory { complete } } }"
    assert uids(by_ref) == ["2.999.2", "2.999.1", "2.999.3"]
    assert hub.ask(query, Role.PLUGIN, id=enterprise_id) == {"imagingHistory": {"complete": True}}


def test_studies_show_no_names() -> None:
    hub = hub_of_ana()
    text = json.dumps(hub.run("ImagingHistory", Role.PHYSICIAN, patient=ANAS))
    assert SURNAME.lower() not in text.lower()


def test_a_filter_hides_what_is_known_to_be_other_and_keeps_what_is_not_known() -> None:
    hub = hub_of_ana(
        answering("NGH", [study("2.999.1", "NGH|0007", days_ago=400), study("2.999.4", "NGH|0007", days_ago=None)]),
        answering("LKM", [study("2.999.5", "LKM|55", description="XR KNEE LEFT")]),
    )
    ask: Callable[..., list[str]] = lambda **f: uids(  # noqa: E731
        hub.run("ImagingHistory", Role.PHYSICIAN, patient=ANAS, filter=f)
    )
    assert ask(modalities=["xr"]) == ["2.999.5"]
    assert ask(modalities=["DX"]) == ["2.999.5"]
    assert ask(regions=["ABDOMEN"]) == ["2.999.1", "2.999.4"]
    assert ask(since="2026-01-01") == ["2.999.5", "2.999.4"]
    assert ask(until="2026-01-01") == ["2.999.1", "2.999.4"]


def test_studies_are_ranked_for_what_is_about_to_be_ordered() -> None:
    hub = hub_of_ana(
        answering("NGH", [study("2.999.1", "NGH|0007", days_ago=40)]),
        answering("LKM", [study("2.999.5", "LKM|55", days_ago=2, description="XR KNEE LEFT")]),
    )
    wanted = {"description": "CT ABDOMEN", "modality": "CT"}
    answer = hub.run("ImagingHistory", Role.PHYSICIAN, patient=ANAS, relevantTo=wanted)
    ranks = {e["node"]["studyInstanceUid"]: e["node"]["relevance"]["rank"] for e in answer["studies"]["edges"]}
    assert ranks == {"2.999.1": 1, "2.999.5": 2}


def test_a_repeat_is_told_with_its_reasons_and_kept() -> None:
    hub = hub_of_ana()
    answer = hub.run("CheckOrder", Role.PLUGIN, order=ORDER)
    assert (answer["tier"], answer["relation"], answer["ruleSet"]) == ("INTERRUPTIVE", "EQUIVALENT", "dup-rules/1")
    assert answer["best"]["studyInstanceUid"] == "2.999.2"
    assert answer["best"]["ageDays"] == 3.0
    assert answer["best"]["study"]["locations"][0]["site"] == "LKM"
    assert answer["rules"] == ["W3"]
    assert len(answer["reasons"]) == 1
    assert answer["complete"] is True
    assert answer["identityUnderReview"] is False
    assert [prior["relevance"]["rank"] for prior in answer["priors"]] == [1, 2, 3]
    kept = hub.run("OrderCheck", Role.PHYSICIAN, checkId=answer["checkId"])
    assert (kept["revision"], kept["tier"], kept["best"]["studyInstanceUid"]) == (1, "INTERRUPTIVE", "2.999.2")


def test_check_order_is_the_same_under_both_roots() -> None:
    hub = hub_of_ana()
    fields = "{ checkOrder(order: $order) { ... on OrderCheck { tier best { studyInstanceUid } complete } } }"
    answers = [
        hub.ask(f"{root}($order: ImagingOrderInput!) {fields}", Role.PLUGIN, order=ORDER)
        for root in ("query", "mutation")
    ]
    assert answers[0] == answers[1]
    assert [event.action for event in hub.audit()] == ["checkOrder", "checkOrder"]


def test_context_flags_and_overridden_priors_reach_the_rules() -> None:
    hub = hub_of_ana()
    exempt = hub.run("CheckOrder", Role.PLUGIN, order=ORDER | {"flags": ["SERIAL_MONITORING"]})
    assert exempt["tier"] == "NONE"
    assert exempt["best"] is None
    overridden = hub.run("CheckOrder", Role.PLUGIN, order=ORDER | {"overriddenPriors": ["2.999.2"]})
    assert overridden["tier"] == "NONE"


def test_the_time_of_the_order_counts() -> None:
    hub = hub_of_ana()
    late = hub.run("CheckOrder", Role.PLUGIN, order=ORDER | {"requestedAt": "2028-03-10T12:00:00+00:00"})
    assert late["tier"] == "NONE"


def test_who_a_person_is() -> None:
    hub = hub_of_ana()
    hub.index.register("NGH|0099", as_=ANA)
    hub.index.merge(survivor="NGH|0007", subsumed="NGH|0099")
    answer = hub.run("Person", Role.RECORDS, patient={"assigningAuthority": "NGH", "localPatientId": "0099"})
    assert answer["goldenRecord"]["name"]["family"] == SURNAME
    assert answer["goldenRecord"]["birthDate"] == "1984-03-12"
    assert answer["goldenRecord"]["sex"] == "FEMALE"
    assert {record["site"] for record in answer["records"]} == {"NGH", "LKM", "RDI"}
    assert {record["linkSource"] for record in answer["records"]} == {"AUTO"}
    assert answer["retiredIdentifiers"] == [
        {
            "identifier": {"assigningAuthority": "NGH", "localPatientId": "0099"},
            "survivor": {"assigningAuthority": "NGH", "localPatientId": "0007"},
        }
    ]
    assert "4821" not in json.dumps(answer)


# What sites do


def test_a_site_that_hangs_does_not_hold_up_the_answer() -> None:
    hub = hub_of_ana(answering("NGH", [study("2.999.1", "NGH|0007")]), hanging("LKM"), answering("RDI"))
    began = time.monotonic()
    answer = hub.run("ImagingHistory", Role.PHYSICIAN, patient=ANAS, deadlineMs=200)
    assert time.monotonic() - began < 2.0
    assert uids(answer) == ["2.999.1"]
    assert answer["complete"] is False
    assert states(answer) == {"NGH": "ANSWERED", "LKM": "TIMED_OUT", "RDI": "ANSWERED"}


@pytest.mark.parametrize(("make", "state"), [(refusing, "FAILED"), (hanging, "TIMED_OUT"), (exploding, "FAILED")])
def test_an_error_is_never_an_empty_answer(make: Callable[[str], FakeSource], state: str) -> None:
    hub = hub_of_ana(*(make(site) for site in ("NGH", "LKM", "RDI")))
    answer = hub.run("ImagingHistory", Role.PHYSICIAN, patient=ANAS, deadlineMs=150)
    assert uids(answer) == []
    assert answer["complete"] is False
    assert set(states(answer).values()) == {state}
    assert all(site["reason"] and site["asOf"] is None for site in answer["coverage"])
    check = hub.run("CheckOrder", Role.PLUGIN, order=ORDER, deadlineMs=150)
    assert (check["tier"], check["complete"]) == ("NONE", False)


def test_sites_are_listed_and_probed_only_when_asked() -> None:
    hub = hub_of_ana()
    listed = hub.run("Sites", Role.ADMIN)["sites"]
    assert [(site["id"], site["name"], site["protocol"], site["probe"]) for site in listed] == [
        ("LKM", "LKM Hospital", "fake", None),
        ("NGH", "NGH Hospital", "fake", None),
        ("RDI", "RDI Hospital", "fake", None),
    ]
    probed = hub.run("Sites", Role.ADMIN, check=True)["sites"]
    assert {site["probe"]["ok"] for site in probed} == {True}
    assert probed[0]["probe"]["details"] == [{"name": "qido", "value": "yes"}]


def test_an_archive_that_breaks_while_probed_is_not_ok_and_hides_no_other() -> None:
    class Breaking(FakeSource):
        async def check(self, *, timeout_seconds: float) -> SiteProbe:
            raise RuntimeError(SURNAME)

    async def nothing(_: PatientIdentifier) -> SiteAnswer:
        return SiteAnswer(())

    hub = hub_of_ana(answering("NGH"), Breaking("LKM", nothing))
    probes = {site["id"]: site["probe"] for site in hub.run("Sites", Role.ADMIN, check=True)["sites"]}
    assert (probes["LKM"]["ok"], probes["LKM"]["reason"]) == (False, "internal_error")
    assert probes["NGH"]["ok"] is True
    assert probes["RDI"] is None


# Records staff


def test_the_queue_shows_both_records_and_the_evidence() -> None:
    hub = hub_with_questions()
    queue = hub.run("ReviewQueue", Role.RECORDS)
    assert queue["totalCount"] == 1
    item = queue["edges"][0]["node"]
    assert (item["kind"], item["status"], item["version"]) == ("POSSIBLE_MATCH", "OPEN", 1)
    names = [item[side]["record"]["name"]["family"] for side in ("left", "right")]
    assert names == ["Nakamura", "Arumakan"]
    assert item["guards"] == ["birth_dates_differ"]
    assert sum(line["matchWeight"] for line in item["evidence"]) == pytest.approx(item["score"])
    query = "query($id: ID!) { reviewItem(id: $id) { ... on ReviewItem { id version guards } } }"
    assert hub.ask(query, Role.RECORDS, id=item["id"])["reviewItem"]["id"] == item["id"]


def test_a_decision_is_carried_out_once() -> None:
    hub = hub_with_questions()
    item = hub.run("ReviewQueue", Role.RECORDS)["edges"][0]["node"]
    decision = {"id": item["id"], "expectedVersion": item["version"], "decision": "SAME", "reason": "same address"}
    decided = hub.run("DecideReviewItem", Role.RECORDS, **decision)
    assert decided["__typename"] == "ReviewDecided"
    assert decided["item"]["decidedBy"] == "demo-records"
    assert decided["item"]["left"]["record"]["linkSource"] == "MANUAL"
    assert hub.index.person_of("NGH|0") == hub.index.person_of("LKM|0")
    again = hub.run("DecideReviewItem", Role.RECORDS, **decision)
    assert (again["__typename"], again["code"]) == ("StaleReviewItem", "stale_review_item")
    assert (again["current"]["status"], again["current"]["version"]) == ("DECIDED", 2)
    assert hub.run("ReviewQueue", Role.RECORDS)["totalCount"] == 0
    outcomes = [(e.action, e.outcome, e.detail) for e in hub.audit() if e.action == "decideReviewItem"]
    assert outcomes[0] == ("decideReviewItem", AuditOutcome.SUCCESS, "")
    assert outcomes[-1] == ("decideReviewItem", AuditOutcome.FAILED, "stale_review_item")


def test_a_decision_against_a_human_is_refused() -> None:
    hub = hub_with_questions()
    item = hub.run("ReviewQueue", Role.RECORDS)["edges"][0]["node"]
    hub.run("DecideReviewItem", Role.RECORDS, id=item["id"], expectedVersion=1, decision="DIFFERENT")
    with hub.units() as uow:
        kept = uow.reviews.get(item["id"])
        assert kept is not None
        assert kept.status is ReviewStatus.DECIDED
        uow.reviews.save(_reopened(kept))
        uow.commit()
    refused = hub.run("DecideReviewItem", Role.RECORDS, id=item["id"], expectedVersion=3, decision="SAME")
    assert (refused["__typename"], refused["code"]) == ("DecisionRefused", "said_different")


def _reopened(item: Any) -> Any:

    return replace(item, status=ReviewStatus.OPEN, decision=None, version=item.version + 1)


# Pages


@pytest.mark.parametrize("first", [1, 2, 3, 7])
def test_pages_of_a_history_put_together_are_the_whole_list(first: int) -> None:
    rows = [study(f"2.999.{n}", "NGH|0007", days_ago=n // 2) for n in range(6)]
    undated = [study(f"2.999.9{n}", "NGH|0007", days_ago=None) for n in range(2)]
    hub = hub_of_ana(answering("NGH", [*undated, *rows]))
    whole = uids(hub.run("ImagingHistory", Role.PHYSICIAN, patient=ANAS))
    pages, after = [], None
    for _ in range(20):
        page = hub.run("ImagingHistory", Role.PHYSICIAN, patient=ANAS, first=first, after=after)
        assert page["studies"]["totalCount"] == 8
        assert page["studies"]["pageInfo"]["hasPreviousPage"] is (after is not None)
        assert len(uids(page)) <= first
        pages.extend(uids(page))
        after = page["studies"]["pageInfo"]["endCursor"]
        if not page["studies"]["pageInfo"]["hasNextPage"]:
            break
    assert pages == whole
    assert len(set(pages)) == 8


def test_a_page_goes_on_at_the_same_place_when_a_study_came_or_went() -> None:
    rows = [study(f"2.999.{n}", "NGH|0007", days_ago=n) for n in (2, 4, 6)]
    hub = hub_of_ana(answering("NGH", rows))
    cursor = hub.run("ImagingHistory", Role.PHYSICIAN, patient=ANAS, first=2)["studies"]["pageInfo"]["endCursor"]
    newer = study("2.999.1", "NGH|0007", days_ago=1)
    for kept in ([newer, *rows], [newer, rows[0], rows[2]]):
        changed = hub_of_ana(answering("NGH", kept))
        assert uids(changed.run("ImagingHistory", Role.PHYSICIAN, patient=ANAS, after=cursor)) == ["2.999.6"]


@pytest.mark.parametrize("first", [1, 2, 5])
def test_pages_of_the_queue_put_together_are_the_whole_queue(first: int) -> None:
    hub = hub_with_questions(5)
    ids: Callable[[Any], list[str]] = lambda page: [e["node"]["id"] for e in page["edges"]]  # noqa: E731
    whole = hub.run("ReviewQueue", Role.RECORDS, first=100)
    assert whole["totalCount"] >= 5
    found, after = [], None
    for _ in range(20):
        page = hub.run("ReviewQueue", Role.RECORDS, first=first, after=after)
        found.extend(ids(page))
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == ids(whole)


def test_a_page_of_the_queue_goes_on_when_the_item_it_ended_with_was_decided() -> None:
    hub = hub_with_questions(3)
    whole = [e["node"]["id"] for e in hub.run("ReviewQueue", Role.RECORDS, first=100)["edges"]]
    page = hub.run("ReviewQueue", Role.RECORDS, first=1)
    hub.run("DecideReviewItem", Role.RECORDS, id=whole[0], expectedVersion=1, decision="DISMISSED")
    rest = hub.run("ReviewQueue", Role.RECORDS, first=100, after=page["pageInfo"]["endCursor"])
    assert [e["node"]["id"] for e in rest["edges"]] == whole[1:]


def test_the_queue_can_be_narrowed_to_kinds() -> None:
    hub = hub_with_questions(2)
    assert hub.run("ReviewQueue", Role.RECORDS, kinds=["MERGE_CONFLICT"])["totalCount"] == 0
    assert hub.run("ReviewQueue", Role.RECORDS, kinds=["POSSIBLE_MATCH"])["totalCount"] >= 2


@pytest.mark.parametrize("cursor", ["", "x", "!!!", "bnVsbA", "WzEsMl0", "W" * 600, "WyJzdHVkeSIsIm5vdyIsIjEiXQ"])
@pytest.mark.parametrize(("operation", "role"), [("ImagingHistory", Role.PHYSICIAN), ("ReviewQueue", Role.RECORDS)])
def test_a_cursor_that_the_list_did_not_give_out_is_refused(operation: str, role: Role, cursor: str) -> None:
    hub = hub_of_ana()
    variables: dict[str, Any] = {"patient": ANAS} if operation == "ImagingHistory" else {}
    answer = hub.run(operation, role, after=cursor, **variables)
    assert (answer["code"], answer["field"]) == ("invalid_cursor", "after")


# Refusals are typed


@pytest.mark.parametrize(
    ("patient", "code", "field"),
    [
        ({}, "one_way_needed", "patient"),
        (ANAS | {"enterpriseId": "e-1"}, "one_way_needed", "patient"),
        ({"assigningAuthority": "NGH"}, "empty", "patient.localPatientId"),
        ({"assigningAuthority": " ", "localPatientId": "7"}, "empty", "patient.assigningAuthority"),
        ({"assigningAuthority": "NGH", "localPatientId": '""'}, "empty", "patient.localPatientId"),
        ({"enterpriseId": " "}, "empty", "patient.enterpriseId"),
        ({"enterpriseId": "e\x001"}, "control_character", "patient.enterpriseId"),
        (ANAS | {"localPatientId": "7\x00"}, "control_character", "patient.localPatientId"),
        (ANAS | {"localPatientId": "7" * 256}, "too_long", "patient.localPatientId"),
    ],
)
@pytest.mark.parametrize("operation", ["ImagingHistory", "Person"])
def test_a_patient_is_named_in_exactly_one_way(operation: str, patient: Any, code: str, field: str) -> None:
    answer = hub_of_ana().run(operation, Role.PHYSICIAN, patient=patient)
    assert (answer["__typename"], answer["code"], answer["field"]) == ("InvalidInput", code, field)


@pytest.mark.parametrize(
    ("variables", "code", "field"),
    [
        ({"first": 0}, "out_of_range", "first"),
        ({"first": 101}, "out_of_range", "first"),
        ({"deadlineMs": 99}, "out_of_range", "deadlineMs"),
        ({"deadlineMs": 30_001}, "out_of_range", "deadlineMs"),
        ({"filter": {"since": "2026-13-45"}}, "invalid_date", "filter.since"),
        ({"filter": {"until": "yesterday"}}, "invalid_date", "filter.until"),
        ({"filter": {"until": "20260310"}}, "invalid_date", "filter.until"),
        ({"filter": {"since": "2026-02-02", "until": "2026-02-01"}}, "empty_interval", "filter.until"),
        ({"filter": {"regions": ["ELBOWS"]}}, "unknown_region", "filter.regions"),
        ({"filter": {"modalities": ["C T"]}}, "unknown_modality", "filter.modalities"),
    ],
)
def test_a_history_names_the_argument_that_cannot_be_used(variables: Any, code: str, field: str) -> None:
    hub = hub_of_ana()
    answer = hub.run("ImagingHistory", Role.PHYSICIAN, patient=ANAS, **variables)
    assert (answer["__typename"], answer["code"], answer["field"]) == ("InvalidInput", code, field)
    assert [(e.outcome, e.detail) for e in hub.audit()] == [(AuditOutcome.FAILED, code)]


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"orderingSite": "NOWHERE"}, "unknown_site", "order.orderingSite"),
        ({"description": " "}, "procedure_needed", "order.description"),
        ({"description": "x" * 1025}, "too_long", "order.description"),
        ({"description": "CT\x00"}, "control_character", "order.description"),
        ({"code": "x" * 65}, "too_long", "order.code"),
        ({"placerOrderNumber": "x" * 65}, "too_long", "order.placerOrderNumber"),
        ({"overriddenPriors": ["1"] * 10 + ["x" * 65]}, "too_long", "order.overriddenPriors"),
        ({"requestedAt": "2026-03-10T12:00:00"}, "offset_needed", "order.requestedAt"),
        ({"requestedAt": "this morning"}, "invalid_date", "order.requestedAt"),
        ({"patient": {"assigningAuthority": "NGH", "localPatientId": ""}}, "empty", "order.patient.localPatientId"),
    ],
)
def test_an_order_names_the_field_that_cannot_be_used(change: Any, code: str, field: str) -> None:
    answer = hub_of_ana().run("CheckOrder", Role.PLUGIN, order=ORDER | change)
    assert (answer["__typename"], answer["code"], answer["field"]) == ("InvalidInput", code, field)


def test_nobody_behind_a_number_is_not_an_empty_history() -> None:
    hub = hub_of_ana()
    nobody = {"assigningAuthority": "NGH", "localPatientId": "999999"}
    for operation, variables in (
        ("ImagingHistory", {"patient": nobody}),
        ("Person", {"patient": nobody}),
        ("CheckOrder", {"order": ORDER | {"patient": nobody}}),
    ):
        answer = hub.run(operation, Role.PHYSICIAN, **variables)
        assert (answer["__typename"], answer["code"]) == ("PatientNotFound", "patient_not_found")
    assert {(e.outcome, e.subject, e.detail) for e in hub.audit()} == {(AuditOutcome.FAILED, None, "patient_not_found")}


def test_what_is_not_there_is_said_so() -> None:
    hub = hub_of_ana()
    assert hub.run("OrderCheck", Role.PHYSICIAN, checkId="nothing")["__typename"] == "OrderCheckNotFound"
    decided = hub.run("DecideReviewItem", Role.RECORDS, id="nothing", expectedVersion=1, decision="SAME")
    assert decided["__typename"] == "ReviewItemNotFound"
    query = '{ reviewItem(id: "nothing") { __typename } }'
    assert hub.ask(query, Role.RECORDS) == {"reviewItem": {"__typename": "ReviewItemNotFound"}}


def test_a_decision_without_end_is_refused() -> None:
    answer = hub_with_questions().run(
        "DecideReviewItem", Role.RECORDS, id="x", expectedVersion=1, decision="SAME", reason="x" * 501
    )
    assert (answer["code"], answer["field"]) == ("too_long", "reason")


# The published contract


@pytest.mark.parametrize("path", sorted(OPERATIONS.glob("*.graphql")), ids=lambda path: path.stem)
def test_each_published_operation_fits_the_schema_and_is_named_like_its_file(path: Any) -> None:
    document = parse(path.read_text())
    assert validate(build_schema()._schema, document) == []
    assert document.definitions[0].name.value == path.stem  # type: ignore[attr-defined]


def test_sites_tell_what_the_last_kept_probe_found() -> None:
    hub = hub_of_ana()
    report = CapabilityReport(SiteId("NGH"), NOON, True, 12, (Capability("limit", "honoured"),))
    with hub.units() as uow:
        uow.site_reports.save_capabilities(report)
        uow.commit()
    found = {site["id"]: site["capabilities"] for site in hub.run("Sites", Role.SITE_ADMIN)["sites"]}
    assert found["NGH"]["found"] == [{"name": "limit", "value": "honoured"}]
    assert (found["NGH"]["ok"], found["LKM"]) == (True, None)


def test_sites_tell_how_they_do_and_who_is_left_alone() -> None:
    hub = hub_of_ana(answering("NGH", [study("2.999.1", "NGH|0007")]), refusing("LKM"))
    for _ in range(6):
        hub.run("ImagingHistory", Role.PHYSICIAN, patient=ANAS)
    found = {site["id"]: site["health"] for site in hub.run("Sites", Role.SITE_ADMIN)["sites"]}
    assert (found["NGH"]["circuit"], found["NGH"]["answeredCount"], found["NGH"]["failedCount"]) == ("CLOSED", 6, 0)
    assert found["NGH"]["p50LatencyMs"] is not None
    assert (found["LKM"]["circuit"], found["LKM"]["failedCount"], found["LKM"]["lastReason"]) == (
        "OPEN",
        5,
        "connection_refused",
    )
    assert found["RDI"] is None
    history = hub.run("ImagingHistory", Role.PHYSICIAN, patient=ANAS)
    lkm = next(entry for entry in history["coverage"] if entry["site"] == "LKM")
    assert (lkm["state"], lkm["reason"], history["complete"]) == ("SKIPPED", "circuit_open", False)
