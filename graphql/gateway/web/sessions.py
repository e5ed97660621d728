"""Who is signed in, kept in a sealed cookie: the caller's token or what a provider said of them, a secret against
forged forms, and times.

The cookie is encrypted and authenticated, so that the browser holds nothing readable and the hub keeps no table. It is
good until the sign-in ends or nobody has used it for a while, whichever comes first.
"""

from __future__ import annotations

import datetime as dt
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gateway.settings import WebSettings
from gateway.web.seals import Seal

RENEW_AFTER = dt.timedelta(minutes=1)
"""A used session is sealed anew when its seal is older than this."""

MOST_LAUNCHES = 5
_MAX_COOKIE_BYTES = 4000


@dataclass(frozen=True, slots=True)
class Identity:
    """What a provider said of somebody when they signed in, checked then. ``claims`` are those of a bearer token.

    ``id_token`` is shown to the provider again at signing out; empty when it is not kept.
    """

    entrance: str
    claims: Mapping[str, Any]
    name: str = ""
    id_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Launch:
    """An EHR opened the pages on this person (an enterprise id says nothing about them); ``authority`` is its own."""

    launch_id: str
    enterprise_id: str
    authority: str


@dataclass(frozen=True, slots=True)
class Session:
    """One browser's session. ``token`` and ``identity`` are empty before anybody has signed in.

    ``return_to``: the page that asked for a sign-in. ``has_ended``: somebody was signed in here until now.
    """

    csrf: str
    sealed_at: dt.datetime
    token: str = ""
    identity: Identity | None = None
    launches: tuple[Launch, ...] = ()
    return_to: str = ""
    has_ended: bool = False

    @classmethod
    def fresh(cls, now: dt.datetime, *, has_ended: bool = False) -> Session:
        """Nobody has signed in yet."""
        return cls(secrets.token_urlsafe(24), now, has_ended=has_ended)

    def signed_in(self, token: str, now: dt.datetime) -> Session:
        """The session after signing in with a token; its secret is a new one."""
        return Session(secrets.token_urlsafe(24), now, token)

    def entered(self, identity: Identity, now: dt.datetime, launch: Launch | None = None) -> Session:
        """The session after a provider said who it is; nothing of the one before stays but one's own launches."""
        is_same = self.identity is not None and _owner(self.identity) == _owner(identity)
        launches = (*(self.launches if is_same else ()), *([launch] if launch is not None else []))
        return Session(secrets.token_urlsafe(24), now, identity=identity, launches=launches[-MOST_LAUNCHES:])

    @property
    def is_entered(self) -> bool:
        """Whether somebody has signed in."""
        return bool(self.token) or self.identity is not None

    def launch(self, launch_id: str) -> Launch | None:
        """One of the launches of this session."""
        return next((one for one in self.launches if one.launch_id == launch_id), None)

    def is_from_form(self, sent: str | None) -> bool:
        """Whether a form carries this session's secret."""
        return sent is not None and hmac.compare_digest(sent.encode(), self.csrf.encode())


class SessionTooLarge(Exception):
    """The session is too long for a cookie."""


class SessionCookies:
    """Reads and writes the cookie."""

    def __init__(self, settings: WebSettings) -> None:
        self._seal = Seal(settings, "session")
        self._idle = dt.timedelta(minutes=settings.idle_minutes)
        self._is_public_https = (settings.public_url or "").startswith("https:")

    def read(self, request: Request, now: dt.datetime) -> Session:
        """The browser's session; a fresh one when there is none that we can take."""
        fields = self._seal.open(request.cookies.get(self._name(request), ""))
        try:
            session = _session_of(fields)
        except (ValueError, KeyError, TypeError):
            return Session.fresh(now)
        if now - session.sealed_at < self._idle:
            return session
        return Session.fresh(now, has_ended=session.is_entered)

    def write(self, response: Response, request: Request, session: Session, now: dt.datetime) -> None:
        """Seal the session as of now. An ID token that does not fit is left out.

        Raises:
            SessionTooLarge: browsers would drop the cookie.
        """
        sealed = self._seal.seal(_fields_of(replace(session, sealed_at=now)))
        if len(sealed) > _MAX_COOKIE_BYTES and session.identity is not None and session.identity.id_token:
            kept = replace(session, sealed_at=now, identity=replace(session.identity, id_token=""))
            sealed = self._seal.seal(_fields_of(kept))
        if len(sealed) > _MAX_COOKIE_BYTES:
            raise SessionTooLarge
        response.set_cookie(
            self._name(request), sealed, path="/", secure=self.is_secure(request), httponly=True, samesite="lax"
        )

    def forget(self, response: Response, request: Request) -> None:
        """Sign out."""
        response.delete_cookie(
            self._name(request), path="/", secure=self.is_secure(request), httponly=True, samesite="lax"
        )

    def is_secure(self, request: Request) -> bool:
        """Whether people reach the hub by https."""
        return self._is_public_https or request.url.scheme == "https"

    def _name(self, request: Request) -> str:
        return "__Host-priorlink" if self.is_secure(request) else "priorlink"


def _owner(identity: Identity) -> tuple[str, Any]:
    return identity.entrance, identity.claims.get("sub")


def _fields_of(session: Session) -> dict[str, Any]:
    """Short names: a cookie is small."""
    identity = session.identity
    whole = {
        "csrf": session.csrf,
        "at": session.sealed_at.isoformat(),
        "token": session.token,
        "who": None if identity is None else [identity.entrance, identity.claims, identity.name, identity.id_token],
        "launches": [[one.launch_id, one.enterprise_id, one.authority] for one in session.launches],
        "to": session.return_to,
        "ended": session.has_ended,
    }
    return {name: value for name, value in whole.items() if value}


def _session_of(fields: Mapping[str, Any]) -> Session:
    who = fields.get("who")
    return Session(
        fields["csrf"],
        dt.datetime.fromisoformat(fields["at"]),
        fields.get("token", ""),
        None if who is None else Identity(*who),
        tuple(Launch(*one) for one in fields.get("launches", ())),
        fields.get("to", ""),
        bool(fields.get("ended")),
    )
