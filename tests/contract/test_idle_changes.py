"""Which events of changed persons ask for nothing: those of persons about whom no recent order was judged."""

from __future__ import annotations

from federation.usecases.idle_changes import idle_changes
from tests.contract.stores import NOW, Store, a_change, a_check, a_record, later


def test_only_the_event_of_somebody_with_a_recent_order_is_left(store: Store) -> None:
    with store.begin() as unit:
        unit.records.save(a_record("1001", person="E-1"), blocking_keys=[])
        unit.order_checks.append(a_check("C-1", person="E-1", at=NOW))
        unit.order_checks.append(a_check("C-2", number="5005", person="E-5", at=later(days=-3)))
        for person in ("E-4", "E-1", "E-5", "E-6", "E-7"):
            unit.events.publish(a_change(person))
        unit.outbox.add("order_received", {"order_key": "o"}, at=NOW)
        unit.commit()
    with store.begin() as unit:
        due = unit.outbox.due(limit=10, now=NOW, retry_after_seconds=60)
        idle = idle_changes(due, uow=unit, clock=lambda: later(hours=1))
    assert idle == tuple(
        m.outbox_id for m in due if m.body.get("enterprise_ids") in (["E-4"], ["E-5"], ["E-6"], ["E-7"])
    )
    assert len(idle) == 4


def test_a_check_of_a_number_counts_for_its_person(store: Store) -> None:
    """The order was judged before the number had a person."""
    with store.begin() as unit:
        unit.records.save(a_record("1001", person="E-1"), blocking_keys=[])
        unit.order_checks.append(a_check("C-1", number="1001", person=None, at=NOW))
        unit.events.publish(a_change("E-1"))
        (message,) = unit.outbox.due(limit=10, now=NOW, retry_after_seconds=60)
        assert idle_changes([message], uow=unit, clock=lambda: NOW) == ()
