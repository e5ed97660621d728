"""Which client calls: a JWT on every call, discovery included, signed with a key that the operator listed.

Nothing in a token leads anywhere: keys come from the settings, and a ``jku`` must be the one that stands there.
Source: CDS Hooks 2.0.1, *Trusting CDS Clients*; RFC 7519, RFC 8725.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from joserfc import jws, jwt
from joserfc.errors import ExpiredTokenError, InvalidKeyIdError, JoseError

from gateway.errors import NotAuthenticated
from gateway.settings import CdsClientSettings
from gateway.signing_keys import FileKeys, SigningKeys, UrlKeys
from gateway.used_tokens import UseToken

ALGORITHMS = ("ES384", "RS384", "ES256", "RS256")
LEEWAY_SECONDS = 30
LONGEST_LIFE_SECONDS = 3600
_LONGEST_ID = 255


@dataclass(frozen=True, slots=True)
class CdsClient:
    """A client that is let in. ``site_id`` is the site whose orders it shows us."""

    issuer: str
    site_id: str
    keys: SigningKeys
    jku: str | None = None
    fhir_servers: tuple[str, ...] = ()


def clients_of(settings: tuple[CdsClientSettings, ...]) -> Mapping[str, CdsClient]:
    """The listed clients by issuer."""
    return {
        one.issuer: CdsClient(
            one.issuer,
            one.site,
            FileKeys(one.jwks_file) if one.jwks_file is not None else UrlKeys(one.jwks_url or ""),
            one.jwks_url,
            tuple(server.rstrip("/") for server in one.fhir_servers),
        )
        for one in settings
    }


@dataclass(slots=True)
class ClientVerifier:
    """Checks the tokens of listed clients. ``use_token`` remembers which were used, for all processes."""

    clients: Mapping[str, CdsClient]
    clock: Callable[[], dt.datetime]
    use_token: UseToken
    longest_life_seconds: int = LONGEST_LIFE_SECONDS

    def __call__(self, authorization: str | None, endpoint_url: str) -> CdsClient:
        """The client behind an Authorization header of a call of this very URL.

        Raises:
            NotAuthenticated: with a stable reason.
        """
        token = _bearer_token(authorization)
        header, claims = _unverified(token)
        client = self.clients.get(str(claims.get("iss", "")))
        if client is None:
            raise NotAuthenticated("claim_iss")
        _require_header(header, client)
        checked = self._verified(token, header, client, endpoint_url)
        self._use_once(client.issuer, checked)
        return client

    def _verified(self, token: str, header: Mapping[str, Any], client: CdsClient, url: str) -> dict[str, Any]:
        now = int(self.clock().timestamp())
        try:
            key = client.keys.key(header["kid"])
            claims = jwt.decode(token, key, algorithms=list(ALGORITHMS)).claims
            jwt.JWTClaimsRegistry(
                now=now,
                leeway=LEEWAY_SECONDS,
                iss={"essential": True, "value": client.issuer},
                aud={"essential": True, "value": url},
                exp={"essential": True},
                iat={"essential": True},
                jti={"essential": True},
            ).validate(claims)
        except InvalidKeyIdError:
            raise NotAuthenticated("unknown_key") from None
        except ExpiredTokenError:
            raise NotAuthenticated("token_expired") from None
        except JoseError as error:
            claim = str(getattr(error, "claim", "") or "").split(",")[0]
            known = claim in {"iss", "aud", "exp", "iat", "nbf", "jti"}
            raise NotAuthenticated(f"claim_{claim}" if known else "bad_signature") from None
        except (ValueError, TypeError):
            raise NotAuthenticated("malformed_token") from None
        if claims["exp"] > now + self.longest_life_seconds + LEEWAY_SECONDS:
            raise NotAuthenticated("claim_exp")
        return claims

    def _use_once(self, issuer: str, claims: Mapping[str, Any]) -> None:
        token_id = claims["jti"]
        if not isinstance(token_id, str) or not 0 < len(token_id) <= _LONGEST_ID:
            raise NotAuthenticated("claim_jti")
        if not self.use_token(issuer, token_id):
            raise NotAuthenticated("token_replayed")


def _bearer_token(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAuthenticated("no_token")
    return token.strip()


def _unverified(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Header and claims before anything is believed: only to find out whose keys to take."""
    try:
        parsed = jws.extract_compact(token.encode())
        claims = _as_object(parsed.payload)
    except (JoseError, ValueError, TypeError):
        raise NotAuthenticated("malformed_token") from None
    return parsed.headers(), claims


def _as_object(payload: bytes) -> Mapping[str, Any]:
    claims = orjson.loads(payload)
    if not isinstance(claims, dict):
        raise TypeError("claims are not an object")
    return claims


def _require_header(header: Mapping[str, Any], client: CdsClient) -> None:
    if header.get("alg") not in ALGORITHMS:
        raise NotAuthenticated("algorithm_not_allowed")
    if not isinstance(header.get("kid"), str):
        raise NotAuthenticated("unknown_key")
    if "jku" in header and (client.jku is None or header["jku"] != client.jku):
        raise NotAuthenticated("jku_not_listed")
