"""Which priors a physician wants to see first for an order, and why.

Relevance only ranks the list; whether an order repeats a prior is decided in ``duplicate_rules``. So everything
counts here that helps to read the new images: also old, local or differently made examinations.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from federation.imaging.assessment import Relation
from federation.imaging.procedures import UNKNOWN_REGION, Laterality, Modality, Procedure
from federation.imaging.relation import (
    are_opposite_sides,
    are_regions_covered,
    find_relation,
    have_region_contact,
)
from federation.imaging.rule_types import RuleSet
from federation.imaging.studies import PriorStudy, ReportStatus
from federation.imaging.timeline import moment_of

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_SAME_REGION, _COVERED, _CONTACT = 40.0, 35.0, 20.0
_SAME_MODALITY, _COMPARABLE_MODALITY = 20.0, 10.0
_SAME_SIDE, _OPPOSITE_SIDE = 5.0, -10.0
_EQUIVALENT = 10.0
_MOST_RECENT, _HALF_LIFE_DAYS, _RECENT_DAYS = 15.0, 180.0, 90.0
_IMAGES, _REPORT = 5.0, 5.0


@dataclass(frozen=True, slots=True)
class Relevance:
    """The place of one prior: ``rank`` 1 is the most relevant, ``score`` has no unit, ``reasons`` are plain words."""

    study_instance_uid: str
    rank: int
    score: float
    reasons: tuple[str, ...]


_Points = tuple[float, str | None]


def rank_priors(
    order_procedure: Procedure, requested_at: dt.datetime, priors: Sequence[PriorStudy], rules: RuleSet
) -> tuple[Relevance, ...]:
    """Rank priors for an order. The answer is aligned with ``priors``; ranks do not depend on their order.

    Equal scores: the most recent first, undated last, then by StudyInstanceUID.
    """
    scored = [_score(order_procedure, requested_at, prior, rules) for prior in priors]
    places = sorted(range(len(priors)), key=lambda place: _rank_key(scored[place][0], priors[place]))
    rank_of = {place: rank for rank, place in enumerate(places, start=1)}
    return tuple(
        Relevance(prior.study_instance_uid, rank_of[place], *scored[place]) for place, prior in enumerate(priors)
    )


def _rank_key(score: float, prior: PriorStudy) -> tuple[float, bool, dt.timedelta, str]:
    moment = _EPOCH if prior.started is None else moment_of(prior.started)
    return -score, prior.started is None, _EPOCH - moment, prior.study_instance_uid


def _score(
    order: Procedure, requested_at: dt.datetime, prior: PriorStudy, rules: RuleSet
) -> tuple[float, tuple[str, ...]]:
    points: Iterable[_Points] = (
        *(judge(order, prior.procedure, rules) for judge in _PROCEDURE_JUDGES),
        _recency(requested_at, prior),
        (_IMAGES, "images available") if prior.imaging_modalities and prior.images_available else (0.0, None),
        (_REPORT, "report available") if prior.report_status is ReportStatus.FINAL else (0.0, None),
    )
    counted = tuple(points)
    return round(sum(worth for worth, _ in counted), 3), tuple(reason for _, reason in counted if reason)


def _region_points(order: Procedure, prior: Procedure, rules: RuleSet) -> _Points:
    if not _are_regions_known(order) or not _are_regions_known(prior) or prior.modality is Modality.UNKNOWN:
        return 0.0, None
    if order.regions == prior.regions:
        return _SAME_REGION, "same region"
    if are_regions_covered(order, prior, rules):
        return _COVERED, "covers the region"
    if order.modality is not Modality.UNKNOWN and have_region_contact(order, prior, rules):
        return _CONTACT, "overlaps the region"
    return 0.0, None


def _modality_points(order: Procedure, prior: Procedure, rules: RuleSet) -> _Points:
    if Modality.UNKNOWN in (order.modality, prior.modality):
        return 0.0, None
    if order.modality is prior.modality:
        return _SAME_MODALITY, "same modality"
    if (order.modality, prior.modality) in rules.cross:
        return _COMPARABLE_MODALITY, "comparable modality"
    return 0.0, None


def _side_points(order: Procedure, prior: Procedure, _: RuleSet) -> _Points:
    if are_opposite_sides(order, prior):
        return _OPPOSITE_SIDE, "opposite side"
    if order.laterality is prior.laterality and order.laterality in (Laterality.LEFT, Laterality.RIGHT):
        return _SAME_SIDE, "same side"
    return 0.0, None


def _answer_points(order: Procedure, prior: Procedure, rules: RuleSet) -> _Points:
    if order.is_unknown or prior.is_unknown:
        return 0.0, None
    if find_relation(order, prior, rules).relation is Relation.EQUIVALENT:
        return _EQUIVALENT, "equivalent examination"
    return 0.0, None


_PROCEDURE_JUDGES: tuple[Callable[[Procedure, Procedure, RuleSet], _Points], ...] = (
    _region_points,
    _modality_points,
    _side_points,
    _answer_points,
)


def _are_regions_known(procedure: Procedure) -> bool:
    return bool(procedure.regions) and UNKNOWN_REGION not in procedure.regions


def _recency(requested_at: dt.datetime, prior: PriorStudy) -> _Points:
    """The newer the better, whichever side of the order a study is dated; undated studies get nothing."""
    if prior.started is None:
        return 0.0, "undated"
    age_days = abs((requested_at - _EPOCH) - (moment_of(prior.started) - _EPOCH)) / dt.timedelta(days=1)
    worth = _MOST_RECENT * 0.5 ** (age_days / _HALF_LIFE_DAYS)
    return worth, "recent" if age_days <= _RECENT_DAYS else None
