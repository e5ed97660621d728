"""A request that is repeated with its key has one effect and one answer."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from gateway.asgi import create_app
from gateway.permissions import Role
from gateway.settings import Settings
from tests.integration.hub_world import ANAS, OPERATIONS, ORDER, Hub, hub_of_ana, hub_with_questions

CHECK = (OPERATIONS / "CheckOrder.graphql").read_text()


def send(hub: Hub, key: str, body: dict[str, Any], role: Role = Role.PHYSICIAN, **headers: str) -> httpx2.Response:
    sent = {"Authorization": f"Bearer {hub.issuer.token(role)}", "Idempotency-Key": key, **headers}
    return hub.request("POST", "/graphql", json=body, headers=sent)


def check(hub: Hub, key: str, role: Role = Role.PHYSICIAN, **order: Any) -> httpx2.Response:
    return send(hub, key, {"query": CHECK, "variables": {"order": {**ORDER, **order}}}, role)


def code_of(answer: httpx2.Response) -> str:
    return str(answer.json()["errors"][0]["extensions"]["code"])


def test_a_check_that_is_repeated_is_one_check() -> None:
    hub = hub_of_ana()
    first, again, other = check(hub, "k-1"), check(hub, "k-1"), check(hub, "k-2")
    assert first.json()["data"]["checkOrder"]["__typename"] == "OrderCheck"
    assert again.content == first.content
    assert (first.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]) == (None, "true")
    assert other.json()["data"]["checkOrder"]["checkId"] != first.json()["data"]["checkOrder"]["checkId"]
    actions = [(event.action, event.detail) for event in hub.audit()]
    assert actions[1] == ("replayedAnswer", first.headers["x-correlation-id"])
    assert [action for action, _ in actions] == ["checkOrder", "replayedAnswer", "checkOrder"]


@pytest.mark.parametrize("decision", ["SAME", "DIFFERENT"])
def test_a_decision_that_is_repeated_is_answered_as_the_first_time(decision: str) -> None:
    hub = hub_with_questions()
    item = hub.run("ReviewQueue", Role.RECORDS)["edges"][0]["node"]["id"]
    query = (OPERATIONS / "DecideReviewItem.graphql").read_text()
    body = {"query": query, "variables": {"id": item, "expectedVersion": 1, "decision": decision}}
    first, again = send(hub, "d", body, Role.RECORDS), send(hub, "d", body, Role.RECORDS)
    assert first.json()["data"]["decideReviewItem"]["__typename"] == "ReviewDecided"
    assert again.content == first.content


def test_a_key_stands_for_one_request_of_one_caller_with_the_same_rights() -> None:
    hub = hub_of_ana()
    assert check(hub, "k").status_code == 200
    other = check(hub, "k", description="CT KNEE")
    assert (other.status_code, code_of(other)) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert "idempotency-replayed" not in check(hub, "k", Role.PLUGIN).headers
    token = hub.issuer.token(Role.RECORDS, subject="demo-physician")
    body = {"query": CHECK, "variables": {"order": ORDER}}
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "k"}
    assert hub.request("POST", "/graphql", json=body, headers=headers).status_code == 422


def test_two_at_once_have_one_effect() -> None:
    hub = hub_of_ana()

    async def both() -> list[httpx2.Response]:
        transport = httpx2.ASGITransport(app=hub.app)
        headers = {"Authorization": f"Bearer {hub.issuer.token(Role.PHYSICIAN)}", "Idempotency-Key": "k"}
        body = {"query": CHECK, "variables": {"order": ORDER}}
        async with httpx2.AsyncClient(transport=transport, base_url="http://hub.example") as client:
            return list(await asyncio.gather(*(client.post("/graphql", json=body, headers=headers) for _ in range(4))))

    answers = asyncio.run(both())
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.content for answer in answers if answer.status_code == 200}) == 1
    assert [event.action for event in hub.audit()].count("checkOrder") == 1


def test_an_error_of_ours_is_not_kept() -> None:
    hub, broken = hub_of_ana(), [True]
    normalize = hub.resources.normalize_order

    def sometimes(**how: Any) -> Any:
        if broken:
            broken.pop()
            raise RuntimeError("down")
        return normalize(**how)

    hub.app = create_app(replace(hub.resources, normalize_order=sometimes), Settings())
    assert code_of(check(hub, "k")) == "INTERNAL_ERROR"
    assert check(hub, "k").json()["data"]["checkOrder"]["__typename"] == "OrderCheck"


@pytest.mark.parametrize("key", ["", "with space", "x" * 129])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    hub = hub_of_ana()
    answer = check(hub, key)
    assert (answer.status_code, code_of(answer)) == (400, "IDEMPOTENCY_KEY_INVALID")
    assert hub.audit() == []


def test_without_a_key_nothing_is_kept() -> None:
    hub = hub_of_ana()
    one, other = (hub.run("CheckOrder", Role.PHYSICIAN, order=ORDER) for _ in range(2))
    assert one["checkId"] != other["checkId"]
    assert hub.run("Person", Role.PHYSICIAN, patient=ANAS)["__typename"] == "Person"


def test_what_cannot_be_read_gives_the_key_back() -> None:
    hub = hub_of_ana()
    assert send(hub, "k", {"documentId": "sha256:0"}).status_code == 400
    assert check(hub, "k").status_code == 200
