"""What only a database can promise: append-only tables, prepared connections, value-free errors, few statements."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import sqlalchemy as sa

from adapters.store.engine import make_engine
from adapters.store.locks import lock_hash
from adapters.store.tables import metadata, source_record
from adapters.store.unit_of_work import unit_of_work_factory
from federation.ports import UnitOfWork
from mpi.identity.demographics import Demographics, PersonName
from mpi.identity.identifiers import EnterpriseId
from tests.contract.stores import (
    NOW,
    Store,
    a_check,
    a_history_entry,
    a_record,
    an_audit_event,
    an_identifier,
    keep_records,
)


def engine_of(store: Store) -> sa.Engine:
    assert store.engine is not None
    return store.engine


@contextmanager
def counted_statements(engine: sa.Engine) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith(("PRAGMA", "BEGIN")):
            statements.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def filled(sql_store: Store) -> Store:
    with sql_store.begin() as unit:
        unit.audit.append(an_audit_event())
        unit.history.append(a_history_entry())
        unit.order_checks.append(a_check())
        unit.commit()
    return sql_store


@pytest.mark.parametrize("table", ["audit_event", "record_history", "order_check"])
@pytest.mark.parametrize("statement", ["DELETE FROM {table}", "UPDATE {table} SET {column} = {column}"])
def test_the_database_refuses_to_change_what_is_append_only(filled: Store, table: str, statement: str) -> None:
    column = next(iter(metadata.tables[table].columns)).name
    with engine_of(filled).connect() as connection, pytest.raises(sa.exc.DBAPIError, match="append-only"):
        connection.exec_driver_sql(statement.format(table=table, column=column))
    with engine_of(filled).connect() as connection:
        count = connection.execute(sa.select(sa.func.count()).select_from(metadata.tables[table])).scalar_one()
    assert count == 1


@pytest.mark.needs("postgres")
@pytest.mark.parametrize("sql_store", ["postgresql"], indirect=True)
@pytest.mark.parametrize("table", ["audit_event", "record_history", "order_check"])
def test_postgresql_refuses_to_empty_what_is_append_only(filled: Store, table: str) -> None:
    with engine_of(filled).connect() as connection, pytest.raises(sa.exc.DBAPIError, match="append-only"):
        connection.exec_driver_sql(f"TRUNCATE {table}")


@pytest.mark.parametrize("statement", ["DELETE FROM audit_anchor", "UPDATE audit_anchor SET number = 0"])
def test_the_database_refuses_to_change_an_anchor(filled: Store, statement: str) -> None:
    with filled.begin() as unit:
        unit.audit_chain.prune(unit.audit_chain.head(), at=NOW)
        unit.commit()
    with engine_of(filled).connect() as connection, pytest.raises(sa.exc.DBAPIError, match="append-only"):
        connection.exec_driver_sql(statement)


def test_the_audit_log_has_no_way_to_change_an_event(sql_store: Store) -> None:
    with sql_store.begin() as unit:
        public = {name for name in dir(unit.audit) if not name.startswith("_")}
    assert public == {"append", "search", "about", "between"}


def test_a_refused_write_names_no_value(sql_store: Store) -> None:
    said = Demographics(name=PersonName("Canary-family"))
    unlinked = replace(a_record("Canary-7", said=said), link=None)
    with sql_store.begin() as unit, pytest.raises(sa.exc.IntegrityError) as broken_rule:
        unit.records.save(unlinked, blocking_keys=[])
    with sql_store.begin() as unit:
        unit.order_checks.append(a_check("Canary-8"))
        with pytest.raises(sa.exc.IntegrityError) as taken_key:
            unit.order_checks.append(a_check("Canary-8"))
    for refusal in (broken_rule.value, taken_key.value):
        shown = [str(refusal), repr(refusal), str(refusal.orig), repr(refusal.orig), str(refusal.__cause__)]
        assert "Canary" not in " ".join(shown)
        assert all("constraint" in text for text in shown)


def test_enums_are_kept_by_name_and_instants_in_utc(sql_store: Store) -> None:
    keep_records(sql_store, a_record())
    with sql_store.begin() as unit:
        unit.audit.append(an_audit_event())
        unit.commit()
    with engine_of(sql_store).connect() as connection:
        row = connection.exec_driver_sql("SELECT status, link_source, match_grade FROM source_record").one()
        assert tuple(row) == ("ACTIVE", "AUTO", "CERTAIN")
        assert connection.exec_driver_sql("SELECT outcome FROM audit_event").scalar_one() == "REFUSED"
        text = str(connection.exec_driver_sql("SELECT at FROM audit_event").scalar_one())
        assert text.startswith("2026-03-02 08:15:30.123456")


def test_an_instant_without_offset_is_not_written(sql_store: Store) -> None:
    naive = NOW.replace(tzinfo=None)
    with sql_store.begin() as unit, pytest.raises(sa.exc.StatementError, match="offset"):
        unit.history.append(a_history_entry(at=naive))
    with sql_store.begin() as unit:
        unit.audit.append(an_audit_event(at=naive))
        with pytest.raises(ValueError, match="offset"):
            unit.commit()


@pytest.mark.parametrize(
    "ask",
    [
        lambda unit: unit.records.person_count(),
        lambda unit: unit.records.retired_into([an_identifier("1"), an_identifier("2", "SOUTH")]),
        lambda unit: unit.records.sharing_keys(["a", "b"], limit=5),
        lambda unit: unit.records.of_persons([EnterpriseId("E-1"), EnterpriseId("E-2")]),
        lambda unit: unit.records.get_many([an_identifier("1"), an_identifier("2", "SOUTH")]),
        lambda unit: unit.reviews.open_about([an_identifier("1"), an_identifier("2", "SOUTH")]),
        lambda unit: unit.order_checks.open_checks_of([EnterpriseId("E-1"), EnterpriseId("E-2")], since=NOW),
    ],
    ids="person_count retired_into sharing_keys of_persons get_many open_about open_checks_of".split(),
)
def test_one_question_is_one_statement(sql_store: Store, ask: Callable[[UnitOfWork], object]) -> None:
    keep_records(sql_store, a_record("1"), a_record("2", authority="SOUTH", person="E-2"), keys=["a"])
    with sql_store.begin() as unit, counted_statements(engine_of(sql_store)) as statements:
        ask(unit)
    assert len(statements) == 1


POSTGRESQL_ONLY = pytest.mark.parametrize(
    "sql_store", [pytest.param("postgresql", marks=pytest.mark.needs("postgres"))], indirect=True
)


@POSTGRESQL_ONLY
def test_a_key_is_locked_once_a_unit(sql_store: Store) -> None:
    with sql_store.begin() as unit, counted_statements(engine_of(sql_store)) as statements:
        assert unit.lock(["a", "b"])
        assert not unit.lock(["b", "a"])
        assert unit.lock(["b", "c"])
    assert len(statements) == 2


@POSTGRESQL_ONLY
def test_a_record_goes_with_its_keys_in_one_statement(sql_store: Store) -> None:
    with sql_store.begin() as unit, counted_statements(engine_of(sql_store)) as statements:
        unit.records.save(a_record(), blocking_keys=["a", "b"])
    assert len(statements) == 1


@POSTGRESQL_ONLY
@pytest.mark.parametrize(("ping_after_seconds", "is_noticed"), [(0.0, True), (3600.0, False)])
def test_a_connection_that_rested_is_asked_whether_the_server_is_there(
    sql_store: Store, ping_after_seconds: float, is_noticed: bool
) -> None:
    engine = make_engine(
        engine_of(sql_store).url.render_as_string(hide_password=False), ping_after_seconds=ping_after_seconds
    )
    begin = unit_of_work_factory(engine)
    try:
        with begin() as unit:
            assert unit.records.person_count() == 0
        with engine_of(sql_store).connect() as other:
            ended = (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = "
            )
            other.exec_driver_sql(ended + "current_database()")
        if not is_noticed:
            with pytest.raises(sa.exc.OperationalError), begin() as unit:
                unit.records.person_count()
        with begin() as unit:
            assert unit.records.person_count() == 0
    finally:
        engine.dispose()


@pytest.mark.parametrize("sql_store", ["sqlite"], indirect=True)
def test_every_look_up_has_an_index(sql_store: Store) -> None:
    """SQLite's plan says so; a whole-table walk would read SCAN. (PostgreSQL walks small tables, index or not.)"""
    engine = engine_of(sql_store)
    keep_records(sql_store, a_record(), keys=["a"])
    with sql_store.begin() as unit, counted_statements(engine) as statements:
        unit.records.get(an_identifier())
        unit.records.of_person(EnterpriseId("E-1"))
        unit.records.retired_into([an_identifier()])
        unit.records.sharing_keys(["a"], limit=5)
        unit.history.of(an_identifier())
        unit.reviews.open_about([an_identifier()])
        unit.reviews.never_links_of([an_identifier()])
        unit.inbox.stored_acknowledgement("north", "m", "h")
        unit.audit.about(["E-1"], before=None, limit=3)
        unit.outbox.get(1)
        unit.order_checks.newest("C-1")
    assert len(statements) == 11
    with engine.connect() as connection:
        for statement in statements:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", ("x",) * statement.count("?")).all()
            steps = " / ".join(row.detail for row in plan)
            assert "SCAN" not in steps or "USING INDEX" in steps, steps


@pytest.mark.parametrize("sql_store", ["sqlite"], indirect=True)
@pytest.mark.parametrize("count", [1, 3])
def test_questions_about_records_are_found_by_the_records(sql_store: Store, count: int) -> None:
    """Not by their status: a queue of many open questions would be walked for each patient."""
    engine = engine_of(sql_store)
    identifiers = [an_identifier(number=f"{number}") for number in range(count)]
    with sql_store.begin() as unit, counted_statements(engine) as statements:
        unit.reviews.open_about(identifiers)
        unit.reviews.decided_about(identifiers)
    with engine.connect() as connection:
        for statement in statements:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", ("[]",) * statement.count("?")).all()
            steps = " / ".join(row.detail for row in plan)
            assert "ix_review_item_left" in steps, steps
            assert "ix_review_item_queue" not in steps, steps


def test_connections_are_prepared(sql_store: Store) -> None:
    def value(statement: str) -> object:
        with engine_of(sql_store).connect() as connection:
            return connection.exec_driver_sql(statement).scalar_one()

    if engine_of(sql_store).dialect.name == "sqlite":
        assert value("PRAGMA journal_mode") == "wal"
        assert value("PRAGMA foreign_keys") == 1
        assert value("PRAGMA busy_timeout") == 10_000
        assert value("PRAGMA synchronous") == 2
    else:
        assert value("SHOW statement_timeout") == "30s"
        assert value("SHOW lock_timeout") == "10s"
        assert value("SHOW TimeZone") == "UTC"


def test_keys_go_with_their_record(sql_store: Store) -> None:
    keep_records(sql_store, a_record(), keys=["a"])
    with engine_of(sql_store).begin() as connection:
        connection.execute(sa.delete(source_record))
        assert connection.exec_driver_sql("SELECT count(*) FROM blocking_key").scalar_one() == 0


def test_lock_hashes_are_the_same_everywhere() -> None:
    assert lock_hash("NORTH|1001") == -5716266068620647996
    assert -(2**63) <= lock_hash("x") < 2**63
