"""GET requests to one FHIR server: its connections, its limits, and how it wants to be asked."""

from __future__ import annotations

import asyncio
import ssl

import httpx2

from adapters.fhir_imaging.bundle import same_origin_url
from adapters.fhir_imaging.fhir_answer import as_source_error, check_status, silence_http_client
from adapters.fhir_imaging.settings import FhirSettings
from federation.errors import SourceProtocolError, SourceUnavailable

Parameters = tuple[tuple[str, str], ...]


class FhirClient:
    """Connections are kept and reused; redirects are not followed; no other origin is ever asked."""

    def __init__(self, settings: FhirSettings) -> None:
        silence_http_client()
        self._settings = settings
        self._accept = "application/fhir+json, application/json;q=0.9"
        self._client: httpx2.AsyncClient | None = None
        self._client_loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False

    async def get(self, url: str, parameters: Parameters = ()) -> bytes:
        """The body of one answer. A server that refuses our media type is asked once more for plain JSON.

        Raises:
            SourceError: it did not give one.
        """
        if same_origin_url(url, self._settings.base_url) is None:
            raise SourceProtocolError("other_origin")
        try:
            return await self._get(url, parameters)
        except SourceProtocolError as refusal:
            if refusal.reason != "http_406" or self._accept == "application/json":
                raise
            self._accept = "application/json"
            return await self._get(url, parameters)

    async def aclose(self) -> None:
        """Give up connections. Idempotent."""
        self._is_closed = True
        client, self._client = self._client, None
        if client is not None and self._client_loop is asyncio.get_running_loop():
            await client.aclose()

    async def _get(self, url: str, parameters: Parameters) -> bytes:
        client = self._open_client()
        try:
            request = client.build_request("GET", url, params=parameters or None, headers=self._headers())
            try:
                return await self._send(client, request)
            except (httpx2.ReadError, httpx2.WriteError, httpx2.RemoteProtocolError):
                # a kept connection may have been closed by the server; asking is safe to repeat, once
                return await self._send(client, request)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise as_source_error(error) from error

    async def _send(self, client: httpx2.AsyncClient, request: httpx2.Request) -> bytes:
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            check_status(response.status_code)
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > self._settings.max_answer_bytes:
                    raise SourceProtocolError("answer_too_large")
            return bytes(body)
        finally:
            await response.aclose()

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": self._accept}
        if self._settings.bearer_token is not None:
            headers["Authorization"] = f"Bearer {self._settings.bearer_token}"
        return headers

    def _open_client(self) -> httpx2.AsyncClient:
        """The client of the running event loop: connections of another loop are of no use here."""
        if self._is_closed:
            raise SourceUnavailable("closed")
        loop = asyncio.get_running_loop()
        if self._client is None or self._client_loop is not loop:
            self._client, self._client_loop = _new_client(self._settings), loop
        return self._client


def _new_client(settings: FhirSettings) -> httpx2.AsyncClient:
    is_https = settings.base_url.lower().startswith("https:")
    context = (
        ssl.create_default_context(cafile=settings.ca_file) if is_https else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    )
    return httpx2.AsyncClient(
        verify=context,
        trust_env=False,
        follow_redirects=False,
        timeout=httpx2.Timeout(None, connect=settings.connect_timeout_seconds),
        limits=httpx2.Limits(max_connections=16, max_keepalive_connections=8, keepalive_expiry=30.0),
    )
