"""A human answers a question of the review queue. What they say outranks every score and message from then on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mpi.errors import ItemClaimed, MergeRefused, StaleDecision, UnknownReviewItem
from mpi.identity.decisions import DecisionKind
from mpi.identity.review import NeverLink, RecordSide, ReviewDecision, ReviewItem, ReviewKind, ReviewStatus
from mpi.ports import Clock, NewId, UnitOfWork
from mpi.usecases.chosen_records import lock_persons
from mpi.usecases.hold_record import HoldRecord, hold_record
from mpi.usecases.link_persons import LinkPersons, link_persons
from mpi.usecases.matcher import Matcher
from mpi.usecases.say_different import SayDifferent, say_different
from mpi.usecases.take_over_update import take_over_update


@dataclass(frozen=True, slots=True)
class DecideReview:
    """``expected_version`` is the version of the item the human looked at.

    ``suspected``: which of the two records may hold two people's data; for POSSIBLE_OVERLAY, with a reason.
    """

    review_item_id: str
    expected_version: int
    decision: ReviewDecision
    decided_by: str
    reason: str = ""
    suspected: RecordSide | None = None


def decide_review(
    command: DecideReview, *, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId
) -> ReviewItem:
    """Carry out the decision and close the item. SAME and DIFFERENT about two records, and POSSIBLE_OVERLAY, can be
    undone.

    SAME about a number that may have been given twice: what the site said last is the patient's after all.

    Raises:
        UnknownReviewItem: no such item.
        ItemClaimed: somebody else works on it.
        StaleDecision: the item is closed, changed since, or one of its records is gone.
        MergeRefused: SAME about a record that staff linked elsewhere since (``linked_since``), or about two persons of
            whom a human said that they differ (``said_different``), or DIFFERENT
            about two records that other decisions hold together (``said_same``), or SAME about a record that is held,
            or POSSIBLE_OVERLAY about one that is already (``held``), or one that names no record of the item
            (``no_record_named``) or no reason (``no_reason``).
    """
    item = _locked_item(command.review_item_id, uow, matcher)
    if not _can_be_decided(item, command):
        raise StaleDecision("the review item changed since it was shown")
    if item.is_claimed_by_other(command.decided_by, clock()):
        raise ItemClaimed("somebody else works on the review item")
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
    if command.decision is ReviewDecision.POSSIBLE_OVERLAY:
        _hold(command, item, uow, matcher, clock, new_id)
        return closed
    if item.left != item.right:
        if command.decision is ReviewDecision.SAME:
            _join(command, item, uow, matcher, clock, new_id)
        elif command.decision is ReviewDecision.DIFFERENT:
            _part(command, item, uow, matcher, clock, new_id)
    elif item.kind is ReviewKind.SUSPECTED_REUSE and command.decision is ReviewDecision.SAME:
        take_over_update(item.left, said_by=command.decided_by, uow=uow, matcher=matcher, clock=clock, new_id=new_id)
    return closed


def _can_be_decided(item: ReviewItem, command: DecideReview) -> bool:
    """As it was shown. One that fell away since can still be answered *different*: that contradicts nothing."""
    if item.status is ReviewStatus.SUPERSEDED and command.decision is ReviewDecision.DIFFERENT:
        return item.version - command.expected_version in (0, 1)
    return item.status is ReviewStatus.OPEN and item.version == command.expected_version


def _locked_item(review_item_id: str, uow: UnitOfWork, matcher: Matcher) -> ReviewItem:
    """The item as it is once nobody else can move its two records."""
    item = uow.reviews.get(review_item_id)
    if item is None:
        raise UnknownReviewItem("no review item has this id")
    pair = (item.left, item.right)
    lock_persons(lambda: tuple(uow.records.get_many(pair).values()), also=pair, uow=uow, matcher=matcher)
    return uow.reviews.get(review_item_id) or item


def _join(
    command: DecideReview, item: ReviewItem, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId
) -> None:
    if not _both_active(item, uow):
        raise StaleDecision("a record of the review item was merged away")
    _refuse_linked_since(item, uow)
    said = LinkPersons(item.left, item.right, command.decided_by, command.reason, item.review_item_id)
    link_persons(said, uow=uow, matcher=matcher, clock=clock, new_id=new_id)


def _hold(
    command: DecideReview, item: ReviewItem, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId
) -> None:
    if command.suspected is None:
        raise MergeRefused("no_record_named", "say which of the two records may hold two people's data")
    if not command.reason.strip():
        raise MergeRefused("no_reason", "say why the record may hold two people's data")
    suspected = item.record_at(command.suspected)
    record = uow.records.get(suspected)
    if record is None or not record.is_active:
        raise StaleDecision("the suspected record was merged away, or the index has none")
    said = HoldRecord(suspected, command.decided_by, command.reason, item.review_item_id)
    hold_record(said, uow=uow, matcher=matcher, clock=clock, new_id=new_id)


def _refuse_linked_since(item: ReviewItem, uow: UnitOfWork) -> None:
    """Who said meanwhile that a record is somebody else would join two persons: they are to be looked at as such."""
    records = uow.records.get_many((item.left, item.right))
    if records[item.left].enterprise_id == records[item.right].enterprise_id:
        return
    for decision in uow.decisions.about((item.left, item.right)):
        joined = decision.kind in (DecisionKind.LINK, DecisionKind.MERGE) and not decision.is_undone
        if joined and decision.decided_at > item.opened_at:
            raise MergeRefused("linked_since", "a record was linked to another person since: merge the two persons")


def _part(
    command: DecideReview, item: ReviewItem, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId
) -> None:
    """Kept also about a number that is not (or no more) a record of its own."""
    if not _both_active(item, uow):
        uow.reviews.assert_never(NeverLink.of(item.left, item.right, said_by=command.decided_by, said_at=clock()))
        return
    said = SayDifferent(item.left, item.right, command.decided_by, command.reason, item.review_item_id)
    say_different(said, uow=uow, matcher=matcher, clock=clock, new_id=new_id)


def _both_active(item: ReviewItem, uow: UnitOfWork) -> bool:
    records = uow.records.get_many((item.left, item.right))
    return len(records) == 2 and all(record.is_active for record in records.values())
