"""Cursors: pages put together are the list, whatever its length and the size of a page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.imaging.studies import PriorStudy, StudyStart
from federation.imaging.timeline import in_timeline_order
from gateway.cursors import (
    InvalidCursor,
    read_review_cursor,
    read_study_cursor,
    review_cursor,
    review_position,
    study_cursor,
    study_position,
)
from gateway.schema.studies import PriorStudyConnection
from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.review import ReviewItem, ReviewKind
from tests.imaging_builders import study

ZONES = st.sampled_from([dt.UTC, dt.timezone(dt.timedelta(hours=-5)), dt.timezone(dt.timedelta(hours=13))])
INSTANTS = st.datetimes(dt.datetime(1950, 1, 1), dt.datetime(2100, 1, 1), timezones=ZONES)
STARTS = st.one_of(
    st.none(),
    INSTANTS.map(lambda at: StudyStart(at.date(), at)),
    st.dates(dt.date(1950, 1, 1), dt.date(2100, 1, 1)).map(StudyStart),
)
STUDIES = st.lists(
    st.builds(lambda number, start: replace(study(f"2.999.{number}"), started=start), st.integers(0, 99), STARTS),
    unique_by=lambda one: one.study_instance_uid,
    max_size=12,
).map(in_timeline_order)


@given(STUDIES)
def test_positions_are_in_the_order_of_the_timeline(studies: tuple[PriorStudy, ...]) -> None:
    positions = [study_position(one) for one in studies]
    assert positions == sorted(positions)
    assert [read_study_cursor(study_cursor(one)) for one in studies] == positions


@given(STUDIES, st.integers(1, 5))
def test_pages_put_together_are_the_list(studies: tuple[PriorStudy, ...], first: int) -> None:
    seen, after = [], None
    for _ in range(len(studies) + 1):
        page = PriorStudyConnection.page_of(studies, {}, first=first, after=after)
        assert page.page_info.has_previous_page is (after is not None)
        seen += [edge.node.study_instance_uid for edge in page.edges]
        if not page.page_info.has_next_page:
            break
        assert page.page_info.end_cursor is not None
        after = read_study_cursor(page.page_info.end_cursor)
    assert seen == [one.study_instance_uid for one in studies]


@given(STUDIES.filter(len), st.data())
def test_a_page_does_not_depend_on_what_came_or_went_before_it(studies: tuple[PriorStudy, ...], data: Any) -> None:
    place = data.draw(st.integers(0, len(studies) - 1))
    gone = data.draw(st.integers(0, place))
    after = study_position(studies[place])
    whole = PriorStudyConnection.page_of(studies, {}, first=100, after=after)
    fewer = PriorStudyConnection.page_of(studies[:gone] + studies[place + 1 :], {}, first=100, after=after)
    assert [e.cursor for e in whole.edges] == [e.cursor for e in fewer.edges]


@given(st.integers(0, 3), st.none() | st.floats(-50, 50), INSTANTS, st.text("abc0", min_size=1, max_size=8))
def test_a_place_in_the_queue_is_found_again(priority: int, score: float | None, at: dt.datetime, id_: str) -> None:
    side = PatientIdentifier("NGH", "1")
    item = ReviewItem(id_, ReviewKind.POSSIBLE_MATCH, side, side, at, "test", priority=priority, score=score)
    assert read_review_cursor(review_cursor(item)) == review_position(item)


@given(st.text(max_size=600) | st.binary(max_size=60).map(lambda raw: raw.hex()))
@pytest.mark.parametrize("read", [read_study_cursor, read_review_cursor])
def test_any_other_text_is_refused_and_not_quoted(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(InvalidCursor) as refusal:
        read(text)
    assert str(refusal.value) == "not a cursor of this list"


def test_a_cursor_of_another_list_is_refused() -> None:
    side = PatientIdentifier("NGH", "1")
    item = ReviewItem("a", ReviewKind.POSSIBLE_MATCH, side, side, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "test")
    with pytest.raises(InvalidCursor):
        read_study_cursor(review_cursor(item))
    with pytest.raises(InvalidCursor):
        read_review_cursor(study_cursor(study()))
