"""What is written in one pass is read back as it was, whatever stands in it."""

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from adapters.store.bulk import add_rows
from adapters.store.columns import Code
from adapters.store.tables import blocking_key, source_record
from tests.contract.stores import Store, a_record, keep_records
from tests.contract.test_sql_store import engine_of

POSTGRESQL_ONLY = pytest.mark.parametrize("sql_store", ["postgresql"], indirect=True)
AWKWARD = [
    *("", "a", "NULL", "null", '"', '","', "\\", "\\N", "\\.", "a,b", "{}", "tab\there", "two\nlines", "\r", "\x85"),
    *("Ærøskøbing", "李", "\U0001f600", " ", "'", "%s", "\u2028", "\x7f", "\x01"),
]


@POSTGRESQL_ONLY
@pytest.mark.parametrize("texts", [AWKWARD, [], ["a"], ['a"', "b"], ['"', '"'], ["a\\"]])
def test_a_list_of_texts_is_read_back(sql_store: Store, texts: list[str]) -> None:
    wanted = sa.bindparam("texts", texts, type_=postgresql.ARRAY(Code))
    with engine_of(sql_store).connect() as connection:
        assert connection.execute(sa.select(wanted)).scalar_one() == texts
        assert list(connection.scalars(sa.select(sa.func.unnest(wanted)))) == texts


@POSTGRESQL_ONLY
def test_a_list_with_something_missing_is_read_back(sql_store: Store) -> None:
    wanted = sa.bindparam("texts", ["a", None, '"'], type_=postgresql.ARRAY(Code))
    with engine_of(sql_store).connect() as connection:
        assert connection.execute(sa.select(wanted)).scalar_one() == ["a", None, '"']


@POSTGRESQL_ONLY
def test_a_text_that_postgresql_cannot_hold_is_refused_whole(sql_store: Store) -> None:
    wanted = sa.bindparam("texts", ["a\x00b"], type_=postgresql.ARRAY(Code))
    with engine_of(sql_store).connect() as connection, pytest.raises(sa.exc.DataError):
        connection.execute(sa.select(wanted))


def test_copied_rows_are_read_back(sql_store: Store) -> None:
    keep_records(sql_store, a_record(), keys=[])
    with engine_of(sql_store).begin() as connection:
        number = connection.execute(sa.select(source_record.c.record_id)).scalar_one()
        add_rows(connection, blocking_key, ("key", "record_id"), [(text, number) for text in AWKWARD])
        assert sorted(connection.scalars(sa.select(blocking_key.c.key))) == sorted(AWKWARD)


@POSTGRESQL_ONLY
def test_the_driver_itself_is_left_alone(sql_store: Store) -> None:
    with psycopg.connect(engine_of(sql_store).url.render_as_string(hide_password=False)) as plain:
        assert plain.execute("SELECT %s::text[]", [AWKWARD]).fetchone() == (AWKWARD,)
