"""A demo hospital's archive as a real QIDO-RS server on loopback. Source: DICOM PS3.18 10.6."""

from __future__ import annotations

import fnmatch
import json
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from adapters.simulated.faults import Fault, FaultSwitch
from adapters.simulated.hospital import SimulatedHospital, study_rows
from adapters.simulated.web_server import LOOPBACK, WebServer, break_off, drip, suffer

ROOT = "/dicom-web"
_MEDIA_TYPE = "application/dicom+json"
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
        app = Starlette(routes=[Route(f"{ROOT}/studies", self._search)])
        self._web = WebServer(app, f"dicomweb-{hospital.site_id}", self.faults)

    @property
    def port(self) -> int:
        """The port it listens on; 0 before the first start."""
        return self._web.port

    @property
    def base_url(self) -> str:
        """The DICOMweb root."""
        return f"http://{LOOPBACK}:{self.port}{ROOT}"

    def start(self) -> int:
        """Listen on loopback; see ``WebServer``."""
        return self._web.start()

    def stop(self) -> None:
        """Stop listening and close every connection. Idempotent."""
        self._web.stop()

    def set_fault(self, fault: Fault, *, latency_ms: int = 0) -> None:
        """Switch trouble on or off. REFUSE closes the listener, anything else opens it again."""
        self._web.set_fault(fault, latency_ms=latency_ms)

    async def _search(self, request: Request) -> Response:
        self.request_count += 1
        if request.client is not None:
            self.connections.add((request.client.host, request.client.port))
        await suffer(self.faults)
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
            return StreamingResponse(drip(body), media_type=_MEDIA_TYPE)
        if fault is Fault.ABORT:
            return StreamingResponse(
                break_off(body), media_type=_MEDIA_TYPE, headers={"content-length": str(len(body))}
            )
        return Response(body, media_type=_MEDIA_TYPE)

    def _page(self, request: Request) -> list[dict[str, Any]]:
        asked = [(tag, request.query_params[name]) for name, tag in _MATCHED.items() if name in request.query_params]
        found = [row for row in self._rows if all(_matches(row, tag, value) for tag, value in asked)]
        offset = _number(request, "offset", 0)
        limit = _number(request, "limit", 100)
        wanted = {name for text in request.query_params.getlist("includefield") for name in text.split(",")}
        return [_asked_for(row, wanted) for row in found[offset : offset + limit]]


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
