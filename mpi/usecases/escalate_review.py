"""One of the staff hands a question to somebody senior, or takes that back. It stays open and as urgent as it was."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mpi.errors import ItemClaimed, StaleDecision, UnknownReviewItem
from mpi.identity.review import ReviewItem, ReviewStatus
from mpi.ports import Clock, UnitOfWork


@dataclass(frozen=True, slots=True)
class EscalateReview:
    """``expected_version`` is the version of the item the human looked at; ``reason`` ``None`` takes it back."""

    review_item_id: str
    expected_version: int
    escalated_by: str
    reason: str | None


def escalate_review(command: EscalateReview, *, uow: UnitOfWork, clock: Clock) -> ReviewItem:
    """The item with its new version. Whoever hands it on works on it no more.

    Raises:
        UnknownReviewItem: no such item.
        ItemClaimed: somebody else works on it.
        StaleDecision: it is closed, changed since, was handed on already, or (to take it back) was not.
    """
    item = uow.reviews.get(command.review_item_id)
    if item is None:
        raise UnknownReviewItem("no review item has this id")
    hands_on = command.reason is not None
    is_as_seen = item.status is ReviewStatus.OPEN and item.version == command.expected_version
    if not is_as_seen or item.is_escalated is hands_on:
        raise StaleDecision("the review item changed since it was shown")
    now = clock()
    if item.is_claimed_by_other(command.escalated_by, now):
        raise ItemClaimed("somebody else works on the review item")
    changed = replace(
        item,
        escalated_by=command.escalated_by if hands_on else None,
        escalated_at=now if hands_on else None,
        escalation_reason=command.reason,
        claimed_by=None,
        claimed_until=None,
        version=item.version + 1,
    )
    uow.reviews.save(changed)
    return changed
