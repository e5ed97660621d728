"""Judged orders, one row a revision."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

import sqlalchemy as sa

from adapters.store import mapping
from adapters.store.statements import rows
from adapters.store.tables import order_check, source_record
from federation.imaging.order_checks import OrderCheck
from mpi.identity.identifiers import EnterpriseId
from mpi.identity.records import RecordStatus

_check = order_check.c
_APPEND = sa.insert(order_check).inline()


class SqlOrderCheckRepository:
    """``federation.ports.OrderCheckRepository`` on a connection. A revision is never changed or deleted."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def append(self, check: OrderCheck) -> None:
        self._connection.execute(_APPEND, mapping.order_check_values(check))

    def newest(self, check_id: str) -> OrderCheck | None:
        statement = sa.select(order_check).where(_check.check_id == check_id).order_by(_check.revision.desc()).limit(1)
        found = rows(self._connection, statement)
        return mapping.order_check_from(found[0]) if found else None

    def open_checks_of(self, enterprise_ids: Collection[EnterpriseId], *, since: dt.datetime) -> tuple[OrderCheck, ...]:
        """Ordered by check id. ``since`` is compared with the newest revision's ``checked_at``."""
        if not enterprise_ids:
            return ()
        wanted = sorted(set(enterprise_ids))
        identifiers = _identifiers_resolving_to(wanted)
        later = order_check.alias("later")
        has_later = sa.exists().where(later.c.check_id == _check.check_id, later.c.revision > _check.revision)
        names_person = sa.exists().where(
            identifiers.c.assigning_authority == _check.assigning_authority,
            identifiers.c.local_patient_id == _check.local_patient_id,
        )
        statement = (
            sa.select(order_check)
            .where(_check.checked_at >= since, ~has_later, sa.or_(_check.enterprise_id.in_(wanted), names_person))
            .order_by(_check.check_id)
        )
        return tuple(mapping.order_check_from(row) for row in rows(self._connection, statement))


def _identifiers_resolving_to(enterprise_ids: Collection[EnterpriseId]) -> sa.CTE:
    """The persons' identifiers, and the retired ones that lead to them over any number of merges."""
    record, retired = source_record.c, source_record.alias("retired")
    members = (
        sa.select(record.assigning_authority, record.local_patient_id)
        .where(record.enterprise_id.in_(list(enterprise_ids)), record.status == RecordStatus.ACTIVE)
        .cte("resolving", recursive=True)
    )
    # UNION (not UNION ALL) ends the walk even if survivors should ever form a ring.
    return members.union(
        sa.select(retired.c.assigning_authority, retired.c.local_patient_id).where(
            retired.c.status == RecordStatus.RETIRED,
            retired.c.surviving_authority == members.c.assigning_authority,
            retired.c.surviving_local_patient_id == members.c.local_patient_id,
        )
    )
