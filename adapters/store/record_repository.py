"""Source records by identifier, person and blocking key, and the history of identifiers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from adapters.store import mapping
from adapters.store.bulk import add_rows, next_record_ids
from adapters.store.columns import Code
from adapters.store.standing import run_standing, standing_rows
from adapters.store.statements import (
    insert_or_update,
    insert_unless_there,
    is_any_of,
    named,
    named_among,
    names_it,
    names_one_of,
    rows,
)
from adapters.store.tables import blocking_key, person_redirect, record_history, source_record
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import HistoryEntry, RecordStatus, SourceRecord
from mpi.ports import Candidates

_record = source_record.c
_IDENTIFIER_ORDER = (_record.assigning_authority, _record.local_patient_id)
_IS_ACTIVE = _record.status == RecordStatus.ACTIVE
_IS_HELD = sa.and_(_IS_ACTIVE, _record.hold_decision_id.is_not(None))

_BY_IDENTIFIER = sa.select(source_record).where(names_it(*_IDENTIFIER_ORDER))
_OF_PERSON = (
    sa.select(source_record)
    .where(_record.enterprise_id == sa.bindparam("person"), _IS_ACTIVE)
    .order_by(*_IDENTIFIER_ORDER)
)
_KEYS_OF = sa.select(blocking_key.c.key).where(blocking_key.c.record_id == sa.bindparam("record_id"))
_HISTORY_OF = (
    sa.select(record_history)
    .where(names_it(record_history.c.assigning_authority, record_history.c.local_patient_id))
    .order_by(record_history.c.at, record_history.c.history_id)
)
_VALUES = tuple(column.name for column in source_record.c if not column.primary_key)
_APPEND = sa.insert(record_history).inline()
_SHARING_KEYS = (
    sa.text(
        """
        SELECT source_record.*
        FROM (
            SELECT found.record_id, count(*) AS shared
            FROM unnest(:keys) AS wanted (key)
            CROSS JOIN LATERAL (
                SELECT record_id FROM blocking_key WHERE blocking_key.key = wanted.key OFFSET 0
            ) AS found
            GROUP BY found.record_id
        ) AS sharing
        JOIN source_record ON source_record.record_id = sharing.record_id AND source_record.status = 'ACTIVE'
        ORDER BY sharing.shared DESC, source_record.assigning_authority, source_record.local_patient_id
        LIMIT :most
        """
    )
    .bindparams(sa.bindparam("keys", type_=postgresql.ARRAY(Code)), sa.bindparam("most", type_=sa.Integer))
    .columns(*source_record.c)
)
"""One look-up a key. Asked as one IN list, PostgreSQL reads the whole table of keys until statistics are gathered."""


@cache
def _by_identifiers(dialect: str, authorities: int) -> sa.Executable:
    return sa.select(source_record).where(names_one_of(dialect, *_IDENTIFIER_ORDER, authorities))


@cache
def _of_persons(dialect: str) -> sa.Executable:
    is_member = is_any_of(dialect, _record.enterprise_id, "persons")
    return sa.select(source_record).where(is_member, _IS_ACTIVE).order_by(*_IDENTIFIER_ORDER)


@cache
def _retired_into(dialect: str, authorities: int) -> sa.Executable:
    survivor = names_one_of(dialect, _record.surviving_authority, _record.surviving_local_patient_id, authorities)
    statement = sa.select(*_IDENTIFIER_ORDER).where(survivor, _record.status == RecordStatus.RETIRED)
    return statement.order_by(*_IDENTIFIER_ORDER)


@cache
def _save_with_keys() -> sa.Executable:
    """Insert or update a record and replace its keys, all in one statement of PostgreSQL."""
    insert = postgresql.insert(source_record)
    identifier = ("assigning_authority", "local_patient_id")
    saved = (
        insert.values({name: sa.bindparam(name, type_=source_record.c[name].type) for name in _VALUES})
        .on_conflict_do_update(
            index_elements=list(identifier),
            set_={name: insert.excluded[name] for name in _VALUES if name not in identifier},
        )
        .returning(_record.record_id)
        .cte("saved")
    )
    keys = sa.bindparam("keys", type_=postgresql.ARRAY(Code))
    dropped = (
        sa.delete(blocking_key)
        .where(blocking_key.c.record_id == saved.c.record_id, blocking_key.c.key != sa.all_(keys))
        .cte("dropped")
    )
    wanted = sa.select(sa.func.unnest(keys).label("key"), saved.c.record_id)
    return (
        postgresql.insert(blocking_key).from_select(["key", "record_id"], wanted).on_conflict_do_nothing()
        .add_cte(dropped)
    )  # fmt: skip


class SqlRecordRepository:
    """``mpi.ports.RecordRepository`` on a connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._dialect = connection.dialect.name

    def get(self, identifier: PatientIdentifier) -> SourceRecord | None:
        found = self._records(_BY_IDENTIFIER, named(identifier))
        return found[0] if found else None

    def get_many(self, identifiers: Collection[PatientIdentifier]) -> dict[PatientIdentifier, SourceRecord]:
        if not identifiers:
            return {}
        authorities, parameters = named_among(self._connection.dialect.name, identifiers)
        found = self._records(_by_identifiers(self._dialect, authorities), parameters)
        return {record.identifier: record for record in found}

    def of_person(self, enterprise_id: EnterpriseId) -> tuple[SourceRecord, ...]:
        return self._records(_OF_PERSON, {"person": enterprise_id})

    def of_persons(self, enterprise_ids: Collection[EnterpriseId]) -> dict[EnterpriseId, tuple[SourceRecord, ...]]:
        """Every id asked for is a key; a person without records has none."""
        if not enterprise_ids:
            return {}
        members: dict[EnterpriseId | None, list[SourceRecord]] = defaultdict(list)
        for record in self._records(_of_persons(self._dialect), {"persons": sorted(set(enterprise_ids))}):
            members[record.enterprise_id].append(record)
        return {enterprise_id: tuple(members[enterprise_id]) for enterprise_id in enterprise_ids}

    def retired_into(self, identifiers: Collection[PatientIdentifier]) -> tuple[PatientIdentifier, ...]:
        if not identifiers:
            return ()
        authorities, parameters = named_among(self._connection.dialect.name, identifiers)
        found = standing_rows(self._connection, _retired_into(self._dialect, authorities), parameters)
        return tuple(mapping.identifier_from(row) for row in found)

    def sharing_keys(self, keys: Collection[str], *, limit: int) -> Candidates:
        """Ties go by identifier, so that the same question has the same answer on every database."""
        if not keys:
            return Candidates(())
        if self._dialect == "postgresql":
            records = self._records(_SHARING_KEYS, {"keys": sorted(set(keys)), "most": limit + 1})
        else:
            found = rows(self._connection, _sharing_keys(keys).limit(limit + 1))
            records = tuple(mapping.record_from(row) for row in found)
        return Candidates(records[:limit], truncated=len(records) > limit)

    def save(self, record: SourceRecord, *, blocking_keys: Collection[str]) -> None:
        keys = set(blocking_keys) if record.is_active else set()
        if self._dialect == "postgresql":
            values = {**mapping.record_values(record), "keys": sorted(keys)}
            run_standing(self._connection, _save_with_keys(), values)
            return
        record_id: int = insert_or_update(
            self._connection,
            source_record,
            mapping.record_values(record),
            key=("assigning_authority", "local_patient_id"),
            returning="record_id",
        )
        self._replace_keys(record_id, keys)

    def _replace_keys(self, record_id: int, keys: set[str]) -> None:
        of_record = blocking_key.c.record_id == record_id
        stored = set(self._connection.scalars(_KEYS_OF, {"record_id": record_id}))
        if stored - keys:
            self._connection.execute(
                sa.delete(blocking_key).where(of_record, blocking_key.c.key.in_(sorted(stored - keys)))
            )
        new_rows = [{"record_id": record_id, "key": key} for key in sorted(keys - stored)]
        insert_unless_there(self._connection, blocking_key, new_rows)

    def add_many(self, records: Sequence[tuple[SourceRecord, Collection[str]]]) -> None:
        ids = next_record_ids(self._connection, source_record, len(records))
        found = [mapping.record_values(record) for record, _ in records]
        rows_of_records = ((n, *(values[name] for name in _VALUES)) for n, values in zip(ids, found, strict=True))
        add_rows(self._connection, source_record, ("record_id", *_VALUES), rows_of_records)
        keys = ((key, number) for number, (_, keys) in zip(ids, records, strict=True) for key in sorted(keys))
        add_rows(self._connection, blocking_key, ("key", "record_id"), keys)

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
        return self._after(_IS_ACTIVE, identifier, limit)

    def held_after(self, identifier: PatientIdentifier | None, *, limit: int) -> tuple[SourceRecord, ...]:
        return self._after(_IS_HELD, identifier, limit)

    def held_count(self) -> int:
        return self._connection.execute(sa.select(sa.func.count()).where(_IS_HELD)).scalar_one()

    def _after(
        self, which: sa.ColumnElement[bool], identifier: PatientIdentifier | None, limit: int
    ) -> tuple[SourceRecord, ...]:
        statement = sa.select(source_record).where(which).order_by(*_IDENTIFIER_ORDER).limit(limit)
        if identifier is not None:
            last = sa.tuple_(sa.literal(identifier.assigning_authority), sa.literal(identifier.local_patient_id))
            statement = statement.where(sa.tuple_(*_IDENTIFIER_ORDER) > last)
        return tuple(mapping.record_from(row) for row in rows(self._connection, statement))

    def _records(self, statement: sa.Executable, parameters: Mapping[str, Any]) -> tuple[SourceRecord, ...]:
        return tuple(mapping.record_from(row) for row in standing_rows(self._connection, statement, parameters))


def _sharing_keys(keys: Collection[str]) -> sa.Select[Any]:
    return (
        sa.select(source_record)
        .join(blocking_key, blocking_key.c.record_id == _record.record_id)
        .where(blocking_key.c.key.in_(sorted(set(keys))), _IS_ACTIVE)
        .group_by(_record.record_id)
        .order_by(sa.func.count().desc(), *_IDENTIFIER_ORDER)
    )


class SqlHistoryRepository:
    """``mpi.ports.HistoryRepository`` on a connection. The database refuses to change or delete an entry."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def append(self, entry: HistoryEntry) -> None:
        run_standing(self._connection, _APPEND, mapping.history_values(entry))

    def append_many(self, entries: Sequence[HistoryEntry]) -> None:
        found = [mapping.history_values(entry) for entry in entries]
        if found:
            add_rows(self._connection, record_history, tuple(found[0]), (tuple(values.values()) for values in found))

    def of(self, identifier: PatientIdentifier) -> tuple[HistoryEntry, ...]:
        found = standing_rows(self._connection, _HISTORY_OF, named(identifier))
        return tuple(mapping.history_from(row) for row in found)

    def of_many(self, identifiers: Collection[PatientIdentifier]) -> dict[PatientIdentifier, tuple[HistoryEntry, ...]]:
        found: dict[PatientIdentifier, list[HistoryEntry]] = {identifier: [] for identifier in identifiers}
        authorities, parameters = named_among(self._connection.dialect.name, identifiers)
        for row in standing_rows(self._connection, _histories(self._connection.dialect.name, authorities), parameters):
            entry = mapping.history_from(row)
            found[entry.identifier].append(entry)
        return {identifier: tuple(entries) for identifier, entries in found.items()}


@cache
def _histories(dialect: str, authorities: int) -> sa.Executable:
    entry = record_history.c
    about = sa.select(record_history).where(
        names_one_of(dialect, entry.assigning_authority, entry.local_patient_id, authorities)
    )
    return about.order_by(entry.at, entry.history_id)
