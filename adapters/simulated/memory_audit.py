"""In-memory audit log with its hash chain."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator

from adapters.simulated.memory_state import MemoryTransaction
from mpi.audit import AuditEvent, AuditSearch
from mpi.audit_chain import EMPTY_CHAIN, AuditHead, ChainRow, KeptEvent, chained


class MemoryAuditLog:
    """``mpi.ports.AuditLog`` in memory. One unit writes at a time, so an event is chained when it is given."""

    def __init__(self, transaction: MemoryTransaction) -> None:
        self._transaction = transaction

    def append(self, event: AuditEvent) -> None:
        state = self._transaction.writable()
        state.audit.extend(chained(MemoryAuditChain(self._transaction).head(), [event]))

    def search(self, wanted: AuditSearch, *, before: int | None, limit: int) -> tuple[KeptEvent, ...]:
        fitting = (kept for kept in self._kept() if wanted.fits(kept.event))
        found = [kept for kept in fitting if before is None or kept.number < before]
        return tuple(found[::-1][:limit])

    def about(self, subjects: Collection[str], *, before: int | None, limit: int) -> tuple[KeptEvent, ...]:
        found = [
            kept for kept in self._kept() if kept.event.subject in subjects and (before is None or kept.number < before)
        ]
        return tuple(found[::-1][:limit])

    def between(
        self, since: dt.datetime | None, until: dt.datetime | None, *, after: int, limit: int
    ) -> tuple[KeptEvent, ...]:
        found = (
            kept
            for kept in self._kept()
            if kept.number > after
            and (since is None or kept.event.at >= since)
            and (until is None or kept.event.at < until)
        )
        return tuple(found)[:limit]

    def _kept(self) -> Iterator[KeptEvent]:
        return (KeptEvent(row.number, row.event) for row in self._transaction.state.audit if row.event is not None)


class MemoryAuditChain:
    """``mpi.ports.AuditChain`` in memory."""

    def __init__(self, transaction: MemoryTransaction) -> None:
        self._transaction = transaction

    def anchor(self) -> AuditHead | None:
        return max(self._transaction.state.audit_anchors, key=lambda head: head.number, default=None)

    def head(self) -> AuditHead:
        rows = self._transaction.state.audit
        return _head_of(rows[-1]) if rows else self.anchor() or EMPTY_CHAIN

    def rows(self, *, after: int | None, limit: int) -> tuple[ChainRow, ...]:
        found = (row for row in self._transaction.state.audit if after is None or row.number > after)
        return tuple(found)[:limit]

    def last_before(self, instant: dt.datetime) -> AuditHead | None:
        last = None
        for row in self._transaction.state.audit:
            if row.event is not None and row.event.at >= instant:
                break
            last = row
        return None if last is None else _head_of(last)

    def prune(self, through: AuditHead, *, at: dt.datetime) -> int:
        state = self._transaction.writable()
        before = len(state.audit)
        state.audit_anchors.append(through)
        state.audit[:] = [row for row in state.audit if row.number > through.number]
        return before - len(state.audit)


def _head_of(row: ChainRow) -> AuditHead:
    return AuditHead(row.number, row.chain_hash or b"")
