"""A unit of work that gets in another one's way is begun again, at every door, and what was asked is done once."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from adapters.simulated.memory_store import MemoryStore, MemoryUnitOfWork
from gateway.bootstrap import build_hub
from gateway.cli.csv_files import CsvRow
from gateway.cli.identities import _load_batch, _mapped
from gateway.permissions import Role
from gateway.settings import Settings, StoreSettings
from mpi.units import MOST_ATTEMPTS, UnitConflict, carry_out
from tests.builders import NOON
from tests.fhir_door import FhirClient, patient, replaced
from tests.hl7_door import Door
from tests.integration.hub_world import Hub, answering, hub_with_questions

ADT = (
    "MSH|^~\\&|REG|NGH|HUB|HUB|20260310115900||ADT^A04|m-1|P|2.5\r"
    "EVN|A04|20260310115900\r"
    "PID|1||{number}^^^NGH^MR||Quillfeather^Ana||19840312|F\r"
)


class InTheWay:
    """Units of work of which some find, so many locks in, that another one was quicker. Nothing of them is kept."""

    def __init__(self, units: Callable[[], MemoryUnitOfWork], *, conflicts: int, at_lock: int) -> None:
        self.units, self.conflicts, self.at_lock = units, conflicts, at_lock
        self.waited_for: list[frozenset[str]] = []

    def __call__(self) -> MemoryUnitOfWork:
        outer = self
        unit = self.units()
        locks = count(1)

        class Unit(MemoryUnitOfWork):
            def lock(self, keys: Collection[str]) -> bool:
                place = next(locks)
                if place == 1:
                    outer.waited_for.append(frozenset(keys))
                if outer.conflicts and place == outer.at_lock:
                    outer.conflicts -= 1
                    raise UnitConflict([*outer.waited_for[-1], *keys])
                return super().lock(keys)

            def lock_out_others(self) -> None:
                self.lock(())
                super().lock_out_others()

        return Unit(unit._store)


def in_the_way(conflicts: int = 3, at_lock: int = 2) -> tuple[InTheWay, MemoryStore]:
    store = MemoryStore()
    return InTheWay(lambda: MemoryUnitOfWork(store), conflicts=conflicts, at_lock=at_lock), store


@pytest.mark.parametrize("at_lock", [1, 2, 3])
def test_an_hl7_message_is_taken_once_and_acknowledged(at_lock: int) -> None:
    units, store = in_the_way(at_lock=at_lock)
    door = Door(units)
    assert door.send(ADT.format(number="7")).code == "AA"
    assert units.conflicts == 0
    assert len(store.committed.records) == 1
    assert [event for event, _ in door.told] == ["hl7_message_handled"]


def test_a_refused_merge_is_put_before_staff_once() -> None:
    units, store = in_the_way(conflicts=0)
    door = Door(units)
    door.send(ADT.format(number="7"))
    units.conflicts = 2
    merge = ADT.format(number="7").replace("A04", "A40").replace("m-1", "m-2") + "MRG|7^^^NGH^MR\r"
    assert door.send(merge).code == "AE"
    assert [item.kind.value for item in store.committed.reviews.values()] == ["merge_refused"]


def test_a_decision_of_staff_is_carried_out_once() -> None:
    units, store = in_the_way(conflicts=0)
    hub = hub_with_questions(units=units)
    item = hub.run("ReviewQueue", Role.RECORDS)["edges"][0]["node"]
    units.conflicts = 3
    decided = hub.run("DecideReviewItem", Role.RECORDS, id=item["id"], expectedVersion=1, decision="SAME")
    assert (decided["__typename"], units.conflicts) == ("ReviewDecided", 0)
    assert len(store.committed.decisions) == 1
    units.conflicts = 3
    undone = hub.run("UndoDecision", Role.RECORDS, decisionId=next(iter(store.committed.decisions)))
    assert (undone["__typename"], units.conflicts) == ("IdentityDecided", 0)


def test_a_patient_over_fhir_is_taken_once() -> None:
    units, store = in_the_way(at_lock=2)
    hub = Hub(answering("NGH"), units=units)
    client = FhirClient(hub)
    assert client.create(patient("NGH|1")).status_code == 201
    assert units.conflicts == 0
    units.conflicts = 3
    assert client.create(replaced("NGH|2", by="NGH|1")).status_code == 200
    assert units.conflicts == 0
    assert sum(record.is_active for record in store.committed.records.values()) == 1


def test_a_batch_of_a_file_is_loaded_once(tmp_path: Path) -> None:
    units, store = in_the_way(at_lock=1)
    hub = build_hub(Settings(store=StoreSettings(url=f"sqlite:///{tmp_path}/unused.db")), migrate=True)
    try:
        rows = tuple(_row(number) for number in range(3))
        counts = dict.fromkeys(("created", "unchanged"), 0)
        refused = _load_batch(replace(hub, units=units), _mapped(rows, None, hub.matcher), counts)  # type: ignore[arg-type]
    finally:
        hub.engine.dispose()
    assert (counts, refused, units.conflicts) == ({"created": 3, "unchanged": 0}, [], 0)
    assert len(store.committed.records) == 3
    assert len(store.committed.audit) == 1


def _row(number: int) -> CsvRow:
    values = {"facility": "NGH", "mrn": str(number), "family": f"Quill{number}", "birth_date": f"198{number}-03-12"}
    return CsvRow(number + 2, values, tuple(values.values()))


def test_who_begins_again_waits_for_everything_it_knows_to_need_at_once() -> None:
    units, _ = in_the_way(conflicts=2, at_lock=2)
    seen = []

    def work(uow: MemoryUnitOfWork) -> str:
        for key in "abc":
            seen.append(uow.lock([key]))
        uow.commit()
        return "done"

    assert carry_out(units, work) == "done"
    assert units.waited_for == [{"a"}, {"a", "b"}, {"a", "b"}]


def test_who_is_in_the_way_for_good_is_an_error_and_not_an_endless_loop() -> None:
    units, store = in_the_way(conflicts=10_000, at_lock=1)
    with pytest.raises(UnitConflict):
        carry_out(units, lambda uow: uow.lock(["a"]))
    assert len(units.waited_for) == MOST_ATTEMPTS
    assert Door(units, clock=lambda: NOON).send(ADT.format(number="7")).code == "AE"
    assert store.committed.records == {}
