"""An ordering system that calls the CDS Hooks services of a hub, with its own keys."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx2
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from gateway.asgi import create_app
from gateway.cds_hooks.door import cds_routes
from gateway.settings import CdsClientSettings, CdsHooksSettings, Settings
from tests.builders import NOON
from tests.integration.hub_world import Hub

BASE = "https://hub.example"
ISSUER = "https://ehr.example"
SYSTEM = "https://ngh.example/mrn"
ORDERS = "/cds-services/duplicate-imaging"
HISTORY = "/cds-services/imaging-history"
NOW = int(NOON.timestamp())
PATIENT: dict[str, Any] = {"resourceType": "Patient", "id": "p1", "identifier": [{"system": SYSTEM, "value": "0007"}]}


def service_request(text: str = "CT ABD/PELVIS W CONTRAST", *, identity: str = "sr1", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "id": identity,
        "status": "draft",
        "intent": "order",
        "subject": {"reference": "Patient/p1"},
        "code": {"text": text, "coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "74177"}]},
        **more,
    }


def bundle(*orders: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": order} for order in orders]}


class Ehr:
    """A client. ``also`` are further settings of the CDS Hooks door."""

    def __init__(self, hub: Hub, folder: Path, *, http: httpx2.AsyncClient | None = None, **also: Any) -> None:
        self.hub = hub
        self.key = ECKey.generate_key("P-384", auto_kid=True)
        file = folder / "ehr.json"
        file.write_text(json.dumps({"keys": [self.key.as_dict(private=False)]}), encoding="utf-8")
        client = {"issuer": ISSUER, "site": "NGH", "jwks_file": file} | also.pop("client", {})
        # a machine busy with other tests is not what these are about; those about the deadline say their own
        values = {"base_url": BASE, "identifier_systems": {SYSTEM: "NGH"}, "deadline_ms": 3_000, **also}
        self.settings = CdsHooksSettings(clients=(CdsClientSettings(**client),), **values)
        self.routes = cds_routes(hub.resources, self.settings, http=http)
        self.app = create_app(hub.resources, Settings(), routes=self.routes)

    def token(self, path: str, *, key: Any = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
        said = {"iss": ISSUER, "aud": BASE + path, "iat": NOW, "exp": NOW + 300, "jti": uuid.uuid4().hex, **claims}
        signing = key or self.key
        names = {"alg": "ES384", "kid": self.key.kid, **(header or {})}
        kept = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(names, kept, signing, algorithms=[str(names["alg"])])

    def body(self, hook: str, *orders: dict[str, Any], **changes: Any) -> dict[str, Any]:
        context: dict[str, Any] = {"userId": "Practitioner/d1", "patientId": "p1", "encounterId": "e1"}
        if hook != "patient-view":
            context["draftOrders"] = bundle(*orders)
        if hook == "order-select":
            context["selections"] = [f"ServiceRequest/{order['id']}" for order in orders]
        body = {
            "hook": hook,
            "hookInstance": str(uuid.uuid4()),
            "context": context,
            "prefetch": {"patient": PATIENT},
            **changes,
        }
        return {name: value for name, value in body.items() if value is not None}

    def call(self, path: str, body: Any = None, *, token: str | None = None, method: str = "POST") -> httpx2.Response:
        return asyncio.run(self.call_async(path, body, token=token, method=method))

    async def call_async(
        self, path: str, body: Any = None, *, token: str | None = None, method: str = "POST"
    ) -> httpx2.Response:
        transport = httpx2.ASGITransport(app=self.app, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {self.token(path) if token is None else token}"}
        async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
            return await client.request(method, path, json=body, headers=headers)

    def cards(self, hook: str, *orders: dict[str, Any], **changes: Any) -> list[dict[str, Any]]:
        path = HISTORY if hook == "patient-view" else ORDERS
        answer = self.call(path, self.body(hook, *orders, **changes))
        assert answer.status_code == 200, answer.text
        cards: list[dict[str, Any]] = answer.json()["cards"]
        return cards


def forged(ehr: Ehr, path: str, algorithm: str) -> str:
    """A token whose signature is a secret everybody may know, or none at all."""
    if algorithm == "none":
        import base64

        def part(document: dict[str, Any]) -> str:
            return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()

        claims = {"iss": ISSUER, "aud": BASE + path, "iat": NOW, "exp": NOW + 300, "jti": "x"}
        return f"{part({'alg': 'none', 'kid': ehr.key.kid})}.{part(claims)}."
    secret = OctKey.import_key(json.dumps(ehr.key.as_dict(private=False)).encode())
    return ehr.token(path, key=secret, header={"alg": algorithm})


def rsa_key() -> Any:
    return RSAKey.generate_key(2048, auto_kid=True)


def issues(answer: httpx2.Response) -> Iterable[str]:
    document = answer.json()
    assert document["resourceType"] == "OperationOutcome"
    return [issue["diagnostics"] for issue in document["issue"]]
