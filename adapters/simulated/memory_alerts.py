"""In-memory alerts and placed orders."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator

from adapters.simulated.memory_state import MemoryTransaction
from federation.changes import ChangeKind
from federation.errors import StaleAlert
from federation.imaging.alerts import AlertState, DuplicateAlert
from federation.imaging.placed_orders import OrderStatus, PlacedOrder
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier


class MemoryAlertRepository:
    """``federation.ports.AlertRepository`` in memory."""

    def __init__(self, transaction: MemoryTransaction) -> None:
        self._transaction = transaction

    def append(self, alert: DuplicateAlert) -> None:
        alerts = self._transaction.writable().alerts
        events = alerts.get(alert.alert_id, ())
        if len(events) + 1 != alert.sequence:
            raise StaleAlert("the alert changed in between")
        alerts[alert.alert_id] = (*events, alert)
        self._transaction.writable().note_change(ChangeKind.ALERT, alert.alert_id, alert.sequence)

    def newest(self, alert_id: str) -> DuplicateAlert | None:
        events = self.history(alert_id)
        return events[-1] if events else None

    def history(self, alert_id: str) -> tuple[DuplicateAlert, ...]:
        return self._transaction.state.alerts.get(alert_id, ())

    def of_order(self, order_key: str) -> tuple[DuplicateAlert, ...]:
        return tuple(alert for alert in self._all() if alert.order_key == order_key)

    def alike(self, order_key: str, content_key: str) -> tuple[DuplicateAlert, ...]:
        return tuple(a for a in self._all() if order_key == a.order_key or content_key == a.content_key)

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
        anybody = identifiers is None and enterprise_id is None
        fitting = [
            alert
            for alert in self._all()
            if (
                anybody
                or alert.patient_identifier in (identifiers or ())
                or (enterprise_id is not None and alert.enterprise_id == enterprise_id)
            )
            and check_id in (None, alert.check_id)
            and (states is None or alert.state in states)
            and (changed_before is None or alert.changed_at <= changed_before)
        ]
        return tuple(sorted(fitting, key=lambda alert: alert.changed_at, reverse=True)[:limit])

    def _all(self) -> Iterator[DuplicateAlert]:
        alerts = self._transaction.state.alerts
        return (alerts[alert_id][-1] for alert_id in sorted(alerts))


class MemoryPlacedOrderRepository:
    """``federation.ports.PlacedOrderRepository`` in memory."""

    def __init__(self, transaction: MemoryTransaction) -> None:
        self._transaction = transaction

    def get(self, order_key: str) -> PlacedOrder | None:
        return self._transaction.state.placed_orders.get(order_key)

    def by_number(
        self, site_id: str, *, placer_order_number: str | None, filler_order_number: str | None
    ) -> PlacedOrder | None:
        orders = self._transaction.state.placed_orders
        at_site = [orders[key] for key in sorted(orders) if orders[key].order.ordering_site == site_id]
        by_placer = (o for o in at_site if placer_order_number and o.placer_order_number == placer_order_number)
        by_filler = (o for o in at_site if filler_order_number and o.filler_order_number == filler_order_number)
        return next(by_placer, None) or next(by_filler, None)

    def save(self, order: PlacedOrder) -> None:
        orders = self._transaction.writable().placed_orders
        kept = orders.get(order.order_key)
        if kept is not None and kept.version != order.version - 1:
            raise StaleAlert("the order changed in between")
        orders[order.order_key] = order

    def open_of(self, identifiers: Collection[PatientIdentifier]) -> tuple[PlacedOrder, ...]:
        orders = self._transaction.state.placed_orders
        return tuple(
            orders[key]
            for key in sorted(orders)
            if orders[key].status is OrderStatus.NEW and orders[key].order.patient_identifier in set(identifiers)
        )
