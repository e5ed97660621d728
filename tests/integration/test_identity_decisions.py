"""Records staff link, part, merge, split and undo through GraphQL, on what they saw and never on what changed since."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.permissions import Role
from mpi.audit import AuditOutcome
from tests.builders import person
from tests.integration.hub_world import ANA, SURNAME, Hub, answering, hub_with_questions

OTTO = person("Okafor", "Otto", born="1951-11-30", sex="M", street="9 Elm Street")


def named(text: str) -> dict[str, str]:
    authority, number = text.split("|")
    return {"assigningAuthority": authority, "localPatientId": number}


class Staff:
    """Somebody of records staff: looks at persons, then decides."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    def person(self, number: str) -> Any:
        return self.hub.run("Person", Role.RECORDS, patient=named(number))

    def versions(self, *numbers: str) -> list[str]:
        return list(dict.fromkeys(self.person(number)["version"] for number in numbers))

    def do(self, operation: str, **variables: Any) -> Any:
        return self.hub.run(operation, Role.RECORDS, **variables)

    def pair(self, operation: str, left: str, right: str, **more: Any) -> Any:
        seen = more.pop("expectedVersions", None) or self.versions(left, right)
        return self.do(operation, left=named(left), right=named(right), expectedVersions=seen, **more)

    def one(self, *numbers: str) -> bool:
        return self.hub.index.are_one(*numbers)


def three_of_ana_and_otto() -> Staff:
    hub = Hub(answering("NGH"))
    for number in ("NGH|1", "LKM|1", "RDI|1"):
        hub.index.register(number, as_=ANA)
    hub.index.register("NGH|2", as_=OTTO)
    assert hub.index.are_one("NGH|1", "LKM|1", "RDI|1")
    return Staff(hub)


def test_a_link_and_its_undoing_leave_everything_as_it_was() -> None:
    staff = three_of_ana_and_otto()
    before = [staff.person(number) for number in ("NGH|1", "NGH|2")]
    linked = staff.pair("LinkRecords", "NGH|2", "NGH|1", reason="same portrait")
    assert (linked["__typename"], linked["decision"]["kind"]) == ("IdentityDecided", "LINK")
    assert linked["decision"]["decidedBy"] == "demo-records"
    assert [person["enterpriseId"] for person in linked["persons"]] == [before[0]["enterpriseId"]]
    assert len(linked["persons"][0]["records"]) == 4
    undone = staff.do("UndoDecision", decisionId=linked["decision"]["id"])
    assert undone["decision"]["undoneBy"] == "demo-records"
    assert [staff.person(number) for number in ("NGH|1", "NGH|2")] == before


def test_an_unlink_keeps_the_others_together_and_a_message_does_not_bring_the_record_back() -> None:
    staff = three_of_ana_and_otto()
    seen = staff.versions("RDI|1")
    gone = staff.do("UnlinkRecord", identifier=named("RDI|1"), expectedVersions=seen)
    assert gone["decision"]["kind"] == "UNLINK"
    assert staff.one("NGH|1", "LKM|1")
    staff.hub.index.register("RDI|1", as_=ANA)
    assert not staff.one("NGH|1", "RDI|1")


def test_merge_and_split_of_persons() -> None:
    staff = three_of_ana_and_otto()
    ana, otto = staff.person("NGH|1"), staff.person("NGH|2")
    merged = staff.do(
        "MergePersons",
        survivor=ana["enterpriseId"],
        subsumed=otto["enterpriseId"],
        expectedVersions=[ana["version"], otto["version"]],
    )
    assert merged["decision"]["kind"] == "MERGE"
    by_old_id = staff.do("Person", patient={"enterpriseId": otto["enterpriseId"]})
    assert by_old_id["enterpriseId"] == ana["enterpriseId"]
    split = staff.do(
        "SplitPerson",
        enterpriseId=ana["enterpriseId"],
        leaving=[named("LKM|1"), named("RDI|1")],
        expectedVersions=staff.versions("NGH|1"),
    )
    assert split["decision"]["kind"] == "SPLIT"
    assert staff.one("LKM|1", "RDI|1")
    assert staff.one("NGH|1", "NGH|2")
    assert not staff.one("NGH|1", "LKM|1")
    for decided in (split, merged):
        staff.do("UndoDecision", decisionId=decided["decision"]["id"])
    assert [staff.person(number) for number in ("NGH|1", "NGH|2")] == [ana, otto]


def test_a_preview_shows_what_would_be_and_keeps_nothing() -> None:
    staff = three_of_ana_and_otto()
    ana, otto = staff.person("NGH|1"), staff.person("NGH|2")
    both = {"survivor": ana["enterpriseId"], "subsumed": otto["enterpriseId"]}
    seen = staff.versions("NGH|1", "NGH|2")
    shown = staff.do("MergePersons", **both, expectedVersions=seen, preview=True)
    assert shown["isPreview"]
    assert sorted(person["version"] for person in shown["before"]) == sorted(seen)
    assert [len(person["records"]) for person in shown["persons"]] == [4]
    assert [staff.person("NGH|1"), staff.person("NGH|2")] == [ana, otto]
    assert staff.do("IdentityDecisions", patient=named("NGH|1"))["totalCount"] == 0
    looks = [entry for entry in staff.hub.audit() if entry.action == "mergePersons"]
    assert {(entry.outcome, entry.detail) for entry in looks} == {(AuditOutcome.SUCCESS, "preview")}
    assert {entry.subject for entry in looks} == {ana["enterpriseId"], otto["enterpriseId"]}
    made = staff.do("MergePersons", **both, expectedVersions=seen)
    assert (made["isPreview"], made["before"]) == (False, [])
    assert staff.one("NGH|1", "NGH|2")


def test_undoing_what_changed_since_its_preview_is_refused_with_the_new_state() -> None:
    staff = three_of_ana_and_otto()
    linked = staff.pair("LinkRecords", "NGH|2", "NGH|1")
    undo = {"decisionId": linked["decision"]["id"]}
    shown = staff.do("UndoDecision", **undo, preview=True)
    assert len(shown["persons"]) == 2
    seen = [person["version"] for person in shown["before"]]
    staff.hub.index.register("NGH|2", as_=replace(OTTO, phones=("202-555-0177",)))
    stale = staff.do("UndoDecision", **undo, expectedVersions=seen)
    assert (stale["__typename"], stale["code"]) == ("StalePersons", "stale_persons")
    assert [person["version"] for person in stale["persons"]] == staff.versions("NGH|2")
    assert staff.one("NGH|1", "NGH|2")
    done = staff.do("UndoDecision", **undo, expectedVersions=staff.versions("NGH|2"))
    assert done["__typename"] == "IdentityDecided"
    assert not staff.one("NGH|1", "NGH|2")


def test_a_split_needs_members_that_leave_and_members_that_stay() -> None:
    staff = three_of_ana_and_otto()
    ana = staff.person("NGH|1")
    for leaving, code in ((["NGH|2"], "not_a_member"), (["NGH|1", "LKM|1", "RDI|1"], "alone")):
        refused = staff.do(
            "SplitPerson",
            enterpriseId=ana["enterpriseId"],
            leaving=[named(number) for number in leaving],
            expectedVersions=[ana["version"]],
        )
        assert (refused["__typename"], refused["code"]) == ("DecisionRefused", code)


def test_different_is_for_ever() -> None:
    staff = three_of_ana_and_otto()
    said = staff.pair("SayDifferent", "RDI|1", "NGH|1")
    assert said["decision"]["kind"] == "DIFFERENT"
    assert not staff.one("NGH|1", "RDI|1")
    refused = staff.pair("LinkRecords", "RDI|1", "NGH|1")
    assert (refused["__typename"], refused["code"]) == ("DecisionRefused", "said_different")


@pytest.mark.parametrize("operation", ["LinkRecords", "SayDifferent"])
def test_who_changed_since_is_shown_and_nothing_is_done(operation: str) -> None:
    staff = three_of_ana_and_otto()
    seen = staff.versions("NGH|2", "NGH|1")
    staff.hub.index.register("LKM|1", as_=person(SURNAME, "Ana", born="1984-03-12", sex="F", city="Harlow"))
    stale = staff.pair(operation, "NGH|2", "NGH|1", expectedVersions=seen)
    assert (stale["__typename"], stale["code"]) == ("StalePersons", "stale_persons")
    assert {p["version"] for p in stale["current"]} == set(staff.versions("NGH|2", "NGH|1"))
    assert not staff.one("NGH|1", "NGH|2")
    assert staff.do("IdentityDecisions", patient=named("NGH|2"))["totalCount"] == 0
    again = staff.pair(operation, "NGH|2", "NGH|1", expectedVersions=[p["version"] for p in stale["current"]])
    assert again["__typename"] == "IdentityDecided"


def test_the_same_decision_sent_twice_is_carried_out_once() -> None:
    staff = three_of_ana_and_otto()
    seen = staff.versions("NGH|2", "NGH|1")
    staff.pair("LinkRecords", "NGH|2", "NGH|1", expectedVersions=seen)
    again = staff.pair("LinkRecords", "NGH|2", "NGH|1", expectedVersions=seen)
    assert again["__typename"] == "StalePersons"
    assert [len(p["records"]) for p in again["current"]] == [4]


def test_what_was_built_upon_is_undone_last() -> None:
    staff = three_of_ana_and_otto()
    first = staff.pair("LinkRecords", "NGH|2", "NGH|1")["decision"]["id"]
    second = staff.do("UnlinkRecord", identifier=named("RDI|1"), expectedVersions=staff.versions("RDI|1"))
    refused = staff.do("UndoDecision", decisionId=first)
    assert (refused["__typename"], refused["code"]) == ("StaleIdentityDecision", "built_upon")
    assert [d["id"] for d in refused["undoFirst"]] == [second["decision"]["id"]]
    for decision in (second["decision"]["id"], first):
        assert staff.do("UndoDecision", decisionId=decision)["__typename"] == "IdentityDecided"
    again = staff.do("UndoDecision", decisionId=first)
    assert (again["code"], again["current"]["undoneBy"]) == ("already_undone", "demo-records")
    assert staff.do("UndoDecision", decisionId="x")["__typename"] == "IdentityDecisionNotFound"


def test_the_history_of_decisions_holds_everything_that_staff_did_and_undid() -> None:
    staff = three_of_ana_and_otto()
    linked = staff.pair("LinkRecords", "NGH|2", "NGH|1", reason="same portrait")
    staff.do("UndoDecision", decisionId=linked["decision"]["id"])
    staff.do("UnlinkRecord", identifier=named("RDI|1"), expectedVersions=staff.versions("RDI|1"))
    told = staff.do("IdentityDecisions", patient=named("NGH|1"))
    assert [(d["kind"], d["undoneBy"]) for d in told["decisions"]] == [("UNLINK", None), ("LINK", "demo-records")]
    assert told["decisions"][1]["reason"] == "same portrait"
    assert {"left": named("NGH|1"), "right": named("NGH|2")} in told["decisions"][1]["saidSame"]
    assert told["decisions"][0]["saidDifferent"] == [
        {"left": named(other), "right": named("RDI|1")} for other in ("LKM|1", "NGH|1")
    ]
    assert staff.do("IdentityDecisions", patient=named("NGH|1"), first=1)["totalCount"] == 2
    staff.hub.index.register("NGH|9", as_=ANA)
    staff.hub.index.merge(survivor="NGH|9", subsumed="NGH|1")
    assert staff.do("IdentityDecisions", patient=named("NGH|1"))["totalCount"] == 2


def test_every_person_before_and_after_is_in_the_audit_log_and_refusals_are_too() -> None:
    staff = three_of_ana_and_otto()
    persons = {staff.hub.index.person_of("NGH|1"), staff.hub.index.person_of("NGH|2")}
    staff.pair("LinkRecords", "NGH|2", "NGH|1")
    told = [e for e in staff.hub.audit() if e.action == "linkRecords"]
    assert {(e.subject, e.outcome, e.detail) for e in told} == {(p, AuditOutcome.SUCCESS, "link") for p in persons}
    staff.pair("LinkRecords", "NGH|2", "NGH|1", expectedVersions=["old"])
    refused = staff.hub.audit()[-1]
    assert (refused.action, refused.outcome, refused.detail) == ("linkRecords", AuditOutcome.FAILED, "stale_persons")
    assert SURNAME not in repr(staff.hub.audit())


@pytest.mark.parametrize(
    ("operation", "variables", "code"),
    [
        ("UnlinkRecord", {"identifier": named("NGH|2")}, "alone"),
        ("LinkRecords", {"left": named("NGH|2"), "right": named("NGH|2")}, "same_identifier"),
    ],
)
def test_what_means_nothing_is_refused_with_its_reason(operation: str, variables: Any, code: str) -> None:
    staff = three_of_ana_and_otto()
    refused = staff.do(operation, expectedVersions=staff.versions("NGH|2"), **variables)
    assert (refused["__typename"], refused["code"]) == ("DecisionRefused", code)
    assert refused["message"]


@pytest.mark.parametrize(
    ("variables", "code", "field"),
    [
        ({"expectedVersions": []}, "out_of_range", "expectedVersions"),
        ({"left": {"assigningAuthority": "NGH", "localPatientId": " "}}, "empty", "left.localPatientId"),
        ({"reason": "x" * 501}, "too_long", "reason"),
    ],
)
def test_an_argument_that_cannot_be_used_is_named(variables: Any, code: str, field: str) -> None:
    usual = {"left": named("NGH|1"), "right": named("NGH|2"), "expectedVersions": ["x"]}
    refused = three_of_ana_and_otto().do("LinkRecords", **(usual | variables))
    assert (refused["__typename"], refused["code"], refused["field"]) == ("InvalidInput", code, field)


def test_nobody_behind_a_number_is_said_so() -> None:
    staff = three_of_ana_and_otto()
    left, right = named("NGH|404"), named("NGH|1")
    assert staff.do("LinkRecords", left=left, right=right, expectedVersions=["x"])["code"] == "patient_not_found"
    assert staff.do("IdentityDecisions", patient=left)["code"] == "patient_not_found"


def test_two_do_not_work_on_one_question() -> None:
    hub = hub_with_questions()
    item = hub.run("ReviewQueue", Role.RECORDS)["edges"][0]["node"]
    claimed = hub.run("ClaimReviewItem", Role.RECORDS, id=item["id"])["item"]
    assert (claimed["claimedBy"], claimed["version"]) == ("demo-records", 2)
    other = hub.issuer.token(Role.RECORDS, subject="somebody-else")
    query = "mutation($id: ID!) { %s { __typename ... on StaleReviewItem { code current { claimedBy } } } }"
    for call in ("claimReviewItem(id: $id)", "decideReviewItem(id: $id, expectedVersion: 2, decision: SAME)"):
        answer = hub.post(query % call, token=other, variables={"id": item["id"]}).json()["data"]
        (refused,) = answer.values()
        assert refused == {
            "__typename": "StaleReviewItem",
            "code": "item_claimed",
            "current": {"claimedBy": "demo-records"},
        }
    released = hub.run("ReleaseReviewItem", Role.RECORDS, id=item["id"])["item"]
    assert (released["claimedBy"], released["version"]) == (None, 3)
    answer = hub.post(query % "claimReviewItem(id: $id)", token=other, variables={"id": item["id"]}).json()["data"]
    assert answer["claimReviewItem"]["__typename"] == "ReviewItemClaimed"
    assert [e.action for e in hub.audit()].count("claimReviewItem") >= 3


def test_a_question_is_escalated_with_a_reason_and_taken_back() -> None:
    hub = hub_with_questions()
    item = hub.run("ReviewQueue", Role.RECORDS)["edges"][0]["node"]
    unsaid = hub.run("EscalateReviewItem", Role.RECORDS, id=item["id"], expectedVersion=1, reason=" ")
    assert (unsaid["code"], unsaid["field"]) == ("missing", "reason")
    hub.run("ClaimReviewItem", Role.RECORDS, id=item["id"])
    stale = hub.run("EscalateReviewItem", Role.RECORDS, id=item["id"], expectedVersion=1, reason="twins?")
    assert (stale["__typename"], stale["current"]["version"]) == ("StaleReviewItem", 2)
    handed = hub.run("EscalateReviewItem", Role.RECORDS, id=item["id"], expectedVersion=2, reason="twins?")["item"]
    assert (handed["status"], handed["version"], handed["claimedBy"]) == ("OPEN", 3, None)
    assert (handed["escalatedBy"], handed["escalationReason"]) == ("demo-records", "twins?")
    for escalated, is_there in ((True, True), (False, False), (None, True)):
        listed = hub.run("ReviewQueue", Role.RECORDS, escalated=escalated)["edges"]
        assert (item["id"] in [edge["node"]["id"] for edge in listed]) is is_there
    (kept,) = [e["node"] for e in hub.run("ReviewQueue", Role.RECORDS, escalated=True)["edges"]]
    assert (kept["priority"], kept["score"]) == (item["priority"], item["score"])
    again = hub.run("EscalateReviewItem", Role.RECORDS, id=item["id"], expectedVersion=3, reason="again")
    assert again["__typename"] == "StaleReviewItem"
    back = hub.run("TakeBackEscalation", Role.RECORDS, id=item["id"], expectedVersion=3)["item"]
    assert (back["version"], back["escalatedBy"], back["escalationReason"]) == (4, None, None)
    twice = hub.run("TakeBackEscalation", Role.RECORDS, id=item["id"], expectedVersion=4)
    assert twice["__typename"] == "StaleReviewItem"
    actions = [entry.action for entry in hub.audit()]
    assert "escalateReviewItem" in actions
    assert "takeBackEscalation" in actions


def test_what_somebody_else_works_on_is_not_escalated() -> None:
    hub = hub_with_questions()
    item = hub.run("ReviewQueue", Role.RECORDS)["edges"][0]["node"]
    hub.run("ClaimReviewItem", Role.RECORDS, id=item["id"])
    other = hub.issuer.token(Role.RECORDS, subject="somebody-else")
    query = (
        'mutation($id: ID!) { escalateReviewItem(id: $id, expectedVersion: 2, reason: "hard") '
        "{ __typename ... on StaleReviewItem { code } } }"
    )
    refused = hub.post(query, token=other, variables={"id": item["id"]}).json()["data"]["escalateReviewItem"]
    assert refused == {"__typename": "StaleReviewItem", "code": "item_claimed"}


@pytest.mark.parametrize("minutes", [0, 481])
def test_a_claim_has_bounds(minutes: int) -> None:
    refused = hub_with_questions().run("ClaimReviewItem", Role.RECORDS, id="x", minutes=minutes)
    assert (refused["code"], refused["field"]) == ("out_of_range", "minutes")
    missing = hub_with_questions().run("ClaimReviewItem", Role.RECORDS, id="x")
    assert missing["__typename"] == "ReviewItemNotFound"


def test_what_was_kept_back_under_a_number_is_shown_where_it_is_decided() -> None:
    staff = three_of_ana_and_otto()
    staff.hub.index.register("NGH|2", as_=replace(ANA, name=replace(ANA.name, family="Nowak")))
    (item,) = [edge["node"] for edge in staff.do("ReviewQueue")["edges"]]
    query = (
        "query($id: ID!) { reviewItem(id: $id) { ... on ReviewItem { keptBack { name { family } birthDate source } "
        "left { record { name { family } } } } } }"
    )
    shown = staff.hub.ask(query, Role.RECORDS, id=item["id"])["reviewItem"]
    assert shown["keptBack"] == {"name": {"family": "Nowak"}, "birthDate": "1984-03-12", "source": "test"}
    assert shown["left"]["record"]["name"]["family"] == "Okafor"
    decided = staff.do("DecideReviewItem", id=item["id"], expectedVersion=item["version"], decision="SAME")
    assert decided["__typename"] == "ReviewDecided"
    assert staff.person("NGH|2")["goldenRecord"]["name"]["family"] == "Nowak"


def test_a_decision_says_what_it_takes_to_undo_it_unless_something_changed() -> None:
    hub = hub_with_questions()
    item = hub.run("ReviewQueue", Role.RECORDS)["edges"][0]["node"]
    decided = hub.run("DecideReviewItem", Role.RECORDS, id=item["id"], expectedVersion=1, decision="SAME")
    (version,) = decided["personVersions"]
    assert (
        version
        == hub.run("Person", Role.RECORDS, patient={"assigningAuthority": "NGH", "localPatientId": "0"})["version"]
    )
    hub.index.register("NGH|0", as_=person("Nakamura", "Bo", born="1961-07-10", sex="M", phone="202-555-0147"))
    undo = {"decisionId": decided["decisionId"], "expectedVersions": decided["personVersions"]}
    refused = hub.run("UndoDecision", Role.RECORDS, **undo)
    assert refused["__typename"] == "StalePersons"
    assert [shown["version"] for shown in refused["persons"]] != [version]
    undo["expectedVersions"] = [shown["version"] for shown in refused["persons"]]
    assert hub.run("UndoDecision", Role.RECORDS, **undo)["__typename"] == "IdentityDecided"


def test_a_dismissed_question_has_nothing_to_undo() -> None:
    hub = hub_with_questions()
    item = hub.run("ReviewQueue", Role.RECORDS)["edges"][0]["node"]
    decided = hub.run("DecideReviewItem", Role.RECORDS, id=item["id"], expectedVersion=1, decision="DISMISSED")
    assert (decided["decisionId"], decided["personVersions"]) == (None, [])
