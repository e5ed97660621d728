"""Alerts (one row an event) and the orders that sites placed (one row each)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from adapters.store import mapping
from adapters.store.change_log import note_change
from adapters.store.statements import insert_or_update, insert_unless_there, is_one_of, rows
from adapters.store.tables import alert_event, imaging_order
from federation.changes import ChangeKind
from federation.errors import StaleAlert
from federation.imaging.alerts import AlertState, DuplicateAlert
from federation.imaging.placed_orders import OrderStatus, PlacedOrder
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier

_event, _order = alert_event.c, imaging_order.c


class SqlAlertRepository:
    """``federation.ports.AlertRepository`` on a connection. An event is never changed or deleted."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def append(self, alert: DuplicateAlert) -> None:
        # A refused insert would end the transaction on PostgreSQL, so the row is looked for first; who comes in
        # between is seen by what was written.
        before = self.newest(alert.alert_id)
        if (0 if before is None else before.sequence) + 1 != alert.sequence:
            raise StaleAlert("the alert changed in between")
        insert_unless_there(self._connection, alert_event, [mapping.alert_values(alert)])
        if self.newest(alert.alert_id) != alert:
            raise StaleAlert("the alert changed in between")
        note_change(self._connection, ChangeKind.ALERT, alert.alert_id, alert.sequence)

    def newest(self, alert_id: str) -> DuplicateAlert | None:
        found = self._newest(_event.alert_id == alert_id)
        return found[0] if found else None

    def history(self, alert_id: str) -> tuple[DuplicateAlert, ...]:
        statement = sa.select(alert_event).where(_event.alert_id == alert_id).order_by(_event.sequence)
        return tuple(mapping.alert_from(row) for row in rows(self._connection, statement))

    def of_order(self, order_key: str) -> tuple[DuplicateAlert, ...]:
        return self._newest(_event.order_key == order_key)

    def alike(self, order_key: str, content_key: str) -> tuple[DuplicateAlert, ...]:
        return self._newest(sa.or_(_event.order_key == order_key, _event.content_key == content_key))

    def find(
        self,
        *,
        identifiers: Collection[PatientIdentifier] | None = None,
        enterprise_id: EnterpriseId | None = None,
        check_id: str | None = None,
        states: Collection[AlertState] | None = None,
        changed_before: dt.datetime | None = None,
        limit: int,
    ) -> tuple[DuplicateAlert, ...]:
        wanted: list[sa.ColumnElement[bool]] = []
        person = [] if enterprise_id is None else [_event.enterprise_id == enterprise_id]
        if identifiers is not None:
            person.append(is_one_of(_event.assigning_authority, _event.local_patient_id, identifiers))
        if person:
            wanted.append(sa.or_(*person))
        if check_id is not None:
            wanted.append(_event.check_id == check_id)
        if states is not None:
            wanted.append(_event.state.in_(sorted(states, key=lambda state: state.name)))
        if changed_before is not None:
            wanted.append(_event.changed_at <= changed_before)
        return self._newest(*wanted, order=(_event.changed_at.desc(), _event.alert_id), limit=limit)

    def _newest(
        self, *wanted: sa.ColumnElement[bool], order: tuple[Any, ...] = (_event.alert_id,), limit: int | None = None
    ) -> tuple[DuplicateAlert, ...]:
        later = alert_event.alias("later")
        has_later = sa.exists().where(later.c.alert_id == _event.alert_id, later.c.sequence > _event.sequence)
        statement = sa.select(alert_event).where(~has_later, *wanted).order_by(*order).limit(limit)
        return tuple(mapping.alert_from(row) for row in rows(self._connection, statement))


class SqlPlacedOrderRepository:
    """``federation.ports.PlacedOrderRepository`` on a connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def get(self, order_key: str) -> PlacedOrder | None:
        return self._first(_order.order_key == order_key)

    def by_number(
        self, site_id: str, *, placer_order_number: str | None, filler_order_number: str | None
    ) -> PlacedOrder | None:
        found = None
        if placer_order_number is not None:
            found = self._first(_order.site_id == site_id, _order.placer_order_number == placer_order_number)
        if found is None and filler_order_number is not None:
            found = self._first(_order.site_id == site_id, _order.filler_order_number == filler_order_number)
        return found

    def save(self, order: PlacedOrder) -> None:
        written = insert_or_update(
            self._connection,
            imaging_order,
            mapping.placed_order_values(order),
            key=["order_key"],
            returning="order_key",
            only_if_next_version=True,
        )
        if written is None:
            raise StaleAlert("the order changed in between")

    def open_of(self, identifiers: Collection[PatientIdentifier]) -> tuple[PlacedOrder, ...]:
        if not identifiers:
            return ()
        named = is_one_of(_order.assigning_authority, _order.local_patient_id, identifiers)
        statement = sa.select(imaging_order).where(_order.status == OrderStatus.NEW, named).order_by(_order.order_key)
        return tuple(mapping.placed_order_from(row) for row in rows(self._connection, statement))

    def _first(self, *wanted: sa.ColumnElement[bool]) -> PlacedOrder | None:
        statement = sa.select(imaging_order).where(*wanted).order_by(_order.order_key).limit(1)
        found = rows(self._connection, statement)
        return mapping.placed_order_from(found[0]) if found else None
