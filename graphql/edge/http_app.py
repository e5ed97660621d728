"""The door that the hub comes to: POST /graphql with a token, GET /healthz without."""

from __future__ import annotations

import json
import time

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.edge.errors import TokenRefused
from edge.agent import Agent
from edge.logs import log_event

_CAREFUL = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_REFUSALS_KEPT_A_MINUTE = 60


def create_app(agent: Agent, *, max_request_bytes: int) -> Starlette:
    """The application."""
    refusals = _Allowance(_REFUSALS_KEPT_A_MINUTE)

    async def graphql(request: Request) -> Response:
        try:
            caller = agent.gate.check_header(request.headers.get("authorization"))
        except TokenRefused as refusal:
            log_event("caller_refused", reason=refusal.reason)
            if refusals.take():
                await agent.desk.refuse(refusal.reason)
            return _unauthenticated(refusal.reason)
        return _json(await agent.answer(await request.body(), caller))

    return Starlette(
        routes=[Route("/graphql", graphql, methods=["POST"]), Route("/healthz", _healthz)],
        middleware=[Middleware(RequestBodyLimitMiddleware, max_body_size=max_request_bytes)],
        exception_handlers={Exception: _answer_internal_error},
    )


class _Allowance:
    """So many in a minute: callers without a token must not fill the disk."""

    def __init__(self, a_minute: int) -> None:
        self._a_minute = a_minute
        self._minute = -1
        self._taken = 0

    def take(self) -> bool:
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute, self._taken = minute, 0
        self._taken += 1
        return self._taken <= self._a_minute


async def _healthz(_: Request) -> Response:
    return JSONResponse({"status": "ok"}, headers=_CAREFUL)


async def _answer_internal_error(_: Request, error: Exception) -> Response:
    log_event("request_failed", error_type=type(error).__name__)
    body = {"errors": [{"message": "internal error", "extensions": {"code": "INTERNAL_ERROR"}}]}
    return JSONResponse(body, status_code=500, headers=_CAREFUL)


def _unauthenticated(reason: str) -> Response:
    extensions = {"code": "UNAUTHENTICATED", "reason": reason}
    body = json.dumps({"errors": [{"message": "a valid token is needed", "extensions": extensions}]}).encode()
    return _json(body, status=401, headers={"WWW-Authenticate": "Bearer"})


def _json(body: bytes, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status_code=status, media_type="application/json", headers={**_CAREFUL, **(headers or {})})
