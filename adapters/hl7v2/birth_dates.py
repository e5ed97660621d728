"""Birth dates as sent: precision kept, placeholders and days that do not exist set aside, never refused.

A birth date is the date as written: it does not move with a time zone. Source: HL7 v2.5 chapter 2.A.77 (TS).
"""

from __future__ import annotations

import datetime as dt
import re

from adapters.hl7v2.message import NULL, Repetition
from adapters.hl7v2.times import TIMESTAMP
from mpi.errors import InvalidDemographics
from mpi.identity.demographics import PartialDate

_ISO = re.compile(r"\d{4}-\d{2}(?:-\d{2})?")
_ONE_DIGIT = re.compile(r"0+|9+")
_DAY = dt.timedelta(days=1)


def read_birth_date(ts: Repetition, *, message_day: dt.date) -> tuple[PartialDate | None, str]:
    """The date (``None``: missing or no evidence) and, when something unusable was sent, what that was."""
    sent = ts.component(1)
    if not sent or sent == NULL:
        return None, ""
    date = _usable_date(sent, precision=ts.component(2).upper())
    if date is None or _is_placeholder(sent, date) or _first_day(date) > message_day + _DAY:
        return None, sent
    return date, ""


def _usable_date(sent: str, *, precision: str) -> PartialDate | None:
    """``precision`` is TS.2 of old versions: Y or L say that only the year or the month is meant."""
    try:
        if _ISO.fullmatch(sent):
            return PartialDate.parse(sent)
        match = TIMESTAMP.fullmatch(sent)
        if match is None:
            return None
        year, month, day = (int(match.group(part)) if match.group(part) else None for part in ("year", "month", "day"))
        whole = PartialDate(year or 0, month, day)
    except InvalidDemographics:
        return None
    if precision == "Y":
        return PartialDate(whole.year)
    return PartialDate(whole.year, whole.month) if precision == "L" else whole


def _is_placeholder(sent: str, date: PartialDate) -> bool:
    digits = re.sub(r"\D", "", sent)
    return _ONE_DIGIT.fullmatch(digits) is not None or date.year == 1 or date == PartialDate(1900, 1, 1)


def _first_day(date: PartialDate) -> dt.date:
    return dt.date(date.year, date.month or 1, date.day or 1)
