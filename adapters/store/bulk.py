"""Very many rows at once: COPY on PostgreSQL, one prepared statement on SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import psycopg
import sqlalchemy as sa

from adapters.store.driver_forms import copy_lines

Convert = Callable[[Any], Any]


def add_rows(connection: sa.Connection, table: sa.Table, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert the rows, whose values stand in the order of ``names``; other columns take their defaults."""
    if connection.dialect.name != "postgresql":
        values = [dict(zip(names, row, strict=True)) for row in rows]
        if values:
            connection.execute(sa.insert(table).inline(), values)
        return
    converts = [_converter(table.c[name].type, connection.dialect) for name in names]
    columns = ", ".join(f'"{name}"' for name in names)
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({columns}) FROM STDIN') as copy:
            if _are_plain(table, names):
                copy.write(copy_lines(rows))
            else:
                for row in rows:
                    copy.write_row([v if c is None else c(v) for c, v in zip(converts, row, strict=True)])
    except psycopg.Error as error:
        # Its DETAIL and CONTEXT quote the row.
        told = type(error)(error.diag.message_primary or "COPY failed")
        raise sa.exc.DBAPIError(f"COPY {table.name}", None, told) from None


def next_record_ids(connection: sa.Connection, table: sa.Table, count: int) -> list[int]:
    """So many new values of the table's key. On SQLite only its one writer may ask."""
    (key,) = table.primary_key
    if connection.dialect.name == "postgresql":
        statement = sa.text("SELECT nextval(pg_get_serial_sequence(:name, :key)) FROM generate_series(1, :count)")
        return list(connection.scalars(statement, {"name": table.name, "key": key.name, "count": count}))
    last: int = connection.execute(sa.select(sa.func.coalesce(sa.func.max(key), 0))).scalar_one()
    return list(range(last + 1, last + 1 + count))


def _are_plain(table: sa.Table, names: Sequence[str]) -> bool:
    """Texts and whole numbers, none of them missing: written as they are."""
    return all(
        isinstance(table.c[n].type, sa.String | sa.BigInteger)
        and not isinstance(table.c[n].type, sa.Enum)
        and not table.c[n].nullable
        for n in names
    )


@cache
def _converter(kind: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> Convert | None:
    """What SQLAlchemy does to a value of this type before the driver sees it."""
    return kind.dialect_impl(dialect).bind_processor(dialect)
