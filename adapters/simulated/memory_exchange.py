"""In-memory inbox, event sink, outbox, log of changes and order checks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import replace

from adapters.simulated.memory_state import MemoryTransaction, OutboxEntry, Refused
from federation.changes import Change
from federation.imaging.order_checks import OrderCheck
from federation.ports import OutboxMessage, WaitingWork
from mpi.events import PersonChanged
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.ports import FeedCount


class MemoryInbox:
    """``mpi.ports.Inbox`` in memory."""

    def __init__(self, transaction: MemoryTransaction) -> None:
        self._transaction = transaction

    def stored_acknowledgement(self, sender: str, message_control_id: str, content_hash: str) -> bytes | None:
        kept = self._transaction.state.inbox.get((sender, message_control_id, content_hash))
        return None if kept is None else kept[0]

    def keep(
        self,
        sender: str,
        message_control_id: str,
        content_hash: str,
        *,
        acknowledgement: bytes,
        received_at: dt.datetime,
    ) -> None:
        inbox = self._transaction.writable().inbox
        key = (sender, message_control_id, content_hash)
        if key in inbox:
            raise Refused("the message was taken before")
        inbox[key] = (acknowledgement, received_at)

    def forget(self, sender: str, *, before: dt.datetime) -> int:
        inbox = self._transaction.writable().inbox
        old = [key for key, (_, received_at) in inbox.items() if key[0] == sender and received_at < before]
        for key in old:
            del inbox[key]
        return len(old)

    def feeds(self, *, since: dt.datetime) -> tuple[FeedCount, ...]:
        times: dict[str, list[dt.datetime]] = {}
        for (sender, _, _), (_, received_at) in self._transaction.state.inbox.items():
            if received_at >= since:
                times.setdefault(sender, []).append(received_at)
        return tuple(FeedCount(sender, len(found), max(found)) for sender, found in sorted(times.items()))


class MemoryEventSink:
    """``mpi.ports.EventSink`` in memory: an event becomes an outbox message."""

    def __init__(self, transaction: MemoryTransaction) -> None:
        self._transaction = transaction

    def publish(self, event: PersonChanged) -> None:
        outbox = self._transaction.writable().outbox
        body: dict[str, object] = {
            "change": event.change.name,
            "enterprise_ids": list(event.enterprise_ids),
            "at": event.at.astimezone(dt.UTC).isoformat(),
        }
        outbox_id = len(outbox) + 1
        outbox[outbox_id] = OutboxEntry(OutboxMessage(outbox_id, "person_changed", body, event.at))


class MemoryOutbox:
    """``federation.ports.Outbox`` in memory."""

    def __init__(self, transaction: MemoryTransaction) -> None:
        self._transaction = transaction

    def add(self, kind: str, body: Mapping[str, object], *, at: dt.datetime) -> None:
        outbox = self._transaction.writable().outbox
        outbox_id = len(outbox) + 1
        outbox[outbox_id] = OutboxEntry(OutboxMessage(outbox_id, kind, dict(body), at))

    def due(self, *, limit: int, now: dt.datetime, retry_after_seconds: float) -> tuple[OutboxMessage, ...]:
        handed_over_before = now - dt.timedelta(seconds=retry_after_seconds)
        waiting = (
            entry.message
            for _, entry in sorted(self._transaction.state.outbox.items())
            if entry.done_at is None and (entry.enqueued_at is None or entry.enqueued_at <= handed_over_before)
        )
        return tuple(waiting)[:limit]

    def mark_enqueued(self, outbox_ids: Collection[int], *, at: dt.datetime) -> None:
        outbox = self._transaction.writable().outbox
        for outbox_id in set(outbox_ids) & outbox.keys():
            entry = outbox[outbox_id]
            message = replace(entry.message, attempts=entry.message.attempts + 1)
            outbox[outbox_id] = replace(entry, message=message, enqueued_at=at)

    def get(self, outbox_id: int) -> OutboxMessage | None:
        entry = self._transaction.state.outbox.get(outbox_id)
        return None if entry is None or entry.done_at is not None else entry.message

    def mark_done(self, outbox_id: int, *, at: dt.datetime) -> None:
        outbox = self._transaction.writable().outbox
        if outbox_id in outbox:
            outbox[outbox_id] = replace(outbox[outbox_id], done_at=at)

    def mark_all_done(self, outbox_ids: Collection[int], *, at: dt.datetime) -> None:
        for outbox_id in outbox_ids:
            self.mark_done(outbox_id, at=at)

    def waiting(self) -> tuple[WaitingWork, ...]:
        messages: dict[str, list[OutboxMessage]] = {}
        for entry in self._transaction.state.outbox.values():
            if entry.done_at is None:
                messages.setdefault(entry.message.kind, []).append(entry.message)
        return tuple(
            WaitingWork(kind, len(of), min(m.created_at for m in of), max(m.attempts for m in of))
            for kind, of in sorted(messages.items())
        )


class MemoryChangeLog:
    """``federation.ports.ChangeLog`` in memory."""

    def __init__(self, transaction: MemoryTransaction) -> None:
        self._transaction = transaction

    def newest_number(self) -> int:
        return max((change.number for change in self._transaction.state.changes), default=0)

    def after(self, number: int, *, limit: int) -> tuple[Change, ...]:
        return tuple(change for change in self._transaction.state.changes if change.number > number)[:limit]

    def forget_all_but(self, newest: int) -> int:
        changes = self._transaction.writable().changes
        oldest_kept = self.newest_number() - newest
        kept = [change for change in changes if change.number > oldest_kept]
        forgotten = len(changes) - len(kept)
        changes[:] = kept
        return forgotten


class MemoryOrderCheckRepository:
    """``federation.ports.OrderCheckRepository`` in memory."""

    def __init__(self, transaction: MemoryTransaction) -> None:
        self._transaction = transaction

    def append(self, check: OrderCheck) -> None:
        checks = self._transaction.writable().order_checks
        revisions = checks.get(check.check_id, {})
        if check.revision in revisions:
            raise Refused("the revision is kept already")
        checks[check.check_id] = {**revisions, check.revision: check}

    def newest(self, check_id: str) -> OrderCheck | None:
        revisions = self._transaction.state.order_checks.get(check_id)
        return None if revisions is None else revisions[max(revisions)]

    def open_checks_of(self, enterprise_ids: Collection[EnterpriseId], *, since: dt.datetime) -> tuple[OrderCheck, ...]:
        """Ordered by check id. ``since`` is compared with the newest revision's ``checked_at``."""
        persons = set(enterprise_ids)
        identifiers = self._identifiers_resolving_to(persons)
        newest = (self.newest(check_id) for check_id in sorted(self._transaction.state.order_checks))
        return tuple(
            check
            for check in newest
            if check is not None
            and check.checked_at >= since
            and (check.enterprise_id in persons or check.order.patient_identifier in identifiers)
        )

    def _identifiers_resolving_to(self, enterprise_ids: Collection[EnterpriseId]) -> set[PatientIdentifier]:
        state = self._transaction.state
        found: set[PatientIdentifier] = set()
        waiting = {identifier for person in enterprise_ids for identifier in state.members.get(person, ())}
        while waiting:
            found |= waiting
            waiting = {retired for survivor in waiting for retired in state.subsumed.get(survivor, ())} - found
        return found
