"""From a session to the caller behind it: looked at again at every request."""

from __future__ import annotations

import datetime as dt

from gateway.authentication import Caller, caller_of
from gateway.errors import NotAuthenticated
from gateway.resources import HubResources
from gateway.revoked_tokens import TOKEN_REVOKED
from gateway.web.sessions import Session


def caller_of_session(session: Session, resources: HubResources, now: dt.datetime) -> Caller | None:
    """Who is signed in, ``None`` when nobody is. Sync, for a thread.

    Raises:
        NotAuthenticated: somebody was, but the sign-in has run out or was taken back.
    """
    if session.token:
        return resources.authenticate(f"Bearer {session.token}")
    if session.identity is None:
        return None
    caller = caller_of(session.identity.claims)
    if caller.token_expires_at <= now:
        raise NotAuthenticated("token_expired")
    if resources.is_denied(caller):
        raise NotAuthenticated(TOKEN_REVOKED)
    return caller
