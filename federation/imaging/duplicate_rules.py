"""The duplicate rules: does this order repeat an examination the person already had?

``assess`` is the one evaluator behind every door (order check, card, background check, dry run). What counts, and how
much, is data: see ``rule_sets/dup-rules-1.toml``, which also explains the steps 0 to 6 that the code below follows.
Step 1 is in ``prior_gates``, step 2 in ``relation``.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from federation.errors import InvalidOrder
from federation.imaging.assessment import (
    DuplicateAssessment,
    FiredRule,
    OrderFacts,
    PriorFacts,
    PriorVerdict,
    Relation,
    Tier,
)
from federation.imaging.orders import ClinicalFlag
from federation.imaging.prior_gates import age_in_days, find_gate, since_epoch
from federation.imaging.procedures import Contrast, Laterality, Procedure
from federation.imaging.relation import RelationFinding, find_relation
from federation.imaging.rule_types import Circumstance, Doubt, ExamClass, Exemption, RuleSet
from federation.imaging.studies import ReportStatus

NO_MATCH = "NO_MATCH"
"""Code of the rule that says: no prior answers this order."""

_NOTHING_FOUND = FiredRule(NO_MATCH, "no prior answers the order")
_UNDATED = FiredRule("UNDATED", "the prior is undated, so its age is not known")
_TOO_OLD = FiredRule("W0", "older than the window")
_WINDOW_CODES = {Tier.INTERRUPTIVE: "W3", Tier.WARNING: "W2", Tier.INFO: "W1"}
_RELATION_STRENGTH = {
    Relation.EQUIVALENT: 4,
    Relation.PARTIAL: 3,
    Relation.CROSS: 2,
    Relation.UNRELATED: 1,
    Relation.NONE: 0,
}
_REPORT_STRENGTH = {
    ReportStatus.FINAL: 3,
    ReportStatus.PRELIMINARY: 2,
    ReportStatus.NONE: 1,
    ReportStatus.UNKNOWN: 0,
}
_LONG_AGO = dt.datetime.min.replace(tzinfo=dt.UTC)


class _Judged(NamedTuple):
    verdict: PriorVerdict
    prior: PriorFacts
    is_pending: bool


def assess(order: OrderFacts, priors: Sequence[PriorFacts], rules: RuleSet) -> DuplicateAssessment:
    """Judge an order against the priors of the same person; the order of ``priors`` does not matter.

    ``verdicts`` holds one verdict for each prior id, strongest first. Priors without consent are left out of
    everything: they leave no trace. Entries of one id are copies of one study: copies that count are judged with the
    best availability among them. Without a best prior, ``relation`` and ``rules`` explain the nearest miss.

    Raises:
        InvalidOrder: a time without offset.
    """
    _require_offsets(order, priors)
    copies: dict[str, list[PriorFacts]] = defaultdict(list)
    for prior in priors:
        if prior.consent_permits:
            copies[prior.prior_id].append(prior)
    exemptions = tuple(e.rule for e in rules.exemptions if _is_exempt(order, e))
    if exemptions:
        exempt = tuple(PriorVerdict(prior_id, Tier.NONE, Relation.NONE, exemptions) for prior_id in sorted(copies))
        return DuplicateAssessment(rules.name, Tier.NONE, Relation.NONE, exemptions, verdicts=exempt)
    judged = sorted((_judge_copies(order, held, rules) for held in copies.values()), key=_strength)
    if not judged:
        return DuplicateAssessment(rules.name, Tier.NONE, Relation.NONE, (_NOTHING_FOUND,))
    first = judged[0].verdict
    return DuplicateAssessment(
        rule_set=rules.name,
        tier=first.tier,
        relation=first.relation,
        rules=first.rules,
        best=first if first.tier is not Tier.NONE else None,
        verdicts=tuple(one.verdict for one in judged),
    )


def _require_offsets(order: OrderFacts, priors: Sequence[PriorFacts]) -> None:
    if order.requested_at.tzinfo is None:
        raise InvalidOrder("requested_at: time without offset")
    if any(prior.performed_at is not None and prior.performed_at.tzinfo is None for prior in priors):
        raise InvalidOrder("performed_at of a prior: time without offset")


def _is_exempt(order: OrderFacts, exemption: Exemption) -> bool:
    return not (
        exemption.flags.isdisjoint(order.flags)
        and exemption.procedure_flags.isdisjoint(order.procedure.flags)
        and exemption.regions.isdisjoint(order.procedure.regions)
        and not (exemption.unknown_procedure and order.procedure.is_unknown)
    )


def _judge_copies(order: OrderFacts, copies: Sequence[PriorFacts], rules: RuleSet) -> _Judged:
    """One study held by several sites is one prior, with the best availability of its copies that count."""
    if len(copies) == 1:
        return _judged(order, copies[0], rules)
    counted = [copy for copy in copies if find_gate(order, copy, age_in_days(order, copy), rules) is None]
    united = [_with_best_availability(copy, counted) for copy in counted] or copies
    return min((_judged(order, copy, rules) for copy in united), key=_strength)


def _judged(order: OrderFacts, prior: PriorFacts, rules: RuleSet) -> _Judged:
    return _Judged(_judge(order, prior, rules), prior, prior.status in rules.pending_statuses)


def _with_best_availability(prior: PriorFacts, copies: Sequence[PriorFacts]) -> PriorFacts:
    return replace(
        prior,
        images_available=any(copy.images_available for copy in copies),
        report_available=any(copy.report_available for copy in copies),
        report_status=max((copy.report_status for copy in copies), key=_REPORT_STRENGTH.__getitem__),
        is_diagnostic=any(copy.is_diagnostic for copy in copies),
    )


def _strength(judged: _Judged) -> tuple[int, int, bool, dt.timedelta, str, str]:
    """Sort key of step 6, strongest first. Without an alert the relation comes next: the nearest miss explains."""
    verdict, performed_at = judged.verdict, judged.prior.performed_at
    return (
        -verdict.tier,
        -_RELATION_STRENGTH[verdict.relation] if verdict.tier is Tier.NONE else 0,
        judged.is_pending,
        -since_epoch(_LONG_AGO if performed_at is None else performed_at),
        verdict.prior_id,
        ",".join(rule.code + rule.reason for rule in verdict.rules),
    )


def _judge(order: OrderFacts, prior: PriorFacts, rules: RuleSet) -> PriorVerdict:
    age = age_in_days(order, prior)
    gate = find_gate(order, prior, age, rules)
    if gate is not None:
        return PriorVerdict(prior.prior_id, Tier.NONE, Relation.NONE, (gate, _NOTHING_FOUND), age)
    finding = find_relation(order.procedure, prior.procedure, rules)
    if finding.relation is Relation.UNRELATED:
        fired: tuple[FiredRule, ...] = (FiredRule(NO_MATCH, finding.reason),)
        return PriorVerdict(prior.prior_id, Tier.NONE, finding.relation, fired, age)
    if age is None:
        return PriorVerdict(prior.prior_id, Tier.NONE, finding.relation, (_UNDATED,), age)
    if prior.status in rules.pending_statuses:
        tier, base = _pending_tier(finding, age, rules)
    else:
        age = max(age, 0.0)
        tier, base = _base_tier(order.procedure, finding, age, rules)
    tier, doubts = _step_down(tier, order.procedure, prior.procedure, rules)
    tier, caps = _cap(tier, order, prior, rules)
    return PriorVerdict(prior.prior_id, tier, finding.relation, (base, *doubts, *caps), age)


def _pending_tier(finding: RelationFinding, age_days: float, rules: RuleSet) -> tuple[Tier, FiredRule]:
    days = rules.limits.pending_days
    if finding.relation is not Relation.EQUIVALENT:
        return Tier.NONE, FiredRule("C3", "a pending exam counts only when it is equivalent")
    if abs(age_days) > days:
        return Tier.NONE, FiredRule("C3", f"a pending exam counts only within {days:g} days of the order")
    return Tier.WARNING, FiredRule("C3", f"an equivalent exam is pending within {days:g} days of the order")


def _base_tier(order: Procedure, finding: RelationFinding, age_days: float, rules: RuleSet) -> tuple[Tier, FiredRule]:
    exam_class = rules.class_of(order)
    if exam_class is None:
        return Tier.NONE, _TOO_OLD
    if finding.relation is Relation.EQUIVALENT:
        tier = exam_class.window.tier_at(age_days)
        return tier, _window_rule(exam_class, tier)
    if finding.relation is Relation.PARTIAL:
        days, code = exam_class.window.warning_days, "P1"
    else:
        days, code = rules.limits.cross_days, "C6"
    if days is None or age_days > days:
        return Tier.NONE, _TOO_OLD
    return Tier.INFO, FiredRule(code, f"{finding.reason} (within {days:g} days)")


def _window_rule(exam_class: ExamClass, tier: Tier) -> FiredRule:
    if tier is Tier.NONE:
        return FiredRule("W0", f"older than the {exam_class.name} windows")
    days = exam_class.window.days_of(tier)
    return FiredRule(_WINDOW_CODES[tier], f"equivalent exam within the {exam_class.name} window of {days:g} days")


def _step_down(tier: Tier, order: Procedure, prior: Procedure, rules: RuleSet) -> tuple[Tier, tuple[FiredRule, ...]]:
    if tier <= Tier.INFO:
        return tier, ()
    fired = tuple(
        step.rule for step in rules.steps if order.modality in step.modalities and _DOUBTS[step.doubt](order, prior)
    )
    return Tier(max(Tier.INFO, tier - len(fired))), fired


def _cap(tier: Tier, order: OrderFacts, prior: PriorFacts, rules: RuleSet) -> tuple[Tier, tuple[FiredRule, ...]]:
    if tier <= Tier.INFO:
        return tier, ()
    is_pending = prior.status in rules.pending_statuses
    lowering = [
        cap
        for cap in rules.caps
        if cap.tier < tier and (cap.for_pending or not is_pending) and _CIRCUMSTANCES[cap.circumstance](order, prior)
    ]
    return min((cap.tier for cap in lowering), default=tier), tuple(cap.rule for cap in lowering)


def _is_report_missing(prior: PriorFacts) -> bool:
    return not prior.report_available or prior.report_status is ReportStatus.NONE


_DOUBTS: Mapping[Doubt, Callable[[Procedure, Procedure], bool]] = {
    Doubt.CONTRAST_UNKNOWN: lambda order, prior: Contrast.UNKNOWN in (order.contrast, prior.contrast),
    Doubt.SIDE_UNKNOWN: lambda order, prior: Laterality.UNKNOWN in (order.laterality, prior.laterality),
}

_CIRCUMSTANCES: Mapping[Circumstance, Callable[[OrderFacts, PriorFacts], bool]] = {
    Circumstance.IMAGES_NOT_RETRIEVABLE: lambda _, prior: not prior.images_available and not _is_report_missing(prior),
    Circumstance.IMAGES_AND_REPORT_NOT_RETRIEVABLE: lambda _, prior: (
        not prior.images_available and _is_report_missing(prior)
    ),
    Circumstance.REPORT_NOT_FINAL: lambda _, prior: prior.report_status is not ReportStatus.FINAL,
    Circumstance.PRIOR_NON_DIAGNOSTIC: lambda _, prior: not prior.is_diagnostic,
    Circumstance.LIFE_THREATENING: lambda order, _: ClinicalFlag.LIFE_THREATENING in order.flags,
    Circumstance.ED_CONTEXT: lambda order, _: ClinicalFlag.ED_CONTEXT in order.flags,
    Circumstance.ONCOLOGY_RESTAGING: lambda order, _: ClinicalFlag.ONCOLOGY_RESTAGING in order.flags,
}
