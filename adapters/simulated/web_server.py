"""A web application served from a thread of its own on loopback, for demo hospitals."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette

from adapters.simulated.faults import Fault, FaultSwitch

LOOPBACK = "127.0.0.1"
_DRIP_SECONDS = 0.2
_POLL_SECONDS = 0.02
_START_SECONDS = 10.0
_STOP_SECONDS = 5.0


class WebServer:
    """Starts, stops and starts again on the same port."""

    def __init__(self, app: Starlette, name: str, faults: FaultSwitch) -> None:
        self._app = app
        self._name = name
        self._faults = faults
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._port = 0

    @property
    def port(self) -> int:
        """The port it listens on; 0 before the first start."""
        return self._port

    def start(self) -> int:
        """Listen on loopback (any free port; the same again after a stop). Returns the port once it answers.

        Raises:
            OSError: the port is taken.
            RuntimeError: the server did not come up.
        """
        listener = _listen(self._port)
        self._port = listener.getsockname()[1]
        config = uvicorn.Config(
            self._app, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=1
        )
        server = _Server(config)
        thread = threading.Thread(
            target=lambda: asyncio.run(server.serve(sockets=[listener])), name=self._name, daemon=True
        )
        thread.start()
        if not server.is_up.wait(_START_SECONDS):
            raise RuntimeError("the demo hospital's server did not come up")
        self._server, self._thread = server, thread
        return self._port

    def stop(self) -> None:
        """Stop listening and close every connection. Idempotent."""
        server, self._server = self._server, None
        thread, self._thread = self._thread, None
        if server is None or thread is None:
            return
        self._faults.changed.set()
        server.should_exit = True
        server.force_exit = True
        thread.join(_STOP_SECONDS)

    def set_fault(self, fault: Fault, *, latency_ms: int = 0) -> None:
        """Switch trouble on or off. REFUSE closes the listener, anything else opens it again."""
        self._faults.set(fault, latency_ms=latency_ms)
        if fault is Fault.REFUSE:
            self.stop()
        elif self._server is None and self._port:
            self.start()


async def suffer(faults: FaultSwitch) -> None:
    """Hang or be late, as the switch says."""
    changed = faults.changed
    if faults.fault is Fault.HANG:
        while not changed.is_set():
            await asyncio.sleep(_POLL_SECONDS)
    elif faults.latency_ms:
        await asyncio.sleep(faults.latency_ms / 1000)


async def drip(body: bytes) -> AsyncIterator[bytes]:
    """An answer that comes 16 bytes at a time."""
    for start in range(0, len(body), 16):
        yield body[start : start + 16]
        await asyncio.sleep(_DRIP_SECONDS)


async def break_off(body: bytes) -> AsyncIterator[bytes]:
    """An answer that ends half-way."""
    yield body[: len(body) // 2]
    raise ConnectionAbortedError("the demo hospital breaks off")


class _Server(uvicorn.Server):
    """Says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.is_up.set()


def _listen(port: int) -> socket.socket:
    """A listening socket that names TCP: asyncio sets TCP_NODELAY only then (else 44 ms an answer)."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((LOOPBACK, port))
    return listener
