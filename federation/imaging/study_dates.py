"""Dates, times and offsets as archives write them. Nothing is invented: what cannot be read is unknown.

Source: DICOM PS3.5 6.2 (DA, TM), PS3.3 C.12.1.1.8 (Timezone Offset From UTC).
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from federation.imaging.studies import StudyStart
from mpi.errors import InvalidDemographics
from mpi.identity.demographics import PartialDate
from mpi.matching.placeholders import is_placeholder_date

_DATE = re.compile(r"(\d{4})(?:([.\-/]?)(\d{2})(?:\2(\d{2}))?)?")
_TIME = re.compile(r"(\d{2})(?::?(\d{2})(?::?(\d{2})(?:[.,](\d{1,9}))?)?)?")
_OFFSET = re.compile(r"([+-])(\d{2})(\d{2})")
_FUTURE_TOLERANCE = dt.timedelta(hours=1)
_MOST_EAST, _MOST_WEST = 14 * 60, -12 * 60


@dataclass(frozen=True, slots=True)
class ParsedStart:
    """When a study started. ``partial_date`` is set instead of ``start`` when only month or year are known."""

    start: StudyStart | None = None
    partial_date: PartialDate | None = None
    warnings: tuple[str, ...] = ()


def parse_date(text: str) -> PartialDate | None:
    """``YYYYMMDD``, also with dots or dashes, also year or month alone; ``None`` when it is no date."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year, _, month, day = match.groups()
    try:
        return PartialDate(int(year), int(month) if month else None, int(day) if day else None)
    except InvalidDemographics:
        return None


def parse_time(text: str) -> dt.time | None:
    """``HHMMSS.FFFFFF``, also with colons, missing parts are zero; ``None`` when it is no time of day."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hour, minute, second, fraction = match.groups()
    microsecond = int((fraction or "0").ljust(6, "0")[:6])
    leap = second == "60"
    try:
        return dt.time(int(hour), int(minute or 0), 59 if leap else int(second or 0), microsecond)
    except ValueError:
        return None


def parse_offset(text: str) -> dt.timezone | None:
    """``+HHMM`` or ``-HHMM``; ``None`` when it is no offset in use on earth."""
    match = _OFFSET.fullmatch(text)
    if match is None or int(match[3]) > 59:
        return None
    minutes = (int(match[2]) * 60 + int(match[3])) * (-1 if match[1] == "-" else 1)
    return dt.timezone(dt.timedelta(minutes=minutes)) if _MOST_WEST <= minutes <= _MOST_EAST else None


def parse_birth_date(text: str | None, now: dt.datetime) -> tuple[PartialDate | None, tuple[str, ...]]:
    """A birth date as written; placeholders, impossible and future dates are missing."""
    if text is None:
        return None, ()
    date = parse_date(text)
    if date is None:
        return None, ("bad_birth_date",)
    day = date.as_date()
    if is_placeholder_date(date) or (day is not None and day > now.date() + dt.timedelta(days=1)):
        return None, ()
    return date, ()


def parse_start(
    date_text: str | None, time_text: str | None, offset_text: str | None, *, zone: ZoneInfo, now: dt.datetime
) -> ParsedStart:
    """When a study started: at the given offset, else in the site's zone. The date stays as written."""
    if date_text is None:
        return ParsedStart(warnings=("missing_date",))
    date = parse_date(date_text)
    if date is None or is_placeholder_date(date):
        return ParsedStart(warnings=("bad_date",))
    day = date.as_date()
    if day is None:
        return ParsedStart(partial_date=date, warnings=("partial_date",))
    warnings: list[str] = []
    tzinfo: dt.tzinfo = zone
    if offset_text is not None:
        offset = parse_offset(offset_text)
        tzinfo = offset or zone
        warnings += () if offset else ("bad_time_zone_offset",)
    time_of_day = parse_time(time_text) if time_text is not None else None
    if time_text is not None and time_of_day is None:
        warnings.append("bad_time")
    instant = None if time_of_day is None else dt.datetime.combine(day, time_of_day, tzinfo=tzinfo)
    if _is_future(day, instant, tzinfo, now):
        warnings.append("future_date")
    return ParsedStart(StudyStart(day, instant), warnings=tuple(warnings))


def _is_future(day: dt.date, instant: dt.datetime | None, tzinfo: dt.tzinfo, now: dt.datetime) -> bool:
    if instant is not None:
        return instant > now + _FUTURE_TOLERANCE
    return day > (now + _FUTURE_TOLERANCE).astimezone(tzinfo).date()
