"""Statements that SQLite and PostgreSQL spell alike but SQLAlchemy keeps apart, and filters by identifier."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from adapters.store.columns import Code
from adapters.store.mapping import Row
from mpi.identity.identifiers import PatientIdentifier


def rows(connection: sa.Connection, statement: sa.Executable, parameters: Mapping[str, Any] | None = None) -> list[Row]:
    """The rows as mappings from column name to value."""
    return cast(list[Row], connection.execute(statement, parameters).mappings().all())


def insert_unless_there(connection: sa.Connection, table: sa.Table, values: Sequence[dict[str, Any]]) -> None:
    """Insert the rows; one whose key is taken changes nothing."""
    if values:
        connection.execute(insert_of(connection.dialect.name, table).on_conflict_do_nothing(), values)


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
    statement = _upsert(
        connection.dialect.name, table, tuple(values), tuple(key), returning, only_if_next_version=only_if_next_version
    )
    return connection.execute(statement, values).scalar_one_or_none()


@lru_cache(maxsize=32)
def _upsert(
    dialect: str,
    table: sa.Table,
    names: tuple[str, ...],
    key: tuple[str, ...],
    returning: str,
    *,
    only_if_next_version: bool,
) -> sa.Executable:
    """Built once: putting a statement together takes as long as running it."""
    statement = insert_of(dialect, table)
    changes = {name: statement.excluded[name] for name in names if name not in key}
    condition = table.c.version == statement.excluded["version"] - 1 if only_if_next_version else None
    statement = statement.on_conflict_do_update(index_elements=list(key), set_=changes, where=condition)
    return statement.returning(table.c[returning])


def insert_of(dialect: str, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """The insert that knows what to do on a conflict."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def names_it(authority: sa.ColumnElement[Any], number: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """True for rows that name the identifier of the parameters (see ``named``)."""
    return sa.and_(authority == sa.bindparam("authority"), number == sa.bindparam("number"))


def named(identifier: PatientIdentifier) -> dict[str, str]:
    """The parameters of a statement with ``names_it``."""
    return {"authority": identifier.assigning_authority, "number": identifier.local_patient_id}


def is_any_of(dialect: str, column: sa.ColumnElement[Any], name: str) -> sa.ColumnElement[bool]:
    """True where the column has one of the texts of the parameter.

    One array on PostgreSQL: a list of parameters makes another statement for each length, which is parsed anew.
    """
    if dialect == "postgresql":
        return column == sa.any_(sa.bindparam(name, type_=postgresql.ARRAY(Code)))
    return column.in_(sa.bindparam(name, expanding=True))


def names_one_of(
    dialect: str, authority: sa.ColumnElement[Any], number: sa.ColumnElement[Any], authorities: int
) -> sa.ColumnElement[bool]:
    """True for rows that name one of the identifiers of the parameters (see ``named_among``).

    ``authorities`` is how many of them ``named_among`` counted. On SQLite all stand in one parameter, on PostgreSQL the
    numbers of each authority in one, so that an index serves it: either way a statement is put together once.
    """
    if dialect != "postgresql":
        return sa.tuple_(authority, number).in_(_PAIRS)
    return sa.or_(
        sa.false(),
        *(
            sa.and_(authority == sa.bindparam(f"authority_{n}"), is_any_of(dialect, number, f"numbers_{n}"))
            for n in range(authorities)
        ),
    )


_PAIRS = sa.text("SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:pairs)").columns(
    sa.column("authority", Code), sa.column("number", Code)
)


def named_among(dialect: str, identifiers: Collection[PatientIdentifier]) -> tuple[int, dict[str, Any]]:
    """How many authorities a statement with ``names_one_of`` must tell apart, and its parameters."""
    if dialect != "postgresql":
        pairs = [(one.assigning_authority, one.local_patient_id) for one in sorted(set(identifiers))]
        return 1, {"pairs": json.dumps(pairs, ensure_ascii=False)}
    numbers_by_authority: dict[str, list[str]] = defaultdict(list)
    for identifier in sorted(set(identifiers)):
        numbers_by_authority[identifier.assigning_authority].append(identifier.local_patient_id)
    parameters: dict[str, Any] = {}
    for n, (name, numbers) in enumerate(numbers_by_authority.items()):
        parameters |= {f"authority_{n}": name, f"numbers_{n}": numbers}
    return len(numbers_by_authority), parameters
