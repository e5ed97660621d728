"""How the review queue is worked on: decisions by score, by day and clerk, taken back, and how old what waits is."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

from mpi.identity.review import ReviewDecision

BAND_BITS = 5
LOWEST_BAND, HIGHEST_BAND = -15, 35
"""Scores below the end of the lowest band, and from the highest one upwards, are counted in these."""
AGES_DAYS = (1, 7, 30)
ENOUGH_DECISIONS = 20
_ABOUT_THE_PAIR = (ReviewDecision.SAME, ReviewDecision.DIFFERENT)
NEARLY_ALL = 0.99


@dataclass(frozen=True, slots=True)
class BandCount:
    """So many questions with a score from ``score_from`` (bits) to the next band were decided in this way."""

    score_from: int
    decision: ReviewDecision
    count: int


@dataclass(frozen=True, slots=True)
class ClerkDay:
    """What one of the staff decided on one day (UTC)."""

    day: dt.date
    decided_by: str
    count: int


@dataclass(frozen=True, slots=True)
class TakenBack:
    """Acts of staff in a period, and how many were taken back since: by whoever decided, or by somebody else."""

    decisions: int = 0
    by_themselves: int = 0
    by_others: int = 0


@dataclass(frozen=True, slots=True)
class ReviewQuality:
    """The queue and the work on it. ``open_over``: (days, how many wait for longer); ``open_count``: all that wait."""

    bands: tuple[BandCount, ...]
    days: tuple[ClerkDay, ...]
    taken_back: TakenBack
    open_count: int
    open_over: tuple[tuple[int, int], ...]

    @property
    def links_from(self) -> int | None:
        """The least score from which upwards staff nearly always said *same*; ``None``: too few decisions say so."""
        return _reached(self.bands, ReviewDecision.SAME, sorted({b.score_from for b in self.bands}, reverse=True))

    @property
    def differs_to(self) -> int | None:
        """The highest end of a band up to which staff nearly always said *different*."""
        found = _reached(self.bands, ReviewDecision.DIFFERENT, sorted({b.score_from for b in self.bands}))
        return None if found is None else found + BAND_BITS


def band_of(score: float) -> int:
    """Lower end of the band of a score."""
    return min(max(math.floor(score / BAND_BITS) * BAND_BITS, LOWEST_BAND), HIGHEST_BAND)


def _reached(bands: Sequence[BandCount], decision: ReviewDecision, inwards: Sequence[int]) -> int | None:
    """The innermost band, walking from one end, up to which the decisions together are nearly all of one kind."""
    said = total = 0
    reached = None
    for score_from in inwards:
        here = [band for band in bands if band.score_from == score_from and band.decision in _ABOUT_THE_PAIR]
        alike = sum(band.count for band in here if band.decision is decision)
        count = sum(band.count for band in here)
        if count and alike < NEARLY_ALL * count:
            break
        said, total = said + alike, total + count
        if total >= ENOUGH_DECISIONS:
            reached = score_from
    return reached
