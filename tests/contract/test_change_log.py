"""The log of changes: one suite over every store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from federation.changes import Change, ChangeKind
from federation.errors import StaleAlert
from federation.imaging.alerts import shown
from mpi.errors import StaleDecision
from tests.contract.stores import NOW, Store, an_item
from tests.contract.test_alerts_and_orders import an_alert, keep


def changes(store: Store, after: int = 0, limit: int = 99) -> list[Change]:
    with store.begin_reading() as unit:
        return list(unit.changes.after(after, limit=limit))


def newest(store: Store) -> int:
    with store.begin_reading() as unit:
        return unit.changes.newest_number()


def test_each_event_and_each_version_is_told_once_in_order(store: Store) -> None:
    assert changes(store) == []
    assert newest(store) == 0
    raised = an_alert()
    seen = shown(raised, at=NOW, by="dr-1")
    assert seen is not None
    item = an_item()
    with store.begin() as unit:
        unit.alerts.append(raised)
        unit.reviews.save(item)
        unit.alerts.append(seen)
        unit.reviews.save(replace(item, version=item.version + 1, priority=7))
        unit.commit()
    told = changes(store)
    assert [(change.kind, change.key, change.version) for change in told] == [
        (ChangeKind.ALERT, raised.alert_id, 1),
        (ChangeKind.REVIEW_ITEM, item.review_item_id, item.version),
        (ChangeKind.ALERT, raised.alert_id, 2),
        (ChangeKind.REVIEW_ITEM, item.review_item_id, item.version + 1),
    ]
    assert newest(store) == told[-1].number
    assert changes(store, told[1].number) == told[2:]
    assert changes(store, told[0].number, limit=1) == told[1:2]


def test_what_was_refused_or_not_committed_is_not_told(store: Store) -> None:
    alert, item = an_alert(), an_item()
    with store.begin() as unit:
        unit.alerts.append(alert)
        unit.reviews.save(item)
    assert changes(store) == []
    keep(store, alert)
    with store.begin() as unit:
        unit.reviews.save(item)
        unit.commit()
    told = changes(store)
    with store.begin() as unit, pytest.raises(StaleAlert):
        unit.alerts.append(alert)
    with store.begin() as unit, pytest.raises(StaleDecision):
        unit.reviews.save(item)
    assert changes(store) == told


def test_old_entries_are_forgotten_and_no_number_comes_twice(store: Store) -> None:
    for number in range(4):
        keep(store, an_alert(f"P-{number}"))
    before = changes(store)
    with store.begin() as unit:
        assert unit.changes.forget_all_but(1) == 3
        assert unit.changes.forget_all_but(1) == 0
        unit.commit()
    assert changes(store) == before[-1:]
    keep(store, an_alert("P-9"))
    assert newest(store) > before[-1].number
