"""Decisions of records staff and *the same person* assertions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from functools import cache

import sqlalchemy as sa

from adapters.store import mapping, review_counts
from adapters.store.standing import standing_rows
from adapters.store.statements import (
    insert_or_update,
    insert_unless_there,
    named_among,
    names_one_of,
    rows,
)
from adapters.store.tables import always_link, decided_record, identity_decision
from mpi.identity.decisions import AlwaysLink, Decision
from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.review_quality import TakenBack

_decision = identity_decision.c
_link = always_link.c
_LEFT = (_link.left_authority, _link.left_local_patient_id)
_RIGHT = (_link.right_authority, _link.right_local_patient_id)
_PAIR = tuple(column.name for column in always_link.primary_key)


class SqlDecisionRepository:
    """``mpi.ports.DecisionRepository`` on a connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def get(self, decision_id: str) -> Decision | None:
        found = rows(self._connection, sa.select(identity_decision).where(_decision.decision_id == decision_id))
        return mapping.decision_from(found[0]) if found else None

    def save(self, decision: Decision) -> None:
        values = mapping.decision_values(decision)
        insert_or_update(self._connection, identity_decision, values, key=("decision_id",), returning="decision_id")
        touched = [
            {
                "decision_id": decision.decision_id,
                "assigning_authority": identifier.assigning_authority,
                "local_patient_id": identifier.local_patient_id,
            }
            for identifier in decision.touched
        ]
        insert_unless_there(self._connection, decided_record, touched)

    def about(self, identifiers: Collection[PatientIdentifier]) -> tuple[Decision, ...]:
        if not identifiers:
            return ()
        authorities, parameters = named_among(self._connection.dialect.name, identifiers)
        found = rows(self._connection, _about(self._connection.dialect.name, authorities), parameters)
        return tuple(mapping.decision_from(row) for row in found)

    def taken_back(self, since: dt.datetime) -> TakenBack:
        return review_counts.taken_back(self._connection, since)

    def assert_always(self, assertion: AlwaysLink) -> None:
        values = mapping.always_link_values(assertion)
        insert_or_update(self._connection, always_link, values, key=_PAIR, returning="left_authority")

    def retract_always(self, assertion: AlwaysLink) -> None:
        pair = mapping.always_link_values(assertion)
        self._connection.execute(sa.delete(always_link).where(*(_link[name] == pair[name] for name in _PAIR)))

    def always_links_of(self, identifiers: Collection[PatientIdentifier]) -> tuple[AlwaysLink, ...]:
        if not identifiers:
            return ()
        authorities, parameters = named_among(self._connection.dialect.name, identifiers)
        found = standing_rows(self._connection, _always_links(self._connection.dialect.name, authorities), parameters)
        return tuple(mapping.always_link_from(row) for row in found)


@cache
def _about(dialect: str, authorities: int) -> sa.Executable:
    record = decided_record.c
    named = names_one_of(dialect, record.assigning_authority, record.local_patient_id, authorities)
    touching = sa.select(record.decision_id).where(named)
    statement = sa.select(identity_decision).where(_decision.decision_id.in_(touching))
    return statement.order_by(_decision.decision_number)


@cache
def _always_links(dialect: str, authorities: int) -> sa.Executable:
    on_either_side = sa.or_(names_one_of(dialect, *_LEFT, authorities), names_one_of(dialect, *_RIGHT, authorities))
    return sa.select(always_link).where(on_either_side).order_by(*_LEFT, *_RIGHT)
