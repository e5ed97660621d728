"""GET requests to one HTTP server: connections that are kept, a bounded body, every failure as one of ours."""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import httpx2

from adapters.connection.bearer_token import BearerToken
from adapters.connection.http_failures import as_source_error, check_status
from adapters.connection.tls import TlsFiles, context_for
from federation.errors import SourceProtocolError, SourceUnauthorised, SourceUnavailable

for _library in ("httpcore2", "anyio.streams.tls", "anyio._backends._asyncio"):
    # httpx2 imports them at its first request: half a second in the middle of somebody's deadline
    importlib.import_module(_library)

Parameters = Sequence[tuple[str, str]]
_NEVER = logging.CRITICAL + 1


@dataclass(frozen=True, slots=True, repr=False)
class HttpAnswer:
    """A body that was read to its end, and what stood above it."""

    body: bytes
    headers: httpx2.Headers
    status: int


@dataclass(slots=True, repr=False)
class HttpArchive:
    """Connections are kept and reused; redirects are not followed; a proxy of the environment is not used.

    Attributes:
        base_url: tells whether TLS is spoken.
        max_answer_bytes: size of one body above which it is refused.
        connect_timeout_seconds: how long a connection may take, inside the budget of the question.
        basic_auth: user and password, where there is no token.
    """

    base_url: str
    token: BearerToken
    max_answer_bytes: int
    connect_timeout_seconds: float
    tls: TlsFiles = field(default_factory=TlsFiles)
    basic_auth: tuple[str, str] | None = None
    _client: httpx2.AsyncClient | None = None
    _client_loop: asyncio.AbstractEventLoop | None = None
    _is_closed: bool = False

    def __post_init__(self) -> None:
        silence_httpx2()

    async def get(self, url: str, parameters: Parameters, headers: Mapping[str, str]) -> HttpAnswer:
        """One answer. After a 401 the token file is read again: if there is another token in it, it is tried, once.

        Raises:
            SourceError: there is none, of the kind that fits.
        """
        try:
            return await self._get(url, parameters, headers)
        except SourceUnauthorised as refusal:
            if refusal.reason != "http_401" or not await self.token.renew():
                raise
        return await self._get(url, parameters, headers)

    async def aclose(self) -> None:
        """Give up connections. Idempotent."""
        self._is_closed = True
        client, self._client = self._client, None
        if client is not None and self._client_loop is asyncio.get_running_loop():
            await client.aclose()

    async def _get(self, url: str, parameters: Parameters, headers: Mapping[str, str]) -> HttpAnswer:
        authorization = await self.token.header()
        client = self._open_client()
        wanted: list[tuple[str, str | int | float | bool | None]] = list(parameters)
        try:
            request = client.build_request("GET", url, params=wanted or None, headers={**headers, **authorization})
            try:
                return await self._send(client, request)
            except (httpx2.ReadError, httpx2.WriteError, httpx2.RemoteProtocolError):
                # a kept connection may have been closed by the server; asking is safe to repeat, once
                return await self._send(client, request)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise as_source_error(error) from error

    async def _send(self, client: httpx2.AsyncClient, request: httpx2.Request) -> HttpAnswer:
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            check_status(response.status_code)
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > self.max_answer_bytes:
                    raise SourceProtocolError("answer_too_large")
            return HttpAnswer(bytes(body), response.headers, response.status_code)
        finally:
            await response.aclose()

    def _open_client(self) -> httpx2.AsyncClient:
        """The client of the running event loop: connections of another loop are of no use here."""
        if self._is_closed:
            raise SourceUnavailable("closed")
        loop = asyncio.get_running_loop()
        if self._client is None or self._client_loop is not loop:
            self._client, self._client_loop = self._new_client(), loop
        return self._client

    def _new_client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            verify=context_for(self.base_url, self.tls),
            trust_env=False,
            follow_redirects=False,
            auth=None if self.basic_auth is None else httpx2.BasicAuth(*self.basic_auth),
            timeout=httpx2.Timeout(None, connect=self.connect_timeout_seconds),
            limits=httpx2.Limits(max_connections=16, max_keepalive_connections=8, keepalive_expiry=30.0),
        )


def silence_httpx2() -> None:
    """Turn the HTTP client's logging off for the whole process: its lines hold whole URLs, with a patient id."""
    for name in ("httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(_NEVER)
