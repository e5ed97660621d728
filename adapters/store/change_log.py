"""The log of changes that listeners read."""

from __future__ import annotations

import sqlalchemy as sa

from adapters.store.statements import rows
from adapters.store.tables import change_log
from federation.changes import Change, ChangeKind

_change = change_log.c
_NEWEST = sa.select(sa.func.coalesce(sa.func.max(_change.number), 0))
_INSERT = sa.insert(change_log)


class SqlChangeLog:
    """``federation.ports.ChangeLog`` on a connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def newest_number(self) -> int:
        return int(self._connection.execute(_NEWEST).scalar_one())

    def after(self, number: int, *, limit: int) -> tuple[Change, ...]:
        statement = sa.select(change_log).where(_change.number > number).order_by(_change.number).limit(limit)
        return tuple(
            Change(row["number"], row["kind"], row["key"], row["version"]) for row in rows(self._connection, statement)
        )

    def forget_all_but(self, newest: int) -> int:
        statement = sa.delete(change_log).where(_change.number <= self.newest_number() - newest)
        return int(self._connection.execute(statement).rowcount)


def note_change(connection: sa.Connection, kind: ChangeKind, key: str, version: int) -> None:
    """Add an entry; it is seen only if the transaction commits."""
    connection.execute(_INSERT, {"kind": kind, "key": key, "version": version})
