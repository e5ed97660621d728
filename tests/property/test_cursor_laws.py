"""Pages of any size give each row exactly once, whatever ties there are; a cursor of another list is refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulated.memory_store import MemoryStore, MemoryUnitOfWork
from federation.imaging.studies import PriorStudy, StudyStart
from federation.imaging.timeline import in_timeline_order
from gateway.cursors import (
    InvalidCursor,
    audit_cursor,
    read_audit_cursor,
    read_review_cursor,
    read_study_cursor,
    review_cursor,
    study_cursor,
)
from gateway.loaders import load_access_report, load_review_page
from gateway.schema.studies import PriorStudyConnection
from mpi.identity.identifiers import EnterpriseId
from tests.contract.stores import NOW, a_record, an_audit_event, an_item

MOMENTS = [None, *(dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC) + dt.timedelta(hours=h) for h in (-36, -12, 0, 12))]
DAY_ONLY = StudyStart(dt.date(2026, 3, 1), None)
"""A bare date stands at noon: the same moment as one of the above."""

starts = st.one_of(
    st.just(DAY_ONLY), st.sampled_from(MOMENTS).map(lambda at: None if at is None else StudyStart(at.date(), at))
)
sizes = st.integers(1, 12)


def a_study(number: int, started: StudyStart | None) -> PriorStudy:
    return PriorStudy(f"2.999.{number}", started, ("CT",))


def all_pages(page_of: Callable[[Any], tuple[list[Any], Any | None]]) -> list[Any]:
    """Every row, page by page: ``page_of`` takes a position and gives rows and the next position."""
    found: list[Any] = []
    position = None
    for _ in range(100):
        rows, position = page_of(position)
        found += rows
        if position is None:
            return found
    raise AssertionError("the pages never end")


@given(st.lists(starts, max_size=12), sizes)
def test_a_timeline_with_ties(started: list[StudyStart | None], size: int) -> None:
    studies = in_timeline_order(a_study(number, start) for number, start in enumerate(started))

    def page_of(after: str | None) -> tuple[list[str], str | None]:
        position = None if after is None else read_study_cursor(after)
        page = PriorStudyConnection.page_of(studies, {}, first=size, after=position)
        assert page.total_count == len(studies)
        assert page.page_info.has_previous_page is (after is not None and bool(studies))
        uids = [edge.node.study_instance_uid for edge in page.edges]
        return uids, page.page_info.end_cursor if page.page_info.has_next_page else None

    assert all_pages(page_of) == [study.study_instance_uid for study in studies]


@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from([None, 1.0, 4.5]), st.integers(0, 1)), max_size=10), sizes)
def test_a_review_queue_with_ties(drawn: list[tuple[int, float | None, int]], size: int) -> None:
    store = MemoryStore()
    with MemoryUnitOfWork(store) as uow:
        for number, (priority, score, hours) in enumerate(drawn):
            item = an_item(f"R-{number}", priority=priority, score=score)
            uow.reviews.save(type(item)(**{**fields(item), "opened_at": NOW + dt.timedelta(hours=hours)}))
        uow.commit()
    read: Any = lambda: MemoryUnitOfWork(store, read_only=True)  # noqa: E731

    def page_of(after: str | None) -> tuple[list[str], str | None]:
        page = load_review_page(
            read, kinds=None, first=size, after=None if after is None else read_review_cursor(after)
        )
        ids = [case.item.review_item_id for case in page.cases]
        return ids, review_cursor(page.cases[-1].item) if page.has_next else None

    found = all_pages(page_of)
    assert sorted(found) == sorted(f"R-{number}" for number in range(len(drawn)))


@given(st.integers(0, 15), sizes)
def test_an_access_report_whose_entries_are_of_one_moment(count: int, size: int) -> None:
    store = MemoryStore()
    with MemoryUnitOfWork(store) as uow:
        uow.records.save(a_record("1", person="E-1"), blocking_keys=[])
        for number in range(count):
            uow.audit.append(an_audit_event(f"a-{number}"))
        uow.commit()
    read: Any = lambda: MemoryUnitOfWork(store, read_only=True)  # noqa: E731

    def page_of(after: str | None) -> tuple[list[str], str | None]:
        before = None if after is None else read_audit_cursor(after)
        report = load_access_report(read, patient=EnterpriseId("E-1"), first=size, before=before)
        actions = [kept.event.action for kept in report.entries]
        return actions, audit_cursor(report.entries[-1].number) if report.has_more else None

    assert all_pages(page_of) == [f"a-{number}" for number in range(count - 1, -1, -1)]


CURSORS = {
    "timeline": (study_cursor(a_study(1, DAY_ONLY)), read_study_cursor),
    "queue": (review_cursor(an_item()), read_review_cursor),
    "audit": (audit_cursor(7), read_audit_cursor),
}


@pytest.mark.parametrize("given_by", CURSORS)
@pytest.mark.parametrize("taken_by", CURSORS)
def test_a_cursor_of_another_order_is_refused(given_by: str, taken_by: str) -> None:
    cursor, read = CURSORS[given_by][0], CURSORS[taken_by][1]
    if given_by == taken_by:
        assert read(cursor)
        return
    with pytest.raises(InvalidCursor):
        read(cursor)


@given(st.text(max_size=80))
def test_no_text_makes_a_reader_of_cursors_crash(text: str) -> None:
    for _, read in CURSORS.values():
        try:
            read(text)
        except InvalidCursor:
            continue


def fields(item: Any) -> dict[str, Any]:
    return {name: getattr(item, name) for name in type(item).__slots__}
