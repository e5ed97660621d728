"""Subscriptions over a real websocket: who is let in, what is told, and that they end in time."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from adapters.store.engine import make_engine
from adapters.store.migrate import upgrade
from adapters.store.unit_of_work import unit_of_work_factory
from federation.imaging.alerts import overridden
from gateway.authentication import Caller
from gateway.errors import NotAuthenticated
from gateway.permissions import Role
from gateway.settings import SubscriptionSettings
from mpi.audit import AuditOutcome
from mpi.identity.review import ReviewKind
from mpi.usecases.open_review import open_review
from tests.builders import NOON, pid
from tests.integration.hub_world import ANAS, SURNAME, Hub, hub_of_ana, hub_with_questions
from tests.integration.stream_world import PROTOCOL, QUEUE, REVISIONS, Served, serving, until
from tests.integration.test_alerts import check, override

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "watch_alerts.py"


@pytest.fixture
def ana() -> Iterator[Served]:
    with serving(hub_of_ana()) as hub:
        yield hub


def closed_with(client: Any) -> int:
    with pytest.raises(ConnectionClosed) as over:
        client.connection.recv(timeout=20)
    assert over.value.rcvd is not None
    assert SURNAME not in over.value.rcvd.reason
    return over.value.rcvd.code


# What is told


def test_the_life_of_an_alert_is_told_as_it_happens(ana: Served) -> None:
    with ana.socket(Role.PHYSICIAN) as client:
        client.acknowledged().subscribe(REVISIONS, p=ANAS)
        ana.wait_for_listeners()
        verdict = check(ana.hub)
        first, second = client.next(), client.next()
        assert [a["alert"]["state"] for a in (first, second)] == ["RAISED", "SHOWN"]
        assert [a["revision"] for a in (first, second)] == [1, 2]
        assert {a["alert"]["alertId"] for a in (first, second)} == {verdict["alertId"]}
        assert len(first["alert"]["history"]) == 1
        override(ana.hub, verdict["alertId"])
        assert client.next()["alert"]["state"] == "OVERRIDDEN"


@pytest.mark.parametrize("store", ["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgres"))])
def test_what_another_process_wrote_is_told_too(store: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = f"sqlite:///{tmp_path / 'hub.db'}" if store == "sqlite" else request.getfixturevalue("postgres_url")
    engines = [make_engine(url), make_engine(url)]
    upgrade(engines[0])
    try:
        hub, elsewhere = hub_of_ana(units=unit_of_work_factory(engines[0])), Hub(units=unit_of_work_factory(engines[1]))
        elsewhere.resources = replace(hub.resources, units=elsewhere.units, read=elsewhere.units)
        verdict = check(hub)
        with serving(hub) as served, served.socket(Role.PHYSICIAN) as client:
            client.acknowledged().subscribe(REVISIONS, s="NGH")
            served.wait_for_listeners()
            override_elsewhere(elsewhere, verdict["alertId"])
            told = client.next()
            assert (told["alert"]["alertId"], told["alert"]["state"]) == (verdict["alertId"], "OVERRIDDEN")
    finally:
        for engine in engines:
            engine.dispose()


def override_elsewhere(hub: Hub, alert_id: str) -> None:
    with hub.units() as uow:
        kept = uow.alerts.newest(alert_id)
        assert kept is not None
        changed = overridden(kept, None, at=NOON, by="dr-2")
        assert changed is not None
        uow.alerts.append(changed)
        uow.commit()


def test_only_what_was_asked_for_is_told(ana: Served) -> None:
    with ana.socket(Role.PLUGIN) as client:
        client.acknowledged().subscribe(REVISIONS, "other-site", s="RDI")
        client.subscribe(REVISIONS, "closed", s="NGH", t=["ACCEPTED", "OVERRIDDEN"])
        client.subscribe(REVISIONS, "person", e=str(ana.hub.index.person_of("LKM|55")))
        ana.wait_for_listeners(3)
        verdict = check(ana.hub)
        assert [client.next("person")["alert"]["state"] for _ in range(2)] == ["RAISED", "SHOWN"]
        override(ana.hub, verdict["alertId"])
        told = [client.hear() for _ in range(2)]
        assert {message["id"] for message in told} == {"closed", "person"}


def test_a_question_for_records_staff_is_told_without_showing_anybody() -> None:
    with serving(hub_with_questions()) as served, served.socket(Role.RECORDS) as client:
        client.acknowledged().subscribe(QUEUE, k=["MERGE_CONFLICT"])
        served.wait_for_listeners()
        for kind in (ReviewKind.POSSIBLE_MATCH, ReviewKind.MERGE_CONFLICT):
            with served.hub.units() as uow:
                index = served.hub.index
                open_review(
                    kind, pid("NGH|0"), pid("LKM|9"), source="test", uow=uow, clock=index.clock, new_id=index.new_id
                )
                uow.commit()
        told = client.next()
        assert (told["kind"], told["status"], told["version"]) == ("MERGE_CONFLICT", "OPEN", 1)
        assert all(event.subject is None for event in served.hub.audit() if event.action == "reviewQueueChanges")


def test_queries_and_mutations_go_over_the_socket_too(ana: Served) -> None:
    with ana.socket(Role.PHYSICIAN) as client:
        client.acknowledged().subscribe("query { sites { __typename } }")
        assert client.next()["__typename"] == "SiteList"
        client.completed()


# Audit


def test_opening_and_each_alert_that_was_shown_are_audited(ana: Served) -> None:
    with ana.socket(Role.PHYSICIAN) as client:
        client.acknowledged().subscribe(REVISIONS, p=ANAS)
        ana.wait_for_listeners()
        check(ana.hub)
        client.next(), client.next()
        person = str(ana.hub.index.person_of("NGH|0007"))
        kept = [event for event in ana.hub.audit() if event.action == "alertRevisions"]
        assert [(event.detail, event.subject) for event in kept] == [("subscribed", None), ("", person), ("", person)]
        assert {event.outcome for event in kept} == {AuditOutcome.SUCCESS}


# Who is let in


def test_a_role_that_does_not_cover_it_is_refused_and_audited(ana: Served) -> None:
    with ana.socket(Role.RECORDS) as client:
        client.acknowledged().subscribe(REVISIONS, p=ANAS)
        assert client.next()["__typename"] == "NotAllowed"
        client.completed()
    (kept,) = [event for event in ana.hub.audit() if event.action == "alertRevisions"]
    assert (kept.outcome, kept.detail) == (AuditOutcome.REFUSED, "role_not_allowed")
    assert ana.streams.feed.listener_count == 0


@pytest.mark.parametrize(
    "payload", [{}, {"Authorization": ""}, {"Authorization": 5}, {"Authorization": "Bearer x.y.z"}, {"token": "x"}]
)
def test_a_socket_without_a_good_token_is_closed_and_audited(ana: Served, payload: dict[str, Any]) -> None:
    with ana.socket(init=payload) as client:
        assert closed_with(client) == 4403
    (kept,) = ana.hub.audit()
    assert (kept.actor, kept.outcome) == ("anonymous", AuditOutcome.REFUSED)


def test_the_token_may_stand_in_the_header(ana: Served) -> None:
    headers = {"Authorization": f"Bearer {ana.hub.issuer.token(Role.PHYSICIAN)}"}
    with ana.socket(init={}, additional_headers=headers) as client:
        client.acknowledged()


def test_the_old_protocol_is_not_taken(ana: Served) -> None:
    old: Any = "graphql-ws"
    with connect(f"ws://{ana.address}/graphql", subprotocols=[old]) as connection:
        with pytest.raises(ConnectionClosed) as over:
            connection.recv(timeout=20)
        assert over.value.rcvd is not None
        assert over.value.rcvd.code == 4406


def test_nothing_is_answered_before_the_caller_is_known(ana: Served) -> None:
    with connect(f"ws://{ana.address}/graphql", subprotocols=[PROTOCOL]) as connection:
        connection.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": REVISIONS}}))
        with pytest.raises(ConnectionClosed) as over:
            connection.recv(timeout=20)
    assert over.value.rcvd is not None
    assert over.value.rcvd.code == 4401


def test_a_page_of_another_origin_opens_no_socket() -> None:
    with serving(hub_of_ana(), allowed_origins=("https://ehr.example",)) as served:
        with served.socket(Role.PHYSICIAN, origin="https://ehr.example") as client:
            client.acknowledged()
        with pytest.raises(InvalidStatus) as refused, served.socket(Role.PHYSICIAN, origin="https://evil.example"):
            pass
        assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    ("variables", "typename", "code"),
    [
        ({}, "InvalidInput", "one_way_needed"),
        ({"s": "NOWHERE"}, "InvalidInput", "unknown_site"),
        ({"e": "nobody"}, "PatientNotFound", "patient_not_found"),
        ({"p": {"assigningAuthority": "NGH", "localPatientId": ""}}, "InvalidInput", "empty"),
    ],
)
def test_arguments_that_cannot_be_used_are_typed_answers(
    ana: Served, variables: dict[str, Any], typename: str, code: str
) -> None:
    with ana.socket(Role.PHYSICIAN) as client:
        client.acknowledged().subscribe(REVISIONS, **variables)
        answer = client.next()
        assert (answer["__typename"], answer["code"]) == (typename, code)
        client.completed()
    until(lambda: ana.streams.open_streams.open_count == 0)


# What is wrong


@pytest.mark.parametrize(
    "said",
    [
        "{",
        "[]",
        "5",
        '"text"',
        "{}",
        '{"type": 5}',
        '{"type": "subscribe", "id": 5, "payload": {"query": "{a}"}}',
        '{"type": "subscribe", "id": "1", "payload": []}',
        '{"type": "subscribe", "id": "1", "payload": {"query": 5}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": " "}}',
        '{"type": "complete"}',
        f'{{"type": "{SURNAME}"}}',
    ],
)
def test_what_is_no_message_closes_the_socket(ana: Served, said: str) -> None:
    with ana.socket(Role.PHYSICIAN) as client:
        client.acknowledged().connection.send(said)
        assert closed_with(client) == 4400


def test_binary_and_oversized_messages_close_the_socket(ana: Served) -> None:
    with ana.socket(Role.PHYSICIAN) as client:
        client.acknowledged().connection.send(b"{}")
        assert closed_with(client) == 4400
    with ana.socket(Role.PHYSICIAN) as client:
        client.acknowledged().say(type="ping", payload={"x": "x" * 300_000})
        assert closed_with(client) == 1009


@pytest.mark.parametrize(
    "query",
    [
        "subscription { " + " ".join(f"a{n}: sites {{ __typename }}" for n in range(20)) + " }",
        "query { " + " ".join(f"a{n}: sites {{ __typename }}" for n in range(7)) + " }",
        "query { sites { " + "sites { " * 15 + "__typename" + " }" * 15 + " } }",
        "query { sites { __typename " + "x " * 2000 + "} }",
        f"query {{ {SURNAME} }}",
        f'query {{ sites(check: "{SURNAME}") {{ __typename }} }}',
        "subscription { alertRevisions { ...nowhere } }",
        "{",
    ],
)
def test_limits_and_masking_are_those_of_post(ana: Served, query: str) -> None:
    with ana.socket(Role.PHYSICIAN) as client:
        client.acknowledged().subscribe(query)
        message = client.hear()
        assert message["type"] == "error", message
        assert all(error["extensions"]["code"] == "BAD_REQUEST" for error in message["payload"]), message
    assert not [event for event in ana.hub.audit() if event.action == "sites"]


def test_an_error_of_ours_is_masked() -> None:
    hub = hub_of_ana()

    def broken() -> Any:
        raise RuntimeError(f"no table for {SURNAME}")

    with serving(hub) as served:
        object.__setattr__(served.hub.resources, "read", broken)
        with served.socket(Role.PHYSICIAN) as client:
            client.acknowledged().subscribe(REVISIONS, p=ANAS)
            message = client.hear()
            assert SURNAME not in json.dumps(message)
            assert "INTERNAL_ERROR" in json.dumps(message)


# The end


class Gate:
    """Lets a caller in until told otherwise."""

    def __init__(self, hub: Hub) -> None:
        self.now = NOON
        self._check = hub.resources.authenticate
        self.roles: frozenset[Role] | None = None
        self.refusal: str | None = None
        self.asked = 0
        hub.resources = replace(hub.resources, authenticate=self, clock=lambda: self.now)

    def __call__(self, authorization: str | None) -> Caller:
        self.asked += 1
        if self.refusal is not None:
            raise NotAuthenticated(self.refusal)
        caller = self._check(authorization)
        return caller if self.roles is None else replace(caller, roles=self.roles)


def open_and_gated(gate_hub: Hub, **also: Any) -> Any:
    return serving(gate_hub, recheck_seconds=0.1, **also)


def test_a_token_that_runs_out_ends_the_subscription_although_new_requests_have_leeway() -> None:
    hub = hub_of_ana()
    gate = Gate(hub)
    with open_and_gated(hub) as served, served.socket(Role.PHYSICIAN) as client:
        client.acknowledged().subscribe(REVISIONS, p=ANAS)
        served.wait_for_listeners()
        until(lambda: gate.asked > 4)
        gate.now = NOON + dt.timedelta(hours=9)
        answer = client.next()
        assert (answer["__typename"], answer["code"]) == ("SubscriptionEnded", "token_expired")
        client.completed()
        until(lambda: served.streams.feed.listener_count == 0)


@pytest.mark.parametrize(("change", "code"), [("role", "role_not_allowed"), ("token", "token_revoked")])
def test_a_lost_role_or_a_refused_token_ends_it_even_while_much_is_told(change: str, code: str) -> None:
    hub = hub_of_ana()
    gate = Gate(hub)
    with open_and_gated(hub) as served, served.socket(Role.PHYSICIAN) as client:
        client.acknowledged().subscribe(REVISIONS, s="NGH")
        served.wait_for_listeners()
        if change == "role":
            gate.roles = frozenset({Role.ADMIN})
        else:
            gate.refusal = code
        answer = client.next()
        assert (answer["__typename"], answer["code"]) == ("SubscriptionEnded", code)
        client.completed()
        client.subscribe(REVISIONS, s="NGH")
        if change == "role":
            assert client.next()["__typename"] == "NotAllowed"
        else:
            assert closed_with(client) == 4403


def test_default_settings_end_it_within_60_seconds() -> None:
    assert SubscriptionSettings().recheck_seconds <= 30
    with pytest.raises(ValidationError):
        SubscriptionSettings(recheck_seconds=51)


def test_a_client_that_goes_away_leaves_nothing_behind(ana: Served) -> None:
    with ana.socket(Role.PHYSICIAN) as client:
        client.acknowledged().subscribe(REVISIONS, "1", s="NGH")
        client.subscribe(REVISIONS, "2", s="NGH")
        ana.wait_for_listeners(2)
        client.say(type="complete", id="1")
        until(lambda: ana.streams.feed.listener_count == 1)
    until(lambda: ana.streams.feed.listener_count == 0 and not ana.streams.feed.is_reading)
    until(lambda: ana.streams.open_streams.open_count == 0)


def test_a_caller_has_so_many_subscriptions_and_no_more() -> None:
    with (
        serving(hub_of_ana(), max_open_per_caller=2) as served,
        served.socket(Role.PHYSICIAN) as first,
        served.socket(Role.PHYSICIAN) as second,
    ):
        for client in (first, second):
            client.acknowledged().subscribe(REVISIONS, s="NGH")
        served.wait_for_listeners(2)
        second.subscribe(REVISIONS, "2", s="NGH")
        answer = second.next("2")
        assert (answer["__typename"], answer["code"]) == ("SubscriptionEnded", "too_many_subscriptions")


# Server-sent events


def test_the_same_is_had_as_server_sent_events(ana: Served) -> None:
    headers = {"Authorization": f"Bearer {ana.hub.issuer.token(Role.PHYSICIAN)}", "Accept": "text/event-stream"}
    body = {"query": REVISIONS, "variables": {"p": ANAS}}
    with (
        httpx2.Client(base_url=f"http://{ana.address}", timeout=20) as client,
        client.stream("POST", "/graphql", json=body, headers=headers) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        ana.wait_for_listeners()
        check(ana.hub)
        told = []
        for line in answer.iter_lines():
            if line.startswith("data:") and line != "data:" and (data := json.loads(line[5:])):
                told.append(data["data"]["alertRevisions"]["alert"]["state"])
            if len(told) == 2:
                break
    assert told == ["RAISED", "SHOWN"]
    until(lambda: ana.streams.open_streams.open_count == 0)


def test_server_sent_events_need_a_token_too(ana: Served) -> None:
    with httpx2.Client(base_url=f"http://{ana.address}", timeout=20) as client:
        answer = client.post("/graphql", json={"query": REVISIONS}, headers={"Accept": "text/event-stream"})
    assert answer.status_code == 401


# The example of the plugin developer's page


def test_the_example_prints_what_happens(ana: Served) -> None:
    token = ana.hub.issuer.token(Role.PLUGIN)
    arguments = [sys.executable, EXAMPLE, f"ws://{ana.address}/graphql", token, "NGH"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as example:
        ana.wait_for_listeners()
        verdict = check(ana.hub)
        assert example.stdout is not None
        lines = [example.stdout.readline().split() for _ in range(2)]
        example.terminate()
    assert lines == [[state, "INTERRUPTIVE", verdict["alertId"]] for state in ("RAISED", "SHOWN")]
