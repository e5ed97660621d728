"""Whatever is written in whatever order, the in-memory store and the database give the same answers."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.simulated.memory_store import memory_unit_of_work_factory
from adapters.store.engine import make_engine
from adapters.store.migrate import upgrade
from adapters.store.unit_of_work import unit_of_work_factory
from federation.ports import UnitOfWork
from mpi.errors import StaleDecision
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.review import NeverLink, ReviewStatus
from tests.contract.stores import NOW, a_check, a_record, an_identifier, an_item, later

NUMBERS = ("1", "01", "a", "A", "é", "李")
PERSONS = tuple(EnterpriseId(name) for name in ("E-1", "E-2", "E-3"))
KEYS = ("k1", "k2", "K1")
Step = Callable[[UnitOfWork], None]

numbers, persons = st.sampled_from(NUMBERS), st.sampled_from(PERSONS)


def save_linked(number: str, person: str, keys: list[str]) -> Step:
    return lambda unit: unit.records.save(a_record(number, person=person), blocking_keys=keys)


def save_retired(number: str, survivor: str | None, keys: list[str]) -> Step:
    into = None if survivor is None else an_identifier(survivor)
    return lambda unit: unit.records.save(a_record(number).retired(into), blocking_keys=keys)


def save_item(item_id: str, version: int, score: float | None, is_open: bool) -> Step:
    status = ReviewStatus.OPEN if is_open else ReviewStatus.DECIDED
    item = replace(an_item(item_id, left=item_id, score=score), version=version, status=status)
    return lambda unit: unit.reviews.save(item)


def say_never(one: str, other: str, said_by: str) -> Step:
    link = NeverLink.of(an_identifier(one), an_identifier(other), said_by=said_by, said_at=NOW)
    return lambda unit: unit.reviews.assert_never(link)


def keep_check(number: str, person: str | None, hours: int) -> Step:
    def append(unit: UnitOfWork) -> None:
        stored = unit.order_checks.newest(f"C-{number}")
        revision = 1 if stored is None else stored.revision + 1
        at = later(hours=hours)
        unit.order_checks.append(a_check(f"C-{number}", revision, number=number, person=person, at=at))

    return append


steps = st.one_of(
    st.builds(save_linked, numbers, persons, st.lists(st.sampled_from(KEYS))),
    st.builds(save_retired, numbers, st.none() | numbers, st.lists(st.sampled_from(KEYS))),
    st.builds(save_item, numbers, st.integers(1, 3), st.none() | st.sampled_from([-1.5, 0.0, 7.25]), st.booleans()),
    st.builds(say_never, numbers, numbers, st.sampled_from(["clerk-1", "clerk-2"])),
    st.builds(keep_check, numbers, st.none() | persons, st.integers(-2, 2)),
)
units = st.lists(st.tuples(st.lists(steps, max_size=6), st.booleans()), max_size=6)


def carry_out(begin: Callable[[], UnitOfWork], work: list[tuple[list[Step], bool]]) -> list[bool]:
    """Each unit of steps, committed or left; which steps were stale."""
    stale = []
    for unit_steps, is_committed in work:
        with begin() as unit:
            for step in unit_steps:
                try:
                    step(unit)
                    stale.append(False)
                except StaleDecision:
                    stale.append(True)
            if is_committed:
                unit.commit()
    return stale


def answers(begin: Callable[[], UnitOfWork]) -> list[object]:
    """The answer to every question about the few identifiers, persons and keys there are."""
    all_of_them: list[PatientIdentifier] = [an_identifier(number) for number in NUMBERS]
    with begin() as unit:
        return [
            unit.records.get_many(all_of_them),
            unit.records.of_persons(PERSONS),
            [unit.records.retired_into([identifier]) for identifier in all_of_them],
            [unit.records.sharing_keys(KEYS, limit=limit) for limit in (1, 3, 9)],
            unit.records.person_count(),
            unit.reviews.open_page(kinds=None, offset=1, limit=3),
            [unit.reviews.open_about([identifier]) for identifier in all_of_them],
            unit.reviews.never_links_of(all_of_them),
            [unit.order_checks.open_checks_of([person], since=NOW) for person in PERSONS],
        ]


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("agree") / "empty.db"
    engine = make_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    return path


@settings(deadline=None, max_examples=60)
@given(units)
def test_the_stores_agree(migrated: Path, work: list[tuple[list[Step], bool]]) -> None:
    in_memory = memory_unit_of_work_factory()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "copy.db"
        shutil.copyfile(migrated, path)
        engine = make_engine(f"sqlite:///{path}")
        on_database = unit_of_work_factory(engine)
        try:
            assert carry_out(in_memory, work) == carry_out(on_database, work)
            assert answers(in_memory) == answers(on_database)
        finally:
            engine.dispose()
