"""Source records by identifier, person and blocking key, and the history of identifiers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from adapters.store import mapping
from adapters.store.statements import insert_or_update, insert_unless_there, is_one_of, rows
from adapters.store.tables import blocking_key, person_redirect, record_history, source_record
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import HistoryEntry, RecordStatus, SourceRecord
from mpi.ports import Candidates

_record = source_record.c
_IDENTIFIER_ORDER = (_record.assigning_authority, _record.local_patient_id)
_IS_ACTIVE = _record.status == RecordStatus.ACTIVE


class SqlRecordRepository:
    """``mpi.ports.RecordRepository`` on a connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def get(self, identifier: PatientIdentifier) -> SourceRecord | None:
        return self.get_many((identifier,)).get(identifier)

    def get_many(self, identifiers: Collection[PatientIdentifier]) -> dict[PatientIdentifier, SourceRecord]:
        if not identifiers:
            return {}
        found = self._records(sa.select(source_record).where(is_one_of(*_IDENTIFIER_ORDER, identifiers)))
        return {record.identifier: record for record in found}

    def of_person(self, enterprise_id: EnterpriseId) -> tuple[SourceRecord, ...]:
        return self.of_persons((enterprise_id,))[enterprise_id]

    def of_persons(self, enterprise_ids: Collection[EnterpriseId]) -> dict[EnterpriseId, tuple[SourceRecord, ...]]:
        """Every id asked for is a key; a person without records has none."""
        if not enterprise_ids:
            return {}
        statement = sa.select(source_record).where(_record.enterprise_id.in_(sorted(set(enterprise_ids))), _IS_ACTIVE)
        members: dict[EnterpriseId | None, list[SourceRecord]] = defaultdict(list)
        for record in self._records(statement.order_by(*_IDENTIFIER_ORDER)):
            members[record.enterprise_id].append(record)
        return {enterprise_id: tuple(members[enterprise_id]) for enterprise_id in enterprise_ids}

    def retired_into(self, identifiers: Collection[PatientIdentifier]) -> tuple[PatientIdentifier, ...]:
        if not identifiers:
            return ()
        survivor = (_record.surviving_authority, _record.surviving_local_patient_id)
        statement = sa.select(*_IDENTIFIER_ORDER).where(
            is_one_of(*survivor, identifiers), _record.status == RecordStatus.RETIRED
        )
        ordered = statement.order_by(*_IDENTIFIER_ORDER)
        return tuple(mapping.identifier_from(row) for row in rows(self._connection, ordered))

    def sharing_keys(self, keys: Collection[str], *, limit: int) -> Candidates:
        """Ties go by identifier, so that the same question has the same answer on every database."""
        if not keys:
            return Candidates(())
        statement = (
            sa.select(source_record)
            .join(blocking_key, blocking_key.c.record_id == _record.record_id)
            .where(blocking_key.c.key.in_(sorted(set(keys))), _IS_ACTIVE)
            .group_by(_record.record_id)
            .order_by(sa.func.count().desc(), *_IDENTIFIER_ORDER)
            .limit(limit + 1)
        )
        records = self._records(statement)
        return Candidates(records[:limit], truncated=len(records) > limit)

    def save(self, record: SourceRecord, *, blocking_keys: Collection[str]) -> None:
        record_id: int = insert_or_update(
            self._connection,
            source_record,
            mapping.record_values(record),
            key=("assigning_authority", "local_patient_id"),
            returning="record_id",
        )
        self._replace_keys(record_id, set(blocking_keys) if record.is_active else set())

    def _replace_keys(self, record_id: int, keys: set[str]) -> None:
        of_record = blocking_key.c.record_id == record_id
        stored = set(self._connection.scalars(sa.select(blocking_key.c.key).where(of_record)))
        if stored - keys:
            self._connection.execute(
                sa.delete(blocking_key).where(of_record, blocking_key.c.key.in_(sorted(stored - keys)))
            )
        new_rows = [{"record_id": record_id, "key": key} for key in sorted(keys - stored)]
        insert_unless_there(self._connection, blocking_key, new_rows)

    def person_count(self) -> int:
        statement = sa.select(sa.func.count(_record.enterprise_id.distinct())).where(_IS_ACTIVE)
        return self._connection.execute(statement).scalar_one()

    def redirect_person(self, enterprise_id: EnterpriseId, into: EnterpriseId) -> None:
        values = {"enterprise_id": enterprise_id, "into_enterprise_id": into}
        insert_or_update(self._connection, person_redirect, values, key=("enterprise_id",), returning="enterprise_id")

    def drop_redirects(self, enterprise_ids: Collection[EnterpriseId]) -> None:
        if enterprise_ids:
            alive = person_redirect.c.enterprise_id.in_(sorted(set(enterprise_ids)))
            self._connection.execute(sa.delete(person_redirect).where(alive))

    def redirect_of(self, enterprise_id: EnterpriseId) -> EnterpriseId | None:
        redirect = person_redirect.c
        statement = sa.select(redirect.into_enterprise_id).where(redirect.enterprise_id == enterprise_id)
        found: EnterpriseId | None = self._connection.execute(statement).scalar_one_or_none()
        return found

    def active_after(self, identifier: PatientIdentifier | None, *, limit: int) -> tuple[SourceRecord, ...]:
        statement = sa.select(source_record).where(_IS_ACTIVE).order_by(*_IDENTIFIER_ORDER).limit(limit)
        if identifier is not None:
            last = sa.tuple_(sa.literal(identifier.assigning_authority), sa.literal(identifier.local_patient_id))
            statement = statement.where(sa.tuple_(*_IDENTIFIER_ORDER) > last)
        return self._records(statement)

    def _records(self, statement: sa.Select[Any]) -> tuple[SourceRecord, ...]:
        return tuple(mapping.record_from(row) for row in rows(self._connection, statement))


class SqlHistoryRepository:
    """``mpi.ports.HistoryRepository`` on a connection. The database refuses to change or delete an entry."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def append(self, entry: HistoryEntry) -> None:
        self._connection.execute(sa.insert(record_history).values(mapping.history_values(entry)))

    def of(self, identifier: PatientIdentifier) -> tuple[HistoryEntry, ...]:
        history = record_history.c
        statement = (
            sa.select(record_history)
            .where(is_one_of(history.assigning_authority, history.local_patient_id, (identifier,)))
            .order_by(history.at, history.history_id)
        )
        return tuple(mapping.history_from(row) for row in rows(self._connection, statement))
