"""The FHIR doors as a caller meets them, and Patients to send. All people are invented."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2

from gateway.permissions import Role
from tests.integration.hub_world import Hub, answering

NATID = "urn:oid:2.999.1.9"
LKM = "https://lkm.example/ids"
FHIR_JSON = "application/fhir+json"


def patient(number: str = "NGH|0007", /, **fields: Any) -> dict[str, Any]:
    """A Patient with everything a match needs; ``fields`` replace, add, or (``None``) take away."""
    system, _, value = number.rpartition("|")
    written: dict[str, Any] = {
        "resourceType": "Patient",
        "identifier": [{"system": system, "value": value}],
        "name": [{"use": "official", "family": "Quillfeather", "given": ["Ana"]}],
        "birthDate": "1984-03-12",
        "gender": "female",
        "telecom": [{"system": "phone", "value": "202-555-0134", "use": "home"}],
        "address": [{"use": "home", "line": ["12 Elm Rd"], "city": "Quillby", "postalCode": "00181"}],
    }
    return {name: value for name, value in (written | fields).items() if value is not None}


def replaced(identifier: str, by: str, **fields: Any) -> dict[str, Any]:
    """A Patient that was merged into another."""
    system, _, value = by.rpartition("|")
    link = {"other": {"identifier": {"system": system, "value": value}}, "type": "replaced-by"}
    return patient(identifier, active=False, link=[link], **fields)


def message(*patients: dict[str, Any], message_id: str = "m-1", **header: Any) -> dict[str, Any]:
    """An ITI-93 message with these patients in a history bundle."""
    entries = [
        {"fullUrl": f"urn:example:{n}", "resource": p, "request": {"method": "POST", "url": "Patient"}}
        for n, p in enumerate(patients)
    ]
    head = {
        "resourceType": "MessageHeader",
        "eventUri": "urn:ihe:iti:pmir:2019:patient-feed",
        "source": {"endpoint": "https://feed.example"},
    } | header
    history = {"resourceType": "Bundle", "type": "history", "entry": entries}
    return {
        "resourceType": "Bundle",
        "id": message_id,
        "type": "message",
        "entry": [{"resource": head}, {"resource": history}],
    }


def placed_request(number: str = "P-1", /, *, site: str = "NGH", patient: str = "NGH|0007", **fields: Any) -> Any:
    """A ServiceRequest of a site; ``fields`` replace, add, or (``None``) take away."""
    system, _, value = patient.rpartition("|")
    written: dict[str, Any] = {
        "resourceType": "ServiceRequest",
        "identifier": [{"system": f"urn:priorlink:order:{site}", "value": number}],
        "status": "active",
        "intent": "order",
        "priority": "routine",
        "code": {
            "text": "CT ABD/PELVIS W CONTRAST",
            "coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "74177"}],
        },
        "subject": {"identifier": {"system": system, "value": value}},
    }
    return {name: value for name, value in (written | fields).items() if value is not None}


_TERMS = "http://terminology.hl7.org/CodeSystem/"
CUSTODIAN = {"coding": [{"system": _TERMS + "v3-ParticipationType", "code": "CST"}]}


def consent(effect: str = "deny", /, *, patient: str = "NGH|0007", about: Any = None, **fields: Any) -> dict[str, Any]:
    """A Consent; ``about`` goes into its provision. ``fields`` replace, add, or (``None``) take away."""
    system, _, value = patient.rpartition("|")
    written: dict[str, Any] = {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"system": _TERMS + "consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"identifier": {"system": system, "value": value}},
        "policyRule": {"coding": [{"system": "urn:priorlink:consent-policy", "code": "one-decision"}]},
        "provision": {"type": effect, **(about or {})},
    }
    return {name: value for name, value in (written | fields).items() if value is not None}


def of_site(site: str) -> dict[str, Any]:
    """A provision's words for what a site shares."""
    return {
        "actor": [{"role": CUSTODIAN, "reference": {"identifier": {"system": "urn:priorlink:site", "value": site}}}]
    }


class FhirClient:
    """Speaks to one hub with one role unless told otherwise."""

    def __init__(self, hub: Hub | None = None, role: Role = Role.RECORDS) -> None:
        self.hub = hub or Hub(answering("NGH"))
        self.role = role

    def headers(self, role: Role | None = None, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.hub.issuer.token(role or self.role)}", **more}

    def send(
        self, method: str, path: str, body: Any = None, *, role: Role | None = None, **how: Any
    ) -> httpx2.Response:
        headers = self.headers(role, **how.pop("headers", {}))
        if body is not None:
            how["json"] = body
        return self.hub.request(method, f"/fhir{path}", headers=headers, **how)

    def post(self, path: str, body: Any, *, role: Role | None = None, **how: Any) -> httpx2.Response:
        return self.send("POST", path, body, role=role, **how)

    def create(self, resource: Any, **how: Any) -> httpx2.Response:
        return self.post("/Patient", resource, **how)

    def search_issues(self, form: dict[str, str], **how: Any) -> Any:
        """The searchset of a search for issues."""
        answer = self.send("POST", "/DetectedIssue/_search", data=form, **how)
        assert answer.status_code == 200, answer.text
        return {"entry": [], **answer.json()}

    def at_once(self, path: str, bodies: list[Any]) -> list[httpx2.Response]:
        """All requests at the same moment."""

        async def run() -> list[httpx2.Response]:
            transport = httpx2.ASGITransport(app=self.hub.app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://hub.example") as client:
                sent = (client.post(f"/fhir{path}", json=body, headers=self.headers()) for body in bodies)
                return await asyncio.gather(*sent)

        return asyncio.run(run())


def codes(answer: httpx2.Response) -> list[str]:
    """Our stable codes in an OperationOutcome."""
    body = answer.json()
    assert body["resourceType"] == "OperationOutcome", body
    return [issue["details"]["coding"][0]["code"] for issue in body["issue"]]


def grades(answer: httpx2.Response) -> list[str]:
    """Match grades of a $match answer, in order."""
    entries = [e for e in answer.json().get("entry", []) if e["search"]["mode"] == "match"]
    return [e["search"]["extension"][0]["valueCode"] for e in entries]


def values(resource: dict[str, Any]) -> list[str]:
    """system|value of a Patient's identifiers."""
    return [f"{i['system']}|{i['value']}" for i in resource["identifier"]]
