"""A new model looks at the whole index again: it asks, it never surprises, and what staff decided stands."""

from __future__ import annotations

from dataclasses import replace

from mpi.identity.records import LinkSource
from mpi.identity.review import ReviewDecision, ReviewKind
from mpi.usecases.decide_review import DecideReview, decide_review
from mpi.usecases.matcher import Matcher
from mpi.usecases.rematch_record import Rematched, RematchFinding, RematchMode, rematch_record
from tests.builders import AUTHORITIES, Index, person, pid

ANA = person("Arroyo", "Ana", born="1984-03-12", sex="F", phone="2025550134")


def with_thresholds(index: Index, upper: float, lower: float) -> None:
    model = replace(index.matcher.model, version="next", upper=upper, lower=lower)
    index.matcher = Matcher(model, AUTHORITIES)


def rematch(index: Index, identifier: str, mode: RematchMode = RematchMode.ASK) -> Rematched:
    with index.units() as uow:
        record = uow.records.get(pid(identifier))
        found = rematch_record(
            record, mode=mode, uow=uow, matcher=index.matcher, clock=index.clock, new_id=index.new_id
        )
        uow.commit()
    return found


def person_of(index: Index, identifier: str) -> str:
    with index.units() as uow:
        return str(uow.records.get(pid(identifier)).enterprise_id)


def questions(index: Index) -> list[tuple[ReviewKind, str]]:
    with index.units() as uow:
        return [(i.kind, i.source) for i in uow.reviews.open_page(kinds=None, offset=0, limit=20).items]


def linked_pair() -> Index:
    index = Index()
    index.register("NGH|1", as_=ANA)
    index.register("LKM|2", as_=ANA)
    assert person_of(index, "NGH|1") == person_of(index, "LKM|2")
    return index


def apart_pair() -> Index:
    index = Index()
    with_thresholds(index, 400.0, 400.0)
    index.register("NGH|1", as_=ANA)
    index.register("LKM|2", as_=ANA)
    assert person_of(index, "NGH|1") != person_of(index, "LKM|2")
    with_thresholds(index, 11.5, 2.0)
    return index


def test_the_same_model_finds_nothing_new() -> None:
    index = linked_pair()
    assert rematch(index, "NGH|1").finding is RematchFinding.SAME
    assert rematch(index, "LKM|2").finding is RematchFinding.SAME
    assert questions(index) == []


def test_what_would_part_is_asked_and_stays() -> None:
    index = linked_pair()
    with_thresholds(index, 400.0, 400.0)
    before = person_of(index, "LKM|2")
    assert rematch(index, "NGH|1").finding is RematchFinding.SAME, "no score brought the first record there"
    assert rematch(index, "LKM|2").finding is RematchFinding.WOULD_PART
    assert rematch(index, "LKM|2").pairs[0].review_item_id is None, "asked once"
    assert questions(index) == [(ReviewKind.SUSPECTED_OVERLAY, "rematch")]
    assert person_of(index, "LKM|2") == before


def test_what_would_join_is_asked_once_for_two_persons() -> None:
    index = apart_pair()
    assert rematch(index, "NGH|1").finding is RematchFinding.WOULD_LINK
    rematch(index, "LKM|2")
    assert questions(index) == [(ReviewKind.POSSIBLE_MATCH, "rematch")]
    assert person_of(index, "NGH|1") != person_of(index, "LKM|2")


def test_a_lone_record_joins_only_where_that_was_allowed() -> None:
    index = apart_pair()
    assert rematch(index, "NGH|1", RematchMode.LINK).finding is RematchFinding.LINKED
    assert person_of(index, "NGH|1") == person_of(index, "LKM|2")
    with index.units() as uow:
        link = uow.records.get(pid("NGH|1")).link
    assert (link.link_source, link.model_version) == (LinkSource.AUTO, "next")


def test_looking_changes_nothing() -> None:
    index = apart_pair()
    assert rematch(index, "NGH|1", RematchMode.LOOK).finding is RematchFinding.WOULD_LINK
    assert questions(index) == []


def test_what_staff_decided_is_never_questioned() -> None:
    index = apart_pair()
    (asked,) = rematch(index, "NGH|1").pairs
    decide(index, asked.review_item_id, ReviewDecision.SAME)
    with_thresholds(index, 400.0, 400.0)
    assert rematch(index, "NGH|1").finding is RematchFinding.MANUAL
    assert rematch(index, "LKM|2", RematchMode.LINK).finding is RematchFinding.MANUAL

    other = apart_pair()
    (asked,) = rematch(other, "NGH|1").pairs
    decide(other, asked.review_item_id, ReviewDecision.DIFFERENT)
    assert rematch(other, "NGH|1", RematchMode.LINK).finding is RematchFinding.SAME
    assert questions(other) == []


def decide(index: Index, item_id: str, decision: ReviewDecision) -> None:
    with index.units() as uow:
        item = uow.reviews.get(item_id)
        command = DecideReview(item_id, item.version, decision, "clerk", "seen")
        decide_review(command, uow=uow, matcher=index.matcher, clock=index.clock, new_id=index.new_id)
        uow.commit()
