"""Laws of what the study index holds after sites said this and that, in any order."""

from __future__ import annotations

import datetime as dt
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from federation.imaging.studies import SiteStudy
from federation.imaging.study_index import IndexedAnswer, entry_after, entry_of
from federation.sites.site import SiteId
from tests.builders import NOON, pid

SITE, NUMBER, STRANGER = SiteId("NGH"), pid("NGH|1"), pid("NGH|2")


@st.composite
def answers(draw: st.DrawFn) -> IndexedAnswer:
    uids = draw(st.sets(st.sampled_from("abcdef"), max_size=4))
    studies = tuple(SiteStudy(SITE, uid, draw(st.sampled_from([NUMBER, STRANGER]))) for uid in sorted(uids))
    as_of = NOON + dt.timedelta(minutes=draw(st.integers(0, 50)))
    return entry_of(SITE, NUMBER, studies, as_of, is_complete=draw(st.booleans()))


def after(said: list[IndexedAnswer]) -> IndexedAnswer | None:
    return reduce(entry_after, said, None) if said else None  # type: ignore[arg-type]


def uids(entry: IndexedAnswer | None) -> set[str]:
    return set() if entry is None else {study.study_instance_uid for study in entry.studies}


@given(st.lists(answers(), max_size=8))
def test_a_study_of_another_number_never_comes_in(said: list[IndexedAnswer]) -> None:
    entry = after(said)
    assert entry is None or {study.patient_identifier for study in entry.studies} <= {NUMBER}


@given(st.lists(answers(), min_size=1, max_size=8))
def test_saying_the_last_thing_twice_changes_nothing(said: list[IndexedAnswer]) -> None:
    entry = after(said)
    assert after([*said, said[-1]]) == entry


@given(st.lists(answers(), min_size=1, max_size=8))
def test_the_age_is_that_of_a_list_that_was_said(said: list[IndexedAnswer]) -> None:
    entry = after(said)
    assert entry is not None
    assert entry.as_of in {one.as_of for one in said}
    assert entry.is_complete == any(one.is_complete for one in said)


@given(st.lists(answers(), min_size=1, max_size=8), answers())
def test_a_cut_list_takes_nothing_away(said: list[IndexedAnswer], cut: IndexedAnswer) -> None:
    before = after(said)
    partial = IndexedAnswer(SITE, NUMBER, cut.studies, cut.as_of, is_complete=False)
    assert uids(before) <= uids(after([*said, partial]))


@given(st.permutations(range(4)), st.data())
def test_of_whole_lists_the_newest_counts_in_any_order_of_arrival(order: list[int], data: st.DataObject) -> None:
    lists = [
        entry_of(SITE, NUMBER, data.draw(answers()).studies, NOON + dt.timedelta(minutes=m), is_complete=True)
        for m in range(4)
    ]
    assert after([lists[i] for i in order]) == lists[-1]
