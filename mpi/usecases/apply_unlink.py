"""Carry out a site's word that two identifiers are not one patient (A37): kept as *not the same person*."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import Enum

from mpi.errors import MergeRefused
from mpi.events import IdentityChange
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import HistoryEntry, LinkSource, SourceRecord
from mpi.identity.review import NeverLink, ReviewKind
from mpi.ports import Clock, NewId, UnitOfWork
from mpi.usecases.carry_out_decision import held_together_by_hand
from mpi.usecases.follow_identifier import follow_identifier
from mpi.usecases.matcher import Matcher
from mpi.usecases.open_review import open_review
from mpi.usecases.settle_neighbourhood import publish_change, settle_neighbourhood


class UnlinkOutcome(Enum):
    """What came of it. MERGED_BEFORE and MANUAL_IN_THE_WAY change nothing and ask staff."""

    PARTED = "parted"
    MERGED_BEFORE = "merged_before"
    MANUAL_IN_THE_WAY = "manual_in_the_way"


@dataclass(frozen=True, slots=True)
class ApplyUnlink:
    """The two numbers, as sent; either may be one that nobody has seen yet."""

    left: PatientIdentifier
    right: PatientIdentifier
    event_at: dt.datetime
    source: str


def apply_unlink(
    command: ApplyUnlink, *, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId
) -> UnlinkOutcome:
    """Keep the two apart, whatever linked them but staff's own word.

    Raises:
        MergeRefused: twice the same number (``same_identifier``).
    """
    if command.left == command.right:
        raise MergeRefused("same_identifier", "the two identifiers are the same")
    uow.lock([str(command.left), str(command.right)])
    left, right = _stands_for(command.left, uow), _stands_for(command.right, uow)
    outcome = _judge(left, right, uow)
    if outcome is not UnlinkOutcome.PARTED:
        is_merged = outcome is UnlinkOutcome.MERGED_BEFORE
        open_review(
            ReviewKind.MERGE_REVERSED if is_merged else ReviewKind.MERGE_CONFLICT,
            command.left if is_merged else left,
            command.right if is_merged else right,
            source=command.source,
            uow=uow,
            clock=clock,
            new_id=new_id,
            priority=1 if is_merged else 2,
            guards=(outcome.value,),
        )
        return outcome
    for link in uow.decisions.always_links_of((left,)):
        if link.pair == tuple(sorted((left, right))) and link.link_source is LinkSource.AUTO:
            uow.decisions.retract_always(link)
    uow.reviews.assert_never(NeverLink.of(left, right, said_by=command.source, said_at=clock()))
    _settle(command, (left, right), uow, matcher, clock, new_id)
    return outcome


def _stands_for(identifier: PatientIdentifier, uow: UnitOfWork) -> PatientIdentifier:
    record = follow_identifier(identifier, uow=uow)
    if record is None:
        return identifier
    return record.surviving_identifier or record.identifier


def _judge(left: PatientIdentifier, right: PatientIdentifier, uow: UnitOfWork) -> UnlinkOutcome:
    if left == right:
        return UnlinkOutcome.MERGED_BEFORE
    if right in held_together_by_hand(left, uow):
        return UnlinkOutcome.MANUAL_IN_THE_WAY
    return UnlinkOutcome.PARTED


def _settle(
    command: ApplyUnlink,
    pair: tuple[PatientIdentifier, PatientIdentifier],
    uow: UnitOfWork,
    matcher: Matcher,
    clock: Clock,
    new_id: NewId,
) -> None:
    records: list[SourceRecord] = [r for r in uow.records.get_many(pair).values() if r.is_active]
    settled = settle_neighbourhood(records, source=command.source, uow=uow, matcher=matcher, clock=clock, new_id=new_id)
    before: list[EnterpriseId | None] = [r.enterprise_id for r in records]
    for record in records:
        person = settled.records[record.identifier].enterprise_id
        uow.history.append(
            HistoryEntry(record.identifier, "unlinked:message", command.event_at, command.source, person)
        )
    publish_change(IdentityChange.DECIDED_DIFFERENT, settled, before, uow=uow, clock=clock)
