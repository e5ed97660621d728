"""Tokens that may be used once, remembered by the store: another process of the hub knows them too."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable

from federation.ports import UnitOfWork

UseToken = Callable[[str, str], bool]
"""From issuer and token id to whether this is the first use; it then counts as used."""

KEPT_FOR = dt.timedelta(hours=2)
"""Longer than any such token is good; what is older is forgotten."""
_CALLER = "one-time-token"
_NEVER_STALE = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def remember_used(units: Callable[[], UnitOfWork], clock: Callable[[], dt.datetime]) -> UseToken:
    """First uses are kept as requests that were made; what is kept is a digest."""

    def use(issuer: str, token_id: str) -> bool:
        digest = hashlib.sha256(f"{len(issuer)}|{issuer}|{token_id}".encode()).hexdigest()
        now = clock()
        with units() as uow:
            uow.answered_requests.forget_before(now - KEPT_FOR)
            used = uow.answered_requests.claim(_CALLER, digest, request_hash=digest, at=now, stale_before=_NEVER_STALE)
            uow.commit()
        return used is None

    return use
