"""What every store counts of the review queue and of staff's decisions."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from mpi.identity.decisions import Decision, DecisionKind
from mpi.identity.review import ReviewDecision, ReviewItem, ReviewStatus
from mpi.identity.review_quality import BandCount, ClerkDay, TakenBack
from tests.contract.stores import NOW, Store, an_item, later

SAME, DIFFERENT, DISMISSED, OVERLAY = ReviewDecision


def decided(item_id: str, by: str, what: ReviewDecision, *, score: float | None, days: int = 0) -> ReviewItem:
    at = later(days=days)
    item = an_item(item_id, left=item_id, score=score)
    return replace(item, status=ReviewStatus.DECIDED, decision=what, decided_by=by, decided_at=at)


def test_decisions_are_counted_by_band_and_by_day(store: Store) -> None:
    items = [
        decided("R-1", "ann", SAME, score=14.99),
        decided("R-2", "bob", DIFFERENT, score=10.0, days=1),
        decided("R-3", "ann", SAME, score=12.0, days=1),
        decided("R-4", "ann", DIFFERENT, score=-99.0, days=1),
        decided("R-5", "ann", DISMISSED, score=None),
        decided("R-6", "bob", SAME, score=400.0),
        decided("R-7", "bob", DISMISSED, score=-0.5),
        decided("R-0", "bob", SAME, score=12.0, days=-1),
        decided("R-9", "bob", OVERLAY, score=12.0, days=1),
        an_item("R-8", left="8", score=12.0),
    ]
    with store.begin() as unit:
        for item in items:
            unit.reviews.save(item)
        unit.commit()
    with store.begin_reading() as unit:
        assert unit.reviews.decided_by_band(NOW) == (
            BandCount(-15, DIFFERENT, 1),
            BandCount(-5, DISMISSED, 1),
            BandCount(10, SAME, 2),
            BandCount(10, DIFFERENT, 1),
            BandCount(10, OVERLAY, 1),
            BandCount(35, SAME, 1),
        )
        first, second = NOW.date(), later(days=1).date()
        assert unit.reviews.decided_by_day(NOW) == (
            ClerkDay(first, "ann", 2),
            ClerkDay(first, "bob", 2),
            ClerkDay(second, "ann", 2),
            ClerkDay(second, "bob", 2),
        )
        assert unit.reviews.decided_by_day(later(days=2)) == ()


def test_a_day_is_one_of_utc(store: Store) -> None:
    midnight = dt.datetime(2026, 3, 11, tzinfo=dt.UTC)
    with store.begin() as unit:
        for number, seconds in enumerate((-1, 0)):
            item = decided(f"R-{number}", "ann", SAME, score=1.0)
            unit.reviews.save(replace(item, decided_at=midnight + dt.timedelta(seconds=seconds)))
        assert [(one.day.day, one.count) for one in unit.reviews.decided_by_day(midnight - dt.timedelta(days=1))] == [
            (10, 1),
            (11, 1),
        ]


def test_what_waits_is_counted_by_age(store: Store) -> None:
    with store.begin() as unit:
        for number, days in enumerate((0, 1, 8)):
            unit.reviews.save(replace(an_item(f"R-{number}", left=str(number)), opened_at=later(days=-days)))
        unit.reviews.save(decided("R-9", "ann", SAME, score=1.0))
        assert unit.reviews.open_since([NOW, later(days=-1), later(days=-7), later(days=-30)]) == (3, 2, 1, 0)


def test_decisions_taken_back_are_counted_by_who_took_them_back(store: Store) -> None:
    with store.begin() as unit:
        for number, undone_by in enumerate((None, "ann", "bob", "bob")):
            kept = Decision(f"D-{number}", DecisionKind.LINK, (), "ann", later(seconds=number))
            undone_at = None if undone_by is None else later(days=1)
            unit.decisions.save(replace(kept, undone_by=undone_by, undone_at=undone_at))
        assert unit.decisions.taken_back(NOW) == TakenBack(4, by_themselves=1, by_others=2)
        assert unit.decisions.taken_back(later(seconds=3)) == TakenBack(1, by_themselves=0, by_others=1)
        assert unit.decisions.taken_back(later(days=9)) == TakenBack()
