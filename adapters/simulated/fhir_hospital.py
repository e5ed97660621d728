"""A demo hospital's archive as a real FHIR server on loopback: Patient and ImagingStudy search, R4 or R5.

It is strict: parameters it does not know are refused, pages are cut by the server and linked by opaque addresses.
Source: FHIR R4 3.1.1 (search), 2.21 (OperationOutcome).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from adapters.simulated.faults import Fault, FaultSwitch
from adapters.simulated.fhir_resources import imaging_study, patient_resource
from adapters.simulated.hospital import SimulatedHospital
from adapters.simulated.web_server import LOOPBACK, WebServer, break_off, drip, suffer

ROOT = "/fhir"
_MEDIA_TYPE = "application/fhir+json"
_LARGEST_PAGE = 50
_PAGING = frozenset({"_count", "_page"})
_KNOWN = {
    "Patient": _PAGING | {"identifier", "_id"},
    "ImagingStudy": _PAGING | {"patient", "subject", "patient.identifier", "_include"},
}
_INCLUDES = frozenset({"ImagingStudy:endpoint", "ImagingStudy:patient", "ImagingStudy:subject"})

Resource = Mapping[str, Any]


class FhirVersion(Enum):
    """Which shape of ImagingStudy it speaks."""

    R4 = "4.0.1"
    R5 = "5.0.0"


class FhirHospital:
    """Serves one hospital from a thread of its own. ``identifier_system`` names its patient numbers."""

    def __init__(
        self,
        hospital: SimulatedHospital,
        *,
        version: FhirVersion = FhirVersion.R4,
        identifier_system: str = "urn:oid:2.999.1.7",
        bearer_token: str | None = None,
        page_size: int = _LARGEST_PAGE,
    ) -> None:
        self.hospital = hospital
        self.faults = FaultSwitch()
        self.identifier_system = identifier_system
        self.connections: set[tuple[str, int]] = set()
        self._version = version
        self._bearer_token = bearer_token
        self._page_size = page_size
        ids = {patient.local_patient_id: f"p{number}" for number, patient in enumerate(hospital.patients, start=1)}
        self._patients = [patient_resource(p, ids[p.local_patient_id], identifier_system) for p in hospital.patients]
        newest_first = sorted(hospital.studies, key=lambda study: study.started_at, reverse=True)
        self._studies = [
            imaging_study(study, f"i{number}", ids[study.local_patient_id], is_r5=version is FhirVersion.R5)
            for number, study in enumerate(newest_first, start=1)
        ]
        routes = [
            Route(f"{ROOT}/metadata", self._metadata),
            Route(f"{ROOT}/Patient", partial(self._search, resource_type="Patient")),
            Route(f"{ROOT}/ImagingStudy", partial(self._search, resource_type="ImagingStudy")),
            Route(f"{ROOT}/Patient/{{patient_id}}", self._read_patient),
        ]
        self._web = WebServer(Starlette(routes=routes), f"fhir-{hospital.site_id}", self.faults)

    @property
    def port(self) -> int:
        """The port it listens on; 0 before the first start."""
        return self._web.port

    @property
    def base_url(self) -> str:
        """The FHIR root."""
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

    async def _metadata(self, request: Request) -> Response:
        types = [{"type": name} for name in ("Patient", "ImagingStudy")]
        statement = {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "fhirVersion": self._version.value,
            "software": {"name": "demo hospital"},
            "rest": [{"mode": "server", "resource": types}],
        }
        return await self._answer(request, lambda: statement)

    async def _search(self, request: Request, resource_type: str) -> Response:
        unknown = set(request.query_params) - _KNOWN[resource_type]
        bad_includes = set(request.query_params.getlist("_include")) - _INCLUDES
        if unknown or bad_includes:
            return _outcome(400, "not-supported")
        return await self._answer(request, lambda: self._bundle(request, resource_type))

    async def _read_patient(self, request: Request) -> Response:
        found = [p for p in self._patients if p["id"] == request.path_params["patient_id"]]
        return await self._answer(request, lambda: found[0]) if found else _outcome(404, "not-found")

    async def _answer(self, request: Request, make: Callable[[], Resource]) -> Response:
        if request.client is not None:
            self.connections.add((request.client.host, request.client.port))
        await suffer(self.faults)
        if self._bearer_token is not None and request.headers.get("authorization") != f"Bearer {self._bearer_token}":
            return _outcome(401, "login")
        fault = self.faults.fault
        if fault is Fault.SERVER_ERROR:
            return _outcome(500, "exception")
        if fault is Fault.LOGIN_PAGE:
            return HTMLResponse("<html><title>Sign in</title></html>")
        body = json.dumps(make(), ensure_ascii=False).encode()
        if fault is Fault.SLOW_DRIP:
            return StreamingResponse(drip(body), media_type=_MEDIA_TYPE)
        if fault is Fault.ABORT:
            return StreamingResponse(
                break_off(body), media_type=_MEDIA_TYPE, headers={"content-length": str(len(body))}
            )
        return Response(body, media_type=_MEDIA_TYPE)

    def _bundle(self, request: Request, resource_type: str) -> Resource:
        found = self._patients if resource_type == "Patient" else self._studies
        matches = [resource for resource in found if self._matches(resource, request)]
        start = _number(request.query_params.get("_page", ""), 0)
        size = min(_number(request.query_params.get("_count", ""), self._page_size) or 1, self._page_size)
        page = matches[start : start + size]
        following = request.url.include_query_params(_page=start + size)
        links = [{"relation": "self", "url": str(request.url)}]
        links += [{"relation": "next", "url": str(following)}] if start + size < len(matches) else []
        included = self._included(page, request)
        return {
            "resourceType": "Bundle",
            "type": "searchset",
            "total": len(matches),
            "link": links,
            "entry": [*(self._entry(r, "match") for r in page), *(self._entry(r, "include") for r in included)],
        }

    def _included(self, page: Sequence[Resource], request: Request) -> list[Resource]:
        wanted = {"ImagingStudy:patient", "ImagingStudy:subject"} & set(request.query_params.getlist("_include"))
        named = {study["subject"]["reference"] for study in page} if wanted else set()
        return [patient for patient in self._patients if f"Patient/{patient['id']}" in named]

    def _entry(self, resource: Resource, mode: str) -> Resource:
        url = f"{self.base_url}/{resource['resourceType']}/{resource['id']}"
        return {"fullUrl": url, "resource": resource, "search": {"mode": mode}}

    def _matches(self, resource: Resource, request: Request) -> bool:
        """Every parameter must fit; the values of one are alternatives."""
        query = request.query_params
        if resource["resourceType"] == "Patient":
            return _has_token(resource, query.get("identifier"))
        asked = [query[name] for name in ("patient", "subject") if name in query]
        reference = resource["subject"]["reference"]
        if any(reference not in {_reference(part) for part in text.split(",")} for text in asked):
            return False
        patient = next(p for p in self._patients if f"Patient/{p['id']}" == reference)
        return _has_token(patient, query.get("patient.identifier"))


def _has_token(resource: Resource, asked: str | None) -> bool:
    """Whether an identifier fits ``system|value`` or ``value``; nothing asked for fits all."""
    if asked is None:
        return True
    mine = {f"{i['system']}|{i['value']}" for i in resource["identifier"]} | {
        i["value"] for i in resource["identifier"]
    }
    return not mine.isdisjoint(asked.split(","))


def _reference(text: str) -> str:
    return text if "/" in text else f"Patient/{text}"


def _number(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdigit() else default


def _outcome(status: int, code: str) -> Response:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code}]}
    return Response(json.dumps(outcome), status_code=status, media_type=_MEDIA_TYPE)
