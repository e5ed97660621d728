"""Counts over the review queue and over staff's decisions, in memory."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable

from mpi.identity.decisions import Decision
from mpi.identity.review import ReviewDecision, ReviewItem, ReviewStatus
from mpi.identity.review_quality import BandCount, ClerkDay, TakenBack, band_of


def decided_by_band(items: Iterable[ReviewItem], since: dt.datetime) -> tuple[BandCount, ...]:
    """See ``mpi.ports.ReviewRepository``."""
    counts = Counter(
        (band_of(item.score), list(ReviewDecision).index(item.decision))
        for item in _decided(items, since)
        if item.score is not None and item.decision is not None
    )
    kinds = list(ReviewDecision)
    return tuple(BandCount(score_from, kinds[kind], count) for (score_from, kind), count in sorted(counts.items()))


def decided_by_day(items: Iterable[ReviewItem], since: dt.datetime) -> tuple[ClerkDay, ...]:
    """See ``mpi.ports.ReviewRepository``."""
    counts = Counter(
        (item.decided_at.astimezone(dt.UTC).date(), item.decided_by or "")
        for item in _decided(items, since)
        if item.decided_at is not None
    )
    return tuple(ClerkDay(day, by, count) for (day, by), count in sorted(counts.items()))


def taken_back(decisions: Collection[Decision], since: dt.datetime) -> TakenBack:
    """See ``mpi.ports.DecisionRepository``."""
    made = [decision for decision in decisions if decision.decided_at >= since]
    undone = [decision for decision in made if decision.is_undone]
    own = sum(decision.undone_by == decision.decided_by for decision in undone)
    return TakenBack(len(made), own, len(undone) - own)


def _decided(items: Iterable[ReviewItem], since: dt.datetime) -> list[ReviewItem]:
    decided = (item for item in items if item.status is ReviewStatus.DECIDED)
    return [item for item in decided if item.decided_at is not None and item.decided_at >= since]
