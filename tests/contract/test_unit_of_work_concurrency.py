"""Units of work of several threads at once."""

import datetime as dt
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

from federation.ports import UnitOfWork
from mpi.errors import StaleDecision
from mpi.identity.identifiers import EnterpriseId
from mpi.units import UnitConflict, carry_out
from tests.builders import newest_events
from tests.contract.conftest import POSTGRESQL
from tests.contract.stores import NOW, Store, a_change, a_record, an_identifier, an_item, keep_records

PATIENCE_SECONDS = 30


def in_threads(count: int, work: Callable[[int], object]) -> list[object]:
    """Run the work in so many threads that all start together; their results or errors, in no order."""
    gate = threading.Barrier(count)

    def start(number: int) -> object:
        gate.wait(PATIENCE_SECONDS)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        futures: list[Future[object]] = [pool.submit(start, number) for number in range(count)]
        return [future.exception(PATIENCE_SECONDS) or future.result() for future in futures]


def test_who_locks_the_same_key_waits(store: Store) -> None:
    """Read, then write what was read plus one: only serial units lose no step."""
    keep_records(store, a_record())

    def count_up(_number: int) -> None:
        with store.begin() as unit:
            unit.lock(["NORTH|1001", "another"])
            record = unit.records.get(an_identifier())
            assert record is not None
            later = record.demographics_at + dt.timedelta(seconds=1)
            unit.records.save(replace(record, demographics_at=later), blocking_keys=[])
            unit.commit()

    assert in_threads(8, count_up) == [None] * 8
    with store.begin() as unit:
        record = unit.records.get(an_identifier())
    assert record is not None
    assert record.demographics_at == a_record().demographics_at + dt.timedelta(seconds=8)


def test_a_lock_is_held_until_the_unit_ends(store: Store) -> None:
    order: list[str] = []
    locked = threading.Event()

    def second() -> None:
        locked.wait(PATIENCE_SECONDS)
        with store.begin() as unit:
            unit.lock(["b", "a"])
            order.append("second")

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(second)
        with store.begin() as unit:
            unit.lock(["a", "b"])
            locked.set()
            # The other thread can only be waiting now; it cannot be seen waiting, so it gets a moment to go wrong.
            assert not _ends_within(future, 0.2)
            order.append("first")
            unit.commit()
        future.result(PATIENCE_SECONDS)
    assert order == ["first", "second"]


@pytest.mark.parametrize("is_alone_first", [True, False])
def test_who_locks_others_out_is_alone(store: Store, is_alone_first: bool) -> None:
    """Whoever locks any key waits for one that is alone, and is waited for by one that wants to be."""
    order: list[str] = []
    locked = threading.Event()

    def lock(unit: UnitOfWork, is_alone: bool) -> None:
        if is_alone:
            unit.lock_out_others()
            assert not unit.lock(["a"])
        else:
            unit.lock(["a"])

    def second() -> None:
        locked.wait(PATIENCE_SECONDS)
        with store.begin() as unit:
            lock(unit, not is_alone_first)
            order.append("second")

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(second)
        with store.begin() as unit:
            lock(unit, is_alone_first)
            locked.set()
            assert not _ends_within(future, 0.2)
            order.append("first")
        future.result(PATIENCE_SECONDS)
    assert order == ["first", "second"]


@pytest.mark.parametrize("store", [POSTGRESQL], indirect=True)
def test_those_who_lock_other_keys_are_not_in_each_others_way(store: Store) -> None:
    with store.begin() as one, store.begin() as other:
        assert one.lock(["a"])
        assert other.lock(["b"])


def test_who_holds_a_lock_never_waits_for_another(sql_store: Store) -> None:
    """Else two units could wait for each other. SQLite has one writer at a time, who gets everything."""
    with sql_store.begin() as one:
        one.lock(["a"])
        if sql_store.engine is None or sql_store.engine.dialect.name != "postgresql":
            assert one.lock(["b"]) is False
            return
        with sql_store.begin() as other:
            other.lock(["b", "c"])
            with pytest.raises(UnitConflict) as conflict:
                one.lock(["b"])
            assert conflict.value.keys == {"a", "b"}
            assert other.lock(["b"]) is False
            assert other.lock(["d"]) is True
    assert "a" not in str(conflict.value).split()[1:]


def test_rows_locked_crosswise_are_begun_again_and_not_an_error(sql_store: Store) -> None:
    """Whatever keys do not cover, the database finds out; one of the two is broken off and begins again."""
    keep_records(sql_store, a_record("1"), a_record("2"))
    meet, attempts = threading.Barrier(2), [0, 0]

    def work(number: int) -> int:
        def save(unit: UnitOfWork) -> int:
            attempts[number] += 1
            for place, which in enumerate(("1", "2") if number else ("2", "1")):
                unit.records.save(a_record(which, person=f"E-{number}"), blocking_keys=[])
                if place == 0 and attempts[number] == 1 and is_postgresql:
                    meet.wait(PATIENCE_SECONDS)
            unit.commit()
            return number

        return carry_out(sql_store.begin, save)

    is_postgresql = sql_store.engine is not None and sql_store.engine.dialect.name == "postgresql"
    assert sorted(in_threads(2, work), key=str) == [0, 1]
    assert sum(attempts) >= 3 if is_postgresql else attempts == [1, 1]


def _ends_within(future: Future[None], seconds: float) -> bool:
    try:
        future.result(seconds)
    except TimeoutError:
        return False
    return True


def test_eight_threads_that_insert_one_identifier_make_one_record(store: Store) -> None:
    def register(number: int) -> None:
        with store.begin() as unit:
            unit.records.save(a_record(person=f"E-{number}"), blocking_keys=["k", f"k{number}"])
            unit.commit()

    assert in_threads(8, register) == [None] * 8
    with store.begin() as unit:
        assert unit.records.person_count() == 1
        found = unit.records.sharing_keys(["k", *(f"k{number}" for number in range(8))], limit=20)
        assert len(found.records) == 1
        assert found.records[0] == unit.records.get(an_identifier())


def test_of_two_decisions_on_one_version_one_stands(store: Store) -> None:
    with store.begin() as unit:
        unit.reviews.save(an_item())
        unit.commit()

    def decide(number: int) -> str:
        with store.begin() as unit:
            unit.reviews.save(replace(an_item(), version=2, decided_by=f"clerk-{number}"))
            unit.commit()
        return f"clerk-{number}"

    outcomes = in_threads(2, decide)
    winners = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert [type(outcome) for outcome in outcomes if not isinstance(outcome, str)] == [StaleDecision]
    with store.begin() as unit:
        item = unit.reviews.get("R-1")
    assert item is not None
    assert [item.decided_by] == winners


def test_the_same_message_twice_at_once_is_kept_once(store: Store) -> None:
    def take(number: int) -> None:
        with store.begin() as unit:
            newest_events(unit, limit=1)
            unit.records.save(a_record(str(number)), blocking_keys=[])
            unit.inbox.keep("north", "m-1", "h-1", acknowledgement=b"AA", received_at=NOW)
            unit.commit()

    outcomes = in_threads(4, take)
    assert outcomes.count(None) == 1
    assert all(isinstance(outcome, store.refusals) for outcome in outcomes if outcome is not None)
    with store.begin() as unit:
        assert len(unit.records.of_person(EnterpriseId("E-1"))) == 1


def test_two_workers_with_one_message_have_one_effect(store: Store) -> None:
    with store.begin() as unit:
        unit.events.publish(a_change("E-1"))
        (message,) = unit.outbox.due(limit=1, now=NOW, retry_after_seconds=0)
        unit.commit()

    def handle(number: int) -> bool:
        with store.begin() as unit:
            if unit.outbox.get(message.outbox_id) is None:
                return False
            unit.records.save(a_record(str(number)), blocking_keys=[])
            unit.outbox.mark_done(message.outbox_id, at=NOW)
            unit.commit()
        return True

    assert sorted(map(bool, in_threads(6, handle))) == [False] * 5 + [True]
    with store.begin() as unit:
        assert len(unit.records.of_person(EnterpriseId("E-1"))) == 1


@pytest.mark.parametrize("threads", [8])
def test_writers_that_only_queue_all_get_through(store: Store, threads: int) -> None:
    def write_ten(number: int) -> None:
        for step in range(10):
            keep_records(store, a_record(f"{number}-{step}", person=f"E-{number}"))

    assert in_threads(threads, write_ten) == [None] * threads
    with store.begin() as unit:
        assert unit.records.person_count() == threads
