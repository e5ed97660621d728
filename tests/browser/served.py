"""Serves an application for browsers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.applications import Starlette

from tests.browser.people import beside
from tests.integration.hub_world import Hub
from tests.servers import http_app


@contextmanager
def served(app: Starlette) -> Iterator[str]:
    """The application's address while the block runs."""
    with http_app.served(app) as address:
        yield f"http://{address}"


@contextmanager
def hub_at(make: Callable[[], Hub]) -> Iterator[tuple[Hub, str]]:
    """A hub, and its address while the block runs."""
    hub = beside(make)
    with served(hub.app) as address:
        yield hub, address
