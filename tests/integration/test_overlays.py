"""Staff hold a possible overlay and release it through GraphQL; physicians see the doubt, and nobody else's images."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.permissions import Role
from mpi.identity.review import ReviewKind
from mpi.usecases.open_review import open_review
from tests.builders import pid
from tests.integration.hub_world import ANA, Hub, answering

HELD = "LKM|1"


@pytest.fixture
def hub() -> Hub:
    hub = Hub(answering("NGH"), answering("LKM"))
    for number in ("NGH|1", HELD, "RDI|1"):
        hub.index.register(number, as_=ANA)
    assert hub.index.are_one("NGH|1", HELD, "RDI|1")
    return hub


def question(hub: Hub) -> str:
    with hub.units() as uow:
        item = open_review(
            ReviewKind.SUSPECTED_OVERLAY, pid("NGH|1"), pid(HELD), source="archive:LKM", uow=uow,
            clock=hub.index.clock, new_id=hub.index.new_id,
        )  # fmt: skip
        uow.commit()
    assert item is not None
    return item


def decide(hub: Hub, item: str, **changed: Any) -> Any:
    variables = {
        "id": item, "expectedVersion": 1, "decision": "POSSIBLE_OVERLAY", "suspected": "RIGHT", "reason": "two voices",
    }  # fmt: skip
    return hub.run("DecideReviewItem", Role.RECORDS, **(variables | changed))


def held(hub: Hub, **page: Any) -> Any:
    return hub.run("HeldRecords", Role.RECORDS, **page)


def test_the_named_record_is_held_listed_and_audited(hub: Hub) -> None:
    item, before = question(hub), hub.index.person_of("NGH|1")
    answer = decide(hub, item)
    assert answer["__typename"] == "ReviewDecided"
    assert answer["item"]["decision"] == "POSSIBLE_OVERLAY"
    listed = held(hub)
    (edge,) = listed["edges"]
    node = edge["node"]
    assert listed["totalCount"] == 1
    assert node["record"]["identifier"] == {"assigningAuthority": "LKM", "localPatientId": "1"}
    assert (node["heldBy"], node["reason"], node["reviewItemId"]) == ("demo-records", "two voices", item)
    assert hub.index.person_of("NGH|1") == before
    assert not hub.index.are_one("NGH|1", HELD)
    looks = [entry for entry in hub.audit() if entry.action in ("decideReviewItem", "heldRecords")]
    assert {(e.action, e.subject, e.detail) for e in looks} == {
        ("decideReviewItem", hub.index.person_of(HELD), "possible_overlay"),
        ("decideReviewItem", before, "possible_overlay"),
        ("heldRecords", hub.index.person_of(HELD), ""),
    }
    decided = hub.run("IdentityDecisions", Role.RECORDS, patient={"enterpriseId": before})
    assert [d["kind"] for d in decided["decisions"]] == ["HOLD"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"suspected": None}, "suspected"), ({"reason": "  "}, "reason"), ({"decision": "SAME"}, "suspected")],
)
def test_what_does_not_say_which_and_why_is_refused(hub: Hub, changed: dict[str, Any], field: str) -> None:
    answer = decide(hub, question(hub), **changed)
    assert (answer["__typename"], answer["field"]) == ("InvalidInput", field)
    assert hub.index.are_one("NGH|1", HELD)


def test_a_stale_decision_shows_the_item_as_it_is(hub: Hub) -> None:
    item = question(hub)
    decide(hub, item)
    again = decide(hub, item)
    assert again["__typename"] == "StaleReviewItem"
    assert again["current"]["decision"] == "POSSIBLE_OVERLAY"


def test_a_link_is_refused_until_the_record_is_released(hub: Hub) -> None:
    decide(hub, question(hub))
    versions = [hub.run("Person", Role.RECORDS, patient=named(n))["version"] for n in ("NGH|1", HELD)]
    pair = {"left": named("NGH|1"), "right": named(HELD), "expectedVersions": versions}
    refused = hub.run("LinkRecords", Role.RECORDS, **pair)
    assert (refused["__typename"], refused["code"]) == ("DecisionRefused", "held")
    version = held(hub)["edges"][0]["node"]["version"]
    stale = hub.run("ReleaseHeldRecord", Role.RECORDS, identifier=named(HELD), expectedVersions=["old"])
    assert stale["__typename"] == "StalePersons"
    one = {"identifier": named(HELD), "expectedVersions": [version]}
    shown = hub.run("ReleaseHeldRecord", Role.RECORDS, **one, preview=True)
    assert shown["isPreview"]
    assert held(hub)["totalCount"] == 1
    done = hub.run("ReleaseHeldRecord", Role.RECORDS, **one, reason="one voice")
    assert (done["__typename"], done["decision"]["kind"]) == ("IdentityDecided", "RELEASE")
    assert hub.index.are_one("NGH|1", HELD)
    assert held(hub)["edges"] == []
    again = hub.run(
        "ReleaseHeldRecord", Role.RECORDS, identifier=named(HELD),
        expectedVersions=[hub.run("Person", Role.RECORDS, patient=named(HELD))["version"]],
    )  # fmt: skip
    assert (again["__typename"], again["code"]) == ("DecisionRefused", "not_held")
    undone = hub.run("UndoDecision", Role.RECORDS, decisionId=done["decision"]["id"])
    assert undone["__typename"] == "IdentityDecided"
    assert held(hub)["totalCount"] == 1


def test_pages_of_held_records_go_on_where_they_ended(hub: Hub) -> None:
    for number in ("NGH|1", HELD, "RDI|1"):
        hub.index.hold(number)
    first = held(hub, first=2)
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (3, True)
    rest = held(hub, first=2, after=first["pageInfo"]["endCursor"])
    numbers = [e["node"]["record"]["identifier"]["assigningAuthority"] for e in (*first["edges"], *rest["edges"])]
    assert numbers == ["LKM", "NGH", "RDI"]
    assert held(hub, after="nonsense")["field"] == "after"


def test_its_images_are_in_nobody_elses_history_and_its_own_says_that_the_identity_is_in_doubt(hub: Hub) -> None:
    hub.index.hold(HELD)
    lkm = next(s for s in hub.resources.directory.sources.values() if s.site_id == "LKM")
    others = hub.run("ImagingHistory", Role.PHYSICIAN, patient=named("NGH|1"))
    assert others["__typename"] == "ImagingHistory"
    assert lkm.asked == []  # type: ignore[attr-defined]
    assert not others["identityUnderReview"]
    own = hub.run("ImagingHistory", Role.PHYSICIAN, patient=named(HELD))
    assert own["identityUnderReview"]
    assert len(lkm.asked) == 1  # type: ignore[attr-defined]


def named(text: str) -> dict[str, str]:
    authority, number = text.split("|")
    return {"assigningAuthority": authority, "localPatientId": number}
