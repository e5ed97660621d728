"""A hospital's EHR on loopback that opens other programs on a patient: SMART App Launch and a FHIR Patient.

Its own page lists its patients; who follows a link is a clinician who signed in there before.
Source: SMART App Launch 2.2, FHIR R4 Patient.
"""

from __future__ import annotations

import datetime as dt
import html
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from adapters.simulated.authorization_server import Refusal, utc_now
from adapters.simulated.sign_in_host import SignInHost
from adapters.simulated.sign_in_pages import page

ROOT = "/fhir"


@dataclass(frozen=True, slots=True)
class Chart:
    """A patient of the EHR: the resource's id, what the list shows, and (system, value) of each number."""

    patient_id: str
    label: str
    identifiers: tuple[tuple[str, str], ...]


class LaunchingEhr(SignInHost):
    """Serves the EHR from a thread of its own. ``launch_url`` is where the opened program takes launches."""

    def __init__(
        self,
        name: str,
        charts: Sequence[Chart],
        *,
        clinician: str = "dr-okafor",
        clock: Callable[[], dt.datetime] = utc_now,
    ) -> None:
        self.charts, self.launch_url = {one.patient_id: one for one in charts}, ""
        self.asked_for: list[str] = []
        self.patient_changes: dict[str, Any] = {}
        self._clinician = clinician
        self._launches: dict[str, str] = {}
        routes = [
            Route("/", self._list),
            Route("/open/{patient_id}", self._open),
            Route(f"{ROOT}/.well-known/smart-configuration", self._metadata),
            Route(f"{ROOT}/Patient/{{patient_id}}", self._patient),
            Route("/authorize", self._authorize),
        ]
        super().__init__(name, "launching-ehr", routes, clock, path=ROOT)

    @property
    def iss(self) -> str:
        """Its FHIR address, as it names itself in a launch."""
        return self.issuer

    def launch_address(self, patient_id: str) -> str:
        """A new launch of the program on this patient."""
        handle = secrets.token_urlsafe(16)
        self._launches[handle] = patient_id
        return f"{self.launch_url}?{urlencode({'iss': self.iss, 'launch': handle})}"

    async def _list(self, _: Request) -> Response:
        items = "".join(
            f'<li><a class="button" href="/open/{html.escape(one.patient_id)}">{html.escape(one.label)}</a></li>'
            for one in self.charts.values()
        )
        return HTMLResponse(page(self.name, f"<p>Open a patient's imaging in Priorlink:</p><ul>{items}</ul>"))

    async def _open(self, request: Request) -> Response:
        return RedirectResponse(self.launch_address(request.path_params["patient_id"]), 303)

    async def _metadata(self, _: Request) -> Response:
        return await self.metadata_with(
            capabilities=["launch-ehr", "context-ehr-patient", "sso-openid-connect", "permission-v2"]
        )

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        patient_id = self._launches.pop(asked.get("launch", ""), None)
        try:
            if patient_id is None or asked.get("aud") != self.iss:
                return RedirectResponse(self.server.back_without(asked, "invalid_request"), 303)
            who = {"sub": self._clinician, "fhirUser": f"{self.iss}/Practitioner/{self._clinician}"}
            return RedirectResponse(self.server.back(asked, who, {"patient": patient_id}), 303)
        except Refusal as refusal:
            return HTMLResponse(page(self.name, f"<p>{refusal.error}</p>"), 400)

    async def _patient(self, request: Request) -> Response:
        """The patient of the launch that the token was given for, and nobody else."""
        patient_id = request.path_params["patient_id"]
        self.asked_for.append(patient_id)
        context = self.server.context(request.headers.get("authorization", ""))
        chart = self.charts.get(patient_id)
        if context is None or context.get("patient") != patient_id or chart is None:
            outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden"}]}
            return JSONResponse(outcome, 403 if context is not None else 401, media_type="application/fhir+json")
        resource: Mapping[str, Any] = {
            "resourceType": "Patient",
            "id": patient_id,
            "identifier": [{"system": system, "value": value} for system, value in chart.identifiers],
            **self.patient_changes,
        }
        return JSONResponse(resource, media_type="application/fhir+json")
