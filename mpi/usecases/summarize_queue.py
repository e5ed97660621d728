"""How much waits for records staff, and how old it is: by kind, by what raised it, by score and by guard."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

from mpi.identity.review import ReviewItem, ReviewKind
from mpi.identity.review_quality import BAND_BITS
from mpi.ports import UnitOfWork

_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class QueueGroup:
    """What open items have in common.

    ``source`` is the door and event (``hl7:A04``), without who sent it. ``score_from`` is the lower end of a band of
    ``BAND_BITS`` bits, ``None`` where no score is involved. ``rule`` is the first guard that kept the two apart.
    """

    kind: ReviewKind
    source: str
    score_from: int | None
    rule: str | None


@dataclass(frozen=True, slots=True)
class QueueCount:
    """So many items of a group wait, the oldest since then."""

    group: QueueGroup
    count: int
    oldest_opened_at: dt.datetime


def summarize_queue(*, uow: UnitOfWork) -> tuple[QueueCount, ...]:
    """Counts of all open items, the largest group first."""
    opened: dict[QueueGroup, list[dt.datetime]] = {}
    offset = 0
    while items := uow.reviews.open_page(kinds=None, offset=offset, limit=_PAGE).items:
        for item in items:
            opened.setdefault(_group(item), []).append(item.opened_at)
        offset += len(items)
    counts = [QueueCount(group, len(times), min(times)) for group, times in opened.items()]
    return tuple(sorted(counts, key=lambda c: (-c.count, c.oldest_opened_at, c.group.kind.value, c.group.source)))


def _group(item: ReviewItem) -> QueueGroup:
    band = None if item.score is None else math.floor(item.score / BAND_BITS) * BAND_BITS
    source = item.source.split(" ", 1)[0]
    return QueueGroup(item.kind, source, band, item.guards[0] if item.guards else None)
