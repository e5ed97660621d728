"""When a message happened."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from adapters.hl7v2.message import parse_message
from adapters.hl7v2.times import event_time, read_timestamp

RECEIVED = dt.datetime(2026, 3, 20, tzinfo=dt.UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("msh7", "evn2", "expected"),
    [
        ("20260301101500", "20260301101000", "2026-03-01T09:10:00"),
        ("20260701101500", "20260701101000", "2026-07-01T08:10:00"),
        ("20260301101500-0500", "20260301101000", "2026-03-01T15:10:00"),
        ("20260301101500-0500", "20260301101000+0000", "2026-03-01T10:10:00"),
        ("20260301101500", "", "2026-03-01T09:15:00"),
        ("20260301101500", "20260301", "2026-03-01T09:15:00"),
        ("20260302101500", "20260301", "2026-02-28T23:00:00"),
        ("20260301101500", "20261301", "2026-03-01T09:15:00"),
        ("20260301101500.25", "yesterday", "2026-03-01T09:15:00.250000"),
        ("", "", "2026-03-20T00:00:00"),
        ("00010101+1400", "", "2026-03-20T00:00:00"),
        ("20260301101500+9999", "", "2026-03-20T00:00:00"),
    ],
)
def test_event_time(msh7: str, evn2: str, expected: str) -> None:
    data = rf"MSH|^~\&|A|B|||{msh7}||ADT^A08|1|P|2.5" + f"\rEVN||{evn2}"
    message = parse_message(data.encode(), fallback_charset="ascii")
    found = event_time(message, zone=BERLIN, received_at=RECEIVED)
    assert found.replace(tzinfo=None).isoformat() == expected
    assert found.tzinfo is dt.UTC


@pytest.mark.parametrize("text", ["", "2026-03-01", "202613", "20260230", "2026030110156", "x", "20260301106000"])
def test_no_time_stamp(text: str) -> None:
    assert read_timestamp(text) is None
