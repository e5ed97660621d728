"""Callers whose tokens were taken back are not let in, in every process, within seconds."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.authentication import Authenticate, Caller
from gateway.errors import NotAuthenticated
from mpi.caller_revocations import DenyList
from mpi.ports import UnitOfWork

KnownCaller = Callable[[str | None], Caller | None]
"""From the value of an Authorization header to the caller, where no waiting is needed for that; else ``None``."""
TOKEN_REVOKED = "token_revoked"  # noqa: S105 - a reason, no secret


def nobody_known(_: str | None) -> Caller | None:
    """Every token is looked at."""
    return None


@dataclass(slots=True)
class WithoutRevoked:
    """``Authenticate`` around another one. The list is read again when it is older than ``keep_seconds``.

    Whoever asks while the list cannot be read is not let in: the error of the store is not swallowed.
    """

    authenticate: Authenticate
    read: Callable[[], UnitOfWork]
    clock: Callable[[], dt.datetime]
    keep_seconds: float = 15.0
    seconds: Callable[[], float] = time.monotonic
    known_good: KnownCaller = nobody_known
    _list: DenyList = field(default_factory=DenyList)
    _read_at: float = float("-inf")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, authorization: str | None) -> Caller:
        """The caller behind an Authorization header.

        Raises:
            NotAuthenticated: as the inner one, or ``token_revoked``.
        """
        caller = self.authenticate(authorization)
        if self.denies(caller):
            raise NotAuthenticated(TOKEN_REVOKED)
        return caller

    def known(self, authorization: str | None) -> Caller | None:
        """The caller, where token and list were read lately and let them in; for the event loop, which may not wait."""
        caller = self.known_good(authorization)
        if caller is None or self.seconds() - self._read_at >= self.keep_seconds:
            return None
        return None if self._list.denies(caller.subject, caller.token_id, caller.issued_at) else caller

    def denies(self, caller: Caller) -> bool:
        """Whether what let this caller in was taken back since."""
        return self._current().denies(caller.subject, caller.token_id, caller.issued_at)

    def _current(self) -> DenyList:
        with self._lock:
            now = self.seconds()
            if now - self._read_at >= self.keep_seconds:
                with self.read() as uow:
                    self._list = DenyList.of(uow.revocations.in_force(at=self.clock()))
                self._read_at = now
            return self._list
