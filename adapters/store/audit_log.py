"""The audit log. There is no way to change or delete an event, and the database refuses both."""

from __future__ import annotations

import sqlalchemy as sa

from adapters.store import mapping
from adapters.store.statements import rows
from adapters.store.tables import audit_event
from mpi.audit import AuditEvent


class SqlAuditLog:
    """``mpi.ports.AuditLog`` on a connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def append(self, event: AuditEvent) -> None:
        self._connection.execute(sa.insert(audit_event).values(mapping.audit_values(event)))

    def newest(self, *, limit: int) -> tuple[AuditEvent, ...]:
        statement = sa.select(audit_event).order_by(audit_event.c.at.desc(), audit_event.c.audit_id.desc()).limit(limit)
        return tuple(mapping.audit_from(row) for row in rows(self._connection, statement))
