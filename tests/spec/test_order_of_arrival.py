"""Whatever the order in which records arrive, the same of them are one person."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import count, permutations

import pytest

from adapters.simulated.memory_store import MemoryStore, memory_unit_of_work_factory
from mpi.identity.identifiers import AssigningAuthority, AuthorityRegistry
from mpi.identity.patient_rows import PatientRow
from mpi.identity.updates import DemographicsUpdate
from mpi.matching.match_model import default_model
from mpi.usecases.matcher import Matcher
from mpi.usecases.register_record import RegisterRecord, register_record
from tests.builders import NOON, Index, person
from tests.linkage_cases import needs_linkage_cases, patient_rows, person_of

SHUFFLES = 20
RECORDS = 400
ANA = person("Arroyo", "Ana", middle="Luz", born="1984-03-12", sex="F", phone="202-555-0134", street="12 Mill Road",
             city="Harlow Falls", postal_code="00112", ssn_last4="4821")  # fmt: skip

CHILD = replace(ANA, birth_date=person(born="2024-05-02").birth_date, name=replace(ANA.name, middle=""), ssn_last4="")


def arrive(rows: Sequence[PatientRow]) -> tuple[frozenset[frozenset[str]], int]:
    """Register one row after the other in one unit of work; the persons, and how many questions are open."""
    registry = AuthorityRegistry.of(*(AssigningAuthority(f) for f in sorted({r.facility for r in rows})))
    matcher, ids = Matcher(default_model(), registry), count()
    store = MemoryStore()
    with memory_unit_of_work_factory(store)() as uow:
        for row in rows:
            assert row.identifier is not None
            command = RegisterRecord(
                row.facility, (row.identifier,), DemographicsUpdate(row.demographics), NOON, "test", row.facility
            )
            register_record(command, uow=uow, matcher=matcher, clock=lambda: NOON, new_id=lambda: f"e{next(ids)}")
        questions = uow.reviews.open_page(kinds=None, offset=0, limit=1).total
        uow.commit()
    return frozenset(frozenset(map(str, m)) for m in store.committed.members.values()), questions


@needs_linkage_cases
def test_twenty_shuffles_give_the_same_persons() -> None:
    rows = list(patient_rows()[:RECORDS])
    found = set()
    for seed in range(SHUFFLES):
        random.Random(seed).shuffle(rows)
        found.add(arrive(rows))
    assert len(found) == 1


@needs_linkage_cases
def test_one_by_one_is_about_as_right_as_all_at_once() -> None:
    rows = patient_rows()
    persons, questions = arrive(rows)
    truth = {str(row.identifier): person_of()[row.record_id] for row in rows}
    predicted = _pairs(len(members) for members in persons)
    true = _pairs(Counter(truth.values()).values())
    both = sum(_pairs(Counter(truth[i] for i in members).values()) for members in persons)
    assert both / predicted >= 0.999
    assert both / true >= 0.92
    assert questions <= 0.031 * len(rows)


def _pairs(sizes: object) -> int:
    return sum(n * (n - 1) // 2 for n in sizes)  # type: ignore[attr-defined]


def test_who_came_between_two_records_joins_them_afterwards() -> None:
    """Neither of two records links to the other; a third that has what each lacks makes them one person."""
    married = replace(ANA, name=replace(ANA.name, family="Whitlock"), phones=(), address=person().address)
    moved = replace(ANA, ssn_last4="", phones=())
    for order in (("a", "b", "c"), ("c", "a", "b"), ("b", "c", "a")):
        index = Index()
        said = {"a": married, "b": moved, "c": ANA}
        for name in order:
            index.register(f"{ {'a': 'NGH', 'b': 'LKM', 'c': 'RDI'}[name] }|1", as_=said[name])
        assert index.are_one("NGH|1", "LKM|1", "RDI|1"), order


def test_an_update_moves_a_record_and_is_not_taken_in_silence() -> None:
    index = Index()
    index.register("NGH|1", as_=ANA)
    index.register("LKM|9", as_=ANA)
    before = index.person_of("LKM|9")
    other = replace(ANA, birth_date=person(born="1961-07-30").birth_date, ssn_last4="1177", phones=("202-555-0999",))
    index.register("NGH|1", as_=other)
    assert not index.are_one("NGH|1", "LKM|9")
    assert index.person_of("LKM|9") == before or index.person_of("NGH|1") == before
    assert [kind for _, kind, _, _ in index.open_items()] == ["suspected_overlay"]


def test_an_update_that_fits_again_answers_its_own_question() -> None:
    index = Index()
    index.register("NGH|1", as_=ANA)
    index.register("LKM|9", as_=ANA)
    other = replace(ANA, birth_date=person(born="1961-07-30").birth_date, ssn_last4="1177", phones=("202-555-0999",))
    index.register("NGH|1", as_=other)
    index.register("NGH|1", as_=ANA, at=NOON + dt.timedelta(hours=1))
    assert index.are_one("NGH|1", "LKM|9")
    assert index.open_items() == []


@pytest.mark.parametrize("late", ["NGH|1", "LKM|9", "RDI|5"])
def test_a_person_of_several_records_keeps_its_id_when_another_comes(late: str) -> None:
    index = Index()
    early = [i for i in ("NGH|1", "LKM|9", "RDI|5") if i != late]
    for identifier in early:
        index.register(identifier, as_=ANA)
    before = index.person_of(early[0])
    index.register(late, as_=ANA)
    assert {index.person_of(i) for i in (*early, late)} == {before}


@pytest.mark.parametrize("order", list(permutations(("named", "twin", "unnamed"))))
def test_an_unnamed_newborn_with_a_twin_waits_in_any_order(order: tuple[str, ...]) -> None:
    said = {
        "named": ("NGH|1", replace(CHILD, name=replace(CHILD.name, given="Elena"), ssn_last4="4821")),
        "twin": ("NGH|2", replace(CHILD, name=replace(CHILD.name, given="Sofia"), ssn_last4="5930")),
        "unnamed": ("LKM|7", replace(CHILD, name=replace(CHILD.name, given="Baby Girl"))),
    }
    index = Index()
    for name in order:
        index.register(said[name][0], as_=said[name][1])
    assert len({index.person_of(identifier) for identifier, _ in said.values()}) == 3
    assert {kind for _, kind, _, _ in index.open_items()} == {"possible_match"}


def test_an_unnamed_newborn_without_a_twin_is_the_named_child() -> None:
    index = Index()
    index.register("LKM|7", as_=replace(CHILD, name=replace(CHILD.name, given="Baby Girl")))
    index.register("NGH|1", as_=replace(CHILD, name=replace(CHILD.name, given="Elena")))
    assert index.are_one("LKM|7", "NGH|1")
