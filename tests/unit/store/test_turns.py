"""Writers of one SQLite file write in the order in which they came."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.store.engine import make_engine
from adapters.store.turns import WriteTurns, turns_at
from adapters.store.unit_of_work import unit_of_work_factory

PATIENCE_SECONDS = 30


def wait_until(is_so: Callable[[], bool]) -> None:
    ticks = threading.Event()
    for _ in range(PATIENCE_SECONDS * 200):
        if is_so():
            return
        ticks.wait(0.005)
    raise AssertionError("it did not come about")


def test_they_come_in_order() -> None:
    turns, order = WriteTurns(), list[int]()

    def write(number: int) -> None:
        assert turns.take(timeout_seconds=PATIENCE_SECONDS)
        order.append(number)
        turns.give_back()

    assert turns.take(timeout_seconds=0)
    with ThreadPoolExecutor(8) as pool:
        for number in range(8):
            pool.submit(write, number)
            wait_until(lambda wanted=number + 1: turns.waiting_count == wanted)  # type: ignore[misc]
        turns.give_back()
    assert order == [*range(8)]
    assert turns.take(timeout_seconds=0)


def test_whoever_waits_in_vain_holds_up_nobody() -> None:
    turns = WriteTurns()
    assert turns.take(timeout_seconds=0)
    assert not turns.take(timeout_seconds=0.01)
    turns.give_back()
    assert turns.take(timeout_seconds=0)


def test_all_engines_of_a_file_share_its_turns(tmp_path: Path) -> None:
    there = turns_at(str(tmp_path / "hub.db"))
    assert turns_at(str(tmp_path / "." / "hub.db")) is there
    assert turns_at(str(tmp_path / "other.db")) is not there


def test_a_unit_gives_its_turn_back_however_it_ends(tmp_path: Path) -> None:
    database = tmp_path / "hub.db"
    turns = turns_at(str(database))
    engine, another = make_engine(f"sqlite:///{database}"), make_engine(f"sqlite:///{database}")
    begin, read = unit_of_work_factory(engine), unit_of_work_factory(another, read_only=True)
    with begin() as unit:
        assert not turns.take(timeout_seconds=0)
        with read():
            pass  # a reader needs no turn
        unit.commit()
        assert turns.take(timeout_seconds=0)
        turns.give_back()
    with pytest.raises(ZeroDivisionError), begin():
        raise ZeroDivisionError
    nowhere = make_engine(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.db'}")
    with pytest.raises(sa.exc.OperationalError), unit_of_work_factory(nowhere)():
        pass
    for path in (database, tmp_path / "no" / "such" / "folder.db"):
        assert turns_at(str(path)).take(timeout_seconds=0)
    for used in (engine, another, nowhere):
        used.dispose()


def test_a_writer_waits_for_one_of_another_engine(tmp_path: Path) -> None:
    database = tmp_path / "hub.db"
    turns, order = turns_at(str(database)), list[str]()
    engines = [make_engine(f"sqlite:///{database}") for _ in range(2)]

    def write() -> None:
        with unit_of_work_factory(engines[1])():
            order.append("second")

    with ThreadPoolExecutor(1) as pool:
        with unit_of_work_factory(engines[0])():
            written = pool.submit(write)
            wait_until(lambda: turns.waiting_count == 1)
            order.append("first")
        written.result(PATIENCE_SECONDS)
    assert order == ["first", "second"]
    for engine in engines:
        engine.dispose()
