"""An ASGI application on a loopback port, in a thread."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

_START_SECONDS = 15.0


class Later:
    """An application that is made once its address is known."""

    app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        assert self.app is not None
        await self.app(scope, receive, send)


@contextmanager
def served(app: ASGIApp, **how: object) -> Iterator[str]:
    """Its address without the scheme, such as ``127.0.0.1:4711``; it is gone when the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2, **how)
        )
        thread = threading.Thread(target=server.run, args=([listening],), name="http-app", daemon=True)
        thread.start()
        try:
            ends_at = time.monotonic() + _START_SECONDS
            while not server.started:
                assert time.monotonic() < ends_at, "the application did not start"
                time.sleep(0.01)
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(_START_SECONDS)
            assert not thread.is_alive()
