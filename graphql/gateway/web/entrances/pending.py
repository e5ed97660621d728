"""A sign-in that is under way, kept in the browser that began it: sealed, short-lived, one cookie for each.

What comes back from a provider is taken only by the browser that set out, and only once: the cookie goes with the
answer. Two sign-ins side by side (two tabs) do not disturb each other.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass

from starlette.requests import Request
from starlette.responses import Response

from gateway.web.entrances.failures import SignInFailed
from gateway.web.seals import Seal

LONGEST = dt.timedelta(minutes=10)
"""From setting out to coming back."""


@dataclass(frozen=True, slots=True)
class Pending:
    """``entrance`` names the provider that was set out to; ``return_to`` is a page of ours, or empty."""

    entrance: str
    state: str
    nonce: str
    verifier: str
    return_to: str = ""

    @classmethod
    def new(cls, entrance: str, return_to: str = "") -> Pending:
        """Fresh secrets of 256 bits each. The verifier is one of RFC 7636."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return cls(entrance, state, nonce, verifier, return_to)


class PendingCookies:
    """Writes and takes the cookies."""

    def __init__(self, seal: Seal, path: str) -> None:
        self._seal, self._path = seal, path

    def write(self, response: Response, pending: Pending, now: dt.datetime, *, is_secure: bool) -> None:
        """Remember a sign-in in the browser that begins it."""
        sealed = self._seal.seal({**asdict(pending), "at": now.isoformat()})
        response.set_cookie(
            _name(pending.state, is_secure), sealed, max_age=int(LONGEST.total_seconds()),
            path=self._path, secure=is_secure, httponly=True, samesite="lax",
        )  # fmt: skip

    def take(self, request: Request, entrances: frozenset[str], now: dt.datetime, *, is_secure: bool) -> Pending:
        """The sign-in that the answer in this request belongs to.

        Raises:
            SignInFailed: ``state_wrong``: this browser began none with this state, or too long ago.
        """
        state = request.query_params.get("state", "")
        fields = self._seal.open(request.cookies.get(_name(state, is_secure), ""))
        try:
            began_at = dt.datetime.fromisoformat(str(fields.pop("at")))
            pending = Pending(**{name: str(value) for name, value in fields.items()})
        except (KeyError, TypeError, ValueError):
            raise SignInFailed("state_wrong", "not_begun_here") from None
        if pending.entrance not in entrances or not hmac.compare_digest(pending.state.encode(), state.encode()):
            raise SignInFailed("state_wrong")
        if not dt.timedelta(0) <= now - began_at < LONGEST:
            raise SignInFailed("state_wrong", "took_too_long")
        return pending

    def forget(self, response: Response, request: Request, *, is_secure: bool) -> None:
        """The answer is used up, whatever came of it."""
        name = _name(request.query_params.get("state", ""), is_secure)
        response.delete_cookie(name, path=self._path, secure=is_secure, httponly=True, samesite="lax")


def _name(state: str, is_secure: bool) -> str:
    mark = hashlib.sha256(state.encode()).hexdigest()[:12]
    return f"{'__Secure-' if is_secure else ''}priorlink-way-{mark}"
