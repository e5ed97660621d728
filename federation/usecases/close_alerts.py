"""Close the open alerts of an order that is cancelled or carried out."""

from __future__ import annotations

from federation.imaging.alerts import AlertState, closed, lock_keys
from federation.ports import UnitOfWork
from mpi.ports import Clock


def close_alerts(order_key: str, state: AlertState, *, detail: str, by: str, uow: UnitOfWork, clock: Clock) -> int:
    """How many were closed; answered ones stay as they are."""
    uow.lock(lock_keys(order_key))
    changed = [
        after
        for alert in uow.alerts.of_order(order_key)
        if (after := closed(alert, state, at=clock(), by=by, detail=detail)) is not None
    ]
    for alert in changed:
        uow.alerts.append(alert)
    return len(changed)
