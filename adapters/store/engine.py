"""Engines: SQLite for one process on one machine, PostgreSQL for more.

Write transactions on SQLite are ``BEGIN IMMEDIATE`` (one writer at a time, who waits at the start and never half-way);
read-only ones are ``BEGIN DEFERRED`` on a WAL database, so readers wait for nobody. ``synchronous`` stays FULL: a
message is acknowledged after its commit, so a commit has to survive a power cut.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import orjson
import psycopg
import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from adapters.store.driver_forms import prepare_connection
from adapters.store.errors import UnusableUrl
from adapters.store.turns import turns_at
from mpi.units import UnitConflict

READ_ONLY = "priorlink_read_only"
"""Execution option of a connection: its next transaction reads only."""

WRITE_TURNS = "priorlink_write_turns"
"""Execution option of an engine: the turns that its writers take (``adapters.store.turns``), if they have to."""

BUSY_TIMEOUT_MS = 10_000
_STATEMENT_TIMEOUT_MS = 30_000
_LOCK_TIMEOUT_MS = 10_000
_IDLE_TRANSACTION_TIMEOUT_MS = 60_000
PING_AFTER_SECONDS = 5.0
_QUERY_ONLY = "priorlink_query_only"
_RESTING_SINCE = "priorlink_resting_since"
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def make_engine(url: str, *, ping_after_seconds: float = PING_AFTER_SECONDS) -> sa.Engine:
    """An engine for ``sqlite:///path`` or ``postgresql://...`` (psycopg 3). Opens no connection yet.

    A PostgreSQL connection that rested for ``ping_after_seconds`` is asked whether the server is still there, and
    replaced if not. Asking each time costs a round trip a transaction; if the server goes while a connection rests for
    less, one transaction fails, and with it all connections are given up.

    Raises:
        UnusableUrl: another database, or SQLite in memory (use the in-memory store instead).
    """
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise UnusableUrl("database URL cannot be read") from None
    match parsed.get_backend_name():
        case "sqlite":
            return _sqlite_engine(parsed)
        case "postgresql":
            return _postgresql_engine(parsed, ping_after_seconds)
        case other:
            raise UnusableUrl(f"database kind is not supported: {other}")


def _alike() -> dict[str, Any]:
    """What every engine is made with."""
    return {
        "hide_parameters": True,
        "json_serializer": _json_text,
        "json_deserializer": orjson.loads,
        "pool_size": 10,
        "max_overflow": 20,
    }


def _sqlite_engine(url: sa.URL) -> sa.Engine:
    if not url.database or ":memory:" in url.database or url.query.get("mode") == "memory":
        raise UnusableUrl("SQLite needs a file")
    engine = sa.create_engine(
        url,
        **_alike(),
        execution_options={WRITE_TURNS: turns_at(url.database)},
    )
    sa.event.listen(engine, "connect", _prepare_sqlite_connection)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite_connection(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver's own transaction handling would begin late and deferred; _begin_sqlite says BEGIN instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    read_only = bool(connection.get_execution_options().get(READ_ONLY))
    if connection.info.get(_QUERY_ONLY, False) is not read_only:
        connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if read_only else 'OFF'}")
        connection.info[_QUERY_ONLY] = read_only
    connection.exec_driver_sql("BEGIN DEFERRED" if read_only else "BEGIN IMMEDIATE")


def _postgresql_engine(url: sa.URL, ping_after_seconds: float) -> sa.Engine:
    settings = {
        "statement_timeout": _STATEMENT_TIMEOUT_MS,
        "lock_timeout": _LOCK_TIMEOUT_MS,
        "idle_in_transaction_session_timeout": _IDLE_TRANSACTION_TIMEOUT_MS,
        "timezone": "UTC",
    }
    engine = sa.create_engine(
        url,
        **_alike(),
        connect_args={"options": " ".join(f"-c {name}={value}" for name, value in settings.items())},
    )
    sa.event.listen(engine, "connect", prepare_connection)
    sa.event.listen(engine, "handle_error", _drop_detail)
    sa.event.listen(engine, "checkin", _note_rest)
    sa.event.listen(engine, "checkout", _ping_after(ping_after_seconds))
    return engine


def _note_rest(_connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
    entry.info[_RESTING_SINCE] = time.monotonic()


def _ping_after(rested_seconds: float) -> Callable[..., None]:
    def ping(connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
        now = time.monotonic()
        if now - entry.info.get(_RESTING_SINCE, now) < rested_seconds:
            return
        try:
            connection.cursor().execute("SELECT 1")
            connection.rollback()
        except psycopg.Error as error:
            raise sa.exc.DisconnectionError from error

    return ping


def _drop_detail(context: sa.ExceptionContext) -> None:
    """Keep only the first line of a PostgreSQL error: its DETAIL quotes the whole row that was refused.

    Raises:
        UnitConflict: the database broke off this transaction for another one's sake; begun again it can succeed.
    """
    original, wrapped = context.original_exception, context.sqlalchemy_exception
    if isinstance(original, psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure):
        raise UnitConflict from None
    if isinstance(original, psycopg.Error) and original.diag.message_primary:
        original.args = (original.diag.message_primary,)
        if wrapped is not None:
            wrapped.args = (f"({type(original).__name__}) {original.diag.message_primary}",)


def _json_text(value: Any) -> str:
    return _JSON.encode(value)
