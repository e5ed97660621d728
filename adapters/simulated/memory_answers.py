"""In-memory requests that a client gave a key."""

from __future__ import annotations

import datetime as dt

from adapters.simulated.memory_state import MemoryTransaction
from federation.ports import AnsweredRequest


class MemoryAnsweredRequests:
    """``federation.ports.AnsweredRequests`` in memory."""

    def __init__(self, transaction: MemoryTransaction) -> None:
        self._transaction = transaction

    def claim(
        self, caller: str, key: str, *, request_hash: str, at: dt.datetime, stale_before: dt.datetime
    ) -> AnsweredRequest | None:
        answered = self._transaction.writable().answered
        claimed_at, stored = answered.get((caller, key), (at, None))
        if stored is not None and (stored.answer is not None or claimed_at >= stale_before):
            return stored
        answered[caller, key] = (at, AnsweredRequest(request_hash, None))
        return None

    def keep(self, caller: str, key: str, *, answer: bytes) -> None:
        answered = self._transaction.writable().answered
        claimed_at, stored = answered[caller, key]
        answered[caller, key] = (claimed_at, AnsweredRequest(stored.request_hash, answer))

    def release(self, caller: str, key: str) -> None:
        answered = self._transaction.writable().answered
        _, stored = answered.get((caller, key), (None, None))
        if stored is not None and stored.answer is None:
            del answered[caller, key]

    def forget_before(self, instant: dt.datetime) -> None:
        answered = self._transaction.writable().answered
        for key in [key for key, (claimed_at, _) in answered.items() if claimed_at < instant]:
            del answered[key]
