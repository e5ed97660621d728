"""HL7 time stamps: when a message happened. Source: HL7 v2.5 chapter 2.A.77 (TS).

The event time is EVN-2, else MSH-7, else the time of receipt. A time without an offset takes the offset of MSH-7, else
the site's zone.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from adapters.hl7v2.message import Message

TIMESTAMP = re.compile(
    r"(?P<year>\d{4})(?:(?P<month>\d{2})(?:(?P<day>\d{2})(?:(?P<hour>\d{2})(?:(?P<minute>\d{2})"
    r"(?:(?P<second>\d{2})(?:\.(?P<fraction>\d{1,6}))?)?)?)?)?)?(?P<offset>[+-]\d{4})?"
)


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A time stamp: ``digits`` as sent (date and time to the second), its first instant, its own offset if any."""

    digits: str
    local: dt.datetime
    offset: dt.tzinfo | None

    def at(self, zone: dt.tzinfo) -> dt.datetime:
        """The instant, in UTC. Raises OverflowError at the ends of the calendar."""
        return self.local.replace(tzinfo=self.offset or zone).astimezone(dt.UTC)


def read_timestamp(text: str) -> Timestamp | None:
    """``None`` when the text is no time stamp or names a time that does not exist."""
    match = TIMESTAMP.fullmatch(text.strip())
    if match is None:
        return None
    part = match.groupdict()
    try:
        local = dt.datetime(  # noqa: DTZ001 - the zone is another field's or the site's
            int(part["year"]),
            int(part["month"] or 1),
            int(part["day"] or 1),
            int(part["hour"] or 0),
            int(part["minute"] or 0),
            int(part["second"] or 0),
            int((part["fraction"] or "0").ljust(6, "0")),
        )
        offset = _offset(part["offset"])
    except ValueError:
        return None
    digits = "".join(part[name] or "" for name in ("year", "month", "day", "hour", "minute", "second"))
    return Timestamp(digits, local, offset)


def event_time(message: Message, *, zone: dt.tzinfo, received_at: dt.datetime) -> dt.datetime:
    """When what the message tells was recorded, as an aware instant."""
    evn = message.first("EVN")
    sent = read_timestamp(message.header.text(7))
    recorded = read_timestamp(evn.text(2)) if evn is not None else None
    if sent is not None and recorded is not None and _is_more_precise(sent, recorded):
        recorded = None
    of_message = sent.offset if sent is not None and sent.offset is not None else zone
    for stamp in (recorded, sent):
        if stamp is not None:
            try:
                return stamp.at(of_message)
            except OverflowError:
                continue
    return received_at


def _is_more_precise(sent: Timestamp, recorded: Timestamp) -> bool:
    """EVN-2 is a bare day (or hour) in which MSH-7 lies: then MSH-7 says the same, to the second."""
    shorter = len(recorded.digits) < len(sent.digits)
    return shorter and sent.digits.startswith(recorded.digits) and recorded.offset in (None, sent.offset)


def _offset(text: str | None) -> dt.tzinfo | None:
    if text is None:
        return None
    minutes = int(text[1:3]) * 60 + int(text[3:])
    return dt.timezone(dt.timedelta(minutes=-minutes if text[0] == "-" else minutes))


def format_timestamp(at: dt.datetime) -> str:
    """To the second, with offset."""
    return at.strftime("%Y%m%d%H%M%S%z")
