"""Who is signed in, kept in a sealed cookie: the caller's token, a secret against forged forms, and two times.

The cookie is encrypted and authenticated (Fernet), so that the browser holds nothing readable and the hub keeps no
table. It is good until the token ends or nobody has used it for a while, whichever comes first.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, replace

from cryptography.fernet import Fernet, InvalidToken
from starlette.requests import Request
from starlette.responses import Response

from gateway.settings import WebSettings
from gateway.site_files import read_text

RENEW_AFTER = dt.timedelta(minutes=1)
"""A used session is sealed anew when its seal is older than this."""

_MAX_COOKIE_BYTES = 4000


@dataclass(frozen=True, slots=True)
class Session:
    """One browser's session. ``token`` is empty before anybody has signed in."""

    csrf: str
    sealed_at: dt.datetime
    token: str = ""

    @classmethod
    def fresh(cls, now: dt.datetime) -> Session:
        """Nobody has signed in yet."""
        return cls(secrets.token_urlsafe(24), now)

    def signed_in(self, token: str, now: dt.datetime) -> Session:
        """The session after signing in; its secret is a new one."""
        return Session(secrets.token_urlsafe(24), now, token)

    def is_from_form(self, sent: str | None) -> bool:
        """Whether a form carries this session's secret."""
        return sent is not None and hmac.compare_digest(sent.encode(), self.csrf.encode())


class SessionTooLarge(Exception):
    """The token is too long for a cookie."""


class SessionCookies:
    """Reads and writes the cookie."""

    def __init__(self, settings: WebSettings) -> None:
        self._fernet = Fernet(_key(settings))
        self._idle = dt.timedelta(minutes=settings.idle_minutes)
        self._is_public_https = (settings.public_url or "").startswith("https:")

    def read(self, request: Request, now: dt.datetime) -> Session:
        """The browser's session; a fresh one when there is none that we can take."""
        sealed = request.cookies.get(self._name(request), "")
        try:
            fields = json.loads(self._fernet.decrypt(sealed.encode()))
            session = Session(fields["csrf"], dt.datetime.fromisoformat(fields["at"]), fields["token"])
        except (InvalidToken, ValueError, KeyError, TypeError):
            return Session.fresh(now)
        return session if now - session.sealed_at < self._idle else Session.fresh(now)

    def write(self, response: Response, request: Request, session: Session, now: dt.datetime) -> None:
        """Seal the session as of now.

        Raises:
            SessionTooLarge: browsers would drop the cookie.
        """
        kept = replace(session, sealed_at=now)
        fields = {"csrf": kept.csrf, "at": kept.sealed_at.isoformat(), "token": kept.token}
        sealed = self._fernet.encrypt(json.dumps(fields).encode()).decode()
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


def _key(settings: WebSettings) -> bytes:
    if settings.session_key_file is not None:
        secret = read_text(settings.session_key_file, "web.session_key_file").strip()
    elif settings.session_key is not None:
        secret = settings.session_key.get_secret_value()
    else:
        secret = secrets.token_hex(32)
    return base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest())
