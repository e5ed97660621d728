"""Tokens of the hub for listed programs: in goes an assertion signed with the program's own key, out a short token.

Source: RFC 7523 (client assertions), RFC 6749 4.4 (client credentials), SMART Backend Services. No secret is shared:
the program keeps its key, the hub its own. An assertion is taken once.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.jws import extract_compact

from adapters.edge.errors import UnusableKey
from adapters.edge.keys import load_private_key
from gateway.access_settings import AuthSettings, ServiceClientSettings
from gateway.authentication import Authenticate, Caller, TokenVerifier
from gateway.cds_hooks.client_auth import CdsClient, ClientVerifier
from gateway.errors import ConfigurationError, NotAuthenticated
from gateway.signing_keys import FileKeys, FixedKeys, UrlKeys
from gateway.used_tokens import UseToken

LONGEST_ASSERTION_SECONDS = 300


class ScopeRefused(Exception):
    """The client asks for a scope that it was not given."""


@dataclass(frozen=True, slots=True)
class GivenToken:
    """A token with what its answer says of it."""

    token: str
    client_id: str
    expires_in_seconds: int
    scope: str


class ServiceTokens:
    """Gives tokens, and knows them again."""

    def __init__(
        self, settings: AuthSettings, url: str, key: ECKey, clock: Callable[[], dt.datetime], use_token: UseToken
    ) -> None:
        self.url = url
        self._key, self._clock = key, clock
        self._audience, self._lifetime_seconds = settings.audience, settings.service.lifetime_seconds
        self._clients: Mapping[str, ServiceClientSettings] = {c.client_id: c for c in settings.service.clients}
        self._assertions = ClientVerifier(
            {
                one.client_id: CdsClient(
                    one.client_id,
                    "",
                    FileKeys(one.jwks_file) if one.jwks_file is not None else UrlKeys(one.jwks_url or ""),
                )
                for one in settings.service.clients
            },
            clock,
            longest_life_seconds=LONGEST_ASSERTION_SECONDS,
            use_token=use_token,
        )
        public = {"keys": [{**key.as_dict(private=False), "use": "sig", "alg": "ES256"}]}
        self.verifier = TokenVerifier(FixedKeys(public), url, settings.audience, clock, settings.leeway_seconds)

    def give(self, assertion: str, scope: str) -> GivenToken:
        """A token for the client behind the assertion. Sync, for a thread.

        Raises:
            NotAuthenticated: the assertion is not taken.
            ScopeRefused: a scope that the client was not given.
        """
        client_id = self._assertions(f"Bearer {assertion}", self.url).issuer
        if _claims_of(assertion).get("sub") != client_id:
            raise NotAuthenticated("claim_sub")
        client = self._clients[client_id]
        asked = frozenset(scope.split()) or frozenset(client.scopes)
        if not asked <= frozenset(client.scopes):
            raise ScopeRefused("scope")
        granted = " ".join(one for one in client.scopes if one in asked)
        now = int(self._clock().timestamp())
        claims: dict[str, Any] = {
            "iss": self.url,
            "aud": self._audience,
            "sub": client_id,
            "jti": uuid.uuid4().hex,
            "iat": now,
            "exp": now + self._lifetime_seconds,
            "roles": list(client.roles),
            "purpose_of_use": client.purpose_of_use,
            **({"scope": granted} if granted else {}),
            **({} if client.sites is None else {"sites": list(client.sites)}),
        }
        token = jwt.encode({"alg": "ES256", "kid": self._key.kid}, claims, self._key)
        return GivenToken(token, client_id, self._lifetime_seconds, granted)


@dataclass(frozen=True, slots=True)
class EitherIssuer:
    """Tokens of the hub's issuer, and of the hub itself. Which keys to take is all that the unchecked ``iss`` says."""

    issuer: Authenticate
    own: ServiceTokens

    def __call__(self, authorization: str | None) -> Caller:
        """The caller behind an Authorization header.

        Raises:
            NotAuthenticated: as the one whose token it claims to be.
        """
        claimed = _claims_of((authorization or "").strip().partition(" ")[2].strip()).get("iss")
        return self.own.verifier(authorization) if claimed == self.own.url else self.issuer(authorization)


def service_tokens(
    settings: AuthSettings, *, clock: Callable[[], dt.datetime], use_token: UseToken
) -> ServiceTokens | None:
    """What the settings ask for; ``None`` when the hub gives no tokens.

    Raises:
        ConfigurationError: the key cannot be used, or two clients have one id.
    """
    if settings.service.url is None or settings.service.signing_key_file is None:
        return None
    ids = [client.client_id for client in settings.service.clients]
    if len(set(ids)) != len(ids):
        raise ConfigurationError("auth.service.clients: two clients have the same id")
    try:
        key = load_private_key(settings.service.signing_key_file)
    except UnusableKey as error:
        raise ConfigurationError(f"auth.service.signing_key_file: {error}") from error
    return ServiceTokens(settings, settings.service.url, key, clock, use_token)


def _claims_of(token: str) -> Mapping[str, Any]:
    """What a token says, unchecked: nothing in it is believed."""
    try:
        claims = orjson.loads(extract_compact(token.encode()).payload)
    except (JoseError, ValueError, TypeError):
        return {}
    return claims if isinstance(claims, dict) else {}
