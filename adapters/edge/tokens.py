"""Tokens by which the hub and an edge agent know each other: signed, for one receiver, short-lived.

Source: RFC 7519 (JWT), RFC 8725 (best current practices).
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.errors import BadSignatureError, ExpiredTokenError, InvalidClaimError, InvalidKeyIdError, JoseError
from joserfc.jwk import ECKey, Key
from joserfc.jws import JWSRegistry

from adapters.edge.errors import TokenRefused
from adapters.edge.keys import KeySetFile

ALGORITHM = "ES256"
LIFETIME_SECONDS = 60
LONGEST_LIFETIME_SECONDS = 300
LEEWAY_SECONDS = 30
_LONGEST_TOKEN = 4096
_LONGEST_ID = 64

Clock = Callable[[], dt.datetime]


@dataclass(frozen=True, slots=True)
class Signer:
    """Makes a fresh token for one receiver at each call."""

    key: ECKey = field(repr=False)
    issuer: str
    audience: str
    clock: Clock
    lifetime_seconds: int = LIFETIME_SECONDS

    def __call__(self) -> str:
        now = int(self.clock().timestamp())
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "iat": now,
            "exp": now + self.lifetime_seconds,
            "jti": uuid.uuid4().hex,
        }
        return jwt.encode({"alg": ALGORITHM, "kid": self.key.kid}, claims, self.key)


@dataclass(frozen=True, slots=True)
class Machine:
    """The other side, as its token says. ``request_id`` is the token's own id."""

    name: str
    request_id: str


@dataclass(frozen=True, slots=True)
class TokenGate:
    """Lets the holder of one issuer's tokens in, if they were made for us alone and a moment ago."""

    keys: KeySetFile
    issuer: str
    audience: str
    clock: Clock

    def check(self, token: str) -> Machine:
        """The machine behind a token.

        Raises:
            TokenRefused: with a stable reason (``token_expired``, ``claim_aud``, ``bad_signature`` ...).
        """
        if not token or len(token) > _LONGEST_TOKEN:
            raise TokenRefused("malformed_token")
        try:
            claims = jwt.decode(token, self._key_of, registry=JWSRegistry(algorithms=[ALGORITHM])).claims
            self._registry().validate(claims)
        except JoseError as error:
            raise TokenRefused(_reason_of(error)) from None
        except (ValueError, TypeError, AttributeError):
            raise TokenRefused("malformed_token") from None
        return self._machine_of(claims)

    def check_header(self, authorization: str | None) -> Machine:
        """The machine behind an Authorization header.

        Raises:
            TokenRefused: as ``check``, or ``no_token``.
        """
        scheme, _, token = (authorization or "").strip().partition(" ")
        if scheme.lower() != "bearer":
            raise TokenRefused("no_token")
        return self.check(token.strip())

    def _key_of(self, token: Any) -> Key:
        kid = token.headers().get("kid")
        if not isinstance(kid, str):
            raise InvalidKeyIdError("kid is not text")
        return self.keys.key(kid)

    def _registry(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=int(self.clock().timestamp()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self.audience},
            exp={"essential": True},
            iat={"essential": True},
            jti={"essential": True},
        )

    def _machine_of(self, claims: dict[str, Any]) -> Machine:
        if not isinstance(claims["aud"], str):
            # a list would let one receiver show the token to the next
            raise TokenRefused("claim_aud")
        if claims["exp"] - claims["iat"] > LONGEST_LIFETIME_SECONDS:
            raise TokenRefused("lives_too_long")
        request_id = claims["jti"]
        if not isinstance(request_id, str) or not request_id.isalnum() or len(request_id) > _LONGEST_ID:
            raise TokenRefused("claim_jti")
        return Machine(self.issuer, request_id)


def _reason_of(error: JoseError) -> str:
    if isinstance(error, ExpiredTokenError):
        return "token_expired"
    if isinstance(error, BadSignatureError):
        return "bad_signature"
    if isinstance(error, InvalidKeyIdError):
        return "unknown_key"
    claim = str(getattr(error, "claim", "") or "").split(",")[0]
    if isinstance(error, InvalidClaimError) or claim:
        return f"claim_{claim}" if claim in {"iss", "aud", "exp", "iat", "jti", "nbf"} else "claim_refused"
    return "malformed_token"
