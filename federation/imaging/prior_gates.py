"""Which priors count at all (step 1 of the rules). A prior that does not count is judged as if it did not exist."""

from __future__ import annotations

import datetime as dt

from federation.imaging.assessment import FiredRule, OrderFacts, PriorFacts
from federation.imaging.orders import ClinicalFlag
from federation.imaging.procedures import ProcedureFlag
from federation.imaging.rule_types import RuleSet

_SECONDS_PER_DAY = 86_400
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_HALF_DAY = 0.5
_ZONE_SPREAD_DAYS = 14 / 24
"""The earliest time zone is 14 h ahead of UTC: so early may a local day begin."""

_MATCH = FiredRule("GATE_MATCH", "the match of the patient is not certain")
_STATUS = FiredRule("GATE_STATUS", "the examination was not done and is not planned")
_ORDERING_SITE = FiredRule("GATE_ORDERING_SITE", "performed at the ordering site, whose own check has it")
_OVERRIDDEN = FiredRule("GATE_OVERRIDDEN", "this pair was overridden before")
_NOT_AN_EXAM = FiredRule("GATE_NO_IMAGES", "a report object without images is no examination")
_UNKNOWN = FiredRule("GATE_UNKNOWN", "modality or region of the prior is not known")
_PURPOSE = FiredRule("GATE_PURPOSE", "guidance, radiotherapy planning or research")
_AFTER_ORDER = FiredRule("GATE_AFTER_ORDER", "dated too long after the order")
_RESTAGING = FiredRule("E3b", "oncology restaging and the prior is older than the restaging interval")


def age_in_days(order: OrderFacts, prior: PriorFacts) -> float | None:
    """Elapsed time from prior to order in days of 24 h; negative when the prior is later, ``None`` when undated.

    Of a prior that has only a date it is the age nearest to the order that it can have, so that no alert is
    missed at the edge of a window: from the end of that day (UTC) when the day was over before the order, from its
    earliest beginning in any time zone when it had not begun, and 0 otherwise.
    """
    if prior.performed_at is None:
        return None
    age = _days_between(prior.performed_at, order.requested_at)
    if not prior.is_date_only:
        return age
    since_end, since_begin = age - _HALF_DAY, age + _HALF_DAY + _ZONE_SPREAD_DAYS
    return max(since_end, 0.0) if since_begin >= 0 else since_begin


def find_gate(order: OrderFacts, prior: PriorFacts, age_days: float | None, rules: RuleSet) -> FiredRule | None:
    """The first gate that keeps the prior out, ``None`` when it counts. Consent is seen to before."""
    for closed, gate in (
        (not prior.match_is_certain, _MATCH),
        (prior.status not in rules.completed_statuses and prior.status not in rules.pending_statuses, _STATUS),
        (rules.options.ordering_site_gate and prior.performing_site_id == order.site_id, _ORDERING_SITE),
        (prior.prior_id in order.overridden_priors, _OVERRIDDEN),
        (not prior.is_image_object, _NOT_AN_EXAM),
        (prior.procedure.is_unknown, _UNKNOWN),
        (ProcedureFlag.GUIDANCE in prior.procedure.flags or prior.is_rt_planning or prior.is_research, _PURPOSE),
        (_is_after_order(prior, age_days, rules), _AFTER_ORDER),
        (_is_before_restaging(order, age_days, rules), _RESTAGING),
    ):
        if closed:
            return gate
    return None


def _is_after_order(prior: PriorFacts, age_days: float | None, rules: RuleSet) -> bool:
    if age_days is None or prior.status not in rules.completed_statuses:
        return False
    return age_days < -rules.limits.future_tolerance_days


def _is_before_restaging(order: OrderFacts, age_days: float | None, rules: RuleSet) -> bool:
    if age_days is None or ClinicalFlag.ONCOLOGY_RESTAGING not in order.flags:
        return False
    return age_days > rules.limits.restaging_days


def _days_between(earlier: dt.datetime, later: dt.datetime) -> float:
    return (since_epoch(later) - since_epoch(earlier)).total_seconds() / _SECONDS_PER_DAY


def since_epoch(moment: dt.datetime) -> dt.timedelta:
    """An instant that can be compared and subtracted exactly.

    Two datetimes of one zone would be subtracted as wall-clock times: an hour is lost or won when clocks change.
    """
    return moment - _EPOCH
