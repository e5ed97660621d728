"""A thousand edits of the audit store by somebody who may do anything to it: each is found, at its first bad row."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.store.audit_log import SqlAuditChain
from adapters.store.engine import make_engine
from adapters.store.tables import audit_anchor, audit_event
from adapters.store.unit_of_work import SqlUnitOfWork
from mpi.audit import AuditOutcome
from mpi.audit_chain import AuditHead, ChainFault, chained
from mpi.usecases.prune_audit import prune_audit
from mpi.usecases.verify_audit import verify_audit
from tests.contract.conftest import migrated_postgres, migrated_sqlite, postgres_cluster  # noqa: F401
from tests.contract.stores import an_audit_event, later
from tests.servers.postgres import PostgresCluster

ROWS = 40
FIRST, LAST = 11, ROWS + 11
"""The numbers that are left: ten rows were pruned, and an entry says so."""

EDITS = 1_000
TEXTS = ("actor", "role", "action", "purpose_of_use", "correlation_id", "detail", "subject")
Edit = Callable[[sa.Connection, random.Random], tuple[int, ChainFault]]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgres"))])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """A store with a chain that was pruned once, whose triggers somebody took away."""
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), tmp_path / "priorlink.db")
        engine = make_engine(f"sqlite:///{tmp_path / 'priorlink.db'}")
        triggers = ("audit_event_refuse_update", "audit_event_refuse_delete", "audit_anchor_refuse_update")
        statements = [f"DROP TRIGGER {name}" for name in triggers]
    else:
        cluster: PostgresCluster = request.getfixturevalue("postgres_cluster")
        engine = make_engine(
            cluster.url(cluster.create_database(template=request.getfixturevalue("migrated_postgres")))
        )
        statements = [f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in ("audit_event", "audit_anchor")]
    with SqlUnitOfWork(engine) as unit:
        for number in range(10 + ROWS):
            subject = None if number % 5 == 0 else f"E-{number % 7}"
            unit.audit.append(replace(an_audit_event(f"a-{number}", at=later(minutes=number)), subject=subject))
        unit.commit()
    with SqlUnitOfWork(engine) as unit:
        now = later(days=31)
        assert prune_audit(keep=now - later(minutes=10), uow=unit, clock=lambda: now, by="test") == 10
        unit.commit()
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    yield engine
    engine.dispose()


def test_every_edit_is_found_at_its_first_bad_row(opened: sa.Engine) -> None:
    rng = random.Random(20261128)
    with opened.connect() as connection:
        with connection.begin():
            head = SqlAuditChain(connection).head()
            assert verify_audit(SqlAuditChain(connection), kept_heads=[head]).problem is None
            assert head.number == LAST
        for turn in range(EDITS):
            edit = rng.choice(EDITS_OF_ALL_KINDS)
            transaction = connection.begin()
            expected = edit(connection, rng)
            problem = verify_audit(SqlAuditChain(connection), kept_heads=[head]).problem
            transaction.rollback()
            assert problem is not None, f"turn {turn}: {edit.__name__} was not found"
            assert (problem.number, problem.fault) == expected, f"turn {turn}: {edit.__name__}"


def change_a_text(connection: sa.Connection, rng: random.Random) -> tuple[int, ChainFault]:
    number, column = rng.randint(FIRST, LAST), audit_event.c[rng.choice(TEXTS)]
    old = value_of(connection, number, column)
    change(connection, number, {column.name: rng.choice([f"{old} ", f"{old}x", "", "ä"] if old else ["x", "None"])})
    return number, ChainFault.CHANGED


def forget_the_patient(connection: sa.Connection, rng: random.Random) -> tuple[int, ChainFault]:
    number = rng.choice([n for n in range(FIRST, LAST) if value_of(connection, n, audit_event.c.subject) is not None])
    change(connection, number, {"subject": None})
    return number, ChainFault.CHANGED


def move_in_time(connection: sa.Connection, rng: random.Random) -> tuple[int, ChainFault]:
    number = rng.randint(FIRST, LAST)
    old = value_of(connection, number, audit_event.c.at)
    change(connection, number, {"at": old + (later(seconds=rng.choice([-3600, -1, 1, 86_400])) - later(seconds=0))})
    return number, ChainFault.CHANGED


def whitewash(connection: sa.Connection, rng: random.Random) -> tuple[int, ChainFault]:
    number = rng.randint(FIRST, LAST)
    old = value_of(connection, number, audit_event.c.outcome)
    change(connection, number, {"outcome": rng.choice([o for o in AuditOutcome if o is not old])})
    return number, ChainFault.CHANGED


def write_nonsense(connection: sa.Connection, rng: random.Random) -> tuple[int, ChainFault]:
    number = rng.randint(FIRST, LAST)
    nonsense = "UPDATE audit_event SET outcome = 'NOTHING_OF_OURS' WHERE audit_id = :number"
    if connection.dialect.name == "sqlite":
        nonsense = rng.choice(
            [
                nonsense,
                "UPDATE audit_event SET at = 'yesterday' WHERE audit_id = :number",
                "UPDATE audit_event SET at = at || 'Z' WHERE audit_id = :number",
                "UPDATE audit_event SET actor = x'00ff' WHERE audit_id = :number",
                "UPDATE audit_event SET chain_hash = 'text' WHERE audit_id = :number",
            ]
        )
    connection.execute(sa.text(nonsense), {"number": number})
    return number, ChainFault.CHANGED


def change_a_hash(connection: sa.Connection, rng: random.Random) -> tuple[int, ChainFault]:
    number = rng.randint(FIRST, LAST)
    change(connection, number, {"chain_hash": rng.randbytes(rng.choice([0, 31, 32]))})
    return number, ChainFault.CHANGED


def delete_some(connection: sa.Connection, rng: random.Random) -> tuple[int, ChainFault]:
    gone = sorted(rng.sample(range(FIRST, LAST), rng.randint(1, 5)))
    connection.execute(sa.delete(audit_event).where(audit_event.c.audit_id.in_(gone)))
    return gone[0], ChainFault.MISSING


def cut_the_end(connection: sa.Connection, rng: random.Random) -> tuple[int, ChainFault]:
    first = rng.randint(FIRST, LAST)
    connection.execute(sa.delete(audit_event).where(audit_event.c.audit_id >= first))
    return first, ChainFault.CUT_OFF


def swap_two(connection: sa.Connection, rng: random.Random) -> tuple[int, ChainFault]:
    one, other = sorted(rng.sample(range(FIRST, LAST + 1), 2))
    for old, new in ((one, -1), (other, one), (-1, other)):
        change(connection, old, {"audit_id": new})
    return one, ChainFault.CHANGED


def close_up_behind_a_deleted_row(connection: sa.Connection, rng: random.Random) -> tuple[int, ChainFault]:
    gone = rng.randint(FIRST, LAST - 1)
    connection.execute(sa.delete(audit_event).where(audit_event.c.audit_id == gone))
    for number in range(gone + 1, LAST + 1):
        change(connection, number, {"audit_id": number - 1})
    return gone, ChainFault.CHANGED


def renumber(connection: sa.Connection, rng: random.Random) -> tuple[int, ChainFault]:
    number = rng.randint(FIRST, LAST - 1)
    change(connection, number, {"audit_id": rng.randint(LAST + 1, 10**12)})
    return number, ChainFault.MISSING


def put_one_before_the_beginning(connection: sa.Connection, rng: random.Random) -> tuple[int, ChainFault]:
    number, copied = rng.randint(-3, FIRST - 1), rng.randint(FIRST, LAST)
    values = dict(connection.execute(of_row(copied)).mappings().one())
    connection.execute(sa.insert(audit_event), {**values, "audit_id": number})
    return number, ChainFault.NOT_EXPECTED


def put_one_at_the_end(connection: sa.Connection, rng: random.Random) -> tuple[int, ChainFault]:
    values = dict(connection.execute(of_row(rng.randint(FIRST, LAST))).mappings().one())
    connection.execute(sa.insert(audit_event), {**values, "audit_id": LAST + 1})
    return LAST + 1, ChainFault.CHANGED


def change_one_and_chain_all_behind_it_anew(connection: sa.Connection, rng: random.Random) -> tuple[int, ChainFault]:
    first = rng.randint(FIRST, LAST)
    before = SqlAuditChain(connection).rows(after=first - 2, limit=1)[0] if first > FIRST else None
    anchor = SqlAuditChain(connection).anchor()
    assert anchor is not None
    head = anchor if before is None else AuditHead(before.number, before.chain_hash or b"")
    rows = SqlAuditChain(connection).rows(after=head.number, limit=ROWS + 1)
    events = [row.event for row in rows if row.event is not None]
    events[0] = replace(events[0], actor="somebody else")
    for row in chained(head, events):
        change(connection, row.number, {"chain_hash": row.chain_hash, "actor": row.event and row.event.actor})
    return LAST, ChainFault.REWRITTEN


def change_the_anchor(connection: sa.Connection, rng: random.Random) -> tuple[int, ChainFault]:
    connection.execute(sa.update(audit_anchor).values(chain_hash=rng.randbytes(32)))
    return FIRST, ChainFault.CHANGED


EDITS_OF_ALL_KINDS: tuple[Edit, ...] = (
    change_a_text,
    forget_the_patient,
    move_in_time,
    whitewash,
    write_nonsense,
    change_a_hash,
    delete_some,
    cut_the_end,
    swap_two,
    close_up_behind_a_deleted_row,
    renumber,
    put_one_before_the_beginning,
    put_one_at_the_end,
    change_one_and_chain_all_behind_it_anew,
    change_the_anchor,
)


def of_row(number: int) -> sa.Select[Any]:
    return sa.select(audit_event).where(audit_event.c.audit_id == number)


def value_of(connection: sa.Connection, number: int, column: sa.Column[Any]) -> Any:
    return connection.execute(sa.select(column).where(audit_event.c.audit_id == number)).scalar_one()


def change(connection: sa.Connection, number: int, values: dict[str, Any]) -> None:
    connection.execute(sa.update(audit_event).where(audit_event.c.audit_id == number).values(values))
