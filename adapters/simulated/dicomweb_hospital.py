"""A demo hospital's archive as a real QIDO-RS server on loopback. Source: DICOM PS3.18 10.6."""

from __future__ import annotations

import asyncio
import fnmatch
import json
import socket
import threading
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from adapters.simulated.faults import Fault, FaultSwitch
from adapters.simulated.hospital import SimulatedHospital, study_rows

ROOT = "/dicom-web"
_LOOPBACK = "127.0.0.1"
_MEDIA_TYPE = "application/dicom+json"
_DRIP_SECONDS = 0.2
_POLL_SECONDS = 0.02
_START_SECONDS = 10.0
_STOP_SECONDS = 5.0
_MATCHED = {
    "PatientID": "00100020",
    "00100020": "00100020",
    "StudyInstanceUID": "0020000D",
    "0020000D": "0020000D",
    "AccessionNumber": "00080050",
    "00080050": "00080050",
}
_ONLY_IF_ASKED = {"00081030": "StudyDescription", "00100021": "IssuerOfPatientID", "00180015": "BodyPartExamined"}


class DicomwebHospital:
    """Serves one hospital from a thread of its own."""

    def __init__(self, hospital: SimulatedHospital, *, bearer_token: str | None = None) -> None:
        self.hospital = hospital
        self.faults = FaultSwitch()
        self.request_count = 0
        self.connections: set[tuple[str, int]] = set()
        self._bearer_token = bearer_token
        self._rows = study_rows(hospital)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._port = 0

    @property
    def port(self) -> int:
        """The port it listens on; 0 before the first start."""
        return self._port

    @property
    def base_url(self) -> str:
        """The DICOMweb root."""
        return f"http://{_LOOPBACK}:{self._port}{ROOT}"

    def start(self) -> int:
        """Listen on loopback (any free port; the same again after a stop). Returns the port once it answers.

        Raises:
            OSError: the port is taken.
            RuntimeError: the server did not come up.
        """
        listener = _listen(self._port)
        self._port = listener.getsockname()[1]
        app = Starlette(routes=[Route(f"{ROOT}/studies", self._search)])
        config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=1)
        server = _Server(config)
        thread = threading.Thread(
            target=lambda: asyncio.run(server.serve(sockets=[listener])),
            name=f"dicomweb-{self.hospital.site_id}",
            daemon=True,
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
        self.faults.changed.set()
        server.should_exit = True
        server.force_exit = True
        thread.join(_STOP_SECONDS)

    def set_fault(self, fault: Fault, *, latency_ms: int = 0) -> None:
        """Switch trouble on or off. REFUSE closes the listener, anything else opens it again."""
        self.faults.set(fault, latency_ms=latency_ms)
        if fault is Fault.REFUSE:
            self.stop()
        elif self._server is None and self._port:
            self.start()

    async def _search(self, request: Request) -> Response:
        self.request_count += 1
        if request.client is not None:
            self.connections.add((request.client.host, request.client.port))
        await self._wait()
        if self._bearer_token is not None and request.headers.get("authorization") != f"Bearer {self._bearer_token}":
            return PlainTextResponse("who are you?", status_code=401)
        fault = self.faults.fault
        if fault is Fault.SERVER_ERROR:
            return PlainTextResponse("the archive is unwell", status_code=500)
        if fault is Fault.LOGIN_PAGE:
            return HTMLResponse("<html><title>Sign in</title></html>")
        rows = self._page(request)
        if not rows:
            return Response(status_code=204)
        body = json.dumps(rows, ensure_ascii=False).encode()
        if fault is Fault.SLOW_DRIP:
            return StreamingResponse(_drip(body), media_type=_MEDIA_TYPE)
        if fault is Fault.ABORT:
            return StreamingResponse(
                _break_off(body), media_type=_MEDIA_TYPE, headers={"content-length": str(len(body))}
            )
        return Response(body, media_type=_MEDIA_TYPE)

    async def _wait(self) -> None:
        changed = self.faults.changed
        if self.faults.fault is Fault.HANG:
            while not changed.is_set():
                await asyncio.sleep(_POLL_SECONDS)
        elif self.faults.latency_ms:
            await asyncio.sleep(self.faults.latency_ms / 1000)

    def _page(self, request: Request) -> list[dict[str, Any]]:
        asked = [(tag, request.query_params[name]) for name, tag in _MATCHED.items() if name in request.query_params]
        found = [row for row in self._rows if all(_matches(row, tag, value) for tag, value in asked)]
        offset = _number(request, "offset", 0)
        limit = _number(request, "limit", 100)
        wanted = {name for text in request.query_params.getlist("includefield") for name in text.split(",")}
        return [_asked_for(row, wanted) for row in found[offset : offset + limit]]


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
    listener.bind((_LOOPBACK, port))
    return listener


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else default


def _matches(row: dict[str, Any], tag: str, asked: str) -> bool:
    values = row[tag].get("Value", [""])
    return not asked or any(fnmatch.fnmatchcase(str(value), asked.replace("[", "[[]")) for value in values)


def _asked_for(row: dict[str, Any], wanted: set[str]) -> dict[str, Any]:
    return {
        tag: element
        for tag, element in row.items()
        if tag not in _ONLY_IF_ASKED or tag in wanted or _ONLY_IF_ASKED[tag] in wanted
    }


async def _drip(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 16):
        yield body[start : start + 16]
        await asyncio.sleep(_DRIP_SECONDS)


async def _break_off(body: bytes) -> AsyncIterator[bytes]:
    yield body[: len(body) // 2]
    raise ConnectionAbortedError("the demo hospital breaks off")
