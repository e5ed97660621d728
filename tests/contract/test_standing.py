"""Statements that are kept are run as SQLAlchemy would run them: same rows, same errors, and a server that went."""

import pytest
import sqlalchemy as sa

from adapters.store.engine import make_engine
from adapters.store.standing import run_standing, standing_rows
from adapters.store.statements import rows
from adapters.store.tables import audit_event, inbox, review_item, source_record
from adapters.store.unit_of_work import unit_of_work_factory
from mpi.audit import AuditOutcome
from mpi.units import UnitConflict
from tests.contract.stores import NOW, Store, a_record, an_audit_event, an_identifier, keep_records
from tests.contract.test_sql_store import engine_of

POSTGRESQL_ONLY = pytest.mark.parametrize("sql_store", ["postgresql"], indirect=True)


def test_rows_are_those_of_sqlalchemy(sql_store: Store) -> None:
    keep_records(sql_store, a_record(), keys=["a"])
    with sql_store.begin() as unit:
        unit.audit.append(an_audit_event())
        unit.commit()
    refused = sa.select(audit_event).where(audit_event.c.outcome == AuditOutcome.REFUSED)
    with engine_of(sql_store).connect() as connection:
        for statement in (sa.select(source_record), refused, sa.select(review_item)):
            assert standing_rows(connection, statement) == [dict(row) for row in rows(connection, statement)]
        assert len(standing_rows(connection, refused)) == 1


@POSTGRESQL_ONLY
def test_a_value_that_cannot_be_written_is_refused_as_sqlalchemy_does(sql_store: Store) -> None:
    at = sa.select(inbox).where(inbox.c.received_at == sa.bindparam("at"))
    with engine_of(sql_store).connect() as connection:
        for value in ("yesterday", NOW.replace(tzinfo=None)):
            with pytest.raises(sa.exc.StatementError):
                standing_rows(connection, at, {"at": value})
        with pytest.raises(sa.exc.StatementError):
            standing_rows(connection, at, {})


@POSTGRESQL_ONLY
def test_a_transaction_that_the_server_broke_off_is_a_conflict(sql_store: Store) -> None:
    broken_off = sa.text("DO $$ BEGIN RAISE EXCEPTION 'in the way' USING ERRCODE = '40P01'; END $$")
    with engine_of(sql_store).connect() as connection, pytest.raises(UnitConflict):
        run_standing(connection, broken_off, {})


@POSTGRESQL_ONLY
def test_all_connections_are_given_up_when_the_server_went(sql_store: Store) -> None:
    engine = make_engine(engine_of(sql_store).url.render_as_string(hide_password=False), ping_after_seconds=3600.0)
    begin = unit_of_work_factory(engine)
    try:
        with begin() as one, begin() as other:
            assert one.records.get(an_identifier()) is None
            assert other.records.get(an_identifier()) is None
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = "
        with engine_of(sql_store).connect() as killer:
            killer.exec_driver_sql(ended + "current_database()")
        with pytest.raises(sa.exc.OperationalError), begin() as unit:
            unit.records.get(an_identifier())
        with begin() as one, begin() as other:
            assert one.records.get(an_identifier()) is None
            assert other.records.get(an_identifier()) is None
    finally:
        engine.dispose()
