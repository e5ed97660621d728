"""Statements that never change, run without putting them together again.

On PostgreSQL SQLAlchemy takes longer to hand a short statement to the driver than the server takes to answer it. What
it would do is worked out once for each statement: its text, how each value is written and how each column is read.
Errors are those that SQLAlchemy raises. SQLite goes through SQLAlchemy, which costs it less.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import psycopg
import sqlalchemy as sa

from adapters.store.mapping import Row
from mpi.units import UnitConflict

Convert = Callable[[Any], Any]
_KEPT = 512
_FLOAT8 = 701
"""What PostgreSQL calls the type of every number with a fraction here; the other types do not ask."""
_NOTHING: Mapping[str, Any] = {}
_BROKEN_OFF = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)


@dataclass(frozen=True, slots=True)
class _Standing:
    """``fixed`` are values that stand in the statement itself, as the driver takes them."""

    text: str
    fixed: Mapping[str, Any]
    written: tuple[tuple[str, Convert | None], ...]
    names: tuple[str, ...]
    read: tuple[tuple[str, Convert], ...]


def standing_rows(
    connection: sa.Connection, statement: sa.Executable, parameters: Mapping[str, Any] | None = None
) -> list[Row]:
    """The rows of a statement that is kept somewhere, as mappings from column name to value."""
    if connection.dialect.name != "postgresql":
        return cast(list[Row], connection.execute(statement, parameters).mappings().all())
    values = parameters or _NOTHING
    standing = _standing(statement, connection.dialect, ())
    found = _executed(connection, statement, standing, values).fetchall()
    names, converts = standing.names, standing.read
    rows = [dict(zip(names, row, strict=True)) for row in found]
    for row in rows:
        for name, convert in converts:
            row[name] = convert(row[name])
    return cast(list[Row], rows)


def run_standing(connection: sa.Connection, statement: sa.Executable, values: Mapping[str, Any]) -> None:
    """Insert or change one row by a statement that is kept somewhere; nothing is read."""
    if connection.dialect.name != "postgresql":
        connection.execute(statement, values)
    else:
        _executed(connection, statement, _standing(statement, connection.dialect, tuple(values)), values)


def run_standing_for_each(
    connection: sa.Connection, statement: sa.Executable, rows: Sequence[Mapping[str, Any]]
) -> None:
    """``run_standing`` for one row; several go in together, as SQLAlchemy does it."""
    if len(rows) == 1:
        run_standing(connection, statement, rows[0])
    else:
        connection.execute(statement, list(rows))


def _executed(
    connection: sa.Connection, statement: sa.Executable, standing: _Standing, values: Mapping[str, Any]
) -> psycopg.Cursor[tuple[Any, ...]]:
    sent = dict(standing.fixed)
    try:
        for name, convert in standing.written:
            value = values[name]
            sent[name] = value if convert is None else convert(value)
    except (AttributeError, KeyError, TypeError, ValueError):
        connection.execute(statement, values)  # SQLAlchemy says what is wrong with it
        raise
    driver = cast("psycopg.Connection[tuple[Any, ...]]", connection.connection.driver_connection)
    cursor = driver.cursor()
    listeners: Any = connection.engine.dispatch
    for note in listeners.before_cursor_execute:  # who counts statements counts these, too
        note(connection, cursor, standing.text, sent, None, False)
    try:
        return cursor.execute(standing.text.encode(), sent)
    except psycopg.Error as error:
        raise _refusal(connection, driver, error) from error


def _refusal(connection: sa.Connection, driver: psycopg.Connection[Any], error: psycopg.Error) -> Exception:
    """What SQLAlchemy would raise. DETAIL and CONTEXT of the server's error quote the row, so they are left out."""
    if driver.closed:
        # Asked once more by SQLAlchemy, which finds the server gone and gives up all connections to it.
        connection.execute(sa.text("SELECT 1"))
    if error.diag.message_primary:
        error.args = (error.diag.message_primary,)
    if isinstance(error, _BROKEN_OFF):
        return UnitConflict()
    return sa.exc.DBAPIError.instance(
        None, None, error, psycopg.Error, hide_parameters=True, dialect=connection.dialect
    )


@lru_cache(_KEPT)
def _standing(statement: sa.Executable, dialect: sa.Dialect, names: tuple[str, ...]) -> _Standing:
    compiled: Any = cast(Any, statement).compile(dialect=dialect, column_keys=list(names) or None)
    fixed: dict[str, Any] = {}
    written: list[tuple[str, Convert | None]] = []
    for bind, name in compiled.bind_names.items():
        convert = bind.type.dialect_impl(dialect).bind_processor(dialect)
        if bind.required or name in names:
            written.append((name, convert))
        else:
            fixed[name] = bind.effective_value if convert is None else convert(bind.effective_value)
    columns = [*getattr(statement, "exported_columns", ())] if not names else []
    read = [(c.name, c.type.dialect_impl(dialect).result_processor(dialect, _FLOAT8)) for c in columns]
    return _Standing(
        text=compiled.string,
        fixed=fixed,
        written=tuple(written),
        names=tuple(column.name for column in columns),
        read=tuple((name, convert) for name, convert in read if convert is not None),
    )
