"""The hub's door for agents that dial out, alone, on a loopback port."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware

from adapters.edge.keys import KeySetFile
from adapters.edge.mailbox import Mailbox
from adapters.edge.tokens import TokenGate
from federation.sites.site import SiteId
from gateway.edge_door.routes import edge_routes
from gateway.settings import HttpSettings
from tests.servers.edge_agent import HUB_ID, utc_now

_START_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class EdgeHub:
    """A running door."""

    port: int
    mailbox: Mailbox = field(default_factory=Mailbox)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_for(self, site_id: SiteId) -> None:
        """Until the site's agent has polled."""
        ends_at = time.monotonic() + _START_SECONDS
        while not self.mailbox.is_connected(site_id):
            assert time.monotonic() < ends_at, "the agent did not dial out"
            time.sleep(0.01)


@contextmanager
def edge_hub(port: int, site_id: SiteId, agent_keys: Path) -> Iterator[EdgeHub]:
    """Start the door for one site; it is gone when the block ends."""
    hub = EdgeHub(port)
    gates = {site_id: TokenGate(KeySetFile(agent_keys), str(site_id), HUB_ID, utc_now)}
    routes = edge_routes(hub.mailbox, gates, is_stopping=lambda: server.should_exit)
    limit = Middleware(RequestBodyLimitMiddleware, max_body_size=HttpSettings().max_request_bytes)
    app = Starlette(routes=routes, middleware=[limit])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, name="edge-hub", daemon=True)
    thread.start()
    try:
        ends_at = time.monotonic() + _START_SECONDS
        while not server.started:
            assert time.monotonic() < ends_at, "the hub did not start"
            time.sleep(0.01)
        yield hub
    finally:
        server.should_exit = True
        thread.join(_START_SECONDS)
