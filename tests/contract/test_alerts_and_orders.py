"""Alerts and placed orders: one suite over every store."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
import sqlalchemy as sa

from federation.errors import StaleAlert
from federation.imaging.alerts import (
    AlertState,
    DuplicateAlert,
    OverrideReason,
    closed,
    new_alert,
    overridden,
    shown,
)
from federation.imaging.placed_orders import OrderStatus, PlacedOrder
from mpi.identity.identifiers import EnterpriseId
from tests.contract.stores import NOW, Store, a_check, an_identifier, later


def an_alert(
    number: str = "P-9", *, at: dt.datetime = NOW, patient: str = "1001", check: str = "C-1"
) -> DuplicateAlert:
    judged = a_check(check, number=patient)
    numbered = replace(judged, order=replace(judged.order, placer_order_number=number or None))
    alert = new_alert(numbered, at=at, by="dr-1")
    assert alert is not None
    return alert


def a_placed_order(number: str = "P-9", *, patient: str = "1001", status: OrderStatus = OrderStatus.NEW) -> PlacedOrder:
    order = replace(a_check(number=patient).order, placer_order_number=number)
    return PlacedOrder(f"north|{number}", status, order, NOW, number, f"F-{number}", "LOC-1")


def keep(store: Store, *events: DuplicateAlert) -> None:
    with store.begin() as unit:
        for event in events:
            unit.alerts.append(event)
        unit.commit()


def test_an_alert_comes_back_as_it_was_with_every_event(store: Store) -> None:
    raised = an_alert()
    seen = shown(raised, at=later(minutes=1), by="dr-1")
    assert seen is not None
    over = overridden(seen, OverrideReason.CLINICAL_CHANGE, at=later(minutes=2), by="dr-1", comment="new pain")
    assert over is not None
    keep(store, raised, seen, over)
    with store.begin_reading() as unit:
        assert unit.alerts.newest(raised.alert_id) == over
        assert list(unit.alerts.history(raised.alert_id)) == [raised, seen, over]
        assert unit.alerts.newest("nothing") is None
        assert list(unit.alerts.history("nothing")) == []


def test_the_second_to_write_an_event_is_told(store: Store) -> None:
    raised = an_alert()
    keep(store, raised)
    for late in (raised, replace(raised, sequence=3)):
        with store.begin() as unit, pytest.raises(StaleAlert):
            unit.alerts.append(late)
    with store.begin_reading() as unit:
        assert list(unit.alerts.history(raised.alert_id)) == [raised]


def test_alerts_of_an_order_and_of_equal_ones(store: Store) -> None:
    one, other, unnumbered = an_alert("P-1"), an_alert("P-2"), an_alert("")
    keep(store, one, other, unnumbered)
    with store.begin_reading() as unit:
        assert list(unit.alerts.of_order(one.order_key)) == [one]
        alike = unit.alerts.alike(one.order_key, one.content_key)
        assert {alert.alert_id for alert in alike} == {one.alert_id, other.alert_id, unnumbered.alert_id}
        assert list(unit.alerts.alike(one.order_key, "content:none")) == [one]


def test_finding_looks_at_the_newest_state_only(store: Store) -> None:
    raised = an_alert("P-1")
    gone = closed(raised, AlertState.SUPERSEDED, at=later(hours=1), by="x", detail="order_cancelled")
    assert gone is not None
    other = an_alert("P-2", at=later(hours=2), patient="77", check="C-2")
    keep(store, raised, gone, other)
    with store.begin_reading() as unit:
        find = unit.alerts.find
        assert list(find(limit=9)) == [other, gone]
        assert list(find(limit=1)) == [other]
        assert list(find(states=[AlertState.RAISED], limit=9)) == [other]
        assert list(find(states=[AlertState.SUPERSEDED], limit=9)) == [gone]
        assert list(find(check_id="C-2", limit=9)) == [other]
        assert list(find(identifiers=[an_identifier("77")], limit=9)) == [other]
        assert list(find(enterprise_id=EnterpriseId("E-1"), limit=9)) == [other, gone]
        assert list(find(identifiers=[an_identifier("5")], enterprise_id=EnterpriseId("E-2"), limit=9)) == []
        assert list(find(changed_before=later(hours=1), limit=9)) == [gone]


def test_an_order_comes_back_as_it_was_and_is_found_by_either_number(store: Store) -> None:
    placed = a_placed_order()
    with store.begin() as unit:
        unit.placed_orders.save(placed)
        unit.commit()
    with store.begin_reading() as unit:
        found = unit.placed_orders
        assert found.get(placed.order_key) == placed
        assert found.by_number("north", placer_order_number="P-9", filler_order_number=None) == placed
        assert found.by_number("north", placer_order_number=None, filler_order_number="F-P-9") == placed
        assert found.by_number("north", placer_order_number="new", filler_order_number="F-P-9") == placed
        assert found.by_number("south", placer_order_number="P-9", filler_order_number="F-P-9") is None
        assert found.by_number("north", placer_order_number=None, filler_order_number=None) is None


def test_an_order_is_changed_by_one_at_a_time(store: Store) -> None:
    placed = a_placed_order()
    cancelled = replace(placed, status=OrderStatus.CANCELLED, version=2)
    with store.begin() as unit:
        unit.placed_orders.save(placed)
        unit.placed_orders.save(cancelled)
        unit.commit()
    with store.begin() as unit, pytest.raises(StaleAlert):
        unit.placed_orders.save(replace(placed, local_code="late", version=2))
    with store.begin_reading() as unit:
        assert unit.placed_orders.get(placed.order_key) == cancelled


def test_open_orders_of_a_person(store: Store) -> None:
    mine, other, done = a_placed_order("P-1"), a_placed_order("P-2", patient="77"), a_placed_order("P-3")
    with store.begin() as unit:
        for placed in (mine, other, replace(done, status=OrderStatus.FINAL)):
            unit.placed_orders.save(placed)
        unit.commit()
    with store.begin_reading() as unit:
        assert list(unit.placed_orders.open_of([an_identifier(), an_identifier("5")])) == [mine]
        assert list(unit.placed_orders.open_of([])) == []


def test_an_outbox_row_of_any_kind(store: Store) -> None:
    with store.begin() as unit:
        unit.outbox.add("alert_raised", {"alert_id": "A-1"}, at=NOW)
        unit.commit()
    with store.begin() as unit:
        (row,) = unit.outbox.due(limit=5, now=later(seconds=1), retry_after_seconds=60)
        assert (row.kind, row.body, row.created_at, row.attempts) == ("alert_raised", {"alert_id": "A-1"}, NOW, 0)


@pytest.mark.parametrize("statement", ["UPDATE alert_event SET state = 'SHOWN'", "DELETE FROM alert_event"])
def test_the_database_refuses_to_change_an_event(sql_store: Store, statement: str) -> None:
    keep(sql_store, an_alert())
    assert sql_store.engine is not None
    with sql_store.engine.begin() as connection, pytest.raises(sa.exc.DBAPIError, match="append-only"):
        connection.exec_driver_sql(statement)
