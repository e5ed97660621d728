"""A hub that is really served, and a client of its subscriptions."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from websockets.sync.client import ClientConnection, connect

from gateway.asgi import create_app, stream_tools
from gateway.permissions import Role
from gateway.settings import HttpSettings, Settings, SubscriptionSettings
from gateway.stream_tools import StreamTools
from tests.integration.hub_world import Hub
from tests.servers.http_app import served

PATIENCE_SECONDS = 20.0
PROTOCOL: Any = "graphql-transport-ws"
REVISIONS = (
    "subscription($p: PatientRefInput, $e: ID, $s: ID, $t: [AlertState!]) { "
    "alertRevisions(patient: $p, enterpriseId: $e, site: $s, states: $t) { __typename "
    "... on AlertRevision { revision alert { alertId state tier priorId history { state } } } "
    "... on Refusal { code } } }"
)
QUEUE = (
    "subscription($k: [ReviewKind!]) { reviewQueueChanges(kinds: $k) { __typename "
    "... on ReviewQueueChange { reviewItemId version kind status priority } ... on Refusal { code } } }"
)


class Served:
    """A hub on a port. ``also`` are settings of its subscriptions."""

    def __init__(self, hub: Hub, address: str, streams: StreamTools) -> None:
        self.hub, self.address, self.streams = hub, address, streams

    @contextmanager
    def socket(
        self, *roles: Role, token: str | None = None, init: dict[str, Any] | None = None, **how: Any
    ) -> Iterator[Client]:
        """A socket whose connection_init was sent; by default with a token of these roles."""
        shown = token if token is not None else self.hub.issuer.token(*roles)
        payload = {"Authorization": f"Bearer {shown}"} if init is None else init
        with connect(f"ws://{self.address}/graphql", subprotocols=[PROTOCOL], **how) as connection:
            client = Client(connection, self)
            client.say(type="connection_init", payload=payload)
            yield client

    def wait_for_listeners(self, count: int = 1) -> None:
        """Until so many are told of what changes from now on."""
        until(lambda: self.streams.feed.is_reading and self.streams.feed.listener_count == count)


class Client:
    """One socket."""

    def __init__(self, connection: ClientConnection, served_hub: Served) -> None:
        self.connection, self._served = connection, served_hub

    def say(self, **message: Any) -> None:
        self.connection.send(json.dumps(message))

    def hear(self) -> dict[str, Any]:
        """The next message that is no ping."""
        message = json.loads(self.connection.recv(timeout=PATIENCE_SECONDS))
        assert isinstance(message, dict)
        return message

    def subscribe(self, query: str, identity: str = "1", **variables: Any) -> None:
        self.say(type="subscribe", id=identity, payload={"query": query, "variables": variables})

    def acknowledged(self) -> Client:
        assert self.hear()["type"] == "connection_ack"
        return self

    def next(self, identity: str = "1") -> dict[str, Any]:
        """The one root field of the next answer."""
        message = self.hear()
        assert (message["type"], message["id"]) == ("next", identity), message
        assert "errors" not in message["payload"], message
        (answer,) = message["payload"]["data"].values()
        assert isinstance(answer, dict)
        return answer

    def completed(self, identity: str = "1") -> None:
        assert self.hear() == {"type": "complete", "id": identity}


@contextmanager
def serving(hub: Hub, **also: Any) -> Iterator[Served]:
    """The hub on a real server."""
    sockets = SubscriptionSettings(**{"poll_ms": 50, **also})
    streams = stream_tools(hub.resources, sockets)
    limit = HttpSettings().max_request_bytes
    app = create_app(hub.resources, Settings(subscriptions=sockets), metrics=hub.metrics, streams=streams)
    with served(app, ws_max_size=limit) as address:
        yield Served(hub, address, streams)


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition that another thread brings about."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < ends_at, "waited for nothing"
        time.sleep(0.01)
