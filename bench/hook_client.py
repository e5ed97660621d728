"""An ordering system: reads what to ask from stdin, calls the hub, prints the times (milliseconds, in order)."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from typing import Any

import httpx2
from joserfc import jwt
from joserfc.jwk import ECKey

PATHS = {
    "patient-view": "/cds-services/imaging-history",
    "order-sign": "/cds-services/duplicate-imaging",
    "discovery": "/cds-services",
}


async def measure(asked: dict[str, Any]) -> list[float]:
    """Each number once, ``at_once`` at a time."""
    waiting = asyncio.Semaphore(asked["at_once"])
    limits = httpx2.Limits(max_connections=asked["at_once"], max_keepalive_connections=asked["at_once"])
    async with httpx2.AsyncClient(base_url=asked["base"], timeout=30, limits=limits, trust_env=False) as client:

        async def one(number: str) -> float:
            async with waiting:
                headers = {"Authorization": f"Bearer {token(asked)}"}
                body = None if asked["hook"] == "discovery" else request(asked, number)
                method = "GET" if body is None else "POST"
                started = time.perf_counter()
                answer = await client.request(method, PATHS[asked["hook"]], json=body, headers=headers)
                elapsed = (time.perf_counter() - started) * 1000
                if answer.status_code != 200:
                    raise AssertionError(f"expected 200, got {answer.status_code}")
                cards.append(len(answer.json().get("cards", ())))
                return elapsed

        cards: list[int] = []
        times = list(await asyncio.gather(*(one(number) for number in asked["numbers"])))
        if asked["hook"] == "order-sign" and cards.count(0) > len(cards) // 20:
            raise AssertionError(f"{cards.count(0)} of {len(cards)} answers held no card about the prior")
        return times


def token(asked: dict[str, Any]) -> str:
    """A token for one call."""
    key, now = ECKey.import_key(asked["key"]), int(time.time())
    claims = {
        "iss": asked["issuer"], "aud": asked["base"] + PATHS[asked["hook"]], "iat": now, "exp": now + 300,
        "jti": uuid.uuid4().hex,
    }  # fmt: skip
    return jwt.encode({"alg": "ES384", "kid": key.kid}, claims, key, algorithms=["ES384"])


def request(asked: dict[str, Any], number: str) -> dict[str, Any]:
    """The hook's request for one patient; an order that repeats one of the patient's priors."""
    patient = {"resourceType": "Patient", "id": "p1", "identifier": [{"system": asked["system"], "value": number}]}
    context: dict[str, Any] = {"userId": "Practitioner/d1", "patientId": "p1", "encounterId": "e1"}
    if asked["hook"] == "order-sign":
        order = {
            "resourceType": "ServiceRequest", "id": "sr1", "status": "draft", "intent": "order",
            "subject": {"reference": "Patient/p1"}, "code": {"text": "CT ABD/PELVIS W CONTRAST"},
            "priority": "routine", "identifier": [_placer_number()],
        }  # fmt: skip
        context["draftOrders"] = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": order}]}
    return {
        "hook": asked["hook"], "hookInstance": str(uuid.uuid4()), "context": context, "prefetch": {"patient": patient},
    }  # fmt: skip


def _placer_number() -> dict[str, Any]:
    """Each order is one of its own."""
    system = "http://terminology.hl7.org/CodeSystem/v2-0203"
    return {"type": {"coding": [{"system": system, "code": "PLAC"}]}, "value": uuid.uuid4().hex}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(measure(json.load(sys.stdin)))))
