"""An in-memory store: the same units of work as on a database, for demonstrations and tests."""

from __future__ import annotations

from collections.abc import Callable, Collection
from types import TracebackType
from typing import Self

from adapters.simulated.memory_alerts import MemoryAlertRepository, MemoryPlacedOrderRepository
from adapters.simulated.memory_answers import MemoryAnsweredRequests
from adapters.simulated.memory_audit import MemoryAuditChain, MemoryAuditLog
from adapters.simulated.memory_consent import MemoryConsentRepository, MemoryRevocationRepository
from adapters.simulated.memory_decisions import MemoryDecisionRepository
from adapters.simulated.memory_exchange import (
    MemoryChangeLog,
    MemoryEventSink,
    MemoryInbox,
    MemoryOrderCheckRepository,
    MemoryOutbox,
)
from adapters.simulated.memory_identity import MemoryHistoryRepository, MemoryRecordRepository, MemoryReviewRepository
from adapters.simulated.memory_site_reports import MemorySiteReportRepository
from adapters.simulated.memory_state import MemoryStore, MemoryTransaction, UnitNotOpen
from adapters.simulated.memory_statistics import MemoryAlertStatistics
from adapters.simulated.memory_study_index import MemoryStudyIndexRepository

__all__ = ["MemoryStore", "MemoryUnitOfWork", "memory_unit_of_work_factory"]


class MemoryUnitOfWork:
    """``federation.ports.UnitOfWork`` in memory. Entered once; after ``commit`` it is over.

    One unit writes at a time, so ``lock`` has nothing to add.
    """

    def __init__(self, store: MemoryStore, *, read_only: bool = False) -> None:
        self._store = store
        self._read_only = read_only
        self._transaction: MemoryTransaction | None = None

    @property
    def records(self) -> MemoryRecordRepository:
        return MemoryRecordRepository(self._open())

    @property
    def history(self) -> MemoryHistoryRepository:
        return MemoryHistoryRepository(self._open())

    @property
    def reviews(self) -> MemoryReviewRepository:
        return MemoryReviewRepository(self._open())

    @property
    def decisions(self) -> MemoryDecisionRepository:
        return MemoryDecisionRepository(self._open())

    @property
    def events(self) -> MemoryEventSink:
        return MemoryEventSink(self._open())

    @property
    def audit(self) -> MemoryAuditLog:
        return MemoryAuditLog(self._open())

    @property
    def audit_chain(self) -> MemoryAuditChain:
        return MemoryAuditChain(self._open())

    @property
    def inbox(self) -> MemoryInbox:
        return MemoryInbox(self._open())

    @property
    def order_checks(self) -> MemoryOrderCheckRepository:
        return MemoryOrderCheckRepository(self._open())

    @property
    def outbox(self) -> MemoryOutbox:
        return MemoryOutbox(self._open())

    @property
    def alerts(self) -> MemoryAlertRepository:
        return MemoryAlertRepository(self._open())

    @property
    def answered_requests(self) -> MemoryAnsweredRequests:
        return MemoryAnsweredRequests(self._open())

    @property
    def placed_orders(self) -> MemoryPlacedOrderRepository:
        return MemoryPlacedOrderRepository(self._open())

    @property
    def alert_statistics(self) -> MemoryAlertStatistics:
        return MemoryAlertStatistics(self._open())

    @property
    def changes(self) -> MemoryChangeLog:
        return MemoryChangeLog(self._open())

    @property
    def study_index(self) -> MemoryStudyIndexRepository:
        return MemoryStudyIndexRepository(self._open())

    @property
    def consents(self) -> MemoryConsentRepository:
        return MemoryConsentRepository(self._open())

    @property
    def revocations(self) -> MemoryRevocationRepository:
        return MemoryRevocationRepository(self._open())

    @property
    def site_reports(self) -> MemorySiteReportRepository:
        return MemorySiteReportRepository(self._open())

    def lock(self, keys: Collection[str]) -> bool:
        self._open()
        return False

    def lock_out_others(self) -> None:
        self._open()

    def commit(self) -> None:
        self._open().end(keep=True)
        self._transaction = None

    def __enter__(self) -> Self:
        self._transaction = self._store.begin(read_only=self._read_only)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._transaction is not None:
            self._transaction.end(keep=False)
            self._transaction = None

    def _open(self) -> MemoryTransaction:
        if self._transaction is None:
            raise UnitNotOpen("the unit of work is not open")
        return self._transaction


def memory_unit_of_work_factory(
    store: MemoryStore | None = None, *, read_only: bool = False
) -> Callable[[], MemoryUnitOfWork]:
    """A function that makes units of work on the store (a new, empty one unless given)."""
    shared = MemoryStore() if store is None else store
    return lambda: MemoryUnitOfWork(shared, read_only=read_only)
