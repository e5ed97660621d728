"""What came of answers: exams that were avoided, and overridden exams that turned out useful. Pure.

Avoided, strictly: the order was given up for the prior, and no exam of the same class was done in the 30 days after.
What cannot be known yet, or from what the sites said last, is not counted as avoided.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from federation.imaging.procedures import Procedure
from federation.sites.site import SiteId
from federation.usefulness.doses import ADULT_FROM_YEARS, DoseTable
from federation.usefulness.site_tables import CostTable

WATCHED = dt.timedelta(days=30)


class Followed(Enum):
    """What the 30 days after an answer showed."""

    NO_EXAM = "no_exam"
    EXAM_DONE = "exam_done"
    TOO_EARLY = "too_early"
    NOT_KNOWN = "not_known"


@dataclass(frozen=True, slots=True)
class LaterExam:
    """A completed exam of the person. ``exam_class`` is that of the rule-set."""

    study_instance_uid: str
    exam_class: str | None
    day: dt.date


@dataclass(frozen=True, slots=True)
class AnsweredOrder:
    """An order with its answer. ``seen_until``: up to when every site's list of the person's studies is known.

    ``age_years`` is that of the person at the answer, ``None`` when the birth date is not known.
    """

    alert_id: str
    prior_id: str
    site_id: SiteId
    procedure: Procedure
    exam_class: str
    answered_at: dt.datetime
    age_years: int | None
    seen_until: dt.datetime | None
    later_exams: tuple[LaterExam, ...] = ()

    def followed(self, now: dt.datetime) -> Followed:
        """What came after the answer. An exam that is seen counts at once; none counts only when all was seen."""
        if self.next_exam is not None:
            return Followed.EXAM_DONE
        if now < self.answered_at + WATCHED:
            return Followed.TOO_EARLY
        if self.seen_until is None or self.seen_until < self.answered_at + WATCHED:
            return Followed.NOT_KNOWN
        return Followed.NO_EXAM

    @property
    def next_exam(self) -> LaterExam | None:
        """The first exam of the same class from the day of the answer on, within the 30 days."""
        first, last = self.answered_at.date(), (self.answered_at + WATCHED).date()
        same = (e for e in self.later_exams if e.exam_class == self.exam_class and first <= e.day <= last)
        return min(same, key=lambda exam: (exam.day, exam.study_instance_uid), default=None)


@dataclass(frozen=True, slots=True)
class AvoidedCost:
    """What avoided exams would have cost, as a site's table said on a day; sums are by currency."""

    currency: str
    amount: Decimal
    exam_count: int
    oldest_price_of: dt.date


@dataclass(frozen=True, slots=True)
class AvoidedExams:
    """Accepted orders by what followed; dose and cost of those that were avoided.

    ``by_level``: relative radiation level to exams of children and of people whose age is not known; these are not in
    the mSv of adults.
    """

    avoided: int
    done_all_the_same: int
    too_early: int
    not_known: int
    adult_exams: int
    low_msv: float
    high_msv: float
    by_level: tuple[tuple[int, int], ...]
    without_dose: int
    costs: tuple[AvoidedCost, ...]
    without_cost: int


@dataclass(frozen=True, slots=True)
class OverriddenExams:
    """Overridden orders by what followed. ``useful``: the new exam later was the prior of an accepted alert."""

    carried_out: int
    useful: int
    not_carried_out: int
    too_early: int
    not_known: int


def count_avoided(
    accepted: Iterable[AnsweredOrder], *, now: dt.datetime, doses: DoseTable, costs: CostTable
) -> AvoidedExams:
    """The exams that were avoided."""
    by_outcome = _by_outcome(accepted, now)
    avoided = by_outcome[Followed.NO_EXAM]
    known = [(order, dose) for order in avoided if (dose := doses.dose_of(order.procedure)) is not None]
    adults = [dose for order, dose in known if _is_adult(order)]
    levels: dict[int, int] = defaultdict(int)
    for order, dose in known:
        if not _is_adult(order):
            levels[dose.level] += 1
    priced = [c for o in avoided if (c := costs.cost_of(o.site_id, o.exam_class, o.procedure.regions)) is not None]
    by_currency = {
        currency: [entry for entry in priced if entry.currency == currency]
        for currency in sorted({entry.currency for entry in priced})
    }
    return AvoidedExams(
        avoided=len(avoided),
        done_all_the_same=len(by_outcome[Followed.EXAM_DONE]),
        too_early=len(by_outcome[Followed.TOO_EARLY]),
        not_known=len(by_outcome[Followed.NOT_KNOWN]),
        adult_exams=len(adults),
        low_msv=sum(dose.low_msv for dose in adults),
        high_msv=sum(dose.high_msv for dose in adults),
        by_level=tuple(sorted(levels.items())),
        without_dose=len(avoided) - len(known),
        costs=tuple(
            AvoidedCost(
                currency, sum((e.cost for e in entries), Decimal()), len(entries), min(e.as_of for e in entries)
            )
            for currency, entries in by_currency.items()
        ),
        without_cost=len(avoided) - len(priced),
    )


def count_overridden(
    overridden: Iterable[AnsweredOrder], *, now: dt.datetime, accepted_priors: Collection[str]
) -> OverriddenExams:
    """What became of orders that were let stand. ``accepted_priors``: priors for which a later order was given up."""
    by_outcome = _by_outcome(overridden, now)
    done = [order.next_exam for order in by_outcome[Followed.EXAM_DONE]]
    return OverriddenExams(
        carried_out=len(done),
        useful=sum(exam is not None and exam.study_instance_uid in accepted_priors for exam in done),
        not_carried_out=len(by_outcome[Followed.NO_EXAM]),
        too_early=len(by_outcome[Followed.TOO_EARLY]),
        not_known=len(by_outcome[Followed.NOT_KNOWN]),
    )


def _by_outcome(orders: Iterable[AnsweredOrder], now: dt.datetime) -> dict[Followed, list[AnsweredOrder]]:
    found: dict[Followed, list[AnsweredOrder]] = {outcome: [] for outcome in Followed}
    for order in orders:
        found[order.followed(now)].append(order)
    return found


def _is_adult(order: AnsweredOrder) -> bool:
    return order.age_years is not None and order.age_years >= ADULT_FROM_YEARS
