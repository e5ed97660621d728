"""Let go of audit entries that are older than they have to be kept, without breaking the chain."""

from __future__ import annotations

import datetime as dt

from mpi.audit import AuditEvent, AuditOutcome
from mpi.audit_chain import PRUNE_ACTION, pruned_detail
from mpi.ports import Clock, UnitOfWork


def prune_audit(*, keep: dt.timedelta, uow: UnitOfWork, clock: Clock, by: str) -> int:
    """Delete the rows before the first one that is young enough; how many.

    The hash of the last row that goes stays as the anchor of those that remain, and an entry says what was done.
    """
    head = uow.audit_chain.last_before(clock() - keep)
    if head is None:
        return 0
    count = uow.audit_chain.prune(head, at=clock())
    uow.audit.append(AuditEvent(clock(), by, "", PRUNE_ACTION, AuditOutcome.SUCCESS, detail=pruned_detail(head.number)))
    return count
