"""What stands between a request and a page: session, sign-in, role, forged forms, errors, headers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.context import HubContext, keep_audit
from gateway.doors import DOORS, Knock
from gateway.errors import NotAuthenticated
from gateway.observability import get_logger
from gateway.web.callers import caller_of_session
from gateway.web.operations import NotForThisRole, OperationFailed
from gateway.web.sessions import RENEW_AFTER
from gateway.web.visit import Visit, Web
from mpi.audit import AuditOutcome

Endpoint = Callable[[Visit], Awaitable[Response]]

PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
_LONGEST_RETURN = 300
_log = get_logger("gateway.web")


@dataclass(frozen=True, slots=True)
class Page:
    """One address."""

    method: str
    path: str
    endpoint: Endpoint

    @property
    def needs(self) -> str | None:
        """The operation it lives on, whose callers may open it; ``None`` is for everybody."""
        knock, what = DOORS[f"{self.method} {self.path}"]
        return what if knock is Knock.SESSION else None

    def route(self, web: Web) -> Route:
        """The address as the application serves it."""

        async def answer(request: Request) -> Response:
            return await _answer(self, web, request)

        return Route(self.path, endpoint=answer, methods=[self.method])


async def _answer(page: Page, web: Web, request: Request) -> Response:
    visit = await _visit(page, web, request)
    response = await _serve(page, visit)
    for name, value in PAGE_HEADERS.items():
        response.headers.setdefault(name, value)
    if "set-cookie" not in response.headers:
        _renew(visit, response)
    return response


async def _visit(page: Page, web: Web, request: Request) -> Visit:
    now = web.resources.clock()
    session = web.cookies.read(request, now)
    caller = None
    try:
        if session.is_entered:
            caller = await asyncio.to_thread(caller_of_session, session, web.resources, now)
    except NotAuthenticated as refusal:
        _log.info("session_ended", reason=refusal.reason)
        session = session.fresh(now, has_ended=True)
    form = await request.form() if page.method == "POST" else FormData()
    return Visit(web, request, session, caller, now, form)


async def _serve(page: Page, visit: Visit) -> Response:
    if page.method == "POST" and not _is_ours(visit):
        if page.needs is not None and visit.session.has_ended:
            return _ask_to_sign_in(visit)
        return visit.render("refused.html", status=403, why="form")
    if page.needs is not None and visit.caller is None:
        return _ask_to_sign_in(visit)
    try:
        if page.needs is not None and not visit.may(page.needs):
            await _keep_refusal(page.needs, visit)
            return visit.render("refused.html", status=403, why="role")
        return await page.endpoint(visit)
    except NotForThisRole:
        return visit.render("refused.html", status=403, why="role")
    except OperationFailed:
        return visit.render("failed.html", status=500)


def _ask_to_sign_in(visit: Visit) -> Response:
    """Remember the page in the session, never in the address, and lead to the sign-in."""
    query = visit.request.url.query if visit.request.method == "GET" and not visit.is_fragment else ""
    wanted = f"{visit.page_path}?{query}" if query else visit.page_path
    visit.session = replace(visit.session, return_to=wanted if len(wanted) <= _LONGEST_RETURN else visit.page_path)
    response = visit.redirect("/sign-in")
    visit.web.cookies.write(response, visit.request, visit.session, visit.now)
    return response


def _is_ours(visit: Visit) -> bool:
    """A form of ours: sent by one of our pages, with the session's secret."""
    if visit.request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    sent = visit.request.headers.get("x-csrf-token") or visit.field("csrf")
    return visit.session.is_from_form(sent)


async def _keep_refusal(operation: str, visit: Visit) -> None:
    assert visit.caller is not None  # noqa: S101 - only called with one
    context = HubContext(visit.web.resources, visit.web.metrics, visit.caller, visit.correlation_id)
    event = context.audit_event(operation, AuditOutcome.REFUSED, role=None, detail="role_not_allowed")
    await keep_audit([event], visit.web.resources)


def _renew(visit: Visit, response: Response) -> None:
    """Whoever is here stays signed in, and a form that was shown can be sent."""
    is_new = visit.web.cookies.read(visit.request, visit.now).csrf != visit.session.csrf
    if is_new or visit.now - visit.session.sealed_at >= RENEW_AFTER:
        visit.web.cookies.write(response, visit.request, visit.session, visit.now)
