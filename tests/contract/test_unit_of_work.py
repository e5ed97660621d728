"""What every unit of work promises about transactions and identities: memory, SQLite, PostgreSQL."""

from dataclasses import replace

import pytest

from mpi.errors import StaleDecision
from mpi.identity.demographics import Demographics
from mpi.identity.identifiers import EnterpriseId
from mpi.identity.review import NeverLink, ReviewDecision, ReviewKind, ReviewStatus
from mpi.ports import Candidates
from tests.builders import newest_events
from tests.contract.stores import (
    NOW,
    Store,
    a_change,
    a_check,
    a_history_entry,
    a_record,
    an_audit_event,
    an_identifier,
    an_item,
    everything_said,
    keep_records,
    later,
)


class TestTransactions:
    def test_what_is_committed_is_seen_by_the_next(self, store: Store) -> None:
        with store.begin() as unit:
            unit.records.save(a_record(), blocking_keys=["k"])
            unit.commit()
        with store.begin() as unit:
            assert unit.records.get(an_identifier()) == a_record()

    def test_leaving_without_commit_undoes_everything(self, store: Store) -> None:
        keep_records(store, a_record("1"), keys=["k"])
        with store.begin() as unit:
            unit.records.save(a_record("1").retired(None), blocking_keys=[])
            unit.records.save(a_record("2"), blocking_keys=["k"])
            unit.history.append(a_history_entry())
            unit.reviews.save(an_item())
            unit.events.publish(a_change("E-1"))
            unit.audit.append(an_audit_event())
            unit.inbox.keep("north", "m-1", "h-1", acknowledgement=b"AA", received_at=NOW)
            unit.order_checks.append(a_check())
        with store.begin() as unit:
            assert unit.records.get(an_identifier("1")) == a_record("1")
            assert unit.records.get(an_identifier("2")) is None
            assert unit.records.sharing_keys(["k"], limit=5) == Candidates((a_record("1"),))
            assert unit.history.of(an_identifier()) == ()
            assert unit.reviews.get("R-1") is None
            assert unit.outbox.due(limit=5, now=NOW, retry_after_seconds=0) == ()
            assert newest_events(unit, limit=5) == ()
            assert unit.inbox.stored_acknowledgement("north", "m-1", "h-1") is None
            assert unit.order_checks.newest("C-1") is None

    def test_an_error_undoes_everything_and_goes_on(self, store: Store) -> None:
        def fail_after_a_write() -> None:
            with store.begin() as unit:
                unit.records.save(a_record(), blocking_keys=["k"])
                raise LookupError("invented")

        with pytest.raises(LookupError, match="invented"):
            fail_after_a_write()
        with store.begin() as unit:
            assert unit.records.get(an_identifier()) is None

    def test_a_committed_unit_is_over(self, store: Store) -> None:
        with store.begin() as unit:
            unit.commit()
            with pytest.raises(store.not_open):
                unit.records.get(an_identifier())

    def test_a_unit_that_was_not_entered_cannot_be_used(self, store: Store) -> None:
        with pytest.raises(store.not_open):
            store.begin().commit()

    def test_a_reading_unit_sees_one_state_and_waits_for_nobody(self, store: Store) -> None:
        keep_records(store, a_record("1"))
        with store.begin_reading() as reader:
            assert reader.records.person_count() == 1
            with store.begin() as writer:
                writer.records.save(a_record("2", person="E-2"), blocking_keys=[])
                assert reader.records.person_count() == 1
                writer.commit()
            assert reader.records.person_count() == 1
        with store.begin_reading() as reader:
            assert reader.records.person_count() == 2

    def test_a_reading_unit_refuses_to_write(self, store: Store) -> None:
        with store.begin_reading() as unit, pytest.raises(store.refusals):
            unit.records.save(a_record(), blocking_keys=[])
        with store.begin() as unit:
            unit.records.save(a_record(), blocking_keys=[])
            unit.commit()


class TestRecords:
    def test_every_field_comes_back(self, store: Store) -> None:
        active = a_record("0001", said=everything_said())
        retired = a_record("2").retired(an_identifier("0001"))
        keep_records(store, active, retired)
        with store.begin() as unit:
            assert unit.records.get(active.identifier) == active
            assert unit.records.get(retired.identifier) == retired

    def test_instants_come_back_aware(self, store: Store) -> None:
        keep_records(store, a_record())
        with store.begin() as unit:
            record = unit.records.get(an_identifier())
            assert record is not None
            assert record.demographics_at == NOW
            assert record.demographics_at.utcoffset() is not None

    def test_leading_zeros_and_letter_case_count(self, store: Store) -> None:
        keep_records(store, a_record("007a"))
        with store.begin() as unit:
            for other in ("7a", "007A"):
                assert unit.records.get(an_identifier(other)) is None

    def test_get_many_leaves_out_what_is_unknown(self, store: Store) -> None:
        keep_records(store, a_record("1"), a_record("2", authority="SOUTH"))
        with store.begin() as unit:
            wanted = [an_identifier("1"), an_identifier("2", "SOUTH"), an_identifier("2")]
            assert unit.records.get_many(wanted) == {
                wanted[0]: a_record("1"),
                wanted[1]: a_record("2", authority="SOUTH"),
            }
            assert unit.records.get_many([]) == {}

    def test_a_second_save_replaces_record_and_keys(self, store: Store) -> None:
        keep_records(store, a_record(), keys=["old", "both"])
        keep_records(store, a_record(person="E-2"), keys=["both", "new", "new"])
        with store.begin() as unit:
            assert unit.records.of_person(EnterpriseId("E-1")) == ()
            assert unit.records.of_person(EnterpriseId("E-2")) == (a_record(person="E-2"),)
            assert unit.records.sharing_keys(["old"], limit=5).records == ()
            assert unit.records.sharing_keys(["both"], limit=5).records == (a_record(person="E-2"),)
            assert unit.records.sharing_keys(["new"], limit=5).records == (a_record(person="E-2"),)

    def test_many_are_added_as_each_would_be_saved(self, store: Store) -> None:
        keep_records(store, a_record("9"), keys=["k"])
        one, other = a_record("1", said=everything_said()), a_record("2", person="E-2")
        with store.begin() as unit:
            unit.records.add_many([])
            unit.records.add_many([(one, ["k", "l"]), (other, [])])
            unit.commit()
        with store.begin() as unit:
            assert unit.records.get_many([an_identifier("1"), an_identifier("2")]) == {
                an_identifier("1"): one,
                an_identifier("2"): other,
            }
            assert unit.records.sharing_keys(["k", "l"], limit=5).records == (one, a_record("9"))
            unit.records.save(a_record("3"), blocking_keys=["k"])
            unit.records.save(one, blocking_keys=["l"])
            assert len(unit.records.sharing_keys(["k"], limit=5).records) == 2

    def test_a_record_that_is_stored_is_not_added(self, store: Store) -> None:
        keep_records(store, a_record("1"))
        with store.begin() as unit, pytest.raises(store.refusals):
            unit.records.add_many([(a_record("1"), [])])

    def test_members_of_persons_are_active_and_in_order(self, store: Store) -> None:
        keep_records(
            store,
            a_record("b"),
            a_record("B"),
            a_record("a", authority="SOUTH"),
            a_record("c").retired(None),
            a_record("é"),
            a_record("d", person="E-2"),
        )
        with store.begin() as unit:
            members = unit.records.of_persons([EnterpriseId("E-1"), EnterpriseId("E-2"), EnterpriseId("E-3")])
        assert [str(record.identifier) for record in members[EnterpriseId("E-1")]] == [
            "NORTH|B",
            "NORTH|b",
            "NORTH|é",
            "SOUTH|a",
        ]
        assert members[EnterpriseId("E-2")] == (a_record("d", person="E-2"),)
        assert members[EnterpriseId("E-3")] == ()

    def test_retired_into_is_direct(self, store: Store) -> None:
        keep_records(
            store,
            a_record("1"),
            a_record("2").retired(an_identifier("1")),
            a_record("3").retired(an_identifier("2")),
            a_record("4").retired(None),
        )
        with store.begin() as unit:
            assert unit.records.retired_into([an_identifier("1")]) == (an_identifier("2"),)
            assert unit.records.retired_into([an_identifier("1"), an_identifier("2")]) == (
                an_identifier("2"),
                an_identifier("3"),
            )
            assert unit.records.retired_into([]) == ()

    def test_a_record_that_comes_back_is_retired_into_nothing(self, store: Store) -> None:
        keep_records(store, a_record("2").retired(an_identifier("1")))
        keep_records(store, a_record("2"))
        with store.begin() as unit:
            assert unit.records.retired_into([an_identifier("1")]) == ()

    def test_persons_are_counted_once_each(self, store: Store) -> None:
        keep_records(store, a_record("1"), a_record("2"), a_record("3", person="E-2"), a_record("4").retired(None))
        with store.begin() as unit:
            assert unit.records.person_count() == 2

    def test_an_active_record_without_a_person_is_refused(self, store: Store) -> None:
        with store.begin() as unit, pytest.raises(store.refusals):
            unit.records.save(replace(a_record(), link=None), blocking_keys=[])


class TestWalk:
    def test_every_active_record_comes_once_in_the_order_of_identifiers(self, store: Store) -> None:
        kept = [a_record(n, authority=a) for a in ("SOUTH", "NORTH") for n in ("9", "10", "é", "Z", "a")]
        keep_records(store, *kept, a_record("5").retired(None))
        walked, last = [], None
        with store.begin() as unit:
            while page := unit.records.active_after(last, limit=3):
                walked += page
                last = page[-1].identifier
        assert walked == sorted(kept, key=lambda record: record.identifier)

    def test_held_records_come_in_the_order_of_identifiers_and_keep_what_holds_them(self, store: Store) -> None:
        held = [replace(a_record(n), hold=f"D-{n}") for n in ("9", "10", "2")]
        gone = replace(a_record("4"), hold="D-4").retired(None)
        keep_records(store, *held, a_record("3"), gone)
        with store.begin_reading() as unit:
            assert unit.records.held_count() == 3
            first = unit.records.held_after(None, limit=2)
            rest = unit.records.held_after(first[-1].identifier, limit=2)
            assert [*first, *rest] == sorted(held, key=lambda record: record.identifier)
            assert unit.records.get(gone.identifier) == gone
        keep_records(store, replace(held[0], hold=None))
        with store.begin_reading() as unit:
            assert unit.records.held_count() == 2

    def test_an_empty_index_has_no_page(self, store: Store) -> None:
        with store.begin() as unit:
            assert unit.records.active_after(None, limit=3) == ()


class TestSharingKeys:
    def test_most_shared_keys_first_then_by_identifier(self, store: Store) -> None:
        keep_records(store, a_record("3"), a_record("1"), keys=["a"])
        keep_records(store, a_record("9"), keys=["a", "b", "other"])
        with store.begin() as unit:
            found = unit.records.sharing_keys(["a", "b", "a"], limit=3)
        assert [record.identifier.local_patient_id for record in found.records] == ["9", "1", "3"]
        assert not found.truncated

    def test_says_when_there_are_more(self, store: Store) -> None:
        keep_records(store, *(a_record(str(number)) for number in range(4)), keys=["a", "b"])
        with store.begin() as unit:
            assert unit.records.sharing_keys(["a", "b"], limit=3) == Candidates(
                tuple(a_record(str(number)) for number in range(3)), truncated=True
            )
            assert not unit.records.sharing_keys(["a", "b"], limit=4).truncated

    def test_a_retired_record_keeps_no_key(self, store: Store) -> None:
        keep_records(store, a_record(), keys=["a"])
        keep_records(store, a_record().retired(None), keys=["a"])
        with store.begin() as unit:
            assert unit.records.sharing_keys(["a"], limit=5) == Candidates(())

    def test_no_key_is_shared_by_nobody(self, store: Store) -> None:
        keep_records(store, a_record(), keys=["a"])
        with store.begin() as unit:
            assert unit.records.sharing_keys([], limit=5) == Candidates(())


class TestHistoryAndAudit:
    def test_history_is_oldest_first_and_whole(self, store: Store) -> None:
        entries = [
            a_history_entry("updated", at=later(hours=1)),
            a_history_entry("registered"),
            a_history_entry("merged", at=later(hours=1)),
        ]
        with store.begin() as unit:
            for entry in entries:
                unit.history.append(entry)
            unit.history.append(replace(entries[0], identifier=an_identifier("other"), demographics=None))
            unit.commit()
        with store.begin() as unit:
            assert unit.history.of(an_identifier()) == (entries[1], entries[0], entries[2])
            assert [entry.demographics for entry in unit.history.of(an_identifier("other"))] == [None]

    def test_many_entries_are_one_history(self, store: Store) -> None:
        first, second = a_history_entry(), a_history_entry("moved", at=later(hours=1))
        bare = replace(a_history_entry("retired", at=later(hours=2)), demographics=None, enterprise_id=None)
        with store.begin() as unit:
            unit.history.append_many([])
            unit.history.append_many([second, first, bare])
            unit.commit()
        with store.begin() as unit:
            assert unit.history.of(an_identifier()) == (first, second, bare)
            assert unit.history.of_many([an_identifier(), an_identifier("2")]) == {
                an_identifier(): (first, second, bare),
                an_identifier("2"): (),
            }
            assert unit.history.of_many([]) == {}

    def test_audit_is_given_last_written_first_and_limited(self, store: Store) -> None:
        with store.begin() as unit:
            unit.audit.append(an_audit_event("second", at=later(seconds=1)))
            unit.audit.append(an_audit_event("first"))
            unit.audit.append(an_audit_event("third", at=later(seconds=1)))
            unit.commit()
        with store.begin() as unit:
            assert [event.action for event in newest_events(unit, limit=3)] == ["third", "first", "second"]
            assert newest_events(unit, limit=1) == (an_audit_event("third", at=later(seconds=1)),)


class TestReviews:
    def test_every_field_comes_back(self, store: Store) -> None:
        decided = replace(
            an_item("R-2"),
            status=ReviewStatus.DECIDED,
            decision=ReviewDecision.DIFFERENT,
            decided_by="clerk-1",
            decided_at=NOW,
            decision_reason="twins",
        )
        with store.begin() as unit:
            unit.reviews.save(an_item())
            unit.reviews.save(decided)
            unit.commit()
        with store.begin() as unit:
            assert unit.reviews.get("R-1") == an_item()
            assert unit.reviews.get("R-2") == decided
            assert unit.reviews.get("R-3") is None

    def test_a_decision_on_an_old_version_is_stale(self, store: Store) -> None:
        second = replace(an_item(), version=2, priority=1)
        with store.begin() as unit:
            unit.reviews.save(an_item())
            unit.reviews.save(second)
            unit.commit()
        for stale in (second, an_item(), replace(an_item(), version=4)):
            with store.begin() as unit, pytest.raises(StaleDecision):
                unit.reviews.save(stale)
        with store.begin() as unit:
            assert unit.reviews.get("R-1") == second

    def test_the_queue_is_most_urgent_first(self, store: Store) -> None:
        items = [
            an_item("no-score", score=None),
            an_item("low", score=-1.0),
            an_item("b", score=3.0),
            an_item("a", score=3.0),
            replace(an_item("earlier", score=3.0), opened_at=later(days=-1)),
            an_item("urgent", priority=2, score=None),
            replace(an_item("closed", priority=9), status=ReviewStatus.SUPERSEDED),
        ]
        with store.begin() as unit:
            for item in items:
                unit.reviews.save(item)
            unit.commit()
        with store.begin() as unit:
            page = unit.reviews.open_page(kinds=None, offset=0, limit=10)
            assert [i.review_item_id for i in page.items] == ["urgent", "earlier", "a", "b", "low", "no-score"]
            assert page.total == 6
            second = unit.reviews.open_page(kinds=None, offset=4, limit=1)
            assert ([i.review_item_id for i in second.items], second.total) == (["low"], 6)

    def test_the_queue_can_be_narrowed_to_kinds(self, store: Store) -> None:
        with store.begin() as unit:
            unit.reviews.save(an_item("R-1"))
            unit.reviews.save(replace(an_item("R-2"), kind=ReviewKind.MERGE_CONFLICT))
            unit.commit()
        with store.begin() as unit:
            page = unit.reviews.open_page(kinds={ReviewKind.MERGE_CONFLICT}, offset=0, limit=10)
            assert ([i.review_item_id for i in page.items], page.total) == (["R-2"], 1)
            assert unit.reviews.open_page(kinds=[], offset=0, limit=10).total == 0

    def test_the_queue_can_be_narrowed_to_what_was_escalated(self, store: Store) -> None:
        handed_on = replace(
            an_item("R-2"), escalated_by="clerk-one", escalated_at=later(days=1), escalation_reason="hard"
        )
        with store.begin() as unit:
            unit.reviews.save(an_item("R-1"))
            unit.reviews.save(handed_on)
            unit.reviews.save(replace(handed_on, review_item_id="R-3", status=ReviewStatus.DECIDED))
            unit.commit()
        with store.begin() as unit:
            for escalated, expected in ((True, ["R-2"]), (False, ["R-1"]), (None, ["R-1", "R-2"])):
                page = unit.reviews.open_page(kinds=None, offset=0, limit=10, escalated=escalated)
                assert ([i.review_item_id for i in page.items], page.total) == (expected, len(expected))
            assert unit.reviews.get("R-2") == handed_on

    def test_open_items_are_found_from_either_side(self, store: Store) -> None:
        with store.begin() as unit:
            unit.reviews.save(an_item("R-1", left="1", right="2"))
            unit.reviews.save(an_item("R-2", left="3", right="1"))
            unit.reviews.save(replace(an_item("R-3", left="1"), status=ReviewStatus.DECIDED))
            unit.commit()
        with store.begin() as unit:
            about = unit.reviews.open_about([an_identifier("1"), an_identifier("1", "SOUTH")])
            assert [item.review_item_id for item in about] == ["R-1", "R-2"]
            assert [item.review_item_id for item in unit.reviews.open_about([an_identifier("3")])] == ["R-2"]
            assert unit.reviews.open_about([an_identifier("2")]) == ()

    def test_never_is_kept_once_as_first_said(self, store: Store) -> None:
        one, other, third = an_identifier("1"), an_identifier("2"), an_identifier("3")
        first = NeverLink.of(other, one, said_by="clerk-1", said_at=NOW)
        with store.begin() as unit:
            unit.reviews.assert_never(first)
            unit.reviews.assert_never(NeverLink.of(one, other, said_by="clerk-2", said_at=later(days=1)))
            unit.reviews.assert_never(NeverLink.of(other, third, said_by="clerk-1", said_at=NOW))
            unit.commit()
        with store.begin() as unit:
            assert unit.reviews.never_links_of([one]) == (first,)
            assert [(link.left, link.right) for link in unit.reviews.never_links_of([other])] == [
                (one, other),
                (other, third),
            ]
            assert unit.reviews.never_links_of([an_identifier("4")]) == ()


def test_empty_demographics_come_back_empty(store: Store) -> None:
    keep_records(store, a_record(said=Demographics()))
    with store.begin() as unit:
        record = unit.records.get(an_identifier())
    assert record is not None
    assert record.demographics == Demographics()
