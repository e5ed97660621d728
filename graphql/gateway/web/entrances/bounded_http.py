"""HTTP to a provider whose addresses stand in the settings: no redirects, no proxies of the environment, a most."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2

from adapters.connection.tls import TlsFiles, client_context
from federation.errors import SourceUnauthorised
from gateway.errors import ConfigurationError
from gateway.sign_in_settings import ClientSettings

MOST_BYTES = 262_144


class AnswerTooLarge(httpx2.TransportError):
    """More than any provider has to say."""


class BoundedTransport(httpx2.AsyncBaseTransport):
    """Ends an answer that is too large or packed (what it unpacks to could be anything)."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, most_bytes: int = MOST_BYTES) -> None:
        self._inner, self._most = inner, most_bytes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["Accept-Encoding"] = "identity"
        answer = await self._inner.handle_async_request(request)
        stream = answer.stream
        assert isinstance(stream, httpx2.AsyncByteStream)  # noqa: S101 - an async transport gives no other
        if answer.headers.get("content-encoding", "identity").lower() != "identity":
            await stream.aclose()
            raise AnswerTooLarge("packed", request=request)
        return httpx2.Response(
            answer.status_code,
            headers=answer.headers,
            stream=_Bounded(stream, self._most, request),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream, most: int, request: httpx2.Request) -> None:
        self._inner, self._most, self._request = inner, most, request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen = 0
        async for chunk in self._inner:
            seen += len(chunk)
            if seen > self._most:
                raise AnswerTooLarge("too large", request=self._request)
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


def tls_context(ca_file: Path | None, field: str) -> ssl.SSLContext:
    """How the provider's certificate is checked.

    Raises:
        ConfigurationError: the file cannot be used.
    """
    try:
        return client_context(TlsFiles(ca_file))
    except SourceUnauthorised as error:
        raise ConfigurationError(f"{field}: not a usable certificate file") from error


def client_options(settings: ClientSettings, tls: ssl.SSLContext) -> dict[str, Any]:
    """What every client that asks this provider is made with."""
    return {
        "transport": BoundedTransport(httpx2.AsyncHTTPTransport(verify=tls, trust_env=False)),
        "timeout": settings.timeout_seconds,
        "follow_redirects": False,
        "trust_env": False,
    }
