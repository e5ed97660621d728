"""What every HTTP answer gets: a correlation id, one log line, and headers that keep browsers careful."""

from __future__ import annotations

import re
import time
import uuid

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.observability import get_logger

CORRELATION_HEADER = "X-Correlation-Id"
CORRELATION_KEY = "priorlink.correlation_id"
_ID = re.compile(r"[0-9a-fA-F](?:[0-9a-fA-F-]{6,62})[0-9a-fA-F]")
_SAFE_DEFAULTS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_ONLY_TLS = "max-age=31536000"
_log = get_logger("gateway.http")


class CorrelationId:
    """Takes over a caller's id if it is a UUID or hex number, else makes one; binds it for log lines."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        sent = Headers(scope=scope).get(CORRELATION_HEADER, "")
        correlation_id = sent if _ID.fullmatch(sent) else uuid.uuid4().hex
        scope[CORRELATION_KEY] = correlation_id
        with structlog.contextvars.bound_contextvars(correlation_id=correlation_id):
            await self._answer(scope, receive, send, correlation_id)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, correlation_id: str) -> None:
        started = time.monotonic()
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[CORRELATION_HEADER] = correlation_id
            elif message["type"] == "websocket.accept":
                status = 101
            elif message["type"] == "websocket.close" and status == 500:
                status = 403
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            duration_ms = int((time.monotonic() - started) * 1000)
            _log.info("http_answered", path=route, status=status, duration_ms=duration_ms)


class CarefulHeaders:
    """Sets the safe default of each header that the answer does not set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SAFE_DEFAULTS.items():
                    headers.setdefault(name, value)
                if scope.get("scheme") == "https":
                    headers.setdefault("Strict-Transport-Security", _ONLY_TLS)
            await send(message)

        await self._app(scope, receive, send_with_headers)
