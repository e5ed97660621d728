"""How many requests a minute: by address before anything, by client once its token is known, and of the anonymous.

Sliding windows, in memory or in Redis (several hubs then count together). A store of counts that does not answer lets
requests through: limits protect the hub, they are not what keeps anybody out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import ConcurrentUpdateError, StorageError
from redis.asyncio import ConnectionPool
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.observability import get_logger

WAIT_SECONDS = 60
"""What a refused caller is told to wait."""

_IMPATIENT = {"socket_timeout": 0.25, "socket_connect_timeout": 0.25}
"""Seconds that a request waits for a shared store of counts, before it is let through uncounted."""

CODE = "RATE_LIMITED"
MESSAGE = "too many requests"
_log = get_logger("gateway.rate_limits")


@dataclass(frozen=True, slots=True)
class Rates:
    """Requests a minute; ``None`` is without end. ``token_...``: what the door that gives tokens counts besides."""

    client: int | None = None
    address: int | None = None
    anonymous: int | None = None
    token_client: int | None = None
    token_address: int | None = None


class TooFast(Exception):
    """A caller who is known sends more than the limit."""


class RateLimits:
    """Counts and judges. ``storage_url``: ``redis://...``; ``None`` counts in this process."""

    def __init__(self, rates: Rates, storage_url: str | None = None) -> None:
        self._pool = None if storage_url is None else ConnectionPool.from_url(storage_url, **_IMPATIENT)
        self._limiter = SlidingWindowCounterRateLimiter(_storage(storage_url, self._pool))
        self._items: Mapping[str, RateLimitItemPerMinute | None] = {
            "client": _item(rates.client),
            "address": _item(rates.address),
            "anonymous": _item(rates.anonymous),
            "token_client": _item(rates.token_client),
            "token_address": _item(rates.token_address),
        }

    async def is_client_too_fast(self, subject: str) -> bool:
        """Count a request of somebody whose token is good."""
        return await self._is_over("client", subject)

    async def is_address_too_fast(self, scope: Scope) -> bool:
        """Count a request before anything is known of it."""
        return await self._is_over("address", address_of(scope))

    async def are_anonymous_too_many(self, scope: Scope) -> bool:
        """Count a request without a good token: beyond the limit it is not even written to the audit log."""
        return await self._is_over("anonymous", address_of(scope))

    async def is_address_asking_for_too_many_tokens(self, scope: Scope) -> bool:
        """Count a request for a token before it is read: signatures and one-time ids cost the hub something."""
        return await self._is_over("token_address", address_of(scope))

    async def is_client_asking_for_too_many_tokens(self, client_id: str) -> bool:
        """Count a request for a token of somebody whose assertion is good; nobody can use up another's share."""
        return await self._is_over("token_client", client_id)

    async def aclose(self) -> None:
        """Give up the connections to a shared store."""
        if self._pool is not None:
            await self._pool.aclose()

    async def _is_over(self, kind: str, key: str) -> bool:
        item = self._items[kind]
        if item is None:
            return False
        try:
            is_over = not await self._limiter.hit(item, kind, key)
        except (StorageError, ConcurrentUpdateError, OSError) as error:
            _log.warning("rates_not_counted", error_type=type(error).__name__)
            return False
        if is_over:
            _log.warning("rate_limited", reason=kind)
        return is_over


def no_rate_limits() -> RateLimits:
    """Counts nothing."""
    return RateLimits(Rates())


class AddressRate:
    """Middleware around every door, HTTP and websockets: an address that is too fast gets no further."""

    def __init__(self, app: ASGIApp, limits: RateLimits) -> None:
        self._app, self._limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and await self._limits.is_address_too_fast(scope):
            await refuse_too_fast(scope, receive, send)
            return
        await self._app(scope, receive, send)


async def refuse_too_fast(scope: Scope, receive: Receive, send: Send) -> None:
    """429, also as the answer to a websocket's handshake."""
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1013, "reason": MESSAGE})
        return
    await too_fast(scope)(scope, receive, send)


def too_fast(scope: Scope) -> Response:
    """429 in the words of the door that was asked."""
    headers = {"Retry-After": str(WAIT_SECONDS)}
    path: str = scope.get("path", "")
    if path.startswith(("/fhir", "/cds-services")):
        issue = {"severity": "error", "code": "throttled", "diagnostics": MESSAGE}
        outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
        return JSONResponse(outcome, 429, headers, media_type="application/fhir+json")
    error: dict[str, Any] = {"message": MESSAGE, "extensions": {"code": CODE}}
    return JSONResponse({"errors": [error]}, 429, headers)


def address_of(scope: Scope) -> str:
    """The caller's address as the server sees it; what a proxy says counts only where the server trusts the proxy."""
    client = scope.get("client")
    return client[0] if client else "unknown"


def _item(per_minute: int | None) -> RateLimitItemPerMinute | None:
    return None if per_minute is None else RateLimitItemPerMinute(per_minute)


def _storage(url: str | None, pool: ConnectionPool | None) -> Storage:
    if url is None:
        return MemoryStorage()
    options: dict[str, Any] = {"connection_pool": pool}
    return RedisStorage(f"async+{url}", implementation="redispy", wrap_exceptions=True, **options)
