"""Carry out a site's word that two of its identifiers are one patient while both stay in use (A24)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import Enum

from mpi.errors import MergeRefused, UnknownIdentifier
from mpi.events import IdentityChange
from mpi.identity.decisions import AlwaysLink
from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.records import HistoryEntry, LinkSource, SourceRecord
from mpi.identity.review import ReviewKind
from mpi.ports import Clock, NewId, UnitOfWork
from mpi.usecases.chosen_records import choose_records
from mpi.usecases.companions import has_evidence, other_members
from mpi.usecases.matcher import Matcher
from mpi.usecases.open_review import open_review
from mpi.usecases.settle_neighbourhood import publish_change, settle_neighbourhood


class LinkOutcome(Enum):
    """What came of it. All but LINKED and ONE_RECORD change nothing and ask staff."""

    LINKED = "linked"
    ONE_RECORD = "one_record"
    SAID_DIFFERENT = "said_different"
    HELD = "held"
    PERSONS_CONFLICT = "persons_conflict"


@dataclass(frozen=True, slots=True)
class ApplyLink:
    """The two numbers, as sent."""

    left: PatientIdentifier
    right: PatientIdentifier
    event_at: dt.datetime
    source: str


def apply_link(command: ApplyLink, *, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId) -> LinkOutcome:
    """Keep the word and join the two, unless staff or an A37 parted them, or both have persons of their own.

    A record that staff hold is not joined either.

    Raises:
        MergeRefused: twice the same number (``same_identifier``).
        UnknownIdentifier: one of the two is no active record.
    """
    if command.left == command.right:
        raise MergeRefused("same_identifier", "the two identifiers are the same")
    left, right = choose_records((command.left, command.right), None, uow=uow, matcher=matcher)
    if left.identifier == right.identifier:
        return LinkOutcome.ONE_RECORD
    outcome = _judge(left, right, uow)
    if outcome is not LinkOutcome.LINKED:
        open_review(
            ReviewKind.MERGE_CONFLICT,
            left.identifier,
            right.identifier,
            source=command.source,
            uow=uow,
            clock=clock,
            new_id=new_id,
            priority=1,
            guards=(outcome.value,),
        )
        return outcome
    _keep(command, left, right, uow, clock)
    settled = settle_neighbourhood(
        (left, right), source=command.source, uow=uow, matcher=matcher, clock=clock, new_id=new_id
    )
    for record in (left, right):
        person = settled.records[record.identifier].enterprise_id
        uow.history.append(HistoryEntry(record.identifier, "linked:message", command.event_at, command.source, person))
    before = [left.enterprise_id, right.enterprise_id]
    publish_change(IdentityChange.RECORD_LINKED, settled, before, uow=uow, clock=clock)
    return LinkOutcome.LINKED


def _judge(left: SourceRecord, right: SourceRecord, uow: UnitOfWork) -> LinkOutcome:
    if left.enterprise_id is None or right.enterprise_id is None:
        raise UnknownIdentifier("no active record has this identifier")
    if left.is_held or right.is_held:
        return LinkOutcome.HELD
    of_left = {left.identifier, *(m.identifier for m in uow.records.of_person(left.enterprise_id))}
    of_right = {right.identifier, *(m.identifier for m in uow.records.of_person(right.enterprise_id))}
    is_one = left.enterprise_id == right.enterprise_id
    for said in uow.reviews.never_links_of(of_left | of_right):
        pair = {said.left, said.right}
        crosses = not is_one and bool(pair & of_left) and bool(pair & of_right)
        if crosses or pair == {left.identifier, right.identifier}:
            return LinkOutcome.SAID_DIFFERENT
    if not is_one and _has_others(left, uow) and _has_others(right, uow):
        return LinkOutcome.PERSONS_CONFLICT
    return LinkOutcome.LINKED


def _has_others(record: SourceRecord, uow: UnitOfWork) -> bool:
    return any(has_evidence(other) for other in other_members(record, uow))


def _keep(command: ApplyLink, left: SourceRecord, right: SourceRecord, uow: UnitOfWork, clock: Clock) -> None:
    """What staff said of the pair stays as it is."""
    said = AlwaysLink.of(
        left.identifier,
        right.identifier,
        link_source=LinkSource.AUTO,
        said_by=command.source,
        said_at=clock(),
    )
    if said.pair not in {known.pair for known in uow.decisions.always_links_of((left.identifier,))}:
        uow.decisions.assert_always(said)
