"""Counts of alerts: one suite over every store."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from federation.imaging.alerts import AlertState, DuplicateAlert, OverrideReason, accepted, closed, overridden, shown
from federation.imaging.assessment import FiredRule, Tier
from federation.sites.site import SiteId
from federation.usefulness.outcomes import OutcomeCount, RuleCount
from tests.contract.stores import NOW, Store, later
from tests.contract.test_alerts_and_orders import an_alert, keep

SINCE, UNTIL = NOW - dt.timedelta(days=1), NOW + dt.timedelta(days=30)


def kept_story(store: Store) -> list[DuplicateAlert]:
    """Five alerts of two people, one of them before the period; what each is now."""
    one, two, three, four, old = (an_alert(f"P-{number}") for number in range(5))
    three = replace(three, changed_by="dr-2", tier=Tier.INFO, ordering_site=SiteId("south"))
    four = replace(four, rules=(FiredRule("W3", "a"), FiredRule("C1", "b"), FiredRule("C1", "c")))
    old = replace(old, changed_at=SINCE - dt.timedelta(seconds=1))
    now = [
        overridden(one, OverrideReason.CLINICAL_CHANGE, at=later(days=40), by="dr-9"),
        accepted(two, at=later(hours=1), by="dr-9"),
        closed(three, AlertState.EXPIRED, at=later(days=1), by="priorlink", detail="not_answered"),
        shown(four, at=later(hours=1), by="dr-1"),
        accepted(old, at=later(hours=1), by="dr-1"),
    ]
    keep(store, one, two, three, four, old, *(event for event in now if event is not None))
    return [event for event in now if event is not None]


def test_alerts_count_as_what_they_are_now_in_the_period_they_were_raised_in(store: Store) -> None:
    one, two, _, four, _ = kept_story(store)
    with store.begin_reading() as unit:
        counted = unit.alert_statistics.outcomes(SINCE, UNTIL)
        assert set(counted) == {
            OutcomeCount(one.tier, AlertState.OVERRIDDEN, SiteId("north"), "dr-1", OverrideReason.CLINICAL_CHANGE, 1),
            OutcomeCount(two.tier, AlertState.ACCEPTED, SiteId("north"), "dr-1", None, 1),
            OutcomeCount(Tier.INFO, AlertState.EXPIRED, SiteId("south"), "dr-2", None, 1),
            OutcomeCount(four.tier, AlertState.SHOWN, SiteId("north"), "dr-1", None, 1),
        }
        assert sum(entry.count for entry in unit.alert_statistics.outcomes(SINCE - dt.timedelta(days=9), UNTIL)) == 5
        assert list(unit.alert_statistics.outcomes(UNTIL, UNTIL)) == []
        assert [alert.alert_id for alert in unit.alert_statistics.answered(SINCE, UNTIL)] == sorted(
            [one.alert_id, two.alert_id]
        )


def test_a_rule_counts_once_in_each_alert_that_it_fired_in(store: Store) -> None:
    one, *_ = kept_story(store)
    (code,) = {rule.code for rule in one.rules}
    with store.begin_reading() as unit:
        counted = set(unit.alert_statistics.rule_outcomes(SINCE, UNTIL))
    assert {entry for entry in counted if entry.state is AlertState.SHOWN} == {
        RuleCount("W3", AlertState.SHOWN, 1),
        RuleCount("C1", AlertState.SHOWN, 1),
    }
    assert RuleCount(code, AlertState.OVERRIDDEN, 1) in counted
