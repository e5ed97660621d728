"""Carry out what a person said to an alert: the order is given up for it, or stands all the same."""

from __future__ import annotations

from dataclasses import dataclass

from federation.errors import UnknownAlert
from federation.imaging.alerts import DuplicateAlert, OverrideReason, accepted, overridden
from federation.ports import UnitOfWork
from mpi.ports import Clock


@dataclass(frozen=True, slots=True)
class DecideAlert:
    """``accept``: the order is given up; else it stands, for ``reason`` (``None``: no reason was given)."""

    alert_id: str
    accept: bool
    decided_by: str
    reason: OverrideReason | None = None
    comment: str = ""


def decide_alert(command: DecideAlert, *, uow: UnitOfWork, clock: Clock) -> DuplicateAlert:
    """The alert after the decision. Saying the same again changes nothing.

    Raises:
        UnknownAlert: no alert has this id.
        AlertClosed: it was answered otherwise, or fell away.
    """
    kept = uow.alerts.newest(command.alert_id)
    if kept is None:
        raise UnknownAlert("no alert has this id")
    uow.lock(kept.lock_keys)
    kept = uow.alerts.newest(command.alert_id) or kept
    at, by = clock(), command.decided_by
    if command.accept:
        changed = accepted(kept, at=at, by=by, comment=command.comment)
    else:
        changed = overridden(kept, command.reason, at=at, by=by, comment=command.comment)
    if changed is None:
        return kept
    uow.alerts.append(changed)
    return changed
