"""Alerts (one row an event) and the orders that sites placed (one row each)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa

from adapters.store import mapping
from adapters.store.change_log import note_change
from adapters.store.statements import (
    insert_of,
    insert_or_update,
    named_among,
    names_one_of,
    rows,
)
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
        # A refused insert would end the transaction on PostgreSQL; one that is not made returns nothing.
        before = self._connection.execute(_SEQUENCE, {"alert_id": alert.alert_id}).scalar_one_or_none()
        if (before or 0) + 1 != alert.sequence:
            raise StaleAlert("the alert changed in between")
        appending = _append(self._connection.dialect.name)
        if self._connection.execute(appending, mapping.alert_values(alert)).first() is None:
            raise StaleAlert("the alert changed in between")
        note_change(self._connection, ChangeKind.ALERT, alert.alert_id, alert.sequence)

    def newest(self, alert_id: str) -> DuplicateAlert | None:
        found = self._alerts(_NEWEST, {"alert_id": alert_id})
        return found[0] if found else None

    def history(self, alert_id: str) -> tuple[DuplicateAlert, ...]:
        statement = sa.select(alert_event).where(_event.alert_id == alert_id).order_by(_event.sequence)
        return tuple(mapping.alert_from(row) for row in rows(self._connection, statement))

    def of_order(self, order_key: str) -> tuple[DuplicateAlert, ...]:
        return self._alerts(_newest_of(_event.order_key == order_key))

    def alike(self, order_key: str, content_key: str) -> tuple[DuplicateAlert, ...]:
        return self._alerts(_ALIKE, {"order_key": order_key, "content_key": content_key})

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
        parameters: dict[str, Any] = {}
        if identifiers is not None:
            dialect = self._connection.dialect.name
            authorities, parameters = named_among(dialect, identifiers)
            person.append(names_one_of(dialect, _event.assigning_authority, _event.local_patient_id, authorities))
        if person:
            wanted.append(sa.or_(*person))
        if check_id is not None:
            wanted.append(_event.check_id == check_id)
        if states is not None:
            wanted.append(_event.state.in_(sorted(states, key=lambda state: state.name)))
        if changed_before is not None:
            wanted.append(_event.changed_at <= changed_before)
        latest_first = _newest_of(*wanted, order=(_event.changed_at.desc(), _event.alert_id)).limit(limit)
        return self._alerts(latest_first, parameters)

    def _alerts(
        self, statement: sa.Executable, parameters: Mapping[str, Any] | None = None
    ) -> tuple[DuplicateAlert, ...]:
        return tuple(mapping.alert_from(row) for row in rows(self._connection, statement, parameters))


def _newest_of(*wanted: sa.ColumnElement[bool], order: tuple[Any, ...] = (_event.alert_id,)) -> sa.Select[Any]:
    """The last event of each alert."""
    later = alert_event.alias("later")
    has_later = sa.exists().where(later.c.alert_id == _event.alert_id, later.c.sequence > _event.sequence)
    return sa.select(alert_event).where(~has_later, *wanted).order_by(*order)


_SEQUENCE = sa.select(sa.func.max(_event.sequence)).where(_event.alert_id == sa.bindparam("alert_id"))
_NEWEST = _newest_of(_event.alert_id == sa.bindparam("alert_id"))
_ALIKE = _newest_of(
    sa.or_(_event.order_key == sa.bindparam("order_key"), _event.content_key == sa.bindparam("content_key"))
)


@cache
def _append(dialect: str) -> sa.Executable:
    return insert_of(dialect, alert_event).on_conflict_do_nothing().returning(_event.alert_id)


class SqlPlacedOrderRepository:
    """``federation.ports.PlacedOrderRepository`` on a connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def get(self, order_key: str) -> PlacedOrder | None:
        return self._first(_BY_KEY, {"order_key": order_key})

    def by_number(
        self, site_id: str, *, placer_order_number: str | None, filler_order_number: str | None
    ) -> PlacedOrder | None:
        found = None
        if placer_order_number is not None:
            found = self._first(_first_of(_order.site_id == site_id, _order.placer_order_number == placer_order_number))
        if found is None and filler_order_number is not None:
            found = self._first(_first_of(_order.site_id == site_id, _order.filler_order_number == filler_order_number))
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
        dialect = self._connection.dialect.name
        authorities, parameters = named_among(dialect, identifiers)
        found = rows(self._connection, _open_of(dialect, authorities), parameters)
        return tuple(mapping.placed_order_from(row) for row in found)

    def _first(self, statement: sa.Executable, parameters: Mapping[str, Any] | None = None) -> PlacedOrder | None:
        found = rows(self._connection, statement, parameters)
        return mapping.placed_order_from(found[0]) if found else None


def _first_of(*wanted: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(imaging_order).where(*wanted).order_by(_order.order_key).limit(1)


_BY_KEY = _first_of(_order.order_key == sa.bindparam("order_key"))


@cache
def _open_of(dialect: str, authorities: int) -> sa.Executable:
    named = names_one_of(dialect, _order.assigning_authority, _order.local_patient_id, authorities)
    return sa.select(imaging_order).where(_order.status == OrderStatus.NEW, named).order_by(_order.order_key)
