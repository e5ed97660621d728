"""Tells one configured receiver of something by HTTP POST, signed, so that the receiver knows whom it is from.

    X-Priorlink-Timestamp: seconds since 1970
    X-Priorlink-Signature: sha256=HMAC-SHA256(secret, timestamp + "." + body), hexadecimal
    X-Priorlink-Delivery: the same for every attempt, so that a repeat can be dropped

The address is the operator's: nothing that a message or a caller says leads anywhere else, and redirects are not
followed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Mapping

import httpx2

TIMEOUT_SECONDS = 5.0


class DeliveryFailed(Exception):
    """Not taken; ``reason`` is a stable code. It may be taken later."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SignedDelivery:
    """Posts JSON documents to one address."""

    def __init__(self, url: str, secret: bytes, *, client: httpx2.Client | None = None) -> None:
        self._url = url
        self._secret = secret
        self._client = client or httpx2.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False)

    def send(self, document: Mapping[str, object], *, delivery_id: str, at: dt.datetime) -> None:
        """Deliver once.

        Raises:
            DeliveryFailed: no answer, or one that is not 2xx.
        """
        body = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
        timestamp = str(int(at.timestamp()))
        headers = {
            "Content-Type": "application/json",
            "X-Priorlink-Delivery": delivery_id,
            "X-Priorlink-Timestamp": timestamp,
            "X-Priorlink-Signature": signature(self._secret, timestamp, body),
        }
        try:
            answer = self._client.post(self._url, content=body, headers=headers)
        except httpx2.HTTPError as error:
            raise DeliveryFailed(type(error).__name__) from None
        if not answer.is_success:
            raise DeliveryFailed(f"http_{answer.status_code}")

    def close(self) -> None:
        """Give up connections."""
        self._client.close()


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """What the signature header must hold."""
    return "sha256=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
