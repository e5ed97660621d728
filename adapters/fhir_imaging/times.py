"""FHIR dates and times as the start of a study. Source: FHIR R4 data type dateTime."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

from federation.imaging.study_dates import ParsedStart, parse_start

_TIME_ZONE = re.compile(r"(Z|[+-]\d{2}:?\d{2})$", re.IGNORECASE)


def parse_started(text: str | None, *, zone: ZoneInfo, now: dt.datetime) -> ParsedStart:
    """When a study started: at the offset written, else in the site's zone. Year or month alone stay as such."""
    if text is None:
        return parse_start(None, None, None, zone=zone, now=now)
    date, _, rest = text.replace(" ", "T", 1).partition("T")
    match = _TIME_ZONE.search(rest)
    offset = None if match is None else match[1].upper().replace("Z", "+0000").replace(":", "")
    time = rest[: match.start()] if match else rest
    return parse_start(date, time or None, offset, zone=zone, now=now)
