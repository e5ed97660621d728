"""``POST /oauth/token``: where listed programs get their tokens. Source: RFC 6749 4.4 and 5, RFC 7523 2.2."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.context import keep_audit
from gateway.errors import NotAuthenticated
from gateway.http_middleware import CORRELATION_KEY
from gateway.rate_limits import too_fast
from gateway.resources import HubResources
from gateway.service_tokens import GivenToken, ScopeRefused, ServiceTokens
from mpi.audit import AuditEvent, AuditOutcome

ACTION = "oauth:token"
_GRANT = "client_credentials"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_FORM = "application/x-www-form-urlencoded"
_LONGEST_ASSERTION, _LONGEST_SCOPE = 8_192, 4_096


class _Refused(Exception):
    def __init__(self, status: int, error: str, reason: str) -> None:
        super().__init__(reason)
        self.status, self.error, self.reason = status, error, reason


def token_routes(resources: HubResources, tokens: ServiceTokens | None) -> list[BaseRoute]:
    """The door; none when the hub gives no tokens."""
    if tokens is None:
        return []

    async def give(request: Request) -> Response:
        try:
            given = await _given(request, tokens)
        except _Refused as refusal:
            if await resources.rates.are_anonymous_too_many(request.scope):
                return too_fast(request.scope)
            await _keep(request, resources, "anonymous", AuditOutcome.REFUSED, refusal.reason)
            return JSONResponse({"error": refusal.error, "error_description": refusal.reason}, refusal.status)
        if await resources.rates.is_client_too_fast(given.client_id):
            return too_fast(request.scope)
        await _keep(request, resources, given.client_id, AuditOutcome.SUCCESS, "")
        body = {"access_token": given.token, "token_type": "Bearer", "expires_in": given.expires_in_seconds}
        return JSONResponse(body | ({"scope": given.scope} if given.scope else {}))

    return [Route("/oauth/token", give, methods=["POST"])]


async def _given(request: Request, tokens: ServiceTokens) -> GivenToken:
    sent = await _form(request)
    if sent.get("grant_type") != _GRANT:
        raise _Refused(400, "unsupported_grant_type", "grant_type")
    if sent.get("client_assertion_type") != _ASSERTION:
        raise _Refused(400, "invalid_request", "client_assertion_type")
    assertion, scope = sent.get("client_assertion", ""), sent.get("scope", "")
    if len(assertion) > _LONGEST_ASSERTION or len(scope) > _LONGEST_SCOPE:
        raise _Refused(400, "invalid_request", "too_long")
    try:
        return await asyncio.to_thread(tokens.give, assertion, scope)
    except NotAuthenticated as refusal:
        raise _Refused(401, "invalid_client", refusal.reason) from None
    except ScopeRefused:
        raise _Refused(400, "invalid_scope", "scope") from None


async def _form(request: Request) -> dict[str, str]:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != _FORM:
        raise _Refused(400, "invalid_request", "content_type")
    try:
        pairs = parse_qsl((await request.body()).decode(), strict_parsing=True, max_num_fields=20)
    except ValueError:
        raise _Refused(400, "invalid_request", "body") from None
    if len({name for name, _ in pairs}) != len(pairs):
        raise _Refused(400, "invalid_request", "repeated_parameter")
    return dict(pairs)


async def _keep(request: Request, resources: HubResources, actor: str, outcome: AuditOutcome, detail: str) -> None:
    event = AuditEvent(
        at=resources.clock(),
        actor=actor,
        role="",
        action=ACTION,
        outcome=outcome,
        correlation_id=request.scope.get(CORRELATION_KEY, ""),
        detail=detail,
    )
    await keep_audit([event], resources)
