"""Audit entries a second, by how they are chained: not at all, at commit, when given, and shared by the audit desk.

Each writer works for ``WORK_MS`` in its transaction besides the entry, as a message that registers a patient does.
The baseline is the same row put into a table without a chain, in the same run.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import sqlalchemy as sa

from adapters.store import mapping
from adapters.store.audit_log import write_waiting
from adapters.store.engine import make_engine
from adapters.store.migrate import upgrade
from adapters.store.unit_of_work import SqlUnitOfWork
from gateway.audit_desk import AuditDesk
from mpi.usecases.verify_audit import verify_audit
from tests.contract.stores import an_audit_event
from tests.servers.postgres import running_postgres

THREADS = 8
SECONDS = 3.0
WORK_MS = 5
LOOKUPS_AT_ONCE = 50
_PLAIN = sa.table("audit_event_plain", *(sa.column(name) for name in mapping.audit_values(an_audit_event())))


def run(seconds: float = SECONDS) -> dict[str, object]:
    """Entries a second, SQLite and PostgreSQL."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        running_postgres(Path(folder) / "postgres") as cluster,
    ):
        urls = {
            "sqlite": f"sqlite:///{Path(folder) / 'bench.db'}",
            "postgresql": cluster.url(cluster.create_database()),
        }
        return {
            "threads": THREADS,
            "work_ms_in_each_transaction": WORK_MS,
            "lookups_at_once": LOOKUPS_AT_ONCE,
            **{name: _measure(url, seconds) for name, url in urls.items()},
        }


def _measure(url: str, seconds: float) -> dict[str, object]:
    engine = make_engine(url)
    try:
        upgrade(engine)
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE audit_event_plain AS SELECT * FROM audit_event WHERE 1 = 0")
        found: dict[str, object] = {
            "not_chained": _rate(lambda: _plain(engine, 0), seconds),
            "chained_at_commit": _rate(lambda: _at_commit(engine, 0), seconds),
            "not_chained_with_work": _rate(lambda: _plain(engine, WORK_MS), seconds),
            "chained_at_commit_with_work": _rate(lambda: _at_commit(engine, WORK_MS), seconds),
            "chained_when_given_with_work": _rate(lambda: _when_given(engine, WORK_MS), seconds),
            "lookups_through_the_desk": asyncio.run(_through_the_desk(engine, seconds)),
        }
        with SqlUnitOfWork(engine, read_only=True) as uow:
            started = time.perf_counter()
            report = verify_audit(uow.audit_chain)
            rows = report.row_count
            found["verified_rows_a_second"] = round(rows / (time.perf_counter() - started))
            if report.problem is not None:
                raise AssertionError(f"not one chain: {report.problem}")
        return found
    finally:
        engine.dispose()


def _plain(engine: sa.Engine, work_ms: int) -> None:
    event = an_audit_event()
    at = event.at if engine.dialect.name == "postgresql" else event.at.isoformat(" ")
    values = {**mapping.audit_values(event), "outcome": "SUCCESS", "at": at}
    with engine.connect() as connection, connection.begin():
        connection.execute(sa.insert(_PLAIN).values(values))
        time.sleep(work_ms / 1000)


def _at_commit(engine: sa.Engine, work_ms: int) -> None:
    with SqlUnitOfWork(engine) as uow:
        uow.audit.append(an_audit_event())
        time.sleep(work_ms / 1000)
        uow.commit()


def _when_given(engine: sa.Engine, work_ms: int) -> None:
    with engine.connect() as connection, connection.begin():
        write_waiting(connection, [an_audit_event()])
        time.sleep(work_ms / 1000)


def _rate(act: Callable[[], None], seconds: float) -> int:
    """How often a second, by ``THREADS`` threads."""

    def work(until: float) -> int:
        count = 0
        while time.perf_counter() < until:
            act()
            count += 1
        return count

    act()
    started = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        total = sum(pool.map(work, [started + seconds] * THREADS))
    return round(total / (time.perf_counter() - started))


async def _through_the_desk(engine: sa.Engine, seconds: float) -> int:
    desk = AuditDesk(lambda: SqlUnitOfWork(engine))
    started = time.perf_counter()

    async def look_up() -> int:
        count = 0
        while time.perf_counter() < started + seconds:
            await desk.keep([an_audit_event()])
            count += 1
        return count

    counts = await asyncio.gather(*(look_up() for _ in range(LOOKUPS_AT_ONCE)))
    return round(sum(counts) / (time.perf_counter() - started))
