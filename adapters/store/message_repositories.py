"""Messages in and out: the inbox (taken before?), the event sink and the outbox it fills."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping

import sqlalchemy as sa

from adapters.store import mapping
from adapters.store.standing import run_standing, standing_rows
from adapters.store.statements import rows
from adapters.store.tables import inbox, outbox
from federation.ports import OutboxMessage, WaitingWork
from mpi.events import PersonChanged
from mpi.ports import FeedCount

_PUBLISH = sa.insert(outbox).inline()
_ACKNOWLEDGEMENT = sa.select(inbox.c.acknowledgement).where(
    inbox.c.sender == sa.bindparam("by"),
    inbox.c.message_control_id == sa.bindparam("control_id"),
    inbox.c.content_hash == sa.bindparam("hash"),
)
_KEEP = sa.insert(inbox)


class SqlInbox:
    """``mpi.ports.Inbox`` on a connection. The database refuses to keep the same message twice."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def stored_acknowledgement(self, sender: str, message_control_id: str, content_hash: str) -> bytes | None:
        asked = {"by": sender, "control_id": message_control_id, "hash": content_hash}
        found = standing_rows(self._connection, _ACKNOWLEDGEMENT, asked)
        return bytes(found[0]["acknowledgement"]) if found else None

    def keep(
        self,
        sender: str,
        message_control_id: str,
        content_hash: str,
        *,
        acknowledgement: bytes,
        received_at: dt.datetime,
    ) -> None:
        kept = {
            "sender": sender,
            "message_control_id": message_control_id,
            "content_hash": content_hash,
            "acknowledgement": acknowledgement,
            "received_at": received_at,
        }
        run_standing(self._connection, _KEEP, kept)

    def feeds(self, *, since: dt.datetime) -> tuple[FeedCount, ...]:
        newest = sa.func.max(inbox.c.received_at, type_=inbox.c.received_at.type)
        statement = (
            sa.select(inbox.c.sender, sa.func.count(), newest)
            .where(inbox.c.received_at >= since)
            .group_by(inbox.c.sender)
            .order_by(inbox.c.sender)
        )
        return tuple(FeedCount(*row) for row in self._connection.execute(statement))


class SqlEventSink:
    """``mpi.ports.EventSink``: an event becomes an outbox row of the same transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def publish(self, event: PersonChanged) -> None:
        run_standing(self._connection, _PUBLISH, mapping.outbox_values(event))


class SqlOutbox:
    """``federation.ports.Outbox`` on a connection.

    On PostgreSQL a row that another unit of work holds is passed over by ``due`` and waited for by ``get``; on SQLite
    there is no other writer.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, kind: str, body: Mapping[str, object], *, at: dt.datetime) -> None:
        self._connection.execute(sa.insert(outbox).values(kind=kind, body=dict(body), created_at=at, attempts=0))

    def due(self, *, limit: int, now: dt.datetime, retry_after_seconds: float) -> tuple[OutboxMessage, ...]:
        handed_over_before = now - dt.timedelta(seconds=retry_after_seconds)
        statement = (
            sa.select(outbox)
            .where(
                outbox.c.done_at.is_(None),
                sa.or_(outbox.c.enqueued_at.is_(None), outbox.c.enqueued_at <= handed_over_before),
            )
            .order_by(outbox.c.outbox_id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return tuple(mapping.outbox_from(row) for row in rows(self._connection, statement))

    def mark_enqueued(self, outbox_ids: Collection[int], *, at: dt.datetime) -> None:
        if outbox_ids:
            self._connection.execute(
                sa.update(outbox)
                .where(outbox.c.outbox_id.in_(sorted(outbox_ids)))
                .values(enqueued_at=at, attempts=outbox.c.attempts + 1)
            )

    def get(self, outbox_id: int) -> OutboxMessage | None:
        statement = (
            sa.select(outbox).where(outbox.c.outbox_id == outbox_id, outbox.c.done_at.is_(None)).with_for_update()
        )
        found = rows(self._connection, statement)
        return mapping.outbox_from(found[0]) if found else None

    def mark_done(self, outbox_id: int, *, at: dt.datetime) -> None:
        self.mark_all_done((outbox_id,), at=at)

    def mark_all_done(self, outbox_ids: Collection[int], *, at: dt.datetime) -> None:
        if outbox_ids:
            of_these = outbox.c.outbox_id.in_(sorted(outbox_ids))
            self._connection.execute(sa.update(outbox).where(of_these).values(done_at=at))

    def waiting(self) -> tuple[WaitingWork, ...]:
        oldest = sa.func.min(outbox.c.created_at, type_=outbox.c.created_at.type)
        statement = (
            sa.select(outbox.c.kind, sa.func.count(), oldest, sa.func.max(outbox.c.attempts))
            .where(outbox.c.done_at.is_(None))
            .group_by(outbox.c.kind)
            .order_by(outbox.c.kind)
        )
        return tuple(WaitingWork(*row) for row in self._connection.execute(statement))
