"""Keep a verdict on an order, and bring the order's alerts in line with it, in the caller's transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from federation.imaging.alerts import (
    BETTER_PRIOR,
    NO_REPEAT,
    AlertState,
    DuplicateAlert,
    about_order,
    adopted,
    closed,
    content_key,
    judged_again,
    lock_keys,
    new_alert,
    order_key,
    shown,
)
from federation.imaging.order_checks import OrderCheck
from federation.imaging.placed_orders import OrderStatus
from federation.ports import UnitOfWork
from federation.sites.coverage import CoverageState
from mpi.ports import Clock

CHECK_INCOMPLETE = "order_check_incomplete"
ALERT_RAISED = "alert_raised"
_WORTH_ASKING_AGAIN = frozenset({CoverageState.TIMED_OUT, CoverageState.FAILED, CoverageState.INDEXED})


def keep_verdict(
    check: OrderCheck, *, uow: UnitOfWork, clock: Clock, by: str, is_shown: bool, ask_again: bool = False
) -> DuplicateAlert | None:
    """Append the check; raise, revise or supersede alerts; the order's open (or answered) alert, if there is one.

    Doing it again changes no alert. ``is_shown``: the answer goes to a person at once. ``ask_again``: when a site did
    not answer, the check is to be judged once more in the background. An incomplete answer withdraws nothing: a
    site that is down must not silence an alert. An alert that nobody is shown goes into the outbox, once. An
    order that is cancelled or final by now gets no alert.
    """
    key, content = order_key(check.order), content_key(check.order)
    uow.lock(lock_keys(key, content))
    uow.order_checks.append(check)
    if ask_again and any(site.state in _WORTH_ASKING_AGAIN for site in check.coverage.sites):
        uow.outbox.add(CHECK_INCOMPLETE, {"check_ids": [check.check_id]}, at=check.checked_at)
    placed = uow.placed_orders.get(key)
    if placed is not None and placed.status is not OrderStatus.NEW:
        return None
    at = clock()
    kept = about_order(check.order, uow.alerts.alike(key, content))
    alert = _settle(check, kept, uow, at, by)
    if alert is None:
        return None
    if is_shown:
        seen = shown(alert, at=at, by=by)
        _append(seen, uow)
        return seen or alert
    if alert.state is AlertState.RAISED and alert not in kept:
        uow.outbox.add(ALERT_RAISED, {"alert_id": alert.alert_id, "sequence": alert.sequence}, at=at)
    return alert


def _settle(
    check: OrderCheck, kept: Sequence[DuplicateAlert], uow: UnitOfWork, at: dt.datetime, by: str
) -> DuplicateAlert | None:
    new = new_alert(check, at=at, by=by)
    others = [alert for alert in kept if alert.is_open and (new is None or alert.prior_id != new.prior_id)]
    strongest = max(others, key=lambda alert: alert.tier, default=None)
    if strongest is not None and not check.coverage.is_complete and (new is None or new.tier < strongest.tier):
        return strongest
    for other in others:
        detail = NO_REPEAT if new is None else BETTER_PRIOR
        _append(closed(other, AlertState.SUPERSEDED, at=at, by=by, detail=detail), uow)
    return None if new is None else _raise(new, kept, uow)


def _raise(new: DuplicateAlert, kept: Sequence[DuplicateAlert], uow: UnitOfWork) -> DuplicateAlert:
    same = [alert for alert in kept if alert.prior_id == new.prior_id]
    before = min(same, key=lambda alert: (not alert.is_open, alert.alert_id), default=None)
    if before is None:
        uow.alerts.append(new)
        return new
    changed = judged_again(before, adopted(new, before))
    _append(changed, uow)
    return changed or before


def _append(alert: DuplicateAlert | None, uow: UnitOfWork) -> None:
    if alert is not None:
        uow.alerts.append(alert)
