"""What is too large, too deep, too often or not known beforehand is refused before a resolver runs."""

from __future__ import annotations

import asyncio
import hashlib
import time
from pathlib import Path
from typing import Any

import pytest
from graphql import FragmentDefinitionNode, OperationDefinitionNode, parse
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from gateway.errors import ConfigurationError
from gateway.permissions import Role
from gateway.rate_limits import RateLimits, Rates
from gateway.schema.build import build_schema
from gateway.schema.limits import MAX_COST, MAX_DEPTH, MAX_ROOT_FIELDS, Measure, Size
from gateway.settings import HttpSettings
from gateway.trusted_documents import document_hash, load_trusted_documents
from tests.integration.hub_world import ANAS, OPERATIONS, Hub, hub_of_ana
from tests.servers.redis import redis_url  # noqa: F401

PERSON = (OPERATIONS / "Person.graphql").read_text()
SMALL = "{ sites { __typename } }"


def nested(depth: int) -> str:
    return "{ a " * depth + "}" * depth


def in_a_list(fields: str) -> str:
    return f"{{ sites {{ ... on SiteList {{ {fields} }} }} }}"


def spread(width: int, length: int) -> str:
    """Fragments that each spread the next one several times: width ** length selections, written in a few lines."""
    links = (f"fragment F{n} on SiteList {{ {f'...F{n + 1} ' * width} }}" for n in range(length))
    return "{ sites { ...F0 } } " + " ".join(links) + f" fragment F{length} on SiteList {{ x: __typename }}"


TOO_LARGE = {
    "15 fields deep": nested(15),
    "700 fields deep": nested(700),
    "500 aliases": in_a_list(" ".join(f"a{n}: asOf" for n in range(500))),
    "16 aliases": in_a_list(" ".join(f"a{n}: asOf" for n in range(16))),
    "6 fields at the root": "{" + " ".join(f"a{n}: sites {{ __typename }}" for n in range(6)) + "}",
    "6 fields at the root of a fragment": "{ ...R } fragment R on Query {" + "sites { __typename } " * 6 + "}",
    "2000 tokens": in_a_list("asOf " * 2000),
    "a fragment that is not there": "{ sites { ...Nowhere } }",
    "a fragment at the root that is not there": "{ ...Nowhere }",
    "a fragment on a type that is not there": "{ ...F } fragment F on Nothing { x }",
    "a fragment that spreads itself": "{ ...A } fragment A on Query { ...A }",
    "fragments that spread each other": "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
    "3 ** 60 aliases in few words": spread(3, 60),
    "a list in a list in a list": "{ person(enterpriseId: " + "[" * 700 + ") { __typename } }",
    "an object in an object": "{ person(patient: " + "{a: " * 400 + ") { __typename } }",
    "a directive 700 times": "{ sites " + "@a " * 700 + "{ __typename } }",
    "a type in brackets": f"query($a: {'[' * 700}Int{']' * 700}) {SMALL}",
    "introspection": "{ __schema { types { name } } }",
    "introspection of one type": '{ __type(name: "Person") { name } }',
    "pages of a million": "{ reviewQueue(first: 1000000) { ... on ReviewItemConnection { edges { cursor } } } }",
    "a page with a number of 50 digits": f"{{ auditEvents(first: {'9' * 50}) {{ __typename }} }}",
}


@pytest.mark.parametrize("what", TOO_LARGE)
def test_what_is_too_large_is_refused_before_a_resolver_runs(what: str) -> None:
    hub = hub_of_ana()
    started = time.monotonic()
    answer = hub.post(TOO_LARGE[what], Role.ADMIN)
    assert time.monotonic() - started < 20, "measuring must not be the attack"
    assert answer.status_code == 200
    said = answer.json()
    assert said.get("data") is None
    assert all(error["extensions"]["code"] == "BAD_REQUEST" for error in said["errors"]), said
    assert hub.audit() == []


def test_a_query_of_a_megabyte_is_refused_unread() -> None:
    hub = hub_of_ana()
    answer = hub.post("{ sites { __typename } }" + "#" * 1_000_000, Role.ADMIN)
    assert answer.status_code == 413
    assert hub.audit() == []


def test_the_same_document_as_a_mutation_is_measured_too() -> None:
    roots = " ".join(f'a{n}: acceptAlert(alertId: "x") {{ __typename }}' for n in range(MAX_ROOT_FIELDS + 1))
    hub = hub_of_ana()
    assert hub.post(f"mutation {{ {roots} }}", Role.PHYSICIAN).json()["data"] is None
    assert hub.audit() == []


def test_each_operation_of_a_document_is_measured() -> None:
    document = f"query A {SMALL} query B {nested(MAX_DEPTH + 2)}"
    hub = hub_of_ana()
    body = {"query": document, "operationName": "A"}
    headers = {"Authorization": f"Bearer {hub.issuer.token(Role.ADMIN)}"}
    assert hub.request("POST", "/graphql", json=body, headers=headers).json()["data"] is None


# The measure itself


def size_of(document: str) -> Size:
    parsed = parse(document)
    fragments = {d.name.value: d for d in parsed.definitions if isinstance(d, FragmentDefinitionNode)}
    (operation,) = (d for d in parsed.definitions if isinstance(d, OperationDefinitionNode))
    return Measure(build_schema()._schema, fragments).operation(operation)


def test_lists_count_by_their_page_and_others_by_a_guess() -> None:
    edges = "{ ... on ReviewItemConnection { edges { node { id } } } }"
    assert size_of(f"{{ reviewQueue(first: 7) {edges} }}").cost == 1 + 7 * 3
    assert size_of(f"{{ reviewQueue {edges} }}").cost == 1 + 20 * 3
    assert size_of(f"query($n: Int! = 2) {{ reviewQueue(first: $n) {edges} }}").cost == 1 + 100 * 3
    assert size_of(in_a_list("sites { id }")).cost == 1 + 5 * 2


def test_a_fragment_counts_as_often_as_it_is_spread() -> None:
    assert size_of(spread(2, 3)) == Size(depth=2, aliases=8, fields=1, cost=9)
    assert size_of(spread(3, 60)).aliases == 3**60


@pytest.mark.parametrize("path", sorted(OPERATIONS.glob("*.graphql")), ids=lambda path: path.stem)
def test_every_published_operation_is_well_within_the_limits(path: Path) -> None:
    size = size_of(path.read_text())
    assert size.depth < MAX_DEPTH
    assert size.cost * 3 <= MAX_COST


# How often


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.needs("redis"))])
def storage_url(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "memory" else str(request.getfixturevalue("redis_url"))


def test_a_client_that_is_too_fast_waits_and_another_does_not(storage_url: str | None) -> None:
    async def both() -> list[bool]:
        rates = RateLimits(Rates(client=3), storage_url)
        name = f"client-{time.time_ns()}"
        answers = [await rates.is_client_too_fast(name) for _ in range(5)]
        answers.append(await rates.is_client_too_fast(f"{name}-other"))
        await rates.aclose()
        return answers

    assert asyncio.run(both()) == [False, False, False, True, True, False]


def test_two_hubs_count_together_where_they_share_a_store(redis_url: str) -> None:  # noqa: F811
    async def both() -> list[bool]:
        one, other = (RateLimits(Rates(client=3), redis_url) for _ in range(2))
        name = f"client-{time.time_ns()}"
        answers = [await rates.is_client_too_fast(name) for rates in (one, other, one, other)]
        await one.aclose()
        await other.aclose()
        return answers

    assert asyncio.run(both()) == [False, False, False, True]


def test_a_store_of_counts_that_does_not_answer_keeps_nobody_out() -> None:
    async def ask() -> bool:
        rates = RateLimits(Rates(client=1), "redis://127.0.0.1:1/0")
        answers = [await rates.is_client_too_fast("x") for _ in range(3)]
        await rates.aclose()
        return any(answers)

    assert asyncio.run(ask()) is False


def test_too_many_of_one_client_are_refused_and_nothing_is_looked_up() -> None:
    hub = hub_of_ana(rates=RateLimits(Rates(client=2)))
    for _ in range(2):
        assert hub.post(SMALL, Role.PHYSICIAN).status_code == 200
    refused = hub.post(SMALL, Role.PHYSICIAN)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    assert refused.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert hub.post(SMALL, Role.RECORDS).status_code == 200
    assert len(hub.audit()) == 3


def test_a_flood_without_a_token_fills_no_audit_log() -> None:
    hub = hub_of_ana(rates=RateLimits(Rates(anonymous=3)))
    answers = [hub.post(SMALL, token=f"nonsense-{n}").status_code for n in range(10)]
    assert answers == [401] * 3 + [429] * 7
    assert len(hub.audit()) == 3
    assert hub.post(SMALL, Role.PHYSICIAN).status_code == 200, "a good token from the same address is let in"


DOORS = [
    ("POST", "/graphql", {"json": {"query": SMALL}}),
    ("GET", "/fhir/Patient?_id=x", {}),
    ("POST", "/fhir/Patient/$match", {"json": {}}),
    ("GET", "/healthz", {}),
    ("GET", "/metrics", {}),
    ("GET", "/nowhere", {}),
]


@pytest.mark.parametrize(("method", "path", "how"), DOORS)
def test_an_address_that_is_too_fast_gets_no_further_than_the_middleware(
    method: str, path: str, how: dict[str, Any]
) -> None:
    hub = hub_of_ana(rates=RateLimits(Rates(address=1)))
    first = hub.request(method, path, **how)
    assert first.status_code != 429
    before = len(hub.audit())
    second = hub.request(method, path, **how)
    assert second.status_code == 429
    assert second.headers["x-content-type-options"] == "nosniff"
    assert len(hub.audit()) == before


def test_a_flood_at_the_fhir_door_fills_no_audit_log() -> None:
    hub = hub_of_ana(rates=RateLimits(Rates(anonymous=1)))
    answers = [hub.request("GET", "/fhir/Patient?_id=x") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 429, 429]
    assert answers[-1].json()["issue"][0]["code"] == "throttled"
    assert len(hub.audit()) == 1


def test_websockets_are_counted_like_requests() -> None:
    hub = hub_of_ana(rates=RateLimits(Rates(address=1)))
    with TestClient(hub.app) as client:
        assert client.get("/healthz").status_code == 200
        with pytest.raises(WebSocketDenialResponse) as refused:
            client.websocket_connect("/graphql", subprotocols=["graphql-transport-ws"]).__enter__()
    assert refused.value.status_code == 429


def test_operations_over_a_websocket_are_counted_one_by_one() -> None:
    hub = hub_of_ana(rates=RateLimits(Rates(client=2)))
    with (
        TestClient(hub.app) as client,
        client.websocket_connect("/graphql", subprotocols=["graphql-transport-ws"]) as socket,
    ):
        token = hub.issuer.token(Role.PHYSICIAN)
        socket.send_json({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}})
        assert socket.receive_json()["type"] == "connection_ack"
        socket.send_json({"type": "subscribe", "id": "1", "payload": {"query": SMALL}})
        assert [socket.receive_json()["type"] for _ in range(2)] == ["next", "complete"]
        socket.send_json({"type": "subscribe", "id": "2", "payload": {"query": SMALL}})
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 4403
    assert len(hub.audit()) == 1


# Documents that are known beforehand


@pytest.fixture
def strict() -> Hub:
    return hub_of_ana(http=HttpSettings(only_trusted_documents=True))


def send(hub: Hub, body: dict[str, Any], role: Role = Role.PHYSICIAN) -> Any:
    return hub.request("POST", "/graphql", json=body, headers={"Authorization": f"Bearer {hub.issuer.token(role)}"})


def test_a_published_operation_may_be_named_by_its_hash() -> None:
    digest = hashlib.sha256(PERSON.encode()).hexdigest()
    hub = hub_of_ana()
    for named in (
        {"documentId": f"sha256:{digest}"},
        {"documentId": digest},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}},
    ):
        answer = send(hub, {**named, "variables": {"patient": ANAS}})
        assert answer.json()["data"]["person"]["__typename"] == "Person"


def test_a_hash_that_names_nothing_is_said_so() -> None:
    for named in ("sha256:" + "0" * 64, "", "x"):
        answer = send(hub_of_ana(), {"documentId": named})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["extensions"]["code"] == "DOCUMENT_NOT_FOUND"


def test_only_trusted_documents_are_carried_out_where_that_is_set(strict: Hub) -> None:
    refused = send(strict, {"query": SMALL}).json()
    assert refused["data"] is None
    assert refused["errors"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"
    assert strict.audit() == []
    known = send(strict, {"query": PERSON, "variables": {"patient": ANAS}}).json()
    assert known["data"]["person"]["__typename"] == "Person"
    almost = send(strict, {"query": PERSON + " ", "variables": {"patient": ANAS}}).json()
    assert almost["errors"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"


def test_websockets_carry_out_trusted_documents_only_too(strict: Hub) -> None:
    with (
        TestClient(strict.app) as client,
        client.websocket_connect("/graphql", subprotocols=["graphql-transport-ws"]) as socket,
    ):
        token = strict.issuer.token(Role.PHYSICIAN)
        socket.send_json({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}})
        assert socket.receive_json()["type"] == "connection_ack"
        socket.send_json({"type": "subscribe", "id": "1", "payload": {"query": SMALL}})
        said = socket.receive_json()
    assert said["type"] == "error"
    assert said["payload"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"


def test_a_site_trusts_documents_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "mine.graphql").write_text(SMALL)
    (tmp_path / "README.md").write_text("not a document")
    hub = hub_of_ana(http=HttpSettings(only_trusted_documents=True, trusted_documents_folder=tmp_path))
    assert send(hub, {"documentId": document_hash(SMALL)}).json()["data"]["sites"]["__typename"] == "SiteList"
    with pytest.raises(ConfigurationError, match="trusted_documents_folder"):
        load_trusted_documents(tmp_path / "nowhere")


def test_a_name_that_is_no_text_names_nothing() -> None:
    hub = hub_of_ana()
    for odd in ({"documentId": 5}, {"extensions": None}, {"extensions": {"persistedQuery": "x"}}):
        assert "data" in send(hub, {**odd, "query": SMALL}).json()
