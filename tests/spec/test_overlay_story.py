"""A site has written one patient's data over another's: staff hold the record until it is clear whose it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mpi.errors import MergeRefused, StaleDecision, StalePersons
from mpi.identity.decisions import DecisionKind
from mpi.identity.person_version import person_version
from mpi.identity.review import RecordSide, ReviewDecision, ReviewKind
from mpi.identity.updates import DemographicsUpdate
from mpi.usecases.decide_review import DecideReview, decide_review
from mpi.usecases.hold_record import HoldRecord, ReleaseRecord, hold_record, release_record
from mpi.usecases.match_person import match_person
from mpi.usecases.open_review import open_review
from mpi.usecases.register_batch import register_batch
from mpi.usecases.register_record import RegisterRecord
from mpi.usecases.rematch_record import RematchFinding, RematchMode, rematch_record
from mpi.usecases.undo_decision import UndoDecision, undo_decision
from tests.builders import Index, person, pid

ANA = person("Arroyo", "Ana", middle="Luz", born="1984-03-12", sex="F", phone="202-555-0134", street="12 Mill Road",
             city="Harlow Falls", postal_code="00112", ssn_last4="4821")  # fmt: skip
BEA = person(
    "Quennell", "Bea", born="1961-07-02", sex="F", phone="202-555-0188", street="3 Weir Lane", ssn_last4="9911"
)
HELD = "LKM|7"


@pytest.fixture
def index() -> Index:
    """Ana at two hospitals, linked by score."""
    index = Index()
    index.register("NGH|1", as_=ANA)
    index.register(HELD, as_=ANA)
    assert index.are_one("NGH|1", HELD)
    return index


def asked(index: Index) -> str:
    """A question about Ana's second record, such as an archive raises."""
    with index.units() as uow:
        item = open_review(
            ReviewKind.SUSPECTED_OVERLAY, pid(HELD), pid("NGH|1"), source="archive:LKM", uow=uow, clock=index.clock,
            new_id=index.new_id,
        )  # fmt: skip
        uow.commit()
    assert item is not None
    return item


def overlay(
    item: str, *, version: int = 1, suspected: RecordSide | None = RecordSide.LEFT, reason: str = "two voices"
) -> DecideReview:
    return DecideReview(item, version, ReviewDecision.POSSIBLE_OVERLAY, "clerk-1", reason, suspected)


def test_deciding_possible_overlay_takes_the_named_record_out_and_closes_the_question(index: Index) -> None:
    item, before = asked(index), index.person_of("NGH|1")
    closed = index.act(decide_review, overlay(item))
    assert closed.decision is ReviewDecision.POSSIBLE_OVERLAY
    assert closed.decision_reason == "two voices"
    assert index.open_items() == []
    assert not index.are_one("NGH|1", HELD)
    assert index.person_of("NGH|1") == before
    assert index.resolve(HELD).is_under_review
    assert not index.resolve("NGH|1").is_under_review
    with index.units() as uow:
        decision = uow.decisions.about((pid("NGH|1"),))[-1]
        entry = uow.history.of(pid(HELD))[-1]
        assert uow.records.held_count() == 1
        assert [str(r.identifier) for r in uow.records.held_after(None, limit=5)] == [HELD]
        assert uow.records.held_after(pid(HELD), limit=5) == ()
    assert (decision.kind, decision.held, decision.review_item_id) == (DecisionKind.HOLD, pid(HELD), item)
    assert (entry.kind, entry.enterprise_id, entry.detail) == (
        "hold:manual", index.person_of(HELD), decision.decision_id,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("suspected", "reason", "code"),
    [(None, "two voices", "no_record_named"), (RecordSide.LEFT, " ", "no_reason")],
)
def test_a_record_of_the_question_and_a_reason_are_needed(
    index: Index, suspected: RecordSide | None, reason: str, code: str
) -> None:
    item = asked(index)
    with pytest.raises(MergeRefused) as refused:
        index.act(decide_review, overlay(item, suspected=suspected, reason=reason))
    assert refused.value.code == code
    assert len(index.open_items()) == 1
    assert index.are_one("NGH|1", HELD)


def test_a_stale_version_is_refused(index: Index) -> None:
    item = asked(index)
    with pytest.raises(StaleDecision):
        index.act(decide_review, overlay(item, version=7))
    with pytest.raises(StalePersons):
        index.act(hold_record, HoldRecord(pid(HELD), "clerk-1", "two voices", expected_versions=frozenset({"old"})))
    index.hold(HELD)
    with pytest.raises(StalePersons):
        index.act(release_record, ReleaseRecord(pid(HELD), "clerk-1", expected_versions=frozenset({"old"})))
    assert index.resolve(HELD).records[0].is_held


def test_the_version_of_the_person_tells_of_the_hold(index: Index) -> None:
    index.register("RDI|9", as_=BEA)
    before = person_version(index.resolve("RDI|9").records)
    index.hold("RDI|9")
    assert person_version(index.resolve("RDI|9").records) != before


@pytest.mark.parametrize("said", [ANA, replace(ANA, phones=()), BEA])
def test_no_later_message_of_any_site_links_it(index: Index, said: object) -> None:
    index.hold(HELD)
    index.register(HELD, as_=said)  # type: ignore[arg-type]
    index.register("RDI|3", as_=ANA)
    index.register("NGH|1", HELD, as_=ANA)
    index.register("RDI|3", HELD, as_=ANA)
    assert index.are_one("NGH|1", "RDI|3")
    assert [str(r.identifier) for r in index.resolve(HELD).records] == [HELD]


def test_what_its_site_says_is_stored(index: Index) -> None:
    index.hold(HELD)
    index.register(HELD, as_=replace(ANA, phones=("202-555-0100",)))
    assert index.resolve(HELD).records[0].demographics.phones == ("202-555-0100",)
    assert index.resolve(HELD).records[0].is_held


def test_numbers_that_stand_for_it_alone_stay_with_it_and_go_with_who_else_sends_them(index: Index) -> None:
    index.hold(HELD)
    index.register(HELD, "NATID|999000123", as_=ANA)
    assert index.are_one(HELD, "NATID|999000123")
    with index.units() as uow:
        found = match_person((pid("NATID|999000123"),), ANA, uow=uow, matcher=index.matcher, clock=index.clock)
    assert HELD not in {str(m.identifier) for c in found.candidates for m in c.members}
    index.register("NGH|1", "NATID|999000123", as_=ANA)
    assert index.are_one("NGH|1", "NATID|999000123")
    assert [str(r.identifier) for r in index.resolve(HELD).records] == [HELD]


def test_neither_a_rematch_nor_a_file_nor_a_dry_run_takes_it_as_a_candidate(index: Index) -> None:
    index.hold(HELD)
    records = {number: index.resolve(number).records[0] for number in (HELD, "NGH|1")}
    with index.units() as uow:
        found = match_person((pid("RDI|5"),), ANA, uow=uow, matcher=index.matcher, clock=index.clock)
        assert [str(m.identifier) for c in found.candidates for m in c.members] == ["NGH|1"]
        for mode in RematchMode:
            for number, record in records.items():
                done = rematch_record(
                    record, mode=mode, uow=uow, matcher=index.matcher, clock=index.clock, new_id=index.new_id
                )
                assert done.finding is (RematchFinding.MANUAL if number == HELD else RematchFinding.SAME)
        uow.commit()
    with index.units() as uow:
        rows = [
            RegisterRecord("RDI", (pid(f"RDI|{n}"),), DemographicsUpdate(ANA), index.clock(), "load", "RDI")
            for n in (4, 5)
        ]
        register_batch(rows, uow=uow, matcher=index.matcher, clock=index.clock, new_id=index.new_id)
        uow.commit()
    assert index.are_one("NGH|1", "RDI|4", "RDI|5")
    assert [str(r.identifier) for r in index.resolve(HELD).records] == [HELD]


def test_messages_that_would_join_it_become_questions(index: Index) -> None:
    index.register("LKM|8", as_=ANA)
    index.hold(HELD)
    assert index.merge(survivor="LKM|8", subsumed=HELD) == "held"
    assert index.merge(survivor=HELD, subsumed="LKM|99") == "held"
    assert index.a24("NGH|1", HELD) == "held"
    assert sorted(kind for _, kind, _, _ in index.open_items()) == ["merge_conflict"] * 3
    assert [str(r.identifier) for r in index.resolve(HELD).records] == [HELD]
    index.a37("NGH|1", HELD)
    assert index.resolve(HELD).records[0].is_held


def test_staff_release_it_before_they_link_it(index: Index) -> None:
    index.hold(HELD)
    for act in (index.link, index.merge_persons):
        with pytest.raises(MergeRefused) as refused:
            act("NGH|1", HELD)
        assert refused.value.code == "held"
    with pytest.raises(MergeRefused) as refused:
        index.hold(HELD)
    assert refused.value.code == "held"
    index.release(HELD)
    assert index.are_one("NGH|1", HELD)
    with pytest.raises(MergeRefused) as refused:
        index.release(HELD)
    assert refused.value.code == "not_held"


def test_released_it_is_matched_with_what_is_known_by_then(index: Index) -> None:
    index.hold(HELD)
    index.register("RDI|3", as_=BEA)
    index.register(HELD, as_=replace(ANA, phones=("202-555-0100",)))
    index.release(HELD)
    fresh = Index()
    fresh.register("NGH|1", as_=ANA)
    fresh.register("RDI|3", as_=BEA)
    fresh.register(HELD, as_=replace(ANA, phones=("202-555-0100",)))
    assert index.are_one("NGH|1", HELD) == fresh.are_one("NGH|1", HELD)
    assert not index.are_one("RDI|3", HELD)
    assert index.open_items() == fresh.open_items() == []


def test_undoing_the_hold_restores_both_sides_exactly(index: Index) -> None:
    item = asked(index)
    before = index.store.committed
    index.act(decide_review, overlay(item))
    with index.units() as uow:
        decision = uow.decisions.about((pid(HELD),))[-1]
    index.undo(decision)
    after = index.store.committed
    assert after.records == before.records
    assert after.members == before.members
    assert after.keys_of == before.keys_of
    assert [i for i, *_ in index.open_items()] == [item]


def test_a_release_is_undone_into_the_hold_that_it_ended(index: Index) -> None:
    hold = index.hold(HELD)
    held = index.store.committed
    release = index.release(HELD)
    with pytest.raises(StaleDecision):
        index.act(undo_decision, UndoDecision(hold.decision_id, "clerk-2"))
    index.undo(release)
    assert index.store.committed.records == held.records
    assert index.resolve(HELD).records[0].hold == hold.decision_id
    index.undo(hold)
    assert index.are_one("NGH|1", HELD)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_while_it_is_held_the_order_of_messages_does_not_matter(index: Index, order: tuple[int, ...]) -> None:
    index.hold(HELD)
    said = [(("RDI|3",), ANA), ((HELD, "NATID|999000123"), ANA), (("RDI|4", "NATID|999000123"), BEA)]
    at = index.clock()
    for number in order:
        ids, what = said[number]
        index.register(*ids, as_=what, at=at)
    assert index.are_one("NGH|1", "RDI|3")
    assert index.are_one("RDI|4", "NATID|999000123")
    assert [str(r.identifier) for r in index.resolve(HELD).records] == [HELD]
