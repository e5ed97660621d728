"""Migrations: from an empty database to the tables the code needs, on SQLite and PostgreSQL."""

import datetime as dt
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

import migrations
from adapters.store.engine import make_engine
from adapters.store.migrate import _config, check, current_revision, head_revision, upgrade
from adapters.store.tables import metadata
from adapters.store.unit_of_work import SqlUnitOfWork
from mpi.audit import AuditEvent
from mpi.usecases.verify_audit import verify_audit
from tests.contract.stores import an_audit_event


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgres"))])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """An engine on a database without tables."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'priorlink.db'}"
    else:
        url = request.getfixturevalue("postgres_url")
    engine = make_engine(url)
    yield engine
    engine.dispose()


def test_an_empty_database_says_what_it_lacks(empty: sa.Engine) -> None:
    assert current_revision(empty) is None
    assert check(empty) == [f"pending migrations: database is at nothing, this release needs {head_revision()}"]


def test_from_empty_to_head_without_drift(empty: sa.Engine) -> None:
    upgrade(empty)
    assert current_revision(empty) == head_revision()
    assert check(empty) == []
    assert set(sa.inspect(empty).get_table_names()) == set(metadata.tables) | {"alembic_version"}


def test_again_changes_nothing(empty: sa.Engine) -> None:
    upgrade(empty)
    upgrade(empty)
    assert check(empty) == []


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("ALTER TABLE inbox ADD COLUMN extra INTEGER", "drift: remove_column inbox extra"),
        ("DROP INDEX ix_outbox_waiting", "drift: add_index ix_outbox_waiting"),
        ("DROP TABLE never_link", "drift: add_table never_link"),
    ],
)
def test_drift_is_named(empty: sa.Engine, statement: str, message: str) -> None:
    upgrade(empty)
    with empty.begin() as connection:
        connection.exec_driver_sql(statement)
    assert message in check(empty)


def test_a_step_that_fails_leaves_nothing_behind(empty: sa.Engine) -> None:
    with empty.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE order_check (in_the_way INTEGER)")
    with pytest.raises(sa.exc.DBAPIError, match="order_check"):
        upgrade(empty)
    assert sa.inspect(empty).get_table_names() == ["order_check"]
    assert current_revision(empty) is None


def test_two_processes_that_start_at_once_migrate_once(empty: sa.Engine) -> None:
    gate = threading.Barrier(2)

    def start() -> None:
        gate.wait(10)
        upgrade(empty)

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(start), pool.submit(start)]:
            future.result(60)
    assert check(empty) == []


def test_the_names_of_constraints_are_the_same_in_code_and_database(empty: sa.Engine) -> None:
    upgrade(empty)
    inspector = sa.inspect(empty)
    for table in metadata.sorted_tables:
        named = {constraint.name for constraint in table.constraints}
        # SQLite forgets the name of a primary key that counts up by itself.
        stored: set[str | None] = {inspector.get_pk_constraint(table.name)["name"] or f"pk_{table.name}"}
        stored.update(key["name"] for key in inspector.get_foreign_keys(table.name))
        stored.update(key["name"] for key in inspector.get_unique_constraints(table.name))
        stored.update(key["name"] for key in inspector.get_check_constraints(table.name))
        assert stored == named


def test_there_is_one_head_and_files_are_named_by_number_and_verb() -> None:
    folder = Path(migrations.__file__).parent
    config = Config()
    config.set_main_option("script_location", str(folder))
    assert len(ScriptDirectory.from_config(config).get_heads()) == 1
    for step in (folder / "versions").glob("*.py"):
        number, verb, *nouns = step.stem.split("_")
        assert len(number) == 4
        assert number.isdigit()
        assert verb.isalpha()
        assert nouns


def test_entries_from_before_the_chain_are_chained_in_their_order_and_gaps_closed(empty: sa.Engine) -> None:
    script = ScriptDirectory.from_config(_config())
    chaining = script.get_revision("0010")
    config = _config()
    with empty.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, str(chaining.down_revision))
    old = sa.table("audit_event", *(sa.column(name) for name in ("audit_id", *AuditEvent.__slots__)))
    at = "2026-03-02 08:15:30.123456"
    words = {
        "actor": "dr-1",
        "role": "",
        "outcome": "SUCCESS",
        "purpose_of_use": "",
        "correlation_id": "",
        "detail": "",
    }
    numbers = (*range(1, 1_200), 1_300, 1_301)
    with empty.begin() as connection:
        is_text = empty.dialect.name == "sqlite"
        instant = at if is_text else dt.datetime.fromisoformat(at).replace(tzinfo=dt.UTC)
        rows = [{**words, "audit_id": n, "at": instant, "action": f"a-{n}", "subject": None} for n in numbers]
        connection.execute(sa.insert(old), rows)
    upgrade(empty)
    assert check(empty) == []
    with SqlUnitOfWork(empty) as unit:
        unit.audit.append(an_audit_event("new"))
        unit.commit()
    with SqlUnitOfWork(empty, read_only=True) as unit:
        report = verify_audit(unit.audit_chain)
        assert (report.problem, report.row_count) == (None, len(numbers) + 1)
        assert [kept.event.action for kept in unit.audit.between(None, None, after=1_198, limit=9)] == [
            "a-1199", "a-1300", "a-1301", "new",
        ]  # fmt: skip
