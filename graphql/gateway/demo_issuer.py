"""An issuer of tokens for demonstrations and tests: its key lives in memory and is gone with the process."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from gateway.permissions import Role


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class DemoIssuer:
    """Makes ES256 tokens and shows the public key to check them with."""

    def __init__(
        self,
        *,
        issuer: str = "https://issuer.example",
        audience: str = "priorlink",
        clock: Callable[[], dt.datetime] = _utc_now,
    ) -> None:
        self.issuer = issuer
        self.audience = audience
        self._clock = clock
        self._key = ECKey.generate_key("P-256", auto_kid=True)

    @property
    def jwks(self) -> dict[str, Any]:
        """The public key as a JWK Set."""
        return {"keys": [{**self._key.as_dict(private=False), "use": "sig", "alg": "ES256"}]}

    def claims(self, *roles: Role, subject: str = "", lifetime_seconds: int = 3600) -> dict[str, Any]:
        """The claims of a token that the hub takes."""
        now = int(self._clock().timestamp())
        return {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": subject or f"demo-{'-'.join(role.value for role in roles) or 'nobody'}",
            "iat": now,
            "nbf": now,
            "exp": now + lifetime_seconds,
            "roles": [role.value for role in roles],
            "purpose_of_use": "TREAT",
        }

    def token(self, *roles: Role, subject: str = "", lifetime_seconds: int = 3600) -> str:
        """A token for somebody with these roles."""
        return self.sign(self.claims(*roles, subject=subject, lifetime_seconds=lifetime_seconds))

    def sign(self, claims: dict[str, Any], *, without: Iterable[str] = ()) -> str:
        """A token with exactly these claims."""
        kept = {name: value for name, value in claims.items() if name not in set(without)}
        return jwt.encode({"alg": "ES256", "kid": self._key.kid}, kept, self._key)
