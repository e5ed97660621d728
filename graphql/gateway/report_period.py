"""The period of a report: whole days in UTC."""

from __future__ import annotations

import datetime as dt

DEFAULT_DAYS = 90


def period(since: dt.date | None, until: dt.date | None, now: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """From the beginning of ``since`` to the beginning of ``until``; by default the 90 days up to now."""
    end = now if until is None else _midnight(until)
    return (end - dt.timedelta(days=DEFAULT_DAYS) if since is None else _midnight(since)), end


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)
