"""Who is asking: bearer tokens (JWT) checked against the issuer's published keys.

Only asymmetric signatures are taken, so that a key everybody may read can never be used to make a token.
Source: RFC 7519 (JWT), RFC 7515 (JWS), RFC 8725 (best current practices).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.errors import (
    BadSignatureError,
    ExpiredTokenError,
    InvalidClaimError,
    InvalidKeyIdError,
    JoseError,
    KeyParameterError,
    MissingClaimError,
    UnsupportedAlgorithmError,
)
from joserfc.jws import JWSRegistry

from gateway.access_settings import AuthSettings
from gateway.errors import NotAuthenticated
from gateway.permissions import Claims, Role
from gateway.signing_keys import FileKeys, NoKeys, SigningKeys, UrlKeys
from gateway.smart_scopes import GrantedScopes, read_scopes

__all__ = ["Authenticate", "Caller", "TokenVerifier", "build_verifier", "caller_of"]

ALGORITHMS = ("ES256", "RS256", "EdDSA", "Ed25519")
_PURPOSE = re.compile(r"[A-Z]{2,16}")
_MAX_SUBJECT_LENGTH = 255
_MAX_SCOPE_LENGTH = 4_096
_MAX_SITES = 200


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as the token says. ``purpose_of_use`` is a code such as ``TREAT``, empty when none was declared.

    ``sites``, ``scopes`` and ``patient`` narrow what the roles allow (``gateway.permissions.Claims``).
    """

    subject: str
    roles: frozenset[Role]
    purpose_of_use: str
    token_expires_at: dt.datetime
    sites: frozenset[str] | None = None
    scopes: GrantedScopes | None = None
    patient: str | None = None
    token_id: str | None = None
    issued_at: dt.datetime | None = None

    @property
    def claims(self) -> Claims:
        """What the policy decides on."""
        return Claims(self.roles, self.purpose_of_use, self.sites, self.scopes, self.patient)


Authenticate = Callable[[str | None], Caller]
"""From the value of an Authorization header to the caller; raises ``NotAuthenticated``."""


class _AsymmetricOnly(JWSRegistry):
    """Takes ``ALGORITHMS`` and nothing else; parameters of the header that we do not know are ignored (RFC 7515)."""

    def __init__(self) -> None:
        super().__init__(algorithms=ALGORITHMS, strict_check_header=False)

    def get_alg(self, name: str) -> Any:
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError("algorithm is not taken")
        return self.algorithms[name]


_REASONS: tuple[tuple[type[JoseError], str], ...] = (
    (UnsupportedAlgorithmError, "algorithm_not_allowed"),
    (InvalidKeyIdError, "unknown_key"),
    (KeyParameterError, "key_not_usable"),
    (BadSignatureError, "bad_signature"),
    (ExpiredTokenError, "token_expired"),
)


@dataclass(frozen=True, slots=True)
class TokenVerifier:
    """Checks tokens of one issuer for one audience."""

    keys: SigningKeys
    issuer: str
    audience: str
    clock: Callable[[], dt.datetime]
    leeway_seconds: int = 30
    longest_life: dt.timedelta = dt.timedelta(hours=24)
    _registry: JWSRegistry = field(default_factory=_AsymmetricOnly, init=False)

    def __call__(self, authorization: str | None) -> Caller:
        """The caller behind an Authorization header.

        Raises:
            NotAuthenticated: with a stable reason (``no_token``, ``token_expired``, ``bad_signature`` ...).
        """
        caller = caller_of(self.claims(_bearer_token(authorization)))
        if caller.token_expires_at > self.clock() + self.longest_life + dt.timedelta(seconds=self.leeway_seconds):
            raise NotAuthenticated("token_lives_too_long")
        return caller

    def claims(self, token: str) -> dict[str, Any]:
        """What a token claims, once signature, issuer, audience and times are found good.

        Raises:
            NotAuthenticated: as above.
        """
        try:
            claims = jwt.decode(token, self._key_of, registry=self._registry).claims
            self._claims_registry().validate(claims)
        except (InvalidClaimError, MissingClaimError) as error:
            raise NotAuthenticated(_claim_reason(error)) from None
        except JoseError as error:
            raise NotAuthenticated(_reason_of(error)) from None
        except (ValueError, TypeError):
            raise NotAuthenticated("malformed_token") from None
        return claims

    def _key_of(self, token: Any) -> Any:
        kid = token.headers().get("kid")
        if kid is not None and not isinstance(kid, str):
            raise InvalidKeyIdError("kid is not text")
        return self.keys.key(kid)

    def _claims_registry(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=int(self.clock().timestamp()),
            leeway=self.leeway_seconds,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self.audience},
            exp={"essential": True},
            sub={"essential": True},
        )


def build_verifier(settings: AuthSettings, *, clock: Callable[[], dt.datetime]) -> TokenVerifier:
    """The verifier that the settings ask for; without a key source it lets nobody in."""
    keys: SigningKeys = NoKeys()
    if settings.jwks_file is not None:
        keys = FileKeys(settings.jwks_file)
    elif settings.jwks_url is not None:
        keys = UrlKeys(settings.jwks_url)
    return TokenVerifier(
        keys,
        settings.issuer,
        settings.audience,
        clock,
        settings.leeway_seconds,
        dt.timedelta(hours=settings.longest_token_hours),
    )


def _bearer_token(authorization: str | None) -> str:
    if authorization is None or not authorization.strip():
        raise NotAuthenticated("no_token")
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAuthenticated("not_a_bearer_token")
    return token.strip()


def _reason_of(error: JoseError) -> str:
    return next((reason for kind, reason in _REASONS if isinstance(error, kind)), "malformed_token")


def _claim_reason(error: JoseError) -> str:
    """``claim_aud`` and the like: which claim, never what it held."""
    claim = str(getattr(error, "claim", "") or "").split(",")[0]
    return f"claim_{claim}" if claim in {"iss", "aud", "exp", "nbf", "iat", "sub", "jti"} else "claim_refused"


def caller_of(claims: Mapping[str, Any]) -> Caller:
    """Who checked claims speak of: the one reading of ``roles``, ``purpose_of_use``, ``sites``, ``scope`` and the rest.

    Raises:
        NotAuthenticated: a claim is not of the form it must have.
    """
    subject = claims["sub"]
    if not isinstance(subject, str) or not subject.strip() or len(subject) > _MAX_SUBJECT_LENGTH:
        raise NotAuthenticated("claim_sub")
    sent_roles = claims.get("roles", [])
    if not isinstance(sent_roles, list):
        raise NotAuthenticated("claim_roles")
    purpose = claims.get("purpose_of_use", "")
    if not isinstance(purpose, str) or (purpose and not _PURPOSE.fullmatch(purpose)):
        raise NotAuthenticated("claim_purpose_of_use")
    known = frozenset(role for role in Role if role.value in sent_roles)
    try:
        expires_at = dt.datetime.fromtimestamp(claims["exp"], dt.UTC)
    except (OverflowError, ValueError, OSError):
        raise NotAuthenticated("claim_exp") from None
    return Caller(
        subject,
        known,
        purpose,
        expires_at,
        sites=_sites_of(claims),
        scopes=_scopes_of(claims),
        patient=_short_text(claims, "patient"),
        token_id=_short_text(claims, "jti"),
        issued_at=_issued_at(claims),
    )


def _issued_at(claims: Mapping[str, Any]) -> dt.datetime | None:
    """``None`` when it is not said: such a token counts as given before any revocation."""
    try:
        return dt.datetime.fromtimestamp(claims["iat"], dt.UTC) if "iat" in claims else None
    except (OverflowError, ValueError, OSError, TypeError):
        raise NotAuthenticated("claim_iat") from None


def _sites_of(claims: Mapping[str, Any]) -> frozenset[str] | None:
    """``None`` when the token does not say; a claim that is no list of words keeps the caller out."""
    if "sites" not in claims:
        return None
    sent = claims["sites"]
    if not isinstance(sent, list) or len(sent) > _MAX_SITES or not all(isinstance(site, str) for site in sent):
        raise NotAuthenticated("claim_sites")
    return frozenset(sent)


def _scopes_of(claims: Mapping[str, Any]) -> GrantedScopes | None:
    sent = claims.get("scope", "")
    if not isinstance(sent, str) or len(sent) > _MAX_SCOPE_LENGTH:
        raise NotAuthenticated("claim_scope")
    return read_scopes(sent)


def _short_text(claims: Mapping[str, Any], name: str) -> str | None:
    sent = claims.get(name)
    if sent is not None and not (isinstance(sent, str) and 0 < len(sent) <= _MAX_SUBJECT_LENGTH):
        raise NotAuthenticated(f"claim_{name}")
    return sent
