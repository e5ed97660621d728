"""What the index does with people, in the words of the records office."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from mpi.errors import InvalidDemographics, MergeRefused, StaleDecision, UnknownIdentifier
from mpi.identity.records import LinkSource
from mpi.usecases.claim_review_item import ClaimReviewItem, claim_review_item
from mpi.usecases.raise_urgency import AN_ORDER_WAITS, raise_urgency
from mpi.usecases.register_record import RegisterEffect
from tests.builders import NOON, Index, person, pid

ANA = person("Arroyo", "Ana", middle="Luz", born="1984-03-12", sex="F", phone="202-555-0134", street="12 Mill Road",
             city="Harlow Falls", postal_code="00112", ssn_last4="4821")  # fmt: skip
STRANGER = person("Okafor", "Bayo", born="1951-11-30", sex="M")


@pytest.fixture
def index() -> Index:
    return Index()


def namesake_question(index: Index) -> str:
    """Same name and birth date, but everything else differs, the last digits of a national number too."""
    index.register("NGH|1", as_=ANA)
    other = person("Arroyo", "Ana", born="1984-03-12", phone="202-555-9876", ssn_last4="7310", street="77 Ocean Way")
    outcome = index.register("LKM|9", as_=other)
    assert len(outcome.review_item_ids) == 1
    return outcome.review_item_ids[0]


def test_the_same_woman_at_two_hospitals_is_one_person(index: Index) -> None:
    index.register("NGH|1", as_=ANA)
    index.register("LKM|9", as_=replace(ANA, name=replace(ANA.name, family="Whitlock")))
    assert index.person_of("NGH|1") == index.person_of("LKM|9")


def test_the_same_number_at_two_hospitals_is_not_a_reason_to_link(index: Index) -> None:
    index.register("NGH|77", as_=ANA)
    index.register("LKM|77", as_=STRANGER)
    assert index.person_of("NGH|77") != index.person_of("LKM|77")
    assert index.open_items() == []


def test_an_uncertain_match_is_a_question_with_evidence_that_adds_up(index: Index) -> None:
    item_id = namesake_question(index)
    assert index.person_of("NGH|1") != index.person_of("LKM|9")
    with index.units() as uow:
        item = uow.reviews.get(item_id)
    assert item is not None
    assert item.score is not None
    assert sum(line.match_weight for line in item.evidence) == pytest.approx(item.score)
    assert index.resolve("NGH|1").is_under_review
    assert index.resolve("LKM|9").is_under_review


def test_a_clerk_who_says_same_joins_them_by_hand(index: Index) -> None:
    index.decide(namesake_question(index), "same")
    resolved = index.resolve("NGH|1")
    assert {str(r.identifier) for r in resolved.records} == {"NGH|1", "LKM|9"}
    assert all(r.link is not None and r.link.link_source is LinkSource.MANUAL for r in resolved.records)
    assert not resolved.is_under_review


def test_different_is_never_asked_again_and_never_linked(index: Index) -> None:
    index.decide(namesake_question(index), "different")
    index.register("LKM|9", as_=ANA)
    assert index.person_of("NGH|1") != index.person_of("LKM|9")
    assert index.open_items() == []


def test_a_decision_on_an_old_version_is_refused(index: Index) -> None:
    item_id = namesake_question(index)
    with pytest.raises(StaleDecision):
        index.decide(item_id, "same", version=7)
    index.decide(item_id, "different")
    with pytest.raises(StaleDecision):
        index.decide(item_id, "same")
    assert index.person_of("NGH|1") != index.person_of("LKM|9")


def test_a_merge_retires_a_number_and_the_history_follows(index: Index) -> None:
    index.register("NGH|1", as_=ANA)
    index.register("NGH|2", as_=person("Arroyo", "A"))
    assert index.merge(survivor="NGH|1", subsumed="NGH|2") == "subsumed_alone"
    resolved = index.resolve("NGH|2")
    assert [str(r.identifier) for r in resolved.records] == ["NGH|1"]
    assert [str(i) for i in resolved.identifiers_of("NGH")] == ["NGH|1", "NGH|2"]


def test_merge_chains_end_at_one_number_in_either_order(index: Index) -> None:
    for number, other in (("1", index), ("2", index), ("3", index)):
        other.register(f"NGH|{number}", as_=person("Arroyo", "Ana", born="1984-03-12"))
    index.merge(survivor="NGH|3", subsumed="NGH|2")
    index.merge(survivor="NGH|2", subsumed="NGH|1")
    assert {index.person_of(f"NGH|{n}") for n in "123"} == {index.person_of("NGH|3")}
    assert [str(r.identifier) for r in index.resolve("NGH|1").records] == ["NGH|3"]


def test_a_repeated_merge_has_no_effect_and_its_reverse_is_a_question(index: Index) -> None:
    index.register("NGH|1", as_=ANA)
    index.register("NGH|2", as_=ANA)
    index.merge(survivor="NGH|1", subsumed="NGH|2")
    assert index.merge(survivor="NGH|1", subsumed="NGH|2") == "already_merged"
    assert index.merge(survivor="NGH|2", subsumed="NGH|1") == "reverse_of_earlier"
    assert [str(r.identifier) for r in index.resolve("NGH|2").records] == ["NGH|1"]
    assert [kind for _, kind, _, _ in index.open_items()] == ["merge_reversed"]


def test_a_merge_never_joins_two_persons_who_have_other_records(index: Index) -> None:
    index.register("NGH|1", as_=ANA)
    index.register("LKM|1", as_=ANA)
    index.register("NGH|2", as_=STRANGER)
    index.register("LKM|2", as_=STRANGER)
    assert index.person_of("NGH|2") == index.person_of("LKM|2")
    assert index.merge(survivor="NGH|1", subsumed="NGH|2") == "persons_conflict"
    assert index.person_of("LKM|2") != index.person_of("NGH|1")
    assert index.person_of("NGH|2") == index.person_of("NGH|1")
    assert [kind for _, kind, _, _ in index.open_items()] == ["merge_conflict"]


def test_a_manual_link_stands_against_a_merge(index: Index) -> None:
    index.decide(namesake_question(index), "same")
    index.register("NGH|2", as_=STRANGER)
    assert index.merge(survivor="NGH|2", subsumed="NGH|1") == "manual_in_the_way"
    assert index.person_of("LKM|9") != index.person_of("NGH|2")


@pytest.mark.parametrize(("survivor", "subsumed", "code"), [
    ("NGH|1", "NGH|1", "same_identifier"), ("NGH|1", "LKM|1", "different_authorities"),
])  # fmt: skip
def test_a_merge_that_means_nothing_is_refused(index: Index, survivor: str, subsumed: str, code: str) -> None:
    index.register("NGH|1", as_=ANA)
    with pytest.raises(MergeRefused) as refused:
        index.merge(survivor=survivor, subsumed=subsumed)
    assert refused.value.code == code


def test_a_merge_into_a_number_never_seen_is_not_lost(index: Index) -> None:
    index.register("NGH|1", as_=ANA)
    before = index.person_of("NGH|1")
    assert index.merge(survivor="NGH|2", subsumed="NGH|1") == "survivor_unknown"
    assert index.person_of("NGH|2") == before


def test_a_number_remembered_as_merged_away_counts_for_its_survivor_later(index: Index) -> None:
    index.register("NGH|1", as_=ANA)
    assert index.merge(survivor="NGH|1", subsumed="NGH|5") == "subsumed_unknown"
    index.register("NGH|5", as_=replace(ANA, phones=("202-555-0199",)))
    assert [str(r.identifier) for r in index.resolve("NGH|5").records] == ["NGH|1"]
    with index.units() as uow:
        assert uow.records.person_count() == 1


def test_a_number_given_to_a_second_person_is_not_taken_over(index: Index) -> None:
    index.register("NGH|1", as_=ANA)
    outcome = index.register("NGH|1", as_=STRANGER)
    assert outcome.effect is RegisterEffect.SUSPECTED_REUSE
    assert index.resolve("NGH|1").records[0].demographics == ANA
    assert [kind for _, kind, _, _ in index.open_items()] == ["suspected_reuse"]


def test_a_corrected_name_is_taken_over_once_staff_say_that_it_is_the_same_patient(index: Index) -> None:
    index.register("NGH|1", as_=ANA)
    corrected = person("Nowak", "Zofia", born="1984-03-12", sex="F")
    assert index.register("NGH|1", as_=corrected).effect is RegisterEffect.SUSPECTED_REUSE
    ((item, _, _, _),) = index.open_items()
    index.decide(item, "same")
    said = index.resolve("NGH|1").records[0].demographics
    assert (said.name.family, said.name.given, said.address) == ("Nowak", "Zofia", ANA.address)
    assert index.register("NGH|1", as_=corrected).effect is RegisterEffect.UNCHANGED
    assert index.open_items() == []


def test_a_second_person_under_a_number_is_kept_back_also_after_staff_say_that_they_differ(index: Index) -> None:
    index.register("NGH|1", as_=ANA)
    index.register("NGH|1", as_=STRANGER)
    ((item, _, _, _),) = index.open_items()
    index.decide(item, "different")
    assert index.resolve("NGH|1").records[0].demographics == ANA


@pytest.mark.parametrize("shared", ["phone", "address"])
def test_a_wholly_other_name_is_a_correction_where_something_else_agrees(index: Index, shared: str) -> None:
    index.register("NGH|1", as_=ANA)
    other = person("Nowak", "Zofia", born="1984-03-12", sex="F")
    agreeing = replace(other, phones=ANA.phones) if shared == "phone" else replace(other, address=ANA.address)
    assert index.register("NGH|1", as_=agreeing).effect is RegisterEffect.UPDATED


def test_an_older_update_that_comes_late_changes_nothing(index: Index) -> None:
    index.register("NGH|1", as_=ANA, at=NOON)
    outcome = index.register("NGH|1", as_=replace(ANA, phones=("202-555-0000",)), at=NOON - dt.timedelta(hours=1))
    assert outcome.effect is RegisterEffect.STALE
    assert index.resolve("NGH|1").records[0].demographics.phones == ANA.phones


def test_empty_leaves_alone_and_an_explicit_null_deletes(index: Index) -> None:
    index.register("NGH|1", as_=ANA)
    index.register("NGH|1", as_=person("Arroyo", "Ana"), deleted=frozenset({"phones"}))
    record = index.resolve("NGH|1").records[0]
    assert record.demographics.phones == ()
    assert record.demographics.address == ANA.address


def test_an_identifier_alone_makes_no_person(index: Index) -> None:
    with pytest.raises(InvalidDemographics):
        index.register("NGH|1", as_=person())
    with pytest.raises(UnknownIdentifier):
        index.resolve("NGH|1")


def test_numbers_sent_together_are_one_person(index: Index) -> None:
    index.register("NGH|1", "NATID|9990001234", "LKM|L-77", as_=ANA)
    assert index.person_of("NATID|9990001234") == index.person_of("LKM|L-77") == index.person_of("NGH|1")
    index.register("LKM|L-77", as_=replace(ANA, name=replace(ANA.name, family="Whitlock")))
    assert index.person_of("LKM|L-77") == index.person_of("NGH|1")


def test_a_national_number_of_somebody_else_is_a_question_not_a_link(index: Index) -> None:
    index.register("NGH|1", "NATID|9990001234", as_=ANA)
    index.register("LKM|2", "NATID|9990001234", as_=STRANGER)
    assert index.person_of("LKM|2") != index.person_of("NGH|1")
    assert "suspected_reuse" in [kind for _, kind, _, _ in index.open_items()]


def test_an_unknown_authority_links_nobody_by_itself(index: Index) -> None:
    index.register("NGH|1", "ACME|5", as_=ANA)
    index.register("LKM|2", "ACME|5", as_=STRANGER)
    assert index.person_of("LKM|2") != index.person_of("NGH|1")


def test_the_best_view_says_where_each_value_came_from(index: Index) -> None:
    from mpi.identity.survivorship import golden_record

    index.register("NGH|1", as_=ANA)
    index.register("LKM|9", as_=replace(ANA, name=replace(ANA.name, family="Whitlock"), phones=()))
    golden = golden_record(index.resolve("NGH|1").records)
    assert golden.name is not None
    assert golden.phone is not None
    assert (golden.name.value.family, golden.name.source) == ("Whitlock", pid("LKM|9"))
    assert golden.phone.source == pid("NGH|1")
    assert [name.family for name in golden.other_names] == ["Arroyo"]


def test_a_namesake_with_nothing_else_in_common_does_not_join_a_person_with_several_records(index: Index) -> None:
    index.register("NGH|1", as_=ANA)
    index.register("LKM|1", as_=ANA)
    outcome = index.register("RDI|1", as_=person("Arroyo", "Ana", born="1984-03-12", sex="F"))
    assert index.person_of("RDI|1") != index.person_of("NGH|1")
    assert len(outcome.review_item_ids) == 1


def test_a_trusted_sites_value_outranks_a_newer_one(index: Index) -> None:
    from mpi.identity.survivorship import TrustOrder, golden_record

    index.register("NGH|1", as_=ANA)
    index.register("LKM|9", as_=replace(ANA, name=replace(ANA.name, family="Whitlock"), phones=("202-555-0199",)))
    records = index.resolve("NGH|1").records
    golden = golden_record(records, TrustOrder(("NGH", "LKM"), {"phone": ("LKM",)}))
    assert golden.name is not None
    assert golden.phone is not None
    assert (golden.name.source, golden.phone.source) == (pid("NGH|1"), pid("LKM|9"))
    assert golden_record(reversed(records), TrustOrder(("NGH", "LKM"), {"phone": ("LKM",)})) == golden


def test_a_question_that_an_order_waits_for_goes_first_unless_somebody_is_at_it() -> None:
    index = Index()
    item_id = namesake_question(index)

    def raised() -> int:
        with index.units() as uow:
            moved = raise_urgency(uow.reviews.open_about([pid("NGH|1")]), uow=uow, clock=index.clock)
            uow.commit()
        return moved

    with index.units() as uow:
        claim_review_item(ClaimReviewItem(item_id, "clerk-1"), uow=uow, clock=index.clock)
        uow.commit()
    assert (raised(), index.priority_of(item_id)) == (0, 0)
    with index.units() as uow:
        claim_review_item(ClaimReviewItem(item_id, "clerk-1", minutes=0), uow=uow, clock=index.clock)
        uow.commit()
    assert (raised(), index.priority_of(item_id)) == (1, AN_ORDER_WAITS)
    assert raised() == 0
