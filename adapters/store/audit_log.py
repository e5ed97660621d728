"""The audit log and its hash chain. No event can be changed or deleted, and the database refuses both.

Events wait in their unit of work until it commits; only then are they numbered and chained, under one lock that no
unit holds for longer than its own commit. So a long transaction keeps nobody else from being audited.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from adapters.store import mapping
from adapters.store.locks import take_last_lock
from adapters.store.mapping import Row
from adapters.store.standing import run_standing_for_each, standing_rows
from adapters.store.statements import rows
from adapters.store.tables import audit_anchor, audit_event
from mpi.audit import AuditEvent, AuditOutcome, AuditSearch
from mpi.audit_chain import EMPTY_CHAIN, AuditHead, ChainRow, KeptEvent, chained

_LOCK = "audit chain"
_ADD = sa.insert(audit_event)
_NUMBER = audit_event.c.audit_id
_TEXTS = ("actor", "role", "action", "purpose_of_use", "correlation_id", "detail")


class SqlAuditLog:
    """``mpi.ports.AuditLog`` on a connection. ``waiting`` are the events that the unit has taken so far."""

    def __init__(self, connection: sa.Connection, waiting: list[AuditEvent]) -> None:
        self._connection = connection
        self._waiting = waiting

    def append(self, event: AuditEvent) -> None:
        self._waiting.append(event)

    def search(self, wanted: AuditSearch, *, before: int | None, limit: int) -> tuple[KeptEvent, ...]:
        write_waiting(self._connection, self._waiting)
        statement = _in_period(sa.select(audit_event), wanted.since, wanted.until)
        for column, part in ((audit_event.c.actor, wanted.actor), (audit_event.c.action, wanted.action)):
            if part:
                statement = statement.where(column.icontains(part, autoescape=True))
        if wanted.outcome is not None:
            statement = statement.where(audit_event.c.outcome == wanted.outcome)
        if before is not None:
            statement = statement.where(before > _NUMBER)
        return self._kept(statement.order_by(_NUMBER.desc()).limit(limit))

    def about(self, subjects: Collection[str], *, before: int | None, limit: int) -> tuple[KeptEvent, ...]:
        write_waiting(self._connection, self._waiting)
        statement = sa.select(audit_event).where(audit_event.c.subject.in_(subjects))
        if before is not None:
            statement = statement.where(before > _NUMBER)
        return self._kept(statement.order_by(_NUMBER.desc()).limit(limit))

    def between(
        self, since: dt.datetime | None, until: dt.datetime | None, *, after: int, limit: int
    ) -> tuple[KeptEvent, ...]:
        write_waiting(self._connection, self._waiting)
        statement = _in_period(sa.select(audit_event).where(after < _NUMBER), since, until)
        return self._kept(statement.order_by(_NUMBER).limit(limit))

    def _kept(self, statement: sa.Select[Any]) -> tuple[KeptEvent, ...]:
        return tuple(KeptEvent(row["audit_id"], mapping.audit_from(row)) for row in rows(self._connection, statement))


class SqlAuditChain:
    """``mpi.ports.AuditChain`` on a connection. Reads rows as they stand, whatever somebody made of them."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def anchor(self) -> AuditHead | None:
        statement = sa.select(audit_anchor).order_by(audit_anchor.c.number.desc()).limit(1)
        found = rows(self._connection, statement)
        return AuditHead(found[0]["number"], bytes(found[0]["chain_hash"])) if found else None

    def head(self) -> AuditHead:
        return _head_of(self._connection)

    def rows(self, *, after: int | None, limit: int) -> tuple[ChainRow, ...]:
        statement = _AS_THEY_STAND.order_by(_NUMBER).limit(limit)
        if after is not None:
            statement = statement.where(after < _NUMBER)
        return tuple(_chain_row(row) for row in rows(self._connection, statement))

    def last_before(self, instant: dt.datetime) -> AuditHead | None:
        young = sa.select(sa.func.min(_NUMBER)).where(audit_event.c.at >= instant).scalar_subquery()
        is_old = sa.or_(young.is_(None), young > _NUMBER)
        statement = sa.select(_NUMBER, audit_event.c.chain_hash).where(is_old).order_by(_NUMBER.desc()).limit(1)
        found = rows(self._connection, statement)
        return AuditHead(found[0]["audit_id"], bytes(found[0]["chain_hash"])) if found else None

    def prune(self, through: AuditHead, *, at: dt.datetime) -> int:
        """The database lets rows go once an anchor stands for them, and no others."""
        values = {"number": through.number, "chain_hash": through.chain_hash, "pruned_at": at}
        self._connection.execute(sa.insert(audit_anchor).values(values))
        return self._connection.execute(sa.delete(audit_event).where(through.number >= _NUMBER)).rowcount


def _in_period(statement: sa.Select[Any], since: dt.datetime | None, until: dt.datetime | None) -> sa.Select[Any]:
    if since is not None:
        statement = statement.where(audit_event.c.at >= since)
    return statement if until is None else statement.where(audit_event.c.at < until)


def write_waiting(connection: sa.Connection, waiting: list[AuditEvent]) -> None:
    """Number and chain the events, in one statement, after the last row there is."""
    if not waiting:
        return
    take_last_lock(connection, _LOCK)
    values = [_values(row) for row in chained(_head_of(connection), waiting)]
    run_standing_for_each(connection, _ADD, values)
    waiting.clear()


def _values(row: ChainRow) -> dict[str, Any]:
    content = {} if row.event is None else mapping.audit_values(row.event)
    return {"audit_id": row.number, "chain_hash": row.chain_hash, **content}


def _head_of(connection: sa.Connection) -> AuditHead:
    found = standing_rows(connection, _LAST)
    return AuditHead(found[0]["number"], bytes(found[0]["chain_hash"])) if found else EMPTY_CHAIN


def _last_of(number: sa.Column[int], chain_hash: sa.Column[bytes]) -> sa.Select[tuple[int, bytes]]:
    last = sa.select(number.label("number"), chain_hash.label("chain_hash")).order_by(number.desc()).limit(1).subquery()
    return sa.select(last.c.number, last.c.chain_hash)


_LAST = (
    sa.union_all(
        _last_of(_NUMBER, audit_event.c.chain_hash), _last_of(audit_anchor.c.number, audit_anchor.c.chain_hash)
    )
    .order_by(sa.text("number DESC"))
    .limit(1)
)
"""The last row, or the anchor when there is none: its number is below that of every row that follows it."""

_AS_THEY_STAND = sa.select(
    _NUMBER,
    sa.type_coerce(audit_event.c.at, sa.String).label("at"),
    sa.type_coerce(audit_event.c.outcome, sa.String).label("outcome"),
    audit_event.c.subject,
    *(audit_event.c[name] for name in _TEXTS),
    sa.type_coerce(audit_event.c.chain_hash, sa.LargeBinary).label("chain_hash"),
)
"""Without the conversions that would stop at a value that somebody put there."""


def _chain_row(row: Row) -> ChainRow:
    stored_hash = row["chain_hash"]
    is_bytes = isinstance(stored_hash, bytes | memoryview)
    return ChainRow(row["audit_id"], _event_of(row), bytes(stored_hash) if is_bytes else None)


def _event_of(row: Row) -> AuditEvent | None:
    at, outcome, subject = _instant_of(row["at"]), row["outcome"], row["subject"]
    texts = {name: row[name] for name in _TEXTS}
    if at is None or outcome not in AuditOutcome.__members__ or not isinstance(subject, str | None):
        return None
    if not all(isinstance(text, str) for text in texts.values()):
        return None
    return AuditEvent(at=at, outcome=AuditOutcome[outcome], subject=subject, **texts)


def _instant_of(value: object) -> dt.datetime | None:
    """SQLite gives text: only the one form that is written counts."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC)
    try:
        read = dt.datetime.fromisoformat(str(value))
    except ValueError:
        return None
    is_as_written = read.tzinfo is None and read.isoformat(sep=" ", timespec="microseconds") == value
    return read.replace(tzinfo=dt.UTC) if is_as_written else None
