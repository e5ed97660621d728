"""Every value that a record had, from the history of its number."""

from __future__ import annotations

import datetime as dt

import pytest

from mpi.identity.field_history import FieldValue, RecordField, ValueState, field_history
from tests.builders import NOON, Index, person, pid

ANA = person("Lopez", "Ana", born="1980-02-03", sex="F", phone="202-555-0101", street="1 Weaver Close", city="Ulm")


def later(days: int) -> dt.datetime:
    return NOON + dt.timedelta(days=days)


def history_of(index: Index, number: str = "NGH|1") -> dict[RecordField, tuple[FieldValue, ...]]:
    with index.units() as uow:
        record = uow.records.get(pid(number))
        assert record is not None
        return dict(field_history(record, uow.history.of(pid(number))))


def told(index: Index, field: RecordField) -> list[tuple[str, ValueState]]:
    return [(value.value, value.state) for value in history_of(index).get(field, ())]


@pytest.fixture
def index() -> Index:
    """Ana as her hospital said first, on day 0."""
    index = Index()
    index.register("NGH|1", as_=ANA, at=NOON)
    return index


def test_the_first_message_is_all_there_is(index: Index) -> None:
    assert told(index, RecordField.FAMILY) == [("Lopez", ValueState.CURRENT)]
    assert told(index, RecordField.SEX) == [("FEMALE", ValueState.CURRENT)]
    assert RecordField.MIDDLE not in history_of(index), "nothing was ever said of it"


def test_a_change_keeps_what_was_said_before_with_its_day_and_door(index: Index) -> None:
    index.register("NGH|1", as_=person("Marino", "Ana", born="1980-02-03"), at=later(5))
    now, before = history_of(index)[RecordField.FAMILY]
    assert (now.value, now.state, now.said_at, now.source) == ("Marino", ValueState.CURRENT, later(5), "test")
    assert (before.value, before.state, before.said_at) == ("Lopez", ValueState.EARLIER, NOON)
    assert told(index, RecordField.GIVEN) == [("Ana", ValueState.CURRENT)], "said again is not a change"


def test_there_and_back_is_two_changes(index: Index) -> None:
    for day, family in ((1, "Marino"), (2, "Lopez")):
        index.register("NGH|1", as_=person(family, "Ana", born="1980-02-03"), at=later(day))
    assert told(index, RecordField.FAMILY) == [
        ("Lopez", ValueState.CURRENT),
        ("Marino", ValueState.EARLIER),
        ("Lopez", ValueState.EARLIER),
    ]


def test_a_part_of_an_address_is_told_as_the_whole_address_after_it(index: Index) -> None:
    index.register("NGH|1", as_=person("Lopez", "Ana", born="1980-02-03", street="9 Mill Lane"), at=later(1))
    assert told(index, RecordField.ADDRESS)[0] == ("9 Mill Lane, Ulm", ValueState.CURRENT)


def test_what_was_deleted_is_told_as_deleted(index: Index) -> None:
    index.register("NGH|1", as_=person("Lopez", "Ana"), at=later(1), deleted=frozenset({"phones"}))
    assert told(index, RecordField.PHONE) == [("", ValueState.CURRENT), ("202-555-0101", ValueState.EARLIER)]


def test_what_came_too_late_was_not_taken(index: Index) -> None:
    index.register("NGH|1", as_=person("Lopes", "Ana", born="1980-02-03"), at=later(-9))
    assert (("Lopes", ValueState.NOT_TAKEN)) in told(index, RecordField.FAMILY)
    assert told(index, RecordField.GIVEN) == [("Ana", ValueState.CURRENT)]


def test_another_person_under_the_number_was_not_taken(index: Index) -> None:
    other = person("Brandt", "Otto", born="1931-12-24", sex="M")
    for day in (1, 2):
        index.register("NGH|1", as_=other, at=later(day))
    assert told(index, RecordField.FAMILY) == [("Brandt", ValueState.NOT_TAKEN), ("Lopez", ValueState.CURRENT)]


def test_nothing_shows_a_value_by_itself(index: Index) -> None:
    assert "Lopez" not in repr(history_of(index))
