"""Tokens that may be used once, remembered by the store: another process of the hub knows them too."""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
from collections.abc import Callable

from federation.ports import UnitOfWork

UseToken = Callable[[str, str], bool]
"""From issuer and token id to whether this is the first use; it then counts as used."""

SENDER = "one-time-token"
"""Under whom they stand in the inbox: no feed of messages."""

KEPT = dt.timedelta(hours=2)
"""Longer than any of these tokens lives with both clocks' leeway (an hour and a minute): it is refused as expired."""

_SWEPT_EVERY = dt.timedelta(minutes=10)


class RememberUsed:
    """A ``UseToken``: first uses are kept in the inbox, as a message from nobody; what is kept is a digest.

    Digests that are too old to matter are dropped now and then, on the way, by whichever process comes first.
    """

    def __init__(self, units: Callable[[], UnitOfWork], clock: Callable[[], dt.datetime]) -> None:
        self._units, self._clock = units, clock
        self._sweep_at = clock()
        self._lock = threading.Lock()

    def __call__(self, issuer: str, token_id: str) -> bool:
        """Whether this is the first use anywhere; it is one from now on."""
        if self._is_time_to_sweep():
            self._sweep()
        digest = hashlib.sha256(f"{len(issuer)}|{issuer}|{token_id}".encode()).hexdigest()
        with self._units() as uow:
            uow.lock([f"token:{digest}"])
            if uow.inbox.stored_acknowledgement(SENDER, digest, digest) is not None:
                return False
            uow.inbox.keep(SENDER, digest, digest, acknowledgement=b"", received_at=self._clock())
            uow.commit()
        return True

    def _is_time_to_sweep(self) -> bool:
        with self._lock:
            if self._clock() < self._sweep_at:
                return False
            self._sweep_at = self._clock() + _SWEPT_EVERY
            return True

    def _sweep(self) -> None:
        with self._units() as uow:
            uow.lock(["used-tokens"])
            uow.inbox.forget(SENDER, before=self._clock() - KEPT)
            uow.commit()
