"""The half of OAuth that a provider speaks, for the simulated identity provider and EHR: codes, PKCE, ID tokens.

It is strict: a client, its redirect address, the verifier and the secret must be those of the registration, and a code
is good once, for a minute. ``Trouble`` makes it break a promise. Source: RFC 6749, RFC 7636, OpenID Connect Core 3.1.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.jwk import ECKey

CODE_SECONDS = 60
TOKEN_SECONDS = 3_600


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """A program that may send people here."""

    client_id: str
    redirect_uri: str
    secret: str | None = None


@dataclass(slots=True)
class Trouble:
    """What is wrong with the answers. ``claims`` stand in ID tokens instead of the right ones (``None``: left out)."""

    claims: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)

    def clear(self) -> None:
        """All is well again."""
        for part in (self.claims, self.answer, self.parameters, self.metadata):
            part.clear()


class Refusal(Exception):
    """An OAuth error."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True, slots=True)
class _Given:
    client: RegisteredClient
    asked: Mapping[str, str]
    claims: Mapping[str, Any]
    answer: Mapping[str, Any]
    at: dt.datetime


def utc_now() -> dt.datetime:
    """The wall clock."""
    return dt.datetime.now(dt.UTC)


class AuthorizationServer:
    """Gives codes for people, and tokens for codes."""

    def __init__(self, clock: Callable[[], dt.datetime] = utc_now) -> None:
        self.trouble = Trouble()
        self.seen: list[dict[str, str]] = []
        self._clock = clock
        self._clients: dict[str, RegisteredClient] = {}
        self._codes: dict[str, _Given] = {}
        self._tokens: dict[str, Mapping[str, Any]] = {}
        self._key = ECKey.generate_key("P-256", auto_kid=True)

    @property
    def jwks(self) -> dict[str, Any]:
        """The public key."""
        return {"keys": [{**self._key.as_dict(private=False), "use": "sig", "alg": "ES256"}]}

    def change_key(self) -> None:
        """Sign with another key from now on; the old one is no longer shown."""
        self._key = ECKey.generate_key("P-256", auto_kid=True)

    def register(self, client: RegisteredClient) -> None:
        """Let a program send people here."""
        self._clients[client.client_id] = client

    def check(self, asked: Mapping[str, str]) -> RegisteredClient:
        """The client behind a request for authorization.

        Raises:
            Refusal: not one that may be answered at all.
        """
        client = self._clients.get(asked.get("client_id", ""))
        if client is None or asked.get("redirect_uri") != client.redirect_uri:
            raise Refusal("invalid_client")
        if asked.get("response_type") != "code" or asked.get("code_challenge_method") != "S256":
            raise Refusal("invalid_request")
        if not all(asked.get(name) for name in ("state", "nonce", "code_challenge", "scope")):
            raise Refusal("invalid_request")
        return client

    def back(self, asked: Mapping[str, str], claims: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
        """Where the browser goes with a code for somebody with these claims. ``answer`` joins the token's answer."""
        client = self.check(asked)
        self.seen.append(dict(asked))
        code = secrets.token_urlsafe(24)
        self._codes[code] = _Given(client, dict(asked), claims, answer, self._clock())
        sent = {"code": code, "state": asked["state"], **self.trouble.parameters}
        return f"{client.redirect_uri}?{urlencode(sent)}"

    def back_without(self, asked: Mapping[str, str], error: str) -> str:
        """Where the browser goes when nobody was signed in."""
        client = self.check(asked)
        return f"{client.redirect_uri}?{urlencode({'error': error, 'state': asked['state']})}"

    def exchange(self, sent: Mapping[str, str], authorization: str, issuer: str) -> dict[str, Any]:
        """The token answer for a code.

        Raises:
            Refusal: another client, verifier or redirect address than the code's, used before, or too late.
        """
        given = self._codes.pop(sent.get("code", ""), None)
        if sent.get("grant_type") != "authorization_code" or given is None:
            raise Refusal("invalid_grant")
        _check_client(given.client, sent, authorization)
        digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        is_late = self._clock() - given.at > dt.timedelta(seconds=CODE_SECONDS)
        if (
            is_late
            or challenge != given.asked["code_challenge"]
            or sent.get("redirect_uri") != given.client.redirect_uri
        ):
            raise Refusal("invalid_grant")
        token = secrets.token_urlsafe(24)
        self._tokens[token] = given.answer
        answer = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "scope": given.asked["scope"],
            "id_token": self._id_token(given, issuer),
            **given.answer,
            **self.trouble.answer,
        }
        return {name: value for name, value in answer.items() if value is not None}

    def context(self, authorization: str) -> Mapping[str, Any] | None:
        """What an access token was given for; ``None`` when it is none of ours."""
        return self._tokens.get(authorization.removeprefix("Bearer "))

    def _id_token(self, given: _Given, issuer: str) -> str:
        now = int(self._clock().timestamp())
        claims = {
            "iss": issuer,
            "aud": given.client.client_id,
            "nonce": given.asked["nonce"],
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            **given.claims,
            **self.trouble.claims,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": "ES256", "kid": self._key.kid}, kept, self._key)


def _check_client(client: RegisteredClient, sent: Mapping[str, str], authorization: str) -> None:
    if client.secret is None:
        shown, wanted = sent.get("client_id", ""), client.client_id
    else:
        shown = authorization.removeprefix("Basic ")
        wanted = base64.b64encode(f"{client.client_id}:{client.secret}".encode()).decode()
    if not secrets.compare_digest(shown.encode(), wanted.encode()):
        raise Refusal("invalid_client")
