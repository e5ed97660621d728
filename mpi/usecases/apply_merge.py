"""Carry out a site's instruction that two of its identifiers are one patient (A40 and its older forms).

Walk: docs/architecture.md, *An A40 merge*. The caller holds the open unit of work and commits.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from mpi.events import IdentityChange
from mpi.identity.decisions import AlwaysLink
from mpi.identity.demographics import Demographics
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.merging import NO_EFFECT, REVIEWED, MergeFacts, MergeOutcome, check_merge, decide_merge
from mpi.identity.records import HistoryEntry, LinkSource, RecordStatus, SourceRecord
from mpi.identity.review import ReviewKind
from mpi.ports import Clock, NewId, UnitOfWork
from mpi.usecases.companions import companions_of, has_evidence, other_members
from mpi.usecases.follow_identifier import follow_identifier
from mpi.usecases.matcher import Matcher
from mpi.usecases.move_assertions import move_assertions
from mpi.usecases.open_review import open_review
from mpi.usecases.settle_neighbourhood import publish_change, settle_neighbourhood
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
    agrees = outcome in NO_EFFECT or _carry_out(command, facts, outcome, uow, matcher, clock, new_id)
    if outcome in REVIEWED or not agrees:
        kind = ReviewKind.MERGE_REVERSED if outcome is MergeOutcome.REVERSE_OF_EARLIER else ReviewKind.MERGE_CONFLICT
        open_review(
            kind,
            facts.resolved_survivor_id,
            facts.subsumed_id,
            source=command.source,
            uow=uow,
            clock=clock,
            new_id=new_id,
            priority=2 if outcome in (MergeOutcome.MANUAL_IN_THE_WAY, MergeOutcome.HELD) or not agrees else 1,
            guards=(outcome.value,) if outcome is MergeOutcome.HELD else (),
        )
    return outcome


def _facts(command: ApplyMerge, uow: UnitOfWork) -> MergeFacts:
    survivor = follow_identifier(command.survivor, uow=uow)
    resolved = _end_of_chain(command.survivor, survivor)
    subsumed = uow.records.get(command.subsumed)
    resolved_subsumed = _end_of_chain(command.subsumed, follow_identifier(command.subsumed, uow=uow))
    held = any(record is not None and record.is_held for record in (survivor, subsumed))
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
        held=held,
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
    command: ApplyMerge,
    facts: MergeFacts,
    outcome: MergeOutcome,
    uow: UnitOfWork,
    matcher: Matcher,
    clock: Clock,
    new_id: NewId,
) -> bool:
    """Retire the subsumed number; what was said of it and beside it goes to the survivor; settle whom it concerns.

    False when what staff said of the two numbers clashes: staff are asked.
    """
    subsumed, resolved = facts.subsumed, facts.resolved_survivor_id
    numbers = () if subsumed is None else tuple(c.identifier for c in companions_of(subsumed, uow))
    retired = (subsumed or _alias(command)).retired(resolved)
    uow.records.save(retired, blocking_keys=())
    uow.history.append(HistoryEntry(command.subsumed, f"merged:{outcome.value}", command.event_at, command.source))
    supersede_reviews((command.subsumed,), uow=uow, clock=clock)
    agrees = move_assertions(command.subsumed, resolved, is_one_person=outcome not in REVIEWED, uow=uow)
    survivor = facts.survivor
    if subsumed is not None:
        survivor = _with_numbers(survivor or replace(subsumed, identifier=resolved, site_id=command.site_id), numbers)
        if outcome is MergeOutcome.SURVIVOR_JOINS:
            _join(command, survivor, facts.subsumed_others, uow, clock)
    is_told = outcome in (MergeOutcome.SURVIVOR_UNKNOWN, MergeOutcome.SURVIVOR_JOINS)
    settled = settle_neighbourhood(
        () if survivor is None else (survivor,),
        former=() if subsumed is None else (subsumed,),
        keep=_ids_to_keep(facts, survivor, outcome),
        has_own_history=is_told,
        source=command.source,
        uow=uow,
        matcher=matcher,
        clock=clock,
        new_id=new_id,
    )
    if survivor is not None and is_told:
        person = settled.records[resolved].enterprise_id
        uow.history.append(HistoryEntry(resolved, "linked:merge", command.event_at, command.source, person))
    before = [r.enterprise_id for r in (subsumed, facts.survivor) if r is not None]
    publish_change(IdentityChange.RECORD_RETIRED, settled, before, uow=uow, clock=clock)
    return agrees


def _with_numbers(survivor: SourceRecord, numbers: tuple[PatientIdentifier, ...]) -> SourceRecord:
    """Numbers that only stood for the retired record stand for its survivor."""
    others = [n for n in (*survivor.asserted_identifiers, *numbers) if n != survivor.identifier]
    return replace(survivor, asserted_identifiers=tuple(dict.fromkeys(others)))


def _join(
    command: ApplyMerge, survivor: SourceRecord, others: tuple[SourceRecord, ...], uow: UnitOfWork, clock: Clock
) -> None:
    """By the site's word the survivor is who the subsumed one was; the score that linked the others stays true."""
    for other in others:
        if has_evidence(other):
            uow.decisions.assert_always(
                AlwaysLink.of(
                    survivor.identifier,
                    other.identifier,
                    link_source=LinkSource.AUTO,
                    said_by=command.source,
                    said_at=clock(),
                )
            )


def _ids_to_keep(
    facts: MergeFacts, survivor: SourceRecord | None, outcome: MergeOutcome
) -> dict[PatientIdentifier, EnterpriseId]:
    """A survivor that joins takes the subsumed one's person."""
    joins = outcome in (MergeOutcome.SURVIVOR_UNKNOWN, MergeOutcome.SURVIVOR_JOINS)
    if not joins or survivor is None or facts.subsumed is None or facts.subsumed.enterprise_id is None:
        return {}
    return {survivor.identifier: facts.subsumed.enterprise_id}


def _alias(command: ApplyMerge) -> SourceRecord:
    """A number nobody has seen yet, remembered so that a late message under it finds the survivor."""
    return SourceRecord(
        identifier=command.subsumed,
        site_id=command.site_id,
        demographics=Demographics(),
        demographics_at=command.event_at,
        status=RecordStatus.RETIRED,
    )
