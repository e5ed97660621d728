"""How the queue is worked on, for those who work on it and for those who set its thresholds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from mpi.identity.review_quality import AGES_DAYS, ClerkDay, ReviewQuality
from mpi.ports import Clock, UnitOfWork

OTHERS = ""
"""Stands for everybody else where only one's own figures are shown."""


def report_quality(*, since: dt.datetime, own_of: str | None, uow: UnitOfWork, clock: Clock) -> ReviewQuality:
    """The figures since an instant. ``own_of``: whose own are shown, all others' together; ``None``: of each."""
    now = clock()
    open_over = uow.reviews.open_since([now - dt.timedelta(days=days) for days in AGES_DAYS])
    days = uow.reviews.decided_by_day(since)
    return ReviewQuality(
        bands=tuple(uow.reviews.decided_by_band(since)),
        days=tuple(days) if own_of is None else _own(days, own_of),
        taken_back=uow.decisions.taken_back(since),
        open_count=uow.reviews.open_page(kinds=None, offset=0, limit=1).total,
        open_over=tuple(zip(AGES_DAYS, open_over, strict=True)),
    )


def _own(days: Sequence[ClerkDay], who: str) -> tuple[ClerkDay, ...]:
    counts: dict[tuple[dt.date, str], int] = {}
    for one in days:
        key = (one.day, who if one.decided_by == who else OTHERS)
        counts[key] = counts.get(key, 0) + one.count
    return tuple(ClerkDay(day, by, count) for (day, by), count in sorted(counts.items()))
