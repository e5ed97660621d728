"""An answer to an alert and its audit entry as one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from federation.errors import UnknownAlert
from federation.imaging.alerts import DuplicateAlert
from federation.ports import UnitOfWork
from federation.usecases.decide_alert import DecideAlert, decide_alert
from gateway.context import HubContext
from gateway.permissions import role_used
from mpi.audit import AuditOutcome
from mpi.units import carry_out


def answer_and_read(operation: str, command: DecideAlert, context: HubContext) -> Sequence[DuplicateAlert]:
    """Carry out the answer, audit it, commit, and give the alert's events. Sync, for a thread.

    Raises:
        UnknownAlert, AlertClosed: as ``decide_alert``; nothing was changed.
    """
    resources = context.resources

    def answer(uow: UnitOfWork) -> Sequence[DuplicateAlert]:
        kept = uow.alerts.newest(command.alert_id)
        if kept is None or not resources.visible_alerts([kept], context.viewer(operation), uow=uow):
            raise UnknownAlert("no alert has this id")
        alert = decide_alert(command, uow=uow, clock=resources.clock)
        detail = alert.override_reason.value if alert.override_reason is not None else ""
        role = role_used(operation, context.caller.roles)
        uow.audit.append(
            context.audit_event(operation, AuditOutcome.SUCCESS, role=role, subject=alert.enterprise_id, detail=detail)
        )
        events = uow.alerts.history(alert.alert_id)
        uow.commit()
        return events

    return carry_out(resources.units, answer)
