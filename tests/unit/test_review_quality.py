"""Where staff's decisions suggest a threshold."""

from __future__ import annotations

import pytest

from mpi.identity.review import ReviewDecision
from mpi.identity.review_quality import BandCount, ReviewQuality, TakenBack, band_of

SAME, DIFFERENT, DISMISSED, OVERLAY = ReviewDecision


def quality(*counts: tuple[int, ReviewDecision, int]) -> ReviewQuality:
    return ReviewQuality(tuple(BandCount(*one) for one in counts), (), TakenBack(), 0, ())


@pytest.mark.parametrize(
    ("score", "band"), [(0.0, 0), (4.99, 0), (5.0, 5), (-0.1, -5), (-10.0, -10), (-80.0, -15), (35.0, 35), (99.0, 35)]
)
def test_scores_fall_into_bands(score: float, band: int) -> None:
    assert band_of(score) == band


def test_a_threshold_is_suggested_where_decisions_agree() -> None:
    found = quality((0, DIFFERENT, 30), (5, DIFFERENT, 8), (5, SAME, 8), (10, SAME, 12), (15, SAME, 9))
    assert (found.links_from, found.differs_to) == (10, 5)


def test_too_few_decisions_suggest_nothing() -> None:
    found = quality((0, DIFFERENT, 19), (10, SAME, 19))
    assert (found.links_from, found.differs_to) == (None, None)


def test_one_decision_against_many_ends_it() -> None:
    assert quality((10, SAME, 60), (10, DIFFERENT, 1), (15, SAME, 40)).links_from == 15
    assert quality((10, SAME, 199), (10, DIFFERENT, 1), (15, SAME, 40)).links_from == 10


def test_what_was_nothing_to_do_is_no_word_for_either() -> None:
    assert quality((10, SAME, 25), (10, DISMISSED, 40), (10, OVERLAY, 40)).links_from == 10
