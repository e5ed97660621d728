"""Which events ask for nothing: persons changed about whom no recent order was judged. Most are of this kind."""

from __future__ import annotations

from collections.abc import Sequence

from federation.ports import OutboxMessage, UnitOfWork
from federation.usecases.reassess_alerts import REASSESS_WITHIN
from mpi.identity.identifiers import EnterpriseId
from mpi.ports import Clock

PERSON_CHANGED = "person_changed"


def idle_changes(messages: Sequence[OutboxMessage], *, uow: UnitOfWork, clock: Clock) -> tuple[int, ...]:
    """The outbox ids of those. An order judged from now on is judged with the persons as they are now."""
    changes = [message for message in messages if message.kind == PERSON_CHANGED]
    return tuple(_idle(changes, uow, clock)) if changes else ()


def _idle(changes: Sequence[OutboxMessage], uow: UnitOfWork, clock: Clock) -> list[int]:
    """All of them, or those of either half: one look-up serves as many as nobody ordered for."""
    persons = {person for change in changes for person in _persons(change)}
    if not uow.order_checks.open_checks_of(persons, since=clock() - REASSESS_WITHIN):
        return [change.outbox_id for change in changes]
    if len(changes) == 1:
        return []
    middle = len(changes) // 2
    return _idle(changes[:middle], uow, clock) + _idle(changes[middle:], uow, clock)


def _persons(change: OutboxMessage) -> list[EnterpriseId]:
    listed = change.body.get("enterprise_ids", [])
    return [EnterpriseId(str(item)) for item in listed] if isinstance(listed, list) else []
