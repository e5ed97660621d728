"""What the page of several questions refuses, whatever a form says."""

from __future__ import annotations

import asyncio

import httpx2
import pytest

from gateway.permissions import Role
from gateway.settings import WebSettings
from mpi.identity.review import ReviewKind, ReviewStatus
from mpi.usecases.open_review import open_review
from tests.builders import pid
from tests.integration.hub_world import EVIDENCE, Hub, hub_with_questions
from tests.integration.test_pages_access import Browser


def hub_with(*guards: tuple[str, ...], kind: ReviewKind = ReviewKind.POSSIBLE_MATCH) -> tuple[Hub, list[str]]:
    """A hub with one more question for each set of guards; their ids."""
    hub = hub_with_questions(2, web=WebSettings(token_sign_in=True))
    sides = [(left, right) for left in ("NGH|0", "LKM|0") for right in ("NGH|1", "LKM|1")]
    ids = []
    with hub.units() as uow:
        for (left, right), fired in zip(sides, guards, strict=False):
            ids.append(
                open_review(
                    kind, pid(left), pid(right), source="test", uow=uow, clock=hub.index.clock,
                    new_id=hub.index.new_id, evidence=EVIDENCE, score=1.0, match_probability=0.1, guards=fired,
                )
            )  # fmt: skip
        uow.commit()
    return hub, [str(item_id) for item_id in ids]


def act(hub: Hub, act: str, ids: list[str], role: Role = Role.RECORDS) -> httpx2.Response:
    async def send() -> httpx2.Response:
        async with Browser(hub) as browser:
            await browser.sign_in(hub.issuer.token(role))
            chosen = [f"{item_id} 1 label" for item_id in ids]
            data = {"csrf": await browser.secret(), "act": act, "chosen": chosen}
            return await browser._client.post("/queue/several", data=data)

    return asyncio.run(send())


def are_open(hub: Hub, ids: list[str]) -> bool:
    with hub.units() as uow:
        items = [uow.reviews.get(item_id) for item_id in ids]
    return all(item is not None and item.status is ReviewStatus.OPEN and item.version == 1 for item in items)


def test_different_by_one_hard_rule_is_kept_for_each() -> None:
    hub, ids = hub_with(("household",), ("household", "namesake"))
    answer = act(hub, "different", ids)
    assert answer.status_code == 200
    assert not are_open(hub, ids)
    made = [event for event in hub.audit() if event.action == "decideReviewItem"]
    assert len(made) == 4, "each question audited for both persons, in a transaction of its own"


@pytest.mark.parametrize(
    ("guards", "kind"),
    [
        ([("household",), ("generation",)], ReviewKind.POSSIBLE_MATCH),
        ([("household",), ()], ReviewKind.POSSIBLE_MATCH),
        ([("namesake",), ("namesake",)], ReviewKind.POSSIBLE_MATCH),
        ([("household",), ("household",)], ReviewKind.SUSPECTED_OVERLAY),
    ],
)
def test_what_is_not_safe_together_is_refused_as_a_whole(guards: list[tuple[str, ...]], kind: ReviewKind) -> None:
    hub, ids = hub_with(*guards, kind=kind)
    answer = act(hub, "different", ids)
    assert answer.status_code == 400
    assert "not safe to decide together" in answer.text
    assert are_open(hub, ids)


@pytest.mark.parametrize("name", ["same", "SAME", "dismissed", ""])
def test_nothing_else_is_said_of_several(name: str) -> None:
    hub, ids = hub_with(("household",), ("household",))
    assert act(hub, name, ids).status_code == 400
    assert are_open(hub, ids)


def test_questions_that_are_not_there_are_no_way_around() -> None:
    hub, ids = hub_with(("household",))
    assert act(hub, "different", [*ids, "never-was"]).status_code == 400
    assert act(hub, "different", []).status_code == 400
    assert are_open(hub, ids)


def test_nobody_but_records_staff_acts_on_several() -> None:
    hub, ids = hub_with(("household",))
    assert act(hub, "take", ids, Role.PHYSICIAN).status_code == 403
    assert are_open(hub, ids)
