"""Carry out a site's instruction that two of its identifiers are one patient (A40 and its older forms).

Walk: docs/architecture.md, *An A40 merge*. The caller holds the open unit of work and commits.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from mpi.events import IdentityChange, PersonChanged
from mpi.identity.demographics import Demographics
from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.merging import NO_EFFECT, REVIEWED, MergeFacts, MergeOutcome, check_merge, decide_merge
from mpi.identity.records import HistoryEntry, LinkSource, MatchGrade, PersonLink, RecordStatus, SourceRecord
from mpi.identity.review import ReviewKind
from mpi.ports import Clock, NewId, UnitOfWork
from mpi.usecases.follow_identifier import follow_identifier
from mpi.usecases.matcher import Matcher
from mpi.usecases.move_record import companions_of, move_record, other_members
from mpi.usecases.open_review import open_review
from mpi.usecases.supersede_reviews import supersede_reviews


@dataclass(frozen=True, slots=True)
class ApplyMerge:
    """``subsumed`` (MRG-1) is one patient with ``survivor`` (PID-3). ``update`` is what the message says of them."""

    site_id: str
    survivor: PatientIdentifier
    subsumed: PatientIdentifier
    event_at: dt.datetime
    source: str


def apply_merge(command: ApplyMerge, *, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId) -> MergeOutcome:
    """Decide and carry out one merge.

    Raises:
        MergeRefused: the instruction cannot mean anything; nothing was changed.
    """
    check_merge(command.survivor, command.subsumed)
    uow.lock([str(command.survivor), str(command.subsumed)])
    facts = _facts(command, uow)
    outcome = decide_merge(facts)
    if outcome not in NO_EFFECT:
        _carry_out(command, facts, outcome, uow, matcher, clock)
    if outcome in REVIEWED:
        kind = ReviewKind.MERGE_REVERSED if outcome is MergeOutcome.REVERSE_OF_EARLIER else ReviewKind.MERGE_CONFLICT
        open_review(
            kind,
            facts.resolved_survivor_id,
            facts.subsumed_id,
            source=command.source,
            uow=uow,
            clock=clock,
            new_id=new_id,
            priority=2 if outcome is MergeOutcome.MANUAL_IN_THE_WAY else 1,
        )
    return outcome


def _facts(command: ApplyMerge, uow: UnitOfWork) -> MergeFacts:
    survivor = follow_identifier(command.survivor, uow=uow)
    resolved = _end_of_chain(command.survivor, survivor)
    subsumed = uow.records.get(command.subsumed)
    resolved_subsumed = _end_of_chain(command.subsumed, follow_identifier(command.subsumed, uow=uow))
    survivor = survivor if survivor is not None and survivor.is_active else None
    pair = {resolved, command.subsumed}
    said = uow.reviews.never_links_of(pair)
    subsumed_others = _others(subsumed, pair, uow)
    other_ids = {r.identifier for r in subsumed_others}
    return MergeFacts(
        survivor_id=command.survivor,
        resolved_survivor_id=resolved,
        subsumed_id=command.subsumed,
        resolved_subsumed_id=resolved_subsumed,
        survivor=survivor,
        subsumed=subsumed,
        survivor_others=_others(survivor, pair, uow),
        subsumed_others=subsumed_others,
        said_different=any({n.left, n.right} == pair for n in said),
        other_never_links=any(
            resolved in (n.left, n.right) and ({n.left, n.right} - {resolved}) & other_ids for n in said
        ),
    )


def _end_of_chain(sent: PatientIdentifier, record: SourceRecord | None) -> PatientIdentifier:
    if record is None:
        return sent
    return record.surviving_identifier or record.identifier


def _others(record: SourceRecord | None, pair: set[PatientIdentifier], uow: UnitOfWork) -> tuple[SourceRecord, ...]:
    if record is None:
        return ()
    return tuple(r for r in other_members(record, uow) if r.identifier not in pair)


def _carry_out(
    command: ApplyMerge, facts: MergeFacts, outcome: MergeOutcome, uow: UnitOfWork, matcher: Matcher, clock: Clock
) -> None:
    now = clock()
    subsumed = facts.subsumed
    if subsumed is not None:
        if outcome in (MergeOutcome.SURVIVOR_UNKNOWN, MergeOutcome.SURVIVOR_JOINS):
            _join(command, facts, subsumed, uow, matcher, now)
        else:
            _companions_follow(facts.survivor, subsumed, uow, matcher)
    retired = (subsumed or _alias(command)).retired(facts.resolved_survivor_id)
    uow.records.save(retired, blocking_keys=())
    uow.history.append(HistoryEntry(command.subsumed, f"merged:{outcome.value}", command.event_at, command.source))
    supersede_reviews((command.subsumed,), uow=uow, clock=clock)
    changed = {
        r.enterprise_id: None for r in (subsumed, facts.survivor) if r is not None and r.enterprise_id is not None
    }
    if changed:
        uow.events.publish(PersonChanged(IdentityChange.RECORD_RETIRED, tuple(changed), now))


def _companions_follow(
    survivor: SourceRecord | None, subsumed: SourceRecord, uow: UnitOfWork, matcher: Matcher
) -> None:
    """Numbers that only stood for the retired record go to its survivor's person."""
    if survivor is None or survivor.link is None or survivor.enterprise_id == subsumed.enterprise_id:
        return
    for companion in companions_of(subsumed, uow):
        follower = companion.linked(survivor.link)
        uow.records.save(follower, blocking_keys=matcher.blocking_keys(follower))


def _join(
    command: ApplyMerge,
    facts: MergeFacts,
    subsumed: SourceRecord,
    uow: UnitOfWork,
    matcher: Matcher,
    now: dt.datetime,
) -> None:
    """The survivor takes the subsumed one's person; a survivor never seen comes into being with its demographics."""
    assert subsumed.link is not None  # noqa: S101 - an active record is linked
    survivor = facts.survivor or replace(subsumed, identifier=facts.resolved_survivor_id, site_id=command.site_id)
    link = PersonLink(
        enterprise_id=subsumed.link.enterprise_id,
        link_source=subsumed.link.link_source if facts.survivor is None else LinkSource.AUTO,
        match_grade=MatchGrade.CERTAIN,
        linked_at=now,
    )
    joined = move_record(survivor, link, uow=uow, matcher=matcher)
    uow.history.append(
        HistoryEntry(joined.identifier, "linked:merge", command.event_at, command.source, joined.enterprise_id)
    )


def _alias(command: ApplyMerge) -> SourceRecord:
    """A number nobody has seen yet, remembered so that a late message under it finds the survivor."""
    return SourceRecord(
        identifier=command.subsumed,
        site_id=command.site_id,
        demographics=Demographics(),
        demographics_at=command.event_at,
        status=RecordStatus.RETIRED,
    )
