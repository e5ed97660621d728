"""Thresholds chosen from a score distribution: a precision to reach, and a review queue that staff can empty.

Every pair has a probability of being one person: what somebody said of it (0 or 1), else what its score says. Above a
threshold the mean of these is the expected precision. Comparisons depend on each other (people of one community share
names and birthdays more than chance says), so scores are too sure of themselves: ``CAUTION_BITS`` are taken off,
except where pairs known to be two people show how high two people score.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from mpi.matching.guards import MatchDecision

STEP_BITS = 0.5
_LOWEST_BITS, _HIGHEST_BITS = -6.0, 40.0
CAUTION_BITS = 10.0
"""Taken off a score before its probability is believed: what a set with twins, households and namesakes called for."""
_LOWEST_LINK_BITS = 2.0
"""No link is made on less than four to one, nor on less than even once caution is taken off."""
_LOWEST_QUESTION_BITS = -2.0
_QUESTION_BELOW_CAUTION_BITS = 8.0
"""Nobody is asked about less than one to four, nor about scores further below caution than this."""
_ENOUGH_MATCHES = 50.0


class WeighedPair(NamedTuple):
    """A candidate pair: ``score`` in bits, ``probability`` of one person, ``cap`` the most that guards allow.

    ``is_control``: known to be two people and scored to see how high two people score (``one record a facility``).
    """

    score: float
    probability: float
    cap: MatchDecision = MatchDecision.LINK
    is_control: bool = False


@dataclass(frozen=True, slots=True)
class Targets:
    """``precision`` of automatic links; ``review_load``: most questions for staff per record."""

    precision: float = 0.999
    review_load: float = 0.03


class OperatingPoint(NamedTuple):
    """What is expected with ``upper`` at ``threshold``: links, their precision, recall among candidates, questions.

    ``review_load`` is questions per record were everything from ``lower`` up to the threshold asked.
    """

    threshold: float
    links: int
    precision: float
    recall: float
    review_load: float


@dataclass(frozen=True, slots=True)
class Thresholds:
    """``is_estimated`` is false where there were too few matches to estimate from; ``reaches_target`` says the rest."""

    upper: float
    lower: float
    is_estimated: bool
    reaches_target: bool


class _Tail:
    """Counts and sums over the pairs that score at least so much."""

    def __init__(self, pairs: Sequence[WeighedPair]) -> None:
        ordered = sorted((pair.score, pair.probability) for pair in pairs)
        self._scores = [score for score, _ in ordered]
        self._sums = [0.0, *accumulate(probability for _, probability in ordered)]

    def count(self, at_least: float) -> int:
        return len(self._scores) - bisect_left(self._scores, at_least)

    def matches(self, at_least: float) -> float:
        return self._sums[-1] - self._sums[bisect_left(self._scores, at_least)]


class ScoreDistribution:
    """The scored candidates of a file. ``control_ratio``: pairs of two people that each control pair stands for.

    ``caution`` (bits) was taken off the scores that the probabilities were made of.
    """

    def __init__(
        self, pairs: Sequence[WeighedPair], records: int, *, caution: float = 0.0, control_ratio: float = 1.0
    ) -> None:
        self.lowest_link = max(_LOWEST_LINK_BITS, caution)
        self.lowest_question = max(_LOWEST_QUESTION_BITS, caution - _QUESTION_BELOW_CAUTION_BITS)
        judged = [pair for pair in pairs if not pair.is_control]
        self._free = _Tail([pair for pair in judged if pair.cap is MatchDecision.LINK])
        self._asked = _Tail([pair for pair in judged if pair.cap is MatchDecision.REVIEW])
        self._control = _Tail([pair for pair in pairs if pair.is_control and pair.cap is MatchDecision.LINK])
        self._control_ratio = control_ratio
        self._records = max(1, records)
        self.expected_matches = sum(pair.probability for pair in judged)

    def point(self, threshold: float, lower: float) -> OperatingPoint:
        """What is expected with these two thresholds."""
        links = self._free.count(threshold)
        true = self._free.matches(threshold)
        false = max(links - true, self._control.count(threshold) * self._control_ratio)
        asked = self._asked.count(lower) + self._free.count(lower) - self._free.count(max(lower, threshold))
        return OperatingPoint(
            threshold,
            links,
            max(0.0, 1 - false / links) if links else 1.0,
            true / self.expected_matches if self.expected_matches else 0.0,
            asked / self._records,
        )

    def points(self, lower: float) -> tuple[OperatingPoint, ...]:
        """Every threshold from the lowest to the highest that somebody may want."""
        return tuple(self.point(threshold, min(lower, threshold)) for threshold in grid())


def grid() -> tuple[float, ...]:
    """Thresholds that are tried, ascending, in bits."""
    steps = round((_HIGHEST_BITS - _LOWEST_BITS) / STEP_BITS)
    return tuple(_LOWEST_BITS + STEP_BITS * step for step in range(steps + 1))


def choose_thresholds(found: ScoreDistribution, targets: Targets, *, start: tuple[float, float]) -> Thresholds:
    """The lowest ``upper`` that reaches the precision, and the lowest ``lower`` that keeps the queue short.

    ``start`` is (upper, lower) to keep when fewer than 50 matches are expected. ``lower`` never lies above ``upper``.
    """
    if found.expected_matches < _ENOUGH_MATCHES:
        return Thresholds(*start, is_estimated=False, reaches_target=False)
    upper = next(
        (t for t in grid() if t >= found.lowest_link and found.point(t, t).precision >= targets.precision), grid()[-1]
    )
    questions = [t for t in grid() if found.lowest_question <= t <= upper]
    lower = next((t for t in questions if found.point(upper, t).review_load <= targets.review_load), upper)
    reaches = found.point(upper, lower).precision >= targets.precision
    return Thresholds(upper, lower, is_estimated=True, reaches_target=reaches)
