"""A human answers a question of the review queue. What they say outranks every score and message from then on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mpi.errors import MergeRefused, StaleDecision, UnknownReviewItem
from mpi.events import IdentityChange, PersonChanged
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import HistoryEntry, LinkSource, MatchGrade, PersonLink, SourceRecord
from mpi.identity.review import NeverLink, ReviewDecision, ReviewItem, ReviewStatus
from mpi.ports import Clock, NewId, UnitOfWork
from mpi.usecases.follow_identifier import follow_identifier
from mpi.usecases.matcher import Matcher
from mpi.usecases.move_record import move_record
from mpi.usecases.supersede_reviews import supersede_settled


@dataclass(frozen=True, slots=True)
class DecideReview:
    """``expected_version`` is the version of the item the human looked at."""

    review_item_id: str
    expected_version: int
    decision: ReviewDecision
    decided_by: str
    reason: str = ""


def decide_review(
    command: DecideReview, *, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId
) -> ReviewItem:
    """Carry out the decision and close the item.

    Raises:
        UnknownReviewItem: no such item.
        StaleDecision: the item is closed, changed since, or one of its records is gone.
        MergeRefused: SAME about two persons of whom a human said that they differ (``said_different``).
    """
    item = uow.reviews.get(command.review_item_id)
    if item is None:
        raise UnknownReviewItem("no review item has this id")
    if item.status is not ReviewStatus.OPEN or item.version != command.expected_version:
        raise StaleDecision("the review item changed since it was shown")
    uow.lock([str(item.left), str(item.right)])
    if command.decision is ReviewDecision.SAME:
        _join_persons(command, item, uow, matcher, clock)
    elif command.decision is ReviewDecision.DIFFERENT:
        _part(command, item, uow, matcher, clock, new_id)
    closed = replace(
        item,
        status=ReviewStatus.DECIDED,
        decision=command.decision,
        decided_by=command.decided_by,
        decided_at=clock(),
        decision_reason=command.reason or None,
        version=item.version + 1,
    )
    uow.reviews.save(closed)
    return closed


def _join_persons(command: DecideReview, item: ReviewItem, uow: UnitOfWork, matcher: Matcher, clock: Clock) -> None:
    """All records of the left one's person join the right one's; the two records in question are linked by hand."""
    left, right = _active(item, uow)
    if left.identifier == right.identifier:
        return
    members = {r.identifier: r for r in _members(left, uow)}
    kept = {r.identifier: r for r in _members(right, uow)}
    _refuse_parted(set(members) - set(kept), set(kept), uow)
    now = clock()
    assert right.link is not None  # noqa: S101 - active
    by_hand = PersonLink(
        right.link.enterprise_id, LinkSource.MANUAL, MatchGrade.CERTAIN, now, item.score, item.model_version
    )
    left_person, right_person = left.link, right.link
    for record in (*members.values(), right):
        is_subject = record.identifier in (left.identifier, right.identifier)
        link = by_hand if is_subject else replace(record.link or by_hand, enterprise_id=by_hand.enterprise_id)
        linked = record.linked(link)
        uow.records.save(linked, blocking_keys=matcher.blocking_keys(linked))
        if is_subject:
            _remember(command, linked, "linked:manual", uow, clock)
    supersede_settled([*members, *kept], uow=uow, clock=clock, except_item=item.review_item_id)
    persons = dict.fromkeys(p.enterprise_id for p in (left_person, right_person) if p is not None)
    uow.events.publish(PersonChanged(IdentityChange.RECORD_LINKED, tuple(persons), now))


def _refuse_parted(left: set[PatientIdentifier], right: set[PatientIdentifier], uow: UnitOfWork) -> None:
    for said in uow.reviews.never_links_of([*left, *right]):
        if (said.left in left and said.right in right) or (said.left in right and said.right in left):
            raise MergeRefused("said_different", "a member of one person was said to differ from one of the other")


def _part(
    command: DecideReview, item: ReviewItem, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId
) -> None:
    """Keep *not the same person* for ever; if a score or message had linked the two, the left one leaves."""
    if item.left == item.right:
        return
    uow.reviews.assert_never(NeverLink.of(item.left, item.right, said_by=command.decided_by, said_at=clock()))
    left = follow_identifier(item.left, uow=uow)
    right = follow_identifier(item.right, uow=uow)
    persons = [r.enterprise_id for r in (left, right) if r is not None and r.enterprise_id is not None]
    if left is not None and right is not None and left.link is not None and left.enterprise_id == right.enterprise_id:
        own = PersonLink(EnterpriseId(new_id()), LinkSource.AUTO, MatchGrade.CERTAIN, clock())
        moved = move_record(left, own, uow=uow, matcher=matcher)
        _remember(command, moved, "unlinked:manual", uow, clock)
        persons.append(own.enterprise_id)
    uow.events.publish(PersonChanged(IdentityChange.DECIDED_DIFFERENT, tuple(dict.fromkeys(persons)), clock()))


def _active(item: ReviewItem, uow: UnitOfWork) -> tuple[SourceRecord, SourceRecord]:
    left, right = uow.records.get(item.left), uow.records.get(item.right)
    if left is None or right is None or not left.is_active or not right.is_active:
        raise StaleDecision("a record of the review item was merged away")
    return left, right


def _members(record: SourceRecord, uow: UnitOfWork) -> tuple[SourceRecord, ...]:
    return () if record.enterprise_id is None else uow.records.of_person(record.enterprise_id)


def _remember(command: DecideReview, record: SourceRecord, kind: str, uow: UnitOfWork, clock: Clock) -> None:
    source = f"review:{command.decided_by}"
    uow.history.append(HistoryEntry(record.identifier, kind, clock(), source, record.enterprise_id))
