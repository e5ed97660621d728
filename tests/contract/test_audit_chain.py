"""The audit log of every store: one chain without gaps, whoever writes at once, and what may be read and let go."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from mpi.audit import AuditEvent, AuditOutcome, AuditSearch
from mpi.audit_chain import EMPTY_CHAIN, AuditHead, ChainFault, ChainProblem, chained
from mpi.usecases.prune_audit import prune_audit
from mpi.usecases.verify_audit import verify_audit
from tests.contract.stores import NOW, Store, an_audit_event, later


def keep(store: Store, *events: AuditEvent) -> None:
    with store.begin() as unit:
        for event in events:
            unit.audit.append(event)
        unit.commit()


def on_day(day: int, *, subject: str | None = "E-1") -> AuditEvent:
    return replace(an_audit_event(f"action-{day}", at=later(days=day)), subject=subject)


def test_rows_are_numbered_and_chained_in_the_order_given(store: Store) -> None:
    events = [on_day(3), on_day(1, subject=None), on_day(2)]
    keep(store, events[0])
    keep(store, *events[1:])
    with store.begin_reading() as unit:
        rows = unit.audit_chain.rows(after=None, limit=10)
        assert [(row.number, row.chain_hash) for row in rows] == [
            (row.number, row.chain_hash) for row in chained(EMPTY_CHAIN, events)
        ]
        assert [row.event for row in rows] == events
        assert unit.audit_chain.rows(after=1, limit=1) == rows[1:2]
        assert unit.audit_chain.head() == AuditHead(3, rows[2].chain_hash or b"")
        assert unit.audit_chain.anchor() is None


def test_an_empty_chain_is_sound(store: Store) -> None:
    with store.begin_reading() as unit:
        assert unit.audit_chain.head() == EMPTY_CHAIN
        report = verify_audit(unit.audit_chain)
    assert (report.problem, report.row_count) == (None, 0)


def test_a_unit_sees_what_it_gave_before_it_commits(store: Store) -> None:
    with store.begin() as unit:
        unit.audit.append(on_day(1))
        assert [kept.event for kept in unit.audit.search(AuditSearch(), before=None, limit=5)] == [on_day(1)]
        unit.audit.append(on_day(2))
        unit.commit()
    with store.begin_reading() as unit:
        assert verify_audit(unit.audit_chain).row_count == 2


def test_what_is_rolled_back_leaves_no_gap(store: Store) -> None:
    keep(store, on_day(1))
    with store.begin() as unit:
        unit.audit.append(on_day(2))
        assert len(unit.audit.search(AuditSearch(), before=None, limit=5)) == 2
    keep(store, on_day(3))
    with store.begin_reading() as unit:
        report = verify_audit(unit.audit_chain)
        assert (report.problem, report.row_count) == (None, 2)


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (AuditSearch(), [4, 3, 2, 1]),
        (AuditSearch(actor="DR-A"), [3, 1]),
        (AuditSearch(action="order"), [4, 3]),
        (AuditSearch(actor="dr", action="history", outcome=AuditOutcome.REFUSED), [2]),
        (AuditSearch(since=on_day(2).at), [4, 3, 2]),
        (AuditSearch(until=on_day(2).at), [1]),
        (AuditSearch(actor="%"), []),
        (AuditSearch(actor="_"), [4]),
    ],
)
def test_entries_are_searched_by_who_what_outcome_and_time(
    store: Store, wanted: AuditSearch, numbers: list[int]
) -> None:
    keep(
        store,
        replace(on_day(1), actor="dr-ada", action="imagingHistory", outcome=AuditOutcome.SUCCESS),
        replace(on_day(2), actor="dr-bo", action="imagingHistory", outcome=AuditOutcome.REFUSED),
        replace(on_day(3), actor="dr-ada", action="checkOrder"),
        replace(on_day(4), actor="lab_1", action="checkOrder"),
    )
    with store.begin_reading() as unit:
        found = unit.audit.search(wanted, before=None, limit=9)
        assert [kept.number for kept in found] == numbers
        assert all(wanted.fits(kept.event) for kept in found)
        assert unit.audit.search(wanted, before=3, limit=1) == tuple(kept for kept in found if kept.number < 3)[:1]


def test_entries_about_persons_are_newest_first_and_paged(store: Store) -> None:
    keep(store, on_day(1), on_day(2, subject="E-2"), on_day(3, subject=None), on_day(4), on_day(5, subject="E-3"))
    with store.begin_reading() as unit:
        first = unit.audit.about(["E-1", "E-3"], before=None, limit=2)
        assert [(kept.number, kept.event) for kept in first] == [(5, on_day(5, subject="E-3")), (4, on_day(4))]
        assert [kept.number for kept in unit.audit.about(["E-1", "E-3"], before=4, limit=2)] == [1]
        assert unit.audit.about([], before=None, limit=2) == ()


def test_entries_of_a_time_are_lowest_number_first_and_paged(store: Store) -> None:
    keep(store, *(on_day(day) for day in (1, 4, 2, 3)))
    with store.begin_reading() as unit:
        found = unit.audit.between(later(days=2), later(days=4), after=0, limit=5)
        assert [kept.number for kept in found] == [3, 4]
        assert [kept.number for kept in unit.audit.between(None, None, after=1, limit=2)] == [2, 3]


def test_threads_that_write_at_once_make_one_chain(store: Store) -> None:
    gate = threading.Barrier(8)

    def write(number: int) -> None:
        gate.wait(10)
        for step in range(5):
            keep(store, on_day(number), on_day(step))

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(write, number) for number in range(8)]:
            future.result(60)
    with store.begin_reading() as unit:
        report = verify_audit(unit.audit_chain)
    assert (report.problem, report.row_count) == (None, 80)


def test_a_unit_that_is_long_at_work_keeps_nobody_from_being_audited(sql_store: Store) -> None:
    if sql_store.engine is not None and sql_store.engine.dialect.name == "sqlite":
        return  # one writer at a time, whatever it writes
    with sql_store.begin() as slow:
        slow.audit.append(on_day(1))
        with ThreadPoolExecutor(1) as pool:
            pool.submit(keep, sql_store, on_day(2)).result(5)
        slow.commit()
    with sql_store.begin_reading() as unit:
        assert [row.event for row in unit.audit_chain.rows(after=None, limit=5)] == [on_day(2), on_day(1)]


def test_old_rows_go_and_the_chain_stays_verifiable(store: Store) -> None:
    keep(store, *(on_day(day) for day in range(6)))
    with store.begin_reading() as unit:
        kept_heads = [unit.audit_chain.head()]
    assert prune(store, keep_days=3, today=5) == 2
    keep(store, on_day(6))
    with store.begin_reading() as unit:
        rows = unit.audit_chain.rows(after=None, limit=10)
        assert [row.number for row in rows] == [3, 4, 5, 6, 7, 8]
        assert rows[4].event is not None
        assert (rows[4].event.action, rows[4].event.detail) == ("audit prune", "through=2")
        report = verify_audit(unit.audit_chain, kept_heads=kept_heads)
    assert (report.problem, report.row_count, report.anchor.number) == (None, 6, 2)


def test_pruning_twice_prunes_once(store: Store) -> None:
    keep(store, *(on_day(day) for day in range(6)))
    assert prune(store, keep_days=3, today=5) == 2
    assert prune(store, keep_days=3, today=5) == 0
    assert prune(store, keep_days=2, today=5) == 1
    with store.begin_reading() as unit:
        assert verify_audit(unit.audit_chain).problem is None


def test_all_rows_may_go_and_the_chain_goes_on(store: Store) -> None:
    keep(store, *(on_day(day) for day in range(3)))
    assert prune(store, keep_days=1, today=90) == 3
    with store.begin_reading() as unit:
        report = verify_audit(unit.audit_chain)
        assert (report.problem, report.head.number, report.anchor.number) == (None, 4, 3)


def test_an_old_row_between_young_ones_stays(store: Store) -> None:
    keep(store, on_day(1), on_day(9), on_day(2), on_day(9))
    assert prune(store, keep_days=3, today=9) == 1
    with store.begin_reading() as unit:
        assert [row.number for row in unit.audit_chain.rows(after=None, limit=9)] == [2, 3, 4, 5]


def test_rows_that_went_without_a_word_are_told(store: Store) -> None:
    keep(store, *(on_day(day) for day in range(3)))
    with store.begin() as unit:
        anchor = unit.audit_chain.last_before(later(days=1))
        assert anchor is not None
        unit.audit_chain.prune(anchor, at=NOW)
        unit.commit()
    with store.begin_reading() as unit:
        assert verify_audit(unit.audit_chain).problem == ChainProblem(1, ChainFault.PRUNED_UNRECORDED)


def test_a_cut_at_the_end_and_another_chain_show_against_a_kept_head(store: Store) -> None:
    keep(store, *(on_day(day) for day in range(2)))
    with store.begin_reading() as unit:
        chain, head = unit.audit_chain, unit.audit_chain.head()
        assert verify_audit(chain, kept_heads=[head]).problem is None
        after_it = AuditHead(5, bytes(32))
        assert verify_audit(chain, kept_heads=[head, after_it]).problem == ChainProblem(3, ChainFault.CUT_OFF)
        another = AuditHead(2, bytes(32))
        assert verify_audit(chain, kept_heads=[another]).problem == ChainProblem(2, ChainFault.REWRITTEN)


def prune(store: Store, *, keep_days: int, today: int) -> int:
    with store.begin() as unit:
        count = prune_audit(
            keep=dt.timedelta(days=keep_days), uow=unit, clock=lambda: later(days=today), by="command-line"
        )
        unit.commit()
    return count
