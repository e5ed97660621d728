"""Tokens that may be used once, remembered by the store: another process of the hub knows them too."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable

from federation.ports import UnitOfWork

UseToken = Callable[[str, str], bool]
"""From issuer and token id to whether this is the first use; it then counts as used."""

_SENDER = "one-time-token"


def remember_used(units: Callable[[], UnitOfWork], clock: Callable[[], dt.datetime]) -> UseToken:
    """First uses are kept in the inbox, as a message from nobody; what is kept is a digest."""

    def use(issuer: str, token_id: str) -> bool:
        digest = hashlib.sha256(f"{len(issuer)}|{issuer}|{token_id}".encode()).hexdigest()
        with units() as uow:
            uow.lock([f"token:{digest}"])
            if uow.inbox.stored_acknowledgement(_SENDER, digest, digest) is not None:
                return False
            uow.inbox.keep(_SENDER, digest, digest, acknowledgement=b"", received_at=clock())
            uow.commit()
        return True

    return use
