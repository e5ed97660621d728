"""HL7 v2 over TCP: the listener, and a client that sends messages and waits for each acknowledgement.

Messages of one connection are handled and answered in order; connections side by side. Handling runs in threads, so
that the loop is free for the other connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from adapters.hl7v2.framing import Frame, FrameReader, framed

_READ_BYTES = 65_536
_SEND_TIMEOUT_SECONDS = 30.0
_HANDSHAKE_TIMEOUT_SECONDS = 10.0

Handle = Callable[[bytes], bytes]
Observe = Callable[[str, Mapping[str, object]], None]


@dataclass(frozen=True, slots=True)
class MllpSettings:
    """``port`` 0 takes any free one. A connection that is silent for ``idle_timeout_seconds`` is closed."""

    host: str = "127.0.0.1"
    port: int = 2575
    max_frame_bytes: int = 16 * 1024 * 1024
    idle_timeout_seconds: float = 600.0
    max_connections: int = 100
    worker_threads: int = 4


class MllpListener:
    """``async with MllpListener(...) as listener`` listens until left; leaving finishes the messages in hand."""

    def __init__(
        self,
        handle: Handle,
        *,
        refuse_oversized: Handle,
        settings: MllpSettings,
        observe: Observe,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._handle = handle
        self._refuse_oversized = refuse_oversized
        self._settings = settings
        self._observe = observe
        self._tls = tls
        self._stopping = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(settings.worker_threads, thread_name_prefix="hl7")
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port listened on."""
        assert self._server is not None  # noqa: S101 - asked inside ``async with``
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aenter__(self) -> MllpListener:
        self._server = await asyncio.start_server(
            self._connected,
            self._settings.host,
            self._settings.port,
            ssl=self._tls,
            ssl_handshake_timeout=None if self._tls is None else _HANDSHAKE_TIMEOUT_SECONDS,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Take no more connections, finish and answer the messages in hand, then close."""
        self._stopping.set()
        if self._server is not None:
            self._server.close()
        if self._connections:
            await asyncio.wait(self._connections)
        self._threads.shutdown()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - the server runs this as a task
        if self._stopping.is_set() or len(self._connections) >= self._settings.max_connections:
            self._observe("mllp_connection_refused", {"open_connections": len(self._connections)})
            writer.close()
            return
        self._connections.add(task)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, TimeoutError) as error:
            self._observe("mllp_connection_lost", {"error": type(error).__name__})
        finally:
            self._connections.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = FrameReader(max_frame_bytes=self._settings.max_frame_bytes)
        async for data in self._incoming(reader):
            for frame in frames.feed(data):
                answer = await self._answer(frame)
                writer.write(framed(answer))
                async with asyncio.timeout(_SEND_TIMEOUT_SECONDS):
                    await writer.drain()
                if self._stopping.is_set():
                    return

    async def _incoming(self, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
        """What the connection sends, until it ends, is idle for too long, or the listener stops."""
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            while True:
                reading = asyncio.create_task(reader.read(_READ_BYTES))
                await asyncio.wait(
                    {reading, stopping},
                    timeout=self._settings.idle_timeout_seconds,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if not reading.done():
                    reading.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await reading
                    self._observe("mllp_connection_closed", {"is_idle": not stopping.done()})
                    return
                if not (data := reading.result()):
                    return
                yield data
        finally:
            stopping.cancel()

    async def _answer(self, frame: Frame) -> bytes:
        handle = self._refuse_oversized if frame.is_oversized else self._handle
        return await asyncio.get_running_loop().run_in_executor(self._threads, handle, frame.content)


async def send_messages(
    host: str,
    port: int,
    messages: Iterable[bytes],
    *,
    timeout_seconds: float = 30.0,
    max_frame_bytes: int = 1024 * 1024,
    tls: ssl.SSLContext | None = None,
) -> list[bytes]:
    """Send each message over one connection and wait for its acknowledgement before the next.

    Raises:
        ConnectionError: no connection, or closed before an acknowledgement came.
        TimeoutError: no acknowledgement within ``timeout_seconds``.
    """
    acknowledgements: list[bytes] = []
    async with asyncio.timeout(timeout_seconds):
        reader, writer = await asyncio.open_connection(host, port, ssl=tls)
    try:
        frames = FrameReader(max_frame_bytes=max_frame_bytes)
        for message in messages:
            async with asyncio.timeout(timeout_seconds):
                writer.write(framed(message))
                await writer.drain()
                acknowledgements.append(await _next_frame(reader, frames))
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    return acknowledgements


async def _next_frame(reader: asyncio.StreamReader, frames: FrameReader) -> bytes:
    while True:
        data = await reader.read(_READ_BYTES)
        if not data:
            raise ConnectionResetError("connection closed before the acknowledgement")
        if complete := frames.feed(data):
            return complete[0].content
