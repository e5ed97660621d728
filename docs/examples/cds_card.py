"""An ordering system that asks the CDS Hooks services of a hub. Needs joserfc, to sign.

python cds_card.py HUB_URL ISSUER PRIVATE_KEY_FILE IDENTIFIER_SYSTEM PATIENT_NUMBER [OVERRIDE_REASON]

HUB_URL is what the hub's cds_hooks.base_url says: each token names the endpoint under it.
"""

import datetime as dt
import json
import pathlib
import sys
import time
import urllib.error
import urllib.request
import uuid

from joserfc import jwt
from joserfc.jwk import ECKey


def token(issuer, key, endpoint):
    """Good for this endpoint, for five minutes, for one call."""
    now = int(time.time())
    claims = {"iss": issuer, "aud": endpoint, "iat": now, "exp": now + 300, "jti": str(uuid.uuid4())}
    return jwt.encode({"alg": "ES384", "kid": key.kid, "typ": "JWT"}, claims, key, algorithms=["ES384"])


def call(issuer, key, endpoint, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token(issuer, key, endpoint)}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(endpoint, data, headers)) as response:
            return json.load(response)
    except urllib.error.HTTPError as refused:
        outcome = json.load(refused)
        sys.exit(f"{refused.code}: {outcome['issue'][0]['diagnostics']}")


def order_sign(system, number):
    order = {
        "resourceType": "ServiceRequest",
        "id": "order-1",
        "status": "draft",
        "intent": "order",
        "priority": "routine",
        "subject": {"reference": "Patient/p1"},
        "code": {"text": "CT ABD/PELVIS W CONTRAST"},
    }
    patient = {"resourceType": "Patient", "id": "p1", "identifier": [{"system": system, "value": number}]}
    return {
        "hook": "order-sign",
        "hookInstance": str(uuid.uuid4()),
        "context": {
            "userId": "Practitioner/d1",
            "patientId": "p1",
            "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": order}]},
        },
        "prefetch": {"patient": patient},
    }


def overridden(card, reason):
    return {
        "card": card["uuid"],
        "outcome": "overridden",
        "overrideReason": {"reason": {"code": reason, "system": "urn:priorlink:override-reason"}},
        "outcomeTimestamp": dt.datetime.now(dt.UTC).isoformat(),
    }


def main(url, issuer, key_file, system, number, reason=None):
    key = ECKey.import_key(json.loads(pathlib.Path(key_file).read_text()))
    services = call(issuer, key, f"{url}/cds-services")["services"]
    (service,) = (s for s in services if s["hook"] == "order-sign")
    endpoint = f"{url}/cds-services/{service['id']}"
    cards = call(issuer, key, endpoint, order_sign(system, number))["cards"]
    for card in cards:
        print(f"[{card['indicator']}] {card['summary']}")
        for suggestion in card.get("suggestions", []):
            print(f"  {suggestion['label']}: {suggestion['actions'][0]['resourceId']}")
    if not cards:
        print("no card")
    if cards and reason:
        call(issuer, key, f"{endpoint}/feedback", {"feedback": [overridden(card, reason) for card in cards]})
        print(f"told: overridden, {reason}")


if __name__ == "__main__":
    main(*sys.argv[1:])
