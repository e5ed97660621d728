"""Dates, times and offsets: read what can be read, invent nothing."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from federation.imaging.study_dates import (
    ParsedStart,
    parse_birth_date,
    parse_date,
    parse_offset,
    parse_start,
    parse_time,
)
from mpi.identity.demographics import PartialDate

NOW = dt.datetime(2026, 3, 10, 12, 0, tzinfo=dt.UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def start(date: str | None, time: str | None = None, offset: str | None = None) -> ParsedStart:
    return parse_start(date, time, offset, zone=BERLIN, now=NOW)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("20240310", PartialDate(2024, 3, 10)),
        ("2024.03.10", PartialDate(2024, 3, 10)),
        ("2024-03-10", PartialDate(2024, 3, 10)),
        ("2024", PartialDate(2024)),
        ("202403", PartialDate(2024, 3)),
        ("2024.03", PartialDate(2024, 3)),
        ("20190230", None),
        ("2019.02.30", None),
        ("20241301", None),
        ("00000000", None),
        ("20240101-20240131", None),
        ("2024.0310", None),
        ("yesterday", None),
    ],
)
def test_dates(sent: str, expected: PartialDate | None) -> None:
    assert parse_date(sent) == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("093000", dt.time(9, 30)),
        ("09:30:00", dt.time(9, 30)),
        ("08:15", dt.time(8, 15)),
        ("0815", dt.time(8, 15)),
        ("08", dt.time(8)),
        ("235960", dt.time(23, 59, 59)),
        ("093000.120000", dt.time(9, 30, 0, 120000)),
        ("093000.5", dt.time(9, 30, 0, 500000)),
        ("240000", None),
        ("096000", None),
        ("noon", None),
        ("9", None),
    ],
)
def test_times(sent: str, expected: dt.time | None) -> None:
    assert parse_time(sent) == expected


@pytest.mark.parametrize("sent", ["0100", "+1", "+01:00", "+0160", "+9900", "-1300", "UTC"])
def test_what_is_no_offset(sent: str) -> None:
    assert parse_offset(sent) is None


def test_a_start_without_offset_is_local_time_of_the_site() -> None:
    found = start("20240310", "233000").start
    assert found is not None
    assert found.instant == dt.datetime(2024, 3, 10, 22, 30, tzinfo=dt.UTC)
    assert found.local_date == dt.date(2024, 3, 10)


def test_a_given_offset_wins_and_the_date_stays_as_written() -> None:
    found = start("20240310", "233000", "-0500").start
    assert found is not None
    assert found.instant == dt.datetime(2024, 3, 11, 4, 30, tzinfo=dt.UTC)
    assert found.local_date == dt.date(2024, 3, 10)


def test_an_unusable_offset_is_told_and_local_time_taken() -> None:
    found = start("20240310", "233000", "0500")
    assert found.start == start("20240310", "233000").start
    assert found.warnings == ("bad_time_zone_offset",)


def test_an_unusable_time_leaves_the_bare_date() -> None:
    found = start("20240310", "99:99")
    assert found.start is not None
    assert (found.start.instant, found.start.local_date) == (None, dt.date(2024, 3, 10))
    assert found.warnings == ("bad_time",)


@pytest.mark.parametrize(("sent", "warning"), [(None, "missing_date"), ("20190230", "bad_date")])
def test_without_a_date_there_is_no_start(sent: str | None, warning: str) -> None:
    assert start(sent, "093000") == ParsedStart(warnings=(warning,))


def test_a_month_is_kept_and_gets_no_day() -> None:
    found = start("202403", "093000")
    assert found.start is None
    assert found.partial_date == PartialDate(2024, 3)


@pytest.mark.parametrize(
    ("date", "time", "is_future"),
    [
        ("20260310", "133000", False),
        ("20260310", "141500", True),
        ("20260310", None, False),
        ("20260311", None, True),
        ("20990101", "000000", True),
    ],
)
def test_a_future_study_is_kept_and_flagged(date: str, time: str | None, is_future: bool) -> None:
    found = start(date, time)
    assert found.start is not None
    assert ("future_date" in found.warnings) is is_future


@pytest.mark.parametrize(
    ("sent", "expected", "warnings"),
    [
        ("19840312", PartialDate(1984, 3, 12), ()),
        ("1984", PartialDate(1984), ()),
        ("18991231", PartialDate(1899, 12, 31), ()),
        ("19000101", None, ()),
        ("99999999", None, ("bad_birth_date",)),
        ("20260401", None, ()),
        ("19840230", None, ("bad_birth_date",)),
        (None, None, ()),
    ],
)
def test_birth_dates(sent: str | None, expected: PartialDate | None, warnings: tuple[str, ...]) -> None:
    assert parse_birth_date(sent, NOW) == (expected, warnings)
