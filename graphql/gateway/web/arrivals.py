"""Somebody comes from a provider or an EHR: a session and an audit entry, or a page that says why not."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response

from gateway.authentication import Caller
from gateway.context import HubContext, keep_audit
from gateway.doors import page_operation
from gateway.errors import NotAuthenticated
from gateway.observability import get_logger
from gateway.permissions import decide_access
from gateway.web.callers import caller_of_session
from gateway.web.entrances.failures import SignInFailed
from gateway.web.sessions import Identity, Launch, SessionTooLarge
from gateway.web.visit import Visit
from mpi.audit import AuditEvent, AuditOutcome

_log = get_logger("gateway.web")


async def begin_session(
    visit: Visit, identity: Identity, action: str, *, to: str, launch: Launch | None = None
) -> Response:
    """Sign them in, and go there. Nothing of an earlier session is left but one's own launches.

    Raises:
        SignInFailed: what let them in was taken back meanwhile, or the session does not fit into a cookie.
    """
    session = visit.session.entered(identity, visit.now, launch)
    try:
        caller = await asyncio.to_thread(caller_of_session, session, visit.web.resources, visit.now)
    except NotAuthenticated as refusal:
        raise SignInFailed("token_refused", refusal.reason) from None
    assert caller is not None  # noqa: S101 - the session holds an identity
    response = visit.redirect(to)
    try:
        visit.web.cookies.write(response, visit.request, session, visit.now)
    except SessionTooLarge:
        raise SignInFailed("session_too_large") from None
    context = HubContext(visit.web.resources, visit.web.metrics, caller, visit.correlation_id)
    role = min(caller.roles, key=lambda one: one.value, default=None)
    subject = None if launch is None else launch.enterprise_id
    event = context.audit_event(action, AuditOutcome.SUCCESS, role=role, subject=subject)
    await keep_audit([event], visit.web.resources)
    return response


async def page_of_failure(
    visit: Visit, failure: SignInFailed, action: str, *, again: str = "", caller: Caller | None = None, **values: Any
) -> Response:
    """Why they did not get in, and what to do. On record, unless an address sends far too many."""
    visit.web.metrics.count_refused_token(failure.code)
    _log.info("sign_in_refused", reason=failure.detail)
    resources = visit.web.resources
    if caller is None and await resources.rates.are_anonymous_too_many(visit.request.scope):
        failure = SignInFailed("too_many_tries")
    else:
        event = AuditEvent(
            at=resources.clock(),
            actor="anonymous" if caller is None else caller.subject,
            role="",
            action=action,
            outcome=AuditOutcome.REFUSED,
            correlation_id=visit.correlation_id,
            detail=failure.detail,
        )
        await keep_audit([event], resources)
    return visit.render("sign_in_failed.html", status=failure.status, problem=failure.code, again=again, **values)


def return_address(wanted: str, caller: Caller) -> str:
    """The page that asked for the sign-in, if it is one of ours that these roles open; else everybody's first page."""
    operation = page_operation(wanted.partition("?")[0])
    if operation is None or not decide_access(operation, caller.claims).is_allowed:
        return "/"
    return wanted
