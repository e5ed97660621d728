"""The authorization code flow at one provider: PKCE (S256), state, nonce, and a checked ID token.

Every address comes from the settings or from the provider's own metadata; none from a request. Authlib speaks OAuth,
``gateway.authentication`` checks the ID token.
Source: OpenID Connect Core 3.1, Discovery 4; RFC 6749 4.1; RFC 7636; RFC 9207; RFC 9700 2.1; SMART App Launch 2.2.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hmac
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.authentication import TokenVerifier
from gateway.errors import NotAuthenticated
from gateway.observability import get_logger
from gateway.sign_in_settings import ClientSettings, is_safe_address
from gateway.signing_keys import KEYS_UNAVAILABLE, UrlKeys
from gateway.site_files import read_text
from gateway.web.entrances.bounded_http import client_options, tls_context
from gateway.web.entrances.failures import SignInFailed
from gateway.web.entrances.pending import Pending

METADATA_KEPT_SECONDS = 300.0
_LONGEST_CODE = 4_096
_log = get_logger("gateway.web")


class ProviderMetadata(BaseModel):
    """What a provider says of itself, as far as we use it."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    issuer: str = ""
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str | None = None
    end_session_endpoint: str | None = None
    code_challenge_methods_supported: tuple[str, ...] | None = None
    authorization_response_iss_parameter_supported: bool = False

    @property
    def is_fit(self) -> bool:
        """Addresses that may be used, and PKCE with SHA-256 unless it does not say what it can."""
        used = (self.authorization_endpoint, self.token_endpoint, self.jwks_uri, self.end_session_endpoint)
        methods = self.code_challenge_methods_supported
        return all(is_safe_address(url) for url in used if url) and (methods is None or "S256" in methods)


@dataclass(frozen=True, slots=True)
class Registration:
    """The hub as one provider knows it. ``issuer`` ``None``: as the metadata says."""

    entrance: str
    metadata_url: str
    issuer: str | None
    redirect_uri: str
    scopes: tuple[str, ...]
    client: ClientSettings


@dataclass(frozen=True, slots=True)
class Entered:
    """Who came back: the claims of the ID token, and the whole answer of the token endpoint."""

    claims: Mapping[str, Any]
    id_token: str = field(repr=False)
    answer: Mapping[str, Any] = field(repr=False)


class CodeFlow:
    """Sends people to one provider, and takes what they bring back."""

    def __init__(
        self,
        registration: Registration,
        *,
        clock: Callable[[], dt.datetime],
        leeway_seconds: int,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self.registration = registration
        self._clock, self._leeway, self._seconds = clock, leeway_seconds, seconds
        client = registration.client
        self._secret = _secret_of(client, registration.entrance)
        self.tls: ssl.SSLContext = tls_context(client.ca_file, f"{registration.entrance}: ca_file")
        self._metadata: ProviderMetadata | None = None
        self._fetched_at = float("-inf")
        self._verifiers: dict[tuple[str, str], TokenVerifier] = {}
        self._lock = asyncio.Lock()

    async def address(self, pending: Pending, extra: Mapping[str, str]) -> str:
        """Where the browser is sent.

        Raises:
            SignInFailed: the provider's metadata cannot be had or used.
        """
        metadata = await self.metadata()
        async with self._client() as client:
            url, _ = client.create_authorization_url(
                metadata.authorization_endpoint,
                state=pending.state,
                nonce=pending.nonce,
                code_verifier=pending.verifier,
                **extra,
            )
        return str(url)

    async def finish(self, pending: Pending, sent: Mapping[str, str]) -> Entered:
        """Change the code that came back for tokens, and check who it is. ``sent``: the answer's parameters.

        Raises:
            SignInFailed: anything is not as it must be.
        """
        metadata = await self.metadata()
        self._check_issuer(metadata, sent)
        if "error" in sent:
            code = "cancelled" if sent["error"] == "access_denied" else "provider_refused"
            raise SignInFailed(code)
        code = sent.get("code", "")
        if not 0 < len(code) <= _LONGEST_CODE:
            raise SignInFailed("provider_refused", "no_code")
        answer = await self._exchange(metadata, pending, code)
        id_token = answer.get("id_token")
        if not isinstance(id_token, str):
            raise SignInFailed("no_identity")
        claims = await asyncio.to_thread(self._checked_claims, metadata, id_token)
        self._check_nonce_and_party(claims, pending)
        return Entered(claims, id_token, answer)

    async def metadata(self) -> ProviderMetadata:
        """The provider's metadata, fetched again when it is five minutes old.

        Raises:
            SignInFailed: ``provider_down`` or ``provider_unfit``.
        """
        async with self._lock:
            if self._metadata is None or self._seconds() - self._fetched_at >= METADATA_KEPT_SECONDS:
                self._metadata = await self._fetch_metadata()
                self._fetched_at = self._seconds()
            return self._metadata

    async def _fetch_metadata(self) -> ProviderMetadata:
        found = await self.get_json(self.registration.metadata_url, failure="provider_down")
        try:
            metadata = ProviderMetadata.model_validate(found)
        except ValidationError:
            raise SignInFailed("provider_unfit", "metadata") from None
        wanted = self.registration.issuer
        if wanted is not None and metadata.issuer.rstrip("/") != wanted.rstrip("/"):
            raise SignInFailed("issuer_wrong", "metadata_issuer")
        if not metadata.is_fit:
            raise SignInFailed("provider_unfit", "metadata")
        return metadata

    async def get_json(self, url: str, *, failure: str, token: str = "") -> Any:
        """One JSON document of the provider.

        Raises:
            SignInFailed: ``failure``, or ``provider_down`` when nothing answers in time.
        """
        headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        client = self.registration.client
        try:
            async with (
                asyncio.timeout(client.timeout_seconds),
                httpx2.AsyncClient(**client_options(client, self.tls)) as http,
            ):
                answer = await http.get(url, headers=headers)
                answer.raise_for_status()
                return answer.json()
        except (httpx2.HTTPStatusError, ValueError) as error:
            raise self._failed(failure, error) from None
        except (httpx2.HTTPError, TimeoutError) as error:
            raise self._failed("provider_down", error) from None

    async def _exchange(self, metadata: ProviderMetadata, pending: Pending, code: str) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(self.registration.client.timeout_seconds), self._client() as client:
                answer = await client.fetch_token(
                    metadata.token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=pending.verifier,
                    redirect_uri=self.registration.redirect_uri,
                )
        except OAuthError as error:
            raise SignInFailed("code_expired" if error.error == "invalid_grant" else "provider_refused") from None
        except (httpx2.HTTPError, TimeoutError) as error:
            raise self._failed("provider_down", error) from None
        except ValueError as error:
            raise self._failed("provider_refused", error) from None
        return dict(answer) if isinstance(answer, Mapping) else {}

    def _check_issuer(self, metadata: ProviderMetadata, sent: Mapping[str, str]) -> None:
        """The answer comes from the provider that was asked (RFC 9207)."""
        is_needed = metadata.authorization_response_iss_parameter_supported
        if ("iss" in sent or is_needed) and sent.get("iss") != metadata.issuer:
            raise SignInFailed("issuer_wrong")

    def _checked_claims(self, metadata: ProviderMetadata, id_token: str) -> Mapping[str, Any]:
        if not metadata.issuer or metadata.jwks_uri is None:
            raise SignInFailed("no_identity", "no_keys_named")
        place = (metadata.issuer, metadata.jwks_uri)
        if place not in self._verifiers:
            client = self.registration.client
            http = httpx2.Client(
                verify=self.tls,
                timeout=client.timeout_seconds,
                follow_redirects=False,
                trust_env=False,
                limits=httpx2.Limits(max_keepalive_connections=0),
            )
            keys = UrlKeys(metadata.jwks_uri, client=http, seconds=self._seconds)
            self._verifiers = {place: TokenVerifier(keys, metadata.issuer, client.client_id, self._clock, self._leeway)}
        try:
            return self._verifiers[place].claims(id_token)
        except NotAuthenticated as refusal:
            code = _CODES.get(refusal.reason, "token_refused")
            raise SignInFailed(code, refusal.reason) from None

    def _check_nonce_and_party(self, claims: Mapping[str, Any], pending: Pending) -> None:
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), pending.nonce.encode()):
            raise SignInFailed("nonce_wrong")
        audience, client_id = claims.get("aud"), self.registration.client.client_id
        is_shared = isinstance(audience, list) and len(audience) > 1
        if claims.get("azp", None if is_shared else client_id) != client_id:
            raise SignInFailed("audience_wrong", "claim_azp")

    def _client(self) -> Any:
        client = self.registration.client
        return AsyncOAuth2Client(
            client.client_id,
            self._secret,
            scope=" ".join(self.registration.scopes),
            redirect_uri=self.registration.redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method="none" if self._secret is None else client.secret_sent_as,
            **client_options(client, self.tls),
        )

    def _failed(self, code: str, error: Exception) -> SignInFailed:
        _log.warning("provider_failed", reason=code, error_type=type(error).__name__)
        return SignInFailed(code)


_CODES = {"claim_aud": "audience_wrong", "claim_iss": "issuer_wrong", KEYS_UNAVAILABLE: "provider_down"}


def _secret_of(client: ClientSettings, entrance: str) -> str | None:
    if client.client_secret_file is not None:
        return read_text(client.client_secret_file, f"{entrance}: client_secret_file").strip()
    return None if client.client_secret is None else client.client_secret.get_secret_value()
