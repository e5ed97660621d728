"""The timeline: newest first, undated last, nothing hidden that is only unknown."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from federation.imaging.studies import PriorStudy, StudyStart
from federation.imaging.timeline import (
    FUTURE_DATE,
    TimelineFilter,
    filter_studies,
    flag_future_studies,
    in_timeline_order,
    moment_of,
)
from tests.imaging_builders import NOW, study


def uids(studies: tuple[PriorStudy, ...]) -> list[str]:
    return [each.study_instance_uid for each in studies]


def test_newest_first_undated_last_ties_by_uid() -> None:
    studies = [study("3", days=5), study("9", days=None), study("8", days=None), study("2", days=5), study("5", days=1)]
    assert uids(in_timeline_order(studies)) == ["5", "2", "3", "8", "9"]
    assert in_timeline_order(reversed(studies)) == in_timeline_order(studies)


def test_even_a_study_of_the_sixties_comes_before_the_undated() -> None:
    old = study("2", started=StudyStart(dt.date(1965, 5, 1)))
    assert uids(in_timeline_order([study("1", days=None), old, study("3")])) == ["3", "2", "1"]


def test_order_follows_instants_not_wall_clocks() -> None:
    west = StudyStart(dt.date(2024, 3, 10), dt.datetime(2024, 3, 10, 23, 30, tzinfo=ZoneInfo("America/New_York")))
    east = StudyStart(dt.date(2024, 3, 11), dt.datetime(2024, 3, 11, 1, 0, tzinfo=dt.UTC))
    assert uids(in_timeline_order([study("1", started=east), study("2", started=west)])) == ["2", "1"]


def test_a_bare_date_stands_at_its_noon() -> None:
    assert moment_of(StudyStart(dt.date(2024, 3, 10))) == dt.datetime(2024, 3, 10, 12, tzinfo=dt.UTC)
    bare = study("1", started=StudyStart(dt.date(2026, 3, 9)))
    assert uids(in_timeline_order([study("2", days=2), bare, study("3", days=0.5)])) == ["3", "1", "2"]


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ({}, ["ct", "mr", "undated", "unread"]),
        ({"since": dt.date(2026, 3, 8)}, ["ct", "undated", "unread"]),
        ({"since": dt.date(2026, 3, 9), "until": dt.date(2026, 3, 9)}, ["ct", "undated", "unread"]),
        ({"until": dt.date(2026, 3, 8)}, ["mr", "undated"]),
        ({"modalities": frozenset({"MR"})}, ["mr", "unread"]),
        ({"modalities": frozenset({"SR"})}, ["mr", "unread"]),
        ({"modalities": frozenset({"XR"})}, ["undated", "unread"]),
        ({"modalities": frozenset({"DX"})}, ["undated", "unread"]),
        ({"regions": frozenset({"HEAD"})}, ["mr", "unread"]),
        ({"regions": frozenset({"HEAD"}), "until": dt.date(2026, 3, 1)}, []),
    ],
)
def test_filters(wanted: dict[str, Any], shown: list[str]) -> None:
    studies = (
        study("ct", "CT CHEST", days=1),
        study("mr", "MR HEAD", days=5, modalities=("MR", "SR")),
        study("undated", "XR CHEST", days=None, modalities=("DX",)),
        study("unread", "UNKNOWN UNKNOWN", days=1, modalities=()),
    )
    assert uids(filter_studies(studies, TimelineFilter(**wanted))) == shown


def test_future_studies_are_kept_and_flagged() -> None:
    studies = (study("1", days=-0.001), study("2", days=0), study("3", days=None), study("4", days=-9, warnings=("z",)))
    flagged = flag_future_studies(studies, NOW)
    assert uids(flagged) == uids(studies)
    assert [each.warnings for each in flagged] == [(FUTURE_DATE,), (), (), (FUTURE_DATE, "z")]


@pytest.mark.parametrize(("day", "is_future"), [(10, False), (11, False), (12, True)])
def test_a_bare_date_is_in_the_future_when_its_day_has_begun_nowhere(day: int, is_future: bool) -> None:
    (found,) = flag_future_studies([study(started=StudyStart(dt.date(2026, 3, day)))], NOW)
    assert (FUTURE_DATE in found.warnings) is is_future
