"""Serves an application for browsers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.applications import Starlette

from tests.servers import http_app


@contextmanager
def served(app: Starlette) -> Iterator[str]:
    """The application's address while the block runs."""
    with http_app.served(app) as address:
        yield f"http://{address}"
