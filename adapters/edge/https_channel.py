"""Reaches an agent that listens: one POST a question, over connections that are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from adapters.connection.http_archive import silence_httpx2
from adapters.connection.http_failures import as_source_error
from adapters.connection.tls import TlsFiles, context_for
from federation.errors import SourceProtocolError, SourceUnauthorised, SourceUnavailable


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """An agent that listens.

    Attributes:
        url: the agent's address, without ``/graphql``.
        sign_token: a fresh token for this agent at each call.
        ca_file: PEM file of the authority that signed the agent's certificate; ``None``: the system's.
        client_certificate_file, client_key_file: shown to an agent that asks for a certificate.
        max_answer_bytes: size above which an answer is refused.
        connect_timeout_seconds: how long a connection may take, inside the budget of the question.
    """

    url: str
    sign_token: Callable[[], str] = field(repr=False)
    ca_file: Path | None = None
    client_certificate_file: Path | None = None
    client_key_file: Path | None = None
    max_answer_bytes: int = 32 * 1024 * 1024
    connect_timeout_seconds: float = 1.5


class HttpsChannel:
    """A ``Channel`` over HTTPS. Redirects are not followed; a proxy of the environment is not used."""

    def __init__(self, settings: EdgeSettings) -> None:
        silence_httpx2()
        self._settings = settings
        self._url = settings.url.rstrip("/") + "/graphql"
        self._client: httpx2.AsyncClient | None = None
        self._client_loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False

    async def exchange(self, body: bytes) -> bytes:
        """See ``Channel``."""
        try:
            return await self._post(body)
        except (httpx2.ReadError, httpx2.WriteError, httpx2.RemoteProtocolError):
            return await self._post_again(body)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise as_source_error(error) from error

    async def aclose(self) -> None:
        """See ``Channel``."""
        self._is_closed = True
        client, self._client = self._client, None
        if client is not None and self._client_loop is asyncio.get_running_loop():
            await client.aclose()

    async def _post_again(self, body: bytes) -> bytes:
        """A kept connection may have been closed by the agent; a question is safe to repeat, once."""
        try:
            return await self._post(body)
        except httpx2.HTTPError as error:
            raise as_source_error(error) from error

    async def _post(self, body: bytes) -> bytes:
        client = self._open_client()
        headers = {"Authorization": f"Bearer {self._settings.sign_token()}", "Content-Type": "application/json"}
        async with client.stream("POST", self._url, content=body, headers=headers) as response:
            _check_status(response.status_code)
            answer = bytearray()
            async for chunk in response.aiter_bytes():
                answer += chunk
                if len(answer) > self._settings.max_answer_bytes:
                    raise SourceProtocolError("answer_too_large")
            return bytes(answer)

    def _open_client(self) -> httpx2.AsyncClient:
        """The client of the running event loop: connections of another loop are of no use here."""
        if self._is_closed:
            raise SourceUnavailable("closed")
        loop = asyncio.get_running_loop()
        if self._client is None or self._client_loop is not loop:
            self._client, self._client_loop = _new_client(self._settings), loop
        return self._client


def _new_client(settings: EdgeSettings) -> httpx2.AsyncClient:
    files = TlsFiles(settings.ca_file, settings.client_certificate_file, settings.client_key_file)
    return httpx2.AsyncClient(
        verify=context_for(settings.url, files),
        trust_env=False,
        follow_redirects=False,
        timeout=httpx2.Timeout(None, connect=settings.connect_timeout_seconds),
        limits=httpx2.Limits(max_connections=16, max_keepalive_connections=8, keepalive_expiry=30.0),
    )


def _check_status(status: int) -> None:
    """An agent says 200 to every question it takes; failures of its archive are inside the answer."""
    if status == 200:
        return
    if status in (401, 403):
        raise SourceUnauthorised(f"agent_http_{status}")
    if status in (404, 408, 425, 429) or status >= 500:
        raise SourceUnavailable(f"agent_http_{status}")
    raise SourceProtocolError(f"agent_http_{status}")
