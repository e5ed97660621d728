"""Which person is this record? Decided for its whole neighbourhood, so that the order of arrival does not matter.

A record that says something new is stored with the numbers sent beside it; then everybody it has to do with is dealt
out anew (``settle_neighbourhood``). What staff said stands. A record that leaves its person because of what it says
now is a question to staff (overlay, or somebody who moved and married at once).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from mpi.events import IdentityChange
from mpi.identity.contradiction import contradictions
from mpi.identity.demographics import Demographics
from mpi.identity.records import SourceRecord
from mpi.identity.review import EvidenceLine, ReviewKind
from mpi.ports import Clock, NewId, UnitOfWork
from mpi.usecases.companions import has_evidence
from mpi.usecases.matcher import Matcher
from mpi.usecases.open_review import open_review
from mpi.usecases.settle_neighbourhood import Settled, publish_change, settle_neighbourhood


class Placed(NamedTuple):
    """The stored record, ids of questions that were opened, whether the neighbourhood was cut, and why it is there.

    ``members`` are all records of its person as stored, in the order of their numbers; empty: they were not in hand.
    """

    record: SourceRecord
    opened_items: tuple[str, ...] = ()
    is_truncated: bool = False
    reason: str = ""
    members: tuple[SourceRecord, ...] = ()


def place_record(
    record: SourceRecord,
    former: SourceRecord | None,
    *,
    source: str,
    uow: UnitOfWork,
    matcher: Matcher,
    clock: Clock,
    new_id: NewId,
) -> Placed:
    """Store the record with a link to exactly one person. ``former`` is what is stored of it, if anything."""
    numbers = _new_numbers(record, uow, matcher)
    if former is not None and not numbers and _says_the_same(record, former, matcher):
        uow.records.save(record, blocking_keys=matcher.blocking_keys(record))
        return Placed(record)
    members = () if former is None or former.enterprise_id is None else uow.records.of_person(former.enterprise_id)
    settled = settle_neighbourhood(
        [record, *numbers],
        former=() if former is None else (former,),
        source=source,
        uow=uow,
        matcher=matcher,
        clock=clock,
        new_id=new_id,
    )
    placed = settled.records[record.identifier]
    left_behind = _ask_why_it_left(placed, members, settled, source, uow, matcher, clock, new_id)
    publish_change(IdentityChange.RECORD_LINKED, settled, [placed.enterprise_id], uow=uow, clock=clock)
    items = (*settled.opened_items, *left_behind)
    return Placed(placed, items, settled.is_truncated, settled.reasons[placed.identifier], _members(placed, settled))


def _members(placed: SourceRecord, settled: Settled) -> tuple[SourceRecord, ...]:
    """The core holds whole persons, unless it was cut."""
    if settled.is_truncated:
        return ()
    together = (r for r in settled.records.values() if r.enterprise_id == placed.enterprise_id)
    return tuple(sorted(together, key=lambda record: record.identifier))


def _says_the_same(record: SourceRecord, former: SourceRecord, matcher: Matcher) -> bool:
    return (
        record.asserted_identifiers == former.asserted_identifiers
        and has_evidence(record) == has_evidence(former)
        and matcher.comparable(record) == matcher.comparable(former)
    )


def _new_numbers(record: SourceRecord, uow: UnitOfWork, matcher: Matcher) -> list[SourceRecord]:
    """A record for each registered number sent beside this one that nobody has seen yet."""
    sent = matcher.registered(record.asserted_identifiers)
    known = uow.records.get_many(sent)
    return [
        SourceRecord(
            identifier=number,
            site_id=record.site_id,
            demographics=Demographics(),
            demographics_at=record.demographics_at,
        )
        for number in sent
        if number not in known
    ]


def _ask_why_it_left(
    record: SourceRecord,
    members: Collection[SourceRecord],
    settled: Settled,
    source: str,
    uow: UnitOfWork,
    matcher: Matcher,
    clock: Clock,
    new_id: NewId,
) -> tuple[str, ...]:
    """An update that parts a record from all it was one person with is never taken in silence."""
    others = [m for m in members if m.identifier != record.identifier and has_evidence(m)]
    now = [settled.records.get(m.identifier, m).enterprise_id for m in others]
    if not others or record.enterprise_id in now:
        return ()
    comparable = matcher.comparable(record)
    scores = [(matcher.score(comparable, matcher.comparable(m)), m) for m in others]
    score, nearest = max(scores, key=lambda pair: pair[0].score)
    is_other = all(contradictions(record.demographics, m.demographics).is_other_person for m in others)
    item = open_review(
        ReviewKind.SUSPECTED_OVERLAY,
        record.identifier,
        nearest.identifier,
        source=source,
        uow=uow,
        clock=clock,
        new_id=new_id,
        priority=1,
        evidence=tuple(EvidenceLine(*line) for line in score.weights),
        score=score.score,
        match_probability=score.match_probability,
        model_version=score.model_version,
        guards=tuple(g.name for g in score.guards) + (("contradicts_everybody",) if is_other else ()),
    )
    return () if item is None else (item,)
