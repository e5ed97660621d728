"""The life of an alert, as a pure state machine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import pytest

from federation.errors import AlertClosed
from federation.imaging.alerts import (
    ALERT_LIFETIME,
    NON_ADHERENCE,
    AlertState,
    DuplicateAlert,
    OverrideReason,
    about_order,
    accepted,
    adopted,
    alert_id,
    closed,
    is_overdue,
    judged_again,
    new_alert,
    order_key,
    overridden,
    overridden_priors,
    shown,
)
from federation.imaging.assessment import Tier
from tests.contract.stores import NOW, a_check

CHECK = a_check()


def raised(number: str | None = "P-9") -> DuplicateAlert:
    alert = new_alert(replace(CHECK, order=replace(CHECK.order, placer_order_number=number)), at=NOW, by="dr-1")
    assert alert is not None
    return alert


def in_state(state: AlertState) -> DuplicateAlert:
    return replace(raised(), state=state, sequence=2, override_reason=None)


def test_a_verdict_without_a_prior_raises_nothing() -> None:
    assert new_alert(replace(CHECK, assessment=replace(CHECK.assessment, best=None)), at=NOW, by="x") is None


def test_the_pair_has_one_id_whoever_arrives_at_it() -> None:
    assert raised().alert_id == raised().alert_id == alert_id("north|P-9", "1.2.3")
    assert len({raised().alert_id, raised("P-8").alert_id, raised(None).alert_id}) == 3


def test_equal_orders_without_a_number_are_one_order_and_the_key_names_nobody() -> None:
    order = replace(CHECK.order, placer_order_number=None)
    assert order_key(order) == order_key(replace(order, requested_at=NOW + dt.timedelta(hours=1)))
    assert order_key(order) != order_key(replace(order, ordering_site=type(order.ordering_site)("south")))
    assert "1001" not in order_key(order)


def test_being_seen_happens_once() -> None:
    seen = shown(raised(), at=NOW, by="dr-2")
    assert seen is not None
    assert (seen.state, seen.sequence, seen.changed_by) == (AlertState.SHOWN, 2, "dr-2")
    assert shown(seen, at=NOW, by="dr-2") is None


@pytest.mark.parametrize("state", [AlertState.RAISED, AlertState.SHOWN])
def test_an_open_alert_is_accepted_or_overridden(state: AlertState) -> None:
    over = overridden(in_state(state), OverrideReason.URGENT_NO_TIME, at=NOW, by="dr-1", comment="bleeding")
    assert over is not None
    assert (over.state, over.override_reason, over.comment) == (
        AlertState.OVERRIDDEN, OverrideReason.URGENT_NO_TIME, "bleeding"
    )  # fmt: skip
    given_up = accepted(in_state(state), at=NOW, by="dr-1")
    assert given_up is not None
    assert given_up.state is AlertState.ACCEPTED


def test_saying_the_same_again_changes_nothing() -> None:
    over = replace(in_state(AlertState.OVERRIDDEN), override_reason=OverrideReason.URGENT_NO_TIME)
    assert overridden(over, OverrideReason.URGENT_NO_TIME, at=NOW, by="x") is None
    assert overridden(over, None, at=NOW, by="x") is None
    assert accepted(in_state(AlertState.ACCEPTED), at=NOW, by="x") is None


Answer = Callable[[DuplicateAlert], object]


@pytest.mark.parametrize(
    ("state", "answer"),
    [
        (AlertState.ACCEPTED, lambda a: overridden(a, OverrideReason.URGENT_NO_TIME, at=NOW, by="x")),
        (AlertState.OVERRIDDEN, lambda a: overridden(a, OverrideReason.URGENT_NO_TIME, at=NOW, by="x")),
        (AlertState.OVERRIDDEN, lambda a: accepted(a, at=NOW, by="x")),
        (AlertState.SUPERSEDED, lambda a: accepted(a, at=NOW, by="x")),
        (AlertState.EXPIRED, lambda a: accepted(a, at=NOW, by="x")),
    ],
)
def test_what_is_closed_cannot_be_answered_otherwise(state: AlertState, answer: Answer) -> None:
    with pytest.raises(AlertClosed, match=state.value):
        answer(in_state(state))


@pytest.mark.parametrize("state", list(AlertState))
def test_only_open_alerts_fall_away(state: AlertState) -> None:
    after = closed(in_state(state), AlertState.SUPERSEDED, at=NOW, by="x", detail="better_prior")
    assert (after is not None) is (state in (AlertState.RAISED, AlertState.SHOWN))


def test_the_same_pair_again() -> None:
    kept = in_state(AlertState.SHOWN)
    assert judged_again(kept, raised()) is None
    stronger = judged_again(kept, replace(raised(), tier=Tier.INTERRUPTIVE))
    assert stronger is not None
    assert (stronger.state, stronger.sequence) == (AlertState.RAISED, 3)
    weaker = judged_again(kept, replace(raised(), tier=Tier.INFO))
    assert weaker is not None
    assert weaker.state is AlertState.SHOWN
    again = judged_again(in_state(AlertState.SUPERSEDED), raised())
    assert again is not None
    assert (again.state, again.sequence) == (AlertState.RAISED, 3)


@pytest.mark.parametrize("state", [AlertState.ACCEPTED, AlertState.OVERRIDDEN])
def test_what_a_person_decided_stands(state: AlertState) -> None:
    assert judged_again(in_state(state), replace(raised(), tier=Tier.INTERRUPTIVE)) is None


def test_an_order_that_gets_its_number_later_is_the_same_order() -> None:
    over = replace(raised(None), state=AlertState.OVERRIDDEN)
    numbered, other = CHECK.order, replace(CHECK.order, placer_order_number="P-10")
    assert overridden_priors(numbered, [over]) == {"1.2.3"}
    adopting = adopted(raised("P-9"), over)
    assert (adopting.alert_id, adopting.order_key) == (over.alert_id, "north|P-9")
    assert adopted(raised(None), raised("P-9")).order_key == "north|P-9"
    of_nine = replace(raised("P-9"), state=AlertState.OVERRIDDEN)
    assert overridden_priors(other, [of_nine]) == frozenset()
    assert about_order(replace(other, placer_order_number=None), [of_nine]) == (of_nine,)


def test_nobody_answered_for_a_day() -> None:
    assert not is_overdue(raised(), NOW + ALERT_LIFETIME - dt.timedelta(seconds=1))
    assert is_overdue(raised(), NOW + ALERT_LIFETIME)
    assert not is_overdue(in_state(AlertState.OVERRIDDEN), NOW + 9 * ALERT_LIFETIME)


def test_there_are_eight_reasons_each_with_its_category() -> None:
    assert len(OverrideReason) == 8
    assert set(NON_ADHERENCE) == set(OverrideReason)


def test_nothing_of_the_patient_is_in_the_text_of_an_alert() -> None:
    assert "1001" not in repr(raised())
