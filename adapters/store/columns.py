"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

import datetime as dt
from enum import Enum

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect

Identity = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""Surrogate key. SQLite counts up only in a column of exactly type INTEGER."""

Code = sa.String().with_variant(sa.String(collation="C"), "postgresql")
"""Text that is compared and ordered by code point on both databases, whatever the locale of the server."""


class UtcInstant(sa.TypeDecorator[dt.datetime]):
    """An aware instant: written in UTC, read as UTC. SQLite keeps no offset, so it is put back when read."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("an instant needs an offset")
        utc = value.astimezone(dt.UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


def by_name(kind: type[Enum]) -> sa.Enum:
    """An enum kept by name in plain text: a new member needs no migration."""
    return sa.Enum(kind, native_enum=False, create_constraint=False, length=32)
