"""What every unit of work promises about messages in and out, and about judged orders."""

import datetime as dt
from dataclasses import replace

import pytest

from federation.ports import WaitingWork
from mpi.identity.identifiers import EnterpriseId
from mpi.ports import FeedCount
from tests.contract.stores import (
    NOW,
    Store,
    a_change,
    a_check,
    a_record,
    an_identifier,
    keep_records,
    later,
)


class TestInbox:
    def test_a_repeat_finds_the_acknowledgement(self, store: Store) -> None:
        with store.begin() as unit:
            unit.inbox.keep("north", "m-1", "h-1", acknowledgement=b"MSA|AA\r\xff", received_at=NOW)
            unit.commit()
        with store.begin() as unit:
            assert unit.inbox.stored_acknowledgement("north", "m-1", "h-1") == b"MSA|AA\r\xff"
            for other in (("south", "m-1", "h-1"), ("north", "m-2", "h-1"), ("north", "m-1", "h-2")):
                assert unit.inbox.stored_acknowledgement(*other) is None

    def test_the_same_message_is_not_kept_twice(self, store: Store) -> None:
        with store.begin() as unit:
            unit.inbox.keep("north", "m-1", "h-1", acknowledgement=b"AA", received_at=NOW)
            with pytest.raises(store.refusals):
                unit.inbox.keep("north", "m-1", "h-1", acknowledgement=b"AE", received_at=NOW)

    def test_what_a_sender_sent_before_a_moment_is_forgotten_and_nothing_else(self, store: Store) -> None:
        with store.begin() as unit:
            for sender, seconds in (("tokens", -2), ("tokens", -1), ("tokens", 0), ("north", -2)):
                unit.inbox.keep(sender, f"m{seconds}", "h", acknowledgement=b"", received_at=later(seconds=seconds))
            assert unit.inbox.forget("tokens", before=NOW) == 2
            assert unit.inbox.forget("tokens", before=NOW) == 0
            assert unit.inbox.stored_acknowledgement("tokens", "m-1", "h") is None
            assert unit.inbox.stored_acknowledgement("tokens", "m0", "h") == b""
            assert unit.inbox.stored_acknowledgement("north", "m-2", "h") == b""

    def test_feeds_tell_who_sent_how_much_and_when_last(self, store: Store) -> None:
        with store.begin() as unit:
            for sender, seconds in (("south", 5), ("north", -1), ("north", 0), ("north", 9)):
                unit.inbox.keep(sender, f"m{seconds}", "h", acknowledgement=b"AA", received_at=later(seconds=seconds))
            unit.commit()
        with store.begin() as unit:
            assert unit.inbox.feeds(since=NOW) == (
                FeedCount("north", 2, later(seconds=9)),
                FeedCount("south", 1, later(seconds=5)),
            )
            assert unit.inbox.feeds(since=later(seconds=10)) == ()


class TestOutbox:
    def test_what_waits_is_counted_by_kind(self, store: Store) -> None:
        with store.begin() as unit:
            unit.events.publish(a_change("E-1"))
            unit.events.publish(a_change("E-2"))
            unit.outbox.add("alert_raised", {}, at=later(seconds=4))
            done, tried, _ = unit.outbox.due(limit=5, now=NOW, retry_after_seconds=60)
            unit.outbox.mark_done(done.outbox_id, at=NOW)
            unit.outbox.mark_enqueued([tried.outbox_id], at=NOW)
            assert unit.outbox.waiting() == (
                WaitingWork("alert_raised", 1, later(seconds=4), 0),
                WaitingWork("person_changed", 1, NOW, 1),
            )
            unit.outbox.mark_all_done(
                [m.outbox_id for m in unit.outbox.due(limit=5, now=later(seconds=99), retry_after_seconds=1)], at=NOW
            )
            assert unit.outbox.waiting() == ()

    def test_an_event_waits_until_it_is_done(self, store: Store) -> None:
        with store.begin() as unit:
            unit.events.publish(a_change("E-1", "E-2"))
            unit.events.publish(a_change("E-3"))
            unit.commit()
        with store.begin() as unit:
            first, second = unit.outbox.due(limit=5, now=NOW, retry_after_seconds=60)
            assert (first.kind, first.created_at, first.attempts) == ("person_changed", NOW, 0)
            assert first.body["enterprise_ids"] == ["E-1", "E-2"]
            assert first.body["change"] == "RECORD_MOVED"
            assert dt.datetime.fromisoformat(str(first.body["at"])) == NOW
            assert unit.outbox.due(limit=1, now=NOW, retry_after_seconds=60) == (first,)
            assert unit.outbox.get(first.outbox_id) == first
            unit.outbox.mark_done(first.outbox_id, at=NOW)
            assert unit.outbox.get(first.outbox_id) is None
            assert unit.outbox.due(limit=5, now=NOW, retry_after_seconds=60) == (second,)
            assert unit.outbox.get(987_654) is None

    def test_many_are_done_at_once(self, store: Store) -> None:
        with store.begin() as unit:
            for person in ("E-1", "E-2", "E-3"):
                unit.events.publish(a_change(person))
            first, second, third = unit.outbox.due(limit=5, now=NOW, retry_after_seconds=60)
            unit.outbox.mark_all_done([third.outbox_id, first.outbox_id], at=NOW)
            unit.outbox.mark_all_done([], at=NOW)
            assert unit.outbox.due(limit=5, now=NOW, retry_after_seconds=60) == (second,)

    def test_a_message_handed_over_is_due_again_after_a_while(self, store: Store) -> None:
        with store.begin() as unit:
            unit.events.publish(a_change("E-1"))
            (message,) = unit.outbox.due(limit=5, now=NOW, retry_after_seconds=60)
            unit.outbox.mark_enqueued([message.outbox_id], at=NOW)
            unit.outbox.mark_enqueued([], at=NOW)
            unit.commit()
        with store.begin() as unit:
            assert unit.outbox.due(limit=5, now=later(seconds=59), retry_after_seconds=60) == ()
            assert unit.outbox.due(limit=5, now=later(seconds=60), retry_after_seconds=60) == (
                replace(message, attempts=1),
            )


class TestOrderChecks:
    def test_the_newest_revision_comes_back_whole(self, store: Store) -> None:
        with store.begin() as unit:
            unit.order_checks.append(a_check())
            unit.order_checks.append(a_check(revision=2, at=later(hours=1)))
            unit.commit()
        with store.begin() as unit:
            assert unit.order_checks.newest("C-1") == a_check(revision=2, at=later(hours=1))
            assert unit.order_checks.newest("C-2") is None

    def test_a_revision_is_kept_once(self, store: Store) -> None:
        with store.begin() as unit:
            unit.order_checks.append(a_check())
            with pytest.raises(store.refusals):
                unit.order_checks.append(a_check())

    def test_open_checks_are_found_by_person_and_by_identifier(self, store: Store) -> None:
        keep_records(
            store,
            a_record("1", person="E-1"),
            a_record("2").retired(an_identifier("1")),
            a_record("3").retired(an_identifier("2")),
            a_record("4", person="E-2"),
        )
        with store.begin() as unit:
            for check in (
                a_check("by-person", number="unknown", person="E-1"),
                a_check("by-member", number="1", person=None),
                a_check("by-merged", number="3", person=None),
                a_check("other", number="4", person="E-2"),
                a_check("too-old", person="E-1", at=later(days=-2)),
                a_check("moved-away", 1, number="4", person="E-1"),
                a_check("moved-away", 2, number="4", person="E-2"),
            ):
                unit.order_checks.append(check)
            unit.commit()
        with store.begin() as unit:
            found = unit.order_checks.open_checks_of([EnterpriseId("E-1")], since=later(days=-1))
            assert [check.check_id for check in found] == ["by-member", "by-merged", "by-person"]
            both = unit.order_checks.open_checks_of([EnterpriseId("E-1"), EnterpriseId("E-2")], since=later(days=-1))
            assert [(check.check_id, check.revision) for check in both] == [
                ("by-member", 1),
                ("by-merged", 1),
                ("by-person", 1),
                ("moved-away", 2),
                ("other", 1),
            ]
            assert unit.order_checks.open_checks_of([], since=NOW) == ()

    def test_identifiers_that_lead_in_a_ring_end_the_walk(self, store: Store) -> None:
        keep_records(
            store,
            a_record("1"),
            a_record("2").retired(an_identifier("1")),
            a_record("3").retired(an_identifier("4")),
            a_record("4").retired(an_identifier("3")),
        )
        with store.begin() as unit:
            unit.order_checks.append(a_check("ring", number="3", person=None))
            unit.order_checks.append(a_check("leads", number="2", person=None))
            found = unit.order_checks.open_checks_of([EnterpriseId("E-1")], since=NOW)
        assert [check.check_id for check in found] == ["leads"]
