"""Very many records at once: whatever is taken together becomes what it would have become one by one."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.simulated.memory_store import MemoryStore, memory_unit_of_work_factory
from bench.patients import patients
from mpi.errors import MpiError
from mpi.identity.identifiers import AssigningAuthority, AuthorityRegistry
from mpi.identity.patient_rows import patient_row
from mpi.identity.review import NeverLink
from mpi.identity.survivorship import golden_record
from mpi.identity.updates import DemographicsUpdate
from mpi.matching.match_model import default_model
from mpi.usecases.link_persons import LinkPersons, link_persons
from mpi.usecases.matcher import Matcher
from mpi.usecases.register_batch import register_batch
from mpi.usecases.register_record import RegisterEffect, RegisterRecord, register_record
from tests.builders import NOON, pid
from tests.linkage_cases import needs_linkage_cases, patient_rows

FACILITIES = ("NORTH", "LAKE", "RIVER", "HILL")
Take = Callable[[Sequence[RegisterRecord], MemoryStore, Matcher, Iterator[int]], list[str]]


def command_of(row: dict[str, str], *identifiers: str) -> RegisterRecord:
    patient = patient_row(row)
    assert patient.identifier is not None
    sent = (patient.identifier, *map(pid, identifiers))
    return RegisterRecord(patient.facility, sent, DemographicsUpdate(patient.demographics), NOON, "csv", "")


def invented(records: int, seed: int) -> list[RegisterRecord]:
    return [command_of({**row, "mrn": f"{n}"}) for n, (_, row) in enumerate(patients(records, seed=seed))]


def from_cases() -> list[RegisterRecord]:
    rows = [row for row in patient_rows() if row.identifier is not None]
    return [
        RegisterRecord(row.facility, (row.identifier,), DemographicsUpdate(row.demographics), NOON, "csv", "")
        for row in rows
        if row.identifier is not None
    ]


def matcher_for(commands: Sequence[RegisterRecord]) -> Matcher:
    names = sorted({i.assigning_authority for command in commands for i in command.identifiers})
    return Matcher(default_model(), AuthorityRegistry.of(*map(AssigningAuthority, names)))


def one_by_one(
    commands: Sequence[RegisterRecord], store: MemoryStore, matcher: Matcher, ids: Iterator[int]
) -> list[str]:
    effects = []
    with memory_unit_of_work_factory(store)() as uow:
        for command in commands:
            try:
                done = register_record(
                    command, uow=uow, matcher=matcher, clock=lambda: NOON, new_id=lambda: f"e{next(ids)}"
                )
                effects.append(done.effect.value)
            except MpiError as error:
                effects.append(str(error))
        uow.commit()
    return effects


def in_batches(size: int) -> Take:
    def take(commands: Sequence[RegisterRecord], store: MemoryStore, matcher: Matcher, ids: Iterator[int]) -> list[str]:
        taken: list[RegisterEffect | MpiError] = []
        for start in range(0, len(commands), size):
            with memory_unit_of_work_factory(store)() as uow:
                taken += register_batch(
                    commands[start : start + size],
                    uow=uow,
                    matcher=matcher,
                    clock=lambda: NOON,
                    new_id=lambda: f"e{next(ids)}",
                )
                uow.commit()
        return [effect.value if isinstance(effect, RegisterEffect) else str(effect) for effect in taken]

    return take


def outcome(store: MemoryStore) -> tuple[object, ...]:
    """Everything that does not carry an id of its own: persons, their best views, questions, histories, keys.

    Of a question: about which two persons it is, not which two of their records raised it first.
    """
    state = store.committed
    persons = {frozenset(map(str, members)): members for members in state.members.values()}
    golden = {name: golden_record([state.records[i] for i in sorted(members)]) for name, members in persons.items()}
    person_of = {i: frozenset(map(str, members)) for members in state.members.values() for i in members}
    questions = {
        (item.kind, frozenset((person_of[item.left], person_of[item.right])), item.priority)
        for item in state.reviews.values()
        if item.status.name == "OPEN"
    }
    said = {
        str(identifier): [(e.kind, e.at, e.source, e.demographics) for e in entries if e.kind != "moved"]
        for identifier, entries in state.history.items()
    }
    links = {str(i): (r.link.link_source, r.link.match_grade) for i, r in state.records.items() if r.link is not None}
    return golden, questions, said, links, state.keys_of, {i: r.demographics for i, r in state.records.items()}


def taken_as(take: Take, commands: Sequence[RegisterRecord]) -> tuple[list[str], tuple[object, ...]]:
    store = MemoryStore()
    effects = take(commands, store, matcher_for(commands), count())
    return effects, outcome(store)


@pytest.mark.parametrize("size", [7, 100, 5_000])
@needs_linkage_cases
def test_the_shared_records_become_the_same_in_batches(size: int) -> None:
    commands = from_cases()[:1_500]
    random.Random(3).shuffle(commands)
    assert taken_as(in_batches(size), commands) == taken_as(one_by_one, commands)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 90), st.data())
def test_any_file_becomes_the_same_in_batches(seed: int, size: int, data: st.DataObject) -> None:
    """Also where a number stands twice, with other data or with the same, and where a row has no name."""
    commands = invented(70, seed)
    for _ in range(data.draw(st.integers(0, 6))):
        place, other = (data.draw(st.integers(0, len(commands) - 1)) for _ in range(2))
        again = commands[place]
        update = data.draw(st.sampled_from([again.update, commands[other].update]))
        commands.insert(other, RegisterRecord(again.site_id, again.identifiers, update, NOON, "csv", ""))
    nameless = command_of({"facility": "HILL", "mrn": "nameless", "birth_date": "1950-01-01"})
    commands.insert(data.draw(st.integers(0, len(commands))), nameless)
    two_numbers = command_of({"facility": "HILL", "mrn": "two", "family": "Brook", "given": "Ida"}, "LAKE|beside")
    commands.insert(data.draw(st.integers(0, len(commands))), two_numbers)
    effects, found = taken_as(in_batches(size), commands)
    expected_effects, expected = taken_as(one_by_one, commands)
    assert found[0] == expected[0]
    assert found[1] == expected[1]
    assert found[3:] == expected[3:]
    # What was said before word for word is not taken again in a batch.
    said = [(command.identifiers, command.update) for command in commands]
    first_time = [place for place, one in enumerate(said) if one not in said[:place]]
    assert [effects[place] for place in first_time] == [expected_effects[place] for place in first_time]


def test_a_batch_beside_what_staff_said() -> None:
    """Never-links and links by hand that stand hold for records that come in a batch."""
    commands = invented(150, 5)
    first, rest = commands[:60], commands[60:]

    def after_decisions(take: Take) -> tuple[object, ...]:
        store, matcher, ids = MemoryStore(), matcher_for(commands), count()
        one_by_one(first, store, matcher, ids)
        with memory_unit_of_work_factory(store)() as uow:
            for left, right in ((0, 1), (2, 3)):
                link = LinkPersons(first[left].identifiers[0], first[right].identifiers[0], "clerk")
                link_persons(link, uow=uow, matcher=matcher, clock=lambda: NOON, new_id=lambda: f"e{next(ids)}")
            for left, right in zip(first[10:], rest, strict=False):
                uow.reviews.assert_never(
                    NeverLink.of(left.identifiers[0], right.identifiers[0], said_by="clerk", said_at=NOON)
                )
            uow.commit()
        take(rest, store, matcher, ids)
        return outcome(store)

    assert after_decisions(in_batches(40)) == after_decisions(one_by_one)


def test_persons_that_changed_are_told_once_a_batch() -> None:
    commands = invented(120, 9)
    store = MemoryStore()
    in_batches(120)(commands, store, matcher_for(commands), count())
    told = [entry.message.body["enterprise_ids"] for entry in store.committed.outbox.values()]
    assert {person for persons in told for person in persons} == set(store.committed.members)  # type: ignore[attr-defined]
    assert len(told) == 1
