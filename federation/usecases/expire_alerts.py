"""Let alerts end that nobody answered."""

from __future__ import annotations

from federation.imaging.alerts import ALERT_LIFETIME, NOT_ANSWERED, OPEN_STATES, AlertState, closed, is_overdue
from federation.ports import UnitOfWork
from mpi.audit import AuditEvent, AuditOutcome
from mpi.ports import Clock

_AT_ONCE = 200


def expire_alerts(*, uow: UnitOfWork, clock: Clock, by: str = "priorlink") -> int:
    """How many ended; at most some hundred at a time, so that the transaction stays short."""
    now = clock()
    overdue = uow.alerts.find(states=OPEN_STATES, changed_before=now - ALERT_LIFETIME, limit=_AT_ONCE)
    count = 0
    for alert in overdue:
        uow.lock(alert.lock_keys)
        newest = uow.alerts.newest(alert.alert_id)
        if newest is None or not is_overdue(newest, now):
            continue
        ended = closed(newest, AlertState.EXPIRED, at=now, by=by, detail=NOT_ANSWERED)
        if ended is not None:
            uow.alerts.append(ended)
            uow.audit.append(
                AuditEvent(now, by, "", "alert_expired", AuditOutcome.SUCCESS, subject=newest.enterprise_id)
            )
            count += 1
    return count
