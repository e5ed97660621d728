"""Statements that SQLite and PostgreSQL spell alike but SQLAlchemy keeps apart, and filters by identifier."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from adapters.store.mapping import Row
from mpi.identity.identifiers import PatientIdentifier


def rows(connection: sa.Connection, statement: sa.Select[Any]) -> list[Row]:
    """The rows as mappings from column name to value."""
    return [cast(Row, row) for row in connection.execute(statement).mappings()]


def insert_unless_there(connection: sa.Connection, table: sa.Table, values: Sequence[dict[str, Any]]) -> None:
    """Insert the rows; one whose key is taken changes nothing."""
    if values:
        connection.execute(_insert(connection, table).on_conflict_do_nothing(), values)


def insert_or_update(
    connection: sa.Connection,
    table: sa.Table,
    values: dict[str, Any],
    *,
    key: Collection[str],
    returning: str,
    only_if_next_version: bool = False,
) -> Any:
    """Insert the row, or update the one with the same key; the value of a column of it.

    ``only_if_next_version``: update only when the stored version is one less; ``None`` when nothing was written.
    """
    statement = _insert(connection, table).values(values)
    changes = {name: statement.excluded[name] for name in values if name not in key}
    condition = table.c.version == statement.excluded["version"] - 1 if only_if_next_version else None
    statement = statement.on_conflict_do_update(index_elements=list(key), set_=changes, where=condition)
    return connection.execute(statement.returning(table.c[returning])).scalar_one_or_none()


def _insert(connection: sa.Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def is_one_of(
    authority: sa.ColumnElement[Any], number: sa.ColumnElement[Any], identifiers: Collection[PatientIdentifier]
) -> sa.ColumnElement[bool]:
    """True for rows that name one of the identifiers. One ``IN`` for each authority, so that an index serves it."""
    numbers_by_authority: dict[str, list[str]] = defaultdict(list)
    for identifier in sorted(set(identifiers)):
        numbers_by_authority[identifier.assigning_authority].append(identifier.local_patient_id)
    conditions = [sa.and_(authority == name, number.in_(numbers)) for name, numbers in numbers_by_authority.items()]
    return sa.or_(sa.false(), *conditions) if len(conditions) != 1 else conditions[0]
