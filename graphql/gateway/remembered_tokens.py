"""Tokens that were found good a moment ago are not checked anew: a signature costs more than the answer it guards.

What takes a token back (``gateway.revoked_tokens``) is asked all the same, each time. A key that the issuer gave up
counts for ``KEEP_SECONDS`` longer.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.authentication import Authenticate, Caller
from mpi.ports import Clock

KEEP_SECONDS = 60.0
MOST_TOKENS = 10_000


@dataclass(slots=True)
class RememberedTokens:
    """``Authenticate`` around another one. Holds digests, no tokens; the oldest give way beyond ``most_tokens``.

    A token is good here until it expires, without the leeway that the one inside may grant.
    """

    authenticate: Authenticate
    clock: Clock
    keep_seconds: float = KEEP_SECONDS
    most_tokens: int = MOST_TOKENS
    seconds: Callable[[], float] = time.monotonic
    _good: OrderedDict[bytes, tuple[float, Caller]] = field(default_factory=OrderedDict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __call__(self, authorization: str | None) -> Caller:
        """The caller behind an Authorization header.

        Raises:
            NotAuthenticated: as the inner one.
        """
        known = self.known(authorization)
        if known is not None:
            return known
        checked_at = self.seconds()
        caller = self.authenticate(authorization)
        with self._lock:
            self._good[_digest(authorization)] = (checked_at, caller)
            if len(self._good) > self.most_tokens:
                self._good.popitem(last=False)
        return caller

    def known(self, authorization: str | None) -> Caller | None:
        """The caller, where the token was found good lately; ``None`` says nothing about it. Never waits."""
        digest = _digest(authorization)
        with self._lock:
            found = self._good.get(digest)
            if found is None:
                return None
            checked_at, caller = found
            if self.seconds() - checked_at < self.keep_seconds and self.clock() < caller.token_expires_at:
                return caller
            del self._good[digest]
            return None


def _digest(authorization: str | None) -> bytes:
    return hashlib.sha256((authorization or "").encode()).digest()
