"""One transaction on the database, as the use cases see it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from types import TracebackType
from typing import Self

import sqlalchemy as sa

from adapters.store.alert_repositories import SqlAlertRepository, SqlPlacedOrderRepository
from adapters.store.alert_statistics import SqlAlertStatistics
from adapters.store.answered_requests import SqlAnsweredRequests
from adapters.store.audit_log import SqlAuditChain, SqlAuditLog, write_waiting
from adapters.store.change_log import SqlChangeLog
from adapters.store.consent_repository import SqlConsentRepository, SqlRevocationRepository
from adapters.store.decision_repository import SqlDecisionRepository
from adapters.store.engine import BUSY_TIMEOUT_MS, READ_ONLY, WRITE_TURNS
from adapters.store.errors import UnitNotOpen
from adapters.store.locks import HeldLocks
from adapters.store.message_repositories import SqlEventSink, SqlInbox, SqlOutbox
from adapters.store.order_check_repository import SqlOrderCheckRepository
from adapters.store.record_repository import SqlHistoryRepository, SqlRecordRepository
from adapters.store.rematch_repository import SqlRematchRepository
from adapters.store.review_repository import SqlReviewRepository
from adapters.store.site_report_repository import SqlSiteReportRepository
from adapters.store.study_index_repository import SqlStudyIndexRepository
from adapters.store.turns import WriteTurns
from mpi.audit import AuditEvent


class SqlUnitOfWork:
    """``federation.ports.UnitOfWork`` on an engine. Entered once; after ``commit`` it is over.

    ``read_only``: nobody waits for it, it waits for nobody, sees one state of the database throughout, and the
    database refuses to write in it.
    """

    def __init__(self, engine: sa.Engine, *, read_only: bool = False) -> None:
        self._engine = engine
        self._read_only = read_only
        self._connection: sa.Connection | None = None
        self._turns: WriteTurns | None = None
        self._locks = HeldLocks()
        self._audit_waiting: list[AuditEvent] = []

    @property
    def records(self) -> SqlRecordRepository:
        return SqlRecordRepository(self._open_connection())

    @property
    def history(self) -> SqlHistoryRepository:
        return SqlHistoryRepository(self._open_connection())

    @property
    def reviews(self) -> SqlReviewRepository:
        return SqlReviewRepository(self._open_connection())

    @property
    def decisions(self) -> SqlDecisionRepository:
        return SqlDecisionRepository(self._open_connection())

    @property
    def events(self) -> SqlEventSink:
        return SqlEventSink(self._open_connection())

    @property
    def audit(self) -> SqlAuditLog:
        return SqlAuditLog(self._open_connection(), self._audit_waiting)

    @property
    def audit_chain(self) -> SqlAuditChain:
        return SqlAuditChain(self._open_connection())

    @property
    def inbox(self) -> SqlInbox:
        return SqlInbox(self._open_connection())

    @property
    def order_checks(self) -> SqlOrderCheckRepository:
        return SqlOrderCheckRepository(self._open_connection())

    @property
    def outbox(self) -> SqlOutbox:
        return SqlOutbox(self._open_connection())

    @property
    def rematch_runs(self) -> SqlRematchRepository:
        return SqlRematchRepository(self._open_connection())

    @property
    def alerts(self) -> SqlAlertRepository:
        return SqlAlertRepository(self._open_connection())

    @property
    def answered_requests(self) -> SqlAnsweredRequests:
        return SqlAnsweredRequests(self._open_connection())

    @property
    def placed_orders(self) -> SqlPlacedOrderRepository:
        return SqlPlacedOrderRepository(self._open_connection())

    @property
    def alert_statistics(self) -> SqlAlertStatistics:
        return SqlAlertStatistics(self._open_connection())

    @property
    def changes(self) -> SqlChangeLog:
        return SqlChangeLog(self._open_connection())

    @property
    def study_index(self) -> SqlStudyIndexRepository:
        return SqlStudyIndexRepository(self._open_connection())

    @property
    def consents(self) -> SqlConsentRepository:
        return SqlConsentRepository(self._open_connection())

    @property
    def revocations(self) -> SqlRevocationRepository:
        return SqlRevocationRepository(self._open_connection())

    @property
    def site_reports(self) -> SqlSiteReportRepository:
        return SqlSiteReportRepository(self._open_connection())

    def lock(self, keys: Collection[str]) -> bool:
        return self._locks.take(self._open_connection(), keys)

    def lock_out_others(self) -> None:
        self._locks.take_all(self._open_connection())

    def commit(self) -> None:
        connection = self._open_connection()
        write_waiting(connection, self._audit_waiting)
        connection.commit()
        self._close()

    def __enter__(self) -> Self:
        self._take_turn()
        try:
            self._connection = self._begun()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Closing a connection undoes what was not committed.
        self._close()

    def _begun(self) -> sa.Connection:
        connection = self._engine.connect()
        try:
            connection.execution_options(**self._options())
            connection.begin()
        except BaseException:
            connection.close()
            raise
        return connection

    def _take_turn(self) -> None:
        """Whoever waited in vain tries all the same: the database says what is in the way."""
        turns: WriteTurns | None = self._engine.get_execution_options().get(WRITE_TURNS)
        if turns is not None and not self._read_only and turns.take(timeout_seconds=BUSY_TIMEOUT_MS / 1000):
            self._turns = turns

    def _options(self) -> dict[str, object]:
        if not self._read_only:
            return {}
        if self._engine.dialect.name == "postgresql":
            return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        return {READ_ONLY: True}

    def _open_connection(self) -> sa.Connection:
        if self._connection is None:
            raise UnitNotOpen("the unit of work is not open")
        return self._connection

    def _close(self) -> None:
        try:
            if self._connection is not None:
                self._connection.close()
        finally:
            self._connection = None
            if self._turns is not None:
                self._turns.give_back()
                self._turns = None


def unit_of_work_factory(engine: sa.Engine, *, read_only: bool = False) -> Callable[[], SqlUnitOfWork]:
    """A function that makes units of work on this engine."""
    return lambda: SqlUnitOfWork(engine, read_only=read_only)
