"""``POST /edge/poll`` hands out a question, ``POST /edge/answers/{id}`` takes its answer.

Who polls is settled by the agent's own token: issued by the site, for this hub, signed with the key registered for it.
Bodies of answers are gzip: a long list stays below the hub's limit for requests.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from joserfc.errors import JoseError
from joserfc.jws import extract_compact
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from adapters.edge.errors import TokenRefused
from adapters.edge.mailbox import Letter, Mailbox
from adapters.edge.tokens import TokenGate
from federation.sites.site import SiteId
from gateway.observability import get_logger

_LONGEST_WAIT_SECONDS = 55.0
_LOOK_UP_SECONDS = 0.5
_LARGEST_ANSWER_BYTES = 32 * 1024 * 1024
_log = get_logger("gateway.edge_door")


def edge_routes(
    mailbox: Mailbox, gates: Mapping[SiteId, TokenGate], *, is_stopping: Callable[[], bool] = lambda: False
) -> list[BaseRoute]:
    """The routes for the sites whose agents dial out; none when there is no such site.

    Once ``is_stopping`` says so, polls that wait are sent home.
    """
    if not gates:
        return []

    async def poll(request: Request) -> Response:
        site_id = _site_of(request, gates)
        if site_id is None:
            return _unauthenticated()
        await request.body()
        taking = asyncio.create_task(
            mailbox.take(site_id, wait_seconds=_wait_seconds(request.query_params.get("wait")))
        )
        letter = await _while_connected(request, taking, is_stopping)
        return Response(status_code=204) if letter is None else JSONResponse(_document(letter))

    async def answer(request: Request) -> Response:
        site_id = _site_of(request, gates)
        if site_id is None:
            return _unauthenticated()
        body = await asyncio.to_thread(_unpacked, await request.body())
        if body is None:
            return JSONResponse({"error": "the body is not gzip, or too large"}, status_code=413)
        is_waited_for = mailbox.reply(site_id, request.path_params["letter_id"], body)
        return Response(status_code=204 if is_waited_for else 410)

    return [
        Route("/edge/poll", poll, methods=["POST"]),
        Route("/edge/answers/{letter_id}", answer, methods=["POST"]),
    ]


async def _while_connected(
    request: Request, taking: asyncio.Task[Letter | None], is_stopping: Callable[[], bool]
) -> Letter | None:
    """A poll whose agent has hung up must not take a question that another one could answer."""
    try:
        while not taking.done():
            await asyncio.wait({taking}, timeout=_LOOK_UP_SECONDS)
            if not taking.done() and (is_stopping() or await request.is_disconnected()):
                break
        return taking.result() if taking.done() else None
    finally:
        taking.cancel()


def _site_of(request: Request, gates: Mapping[SiteId, TokenGate]) -> SiteId | None:
    header = request.headers.get("authorization")
    try:
        site_id = SiteId(_claimed_issuer(header))
        if site_id not in gates:
            _log.warning("agent_refused", reason="unknown_site")
            return None
        gates[site_id].check_header(header)
    except TokenRefused as refusal:
        _log.warning("agent_refused", reason=refusal.reason)
        return None
    return site_id


def _claimed_issuer(header: str | None) -> str:
    """Which site's key to check with: what the token claims, not believed before it is checked."""
    try:
        claims: Any = json.loads(extract_compact((header or "").strip().partition(" ")[2].strip().encode()).payload)
        issuer = claims.get("iss")
    except (ValueError, TypeError, AttributeError, JoseError):
        raise TokenRefused("malformed_token") from None
    return issuer if isinstance(issuer, str) else ""


def _document(letter: Letter) -> dict[str, str]:
    return {"id": letter.letter_id, "token": letter.token, "question": letter.body.decode()}


def _wait_seconds(text: str | None) -> float:
    try:
        return min(_LONGEST_WAIT_SECONDS, max(0.0, float(text or "0")))
    except ValueError:
        return 0.0


def _unpacked(body: bytes) -> bytes | None:
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        unpacked = unpacking.decompress(body, _LARGEST_ANSWER_BYTES)
    except zlib.error:
        return None
    return unpacked if unpacking.eof else None


def _unauthenticated() -> Response:
    return JSONResponse({"error": "a valid token is needed"}, status_code=401, headers={"WWW-Authenticate": "Bearer"})
