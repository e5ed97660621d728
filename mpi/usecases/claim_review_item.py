"""One of the staff takes a question on, so that two do not work on it at once."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from mpi.errors import ItemClaimed, StaleDecision, UnknownReviewItem
from mpi.identity.review import ReviewItem, ReviewStatus
from mpi.ports import Clock, UnitOfWork

CLAIM_MINUTES = 30
LONGEST_CLAIM_MINUTES = 8 * 60


@dataclass(frozen=True, slots=True)
class ClaimReviewItem:
    """``minutes`` 0 gives the item back."""

    review_item_id: str
    claimed_by: str
    minutes: int = CLAIM_MINUTES


def claim_review_item(command: ClaimReviewItem, *, uow: UnitOfWork, clock: Clock) -> ReviewItem:
    """The item as claimed, with its new version; one's own claim is renewed, one that ran out is free.

    Raises:
        UnknownReviewItem: no such item.
        ItemClaimed: somebody else works on it.
        StaleDecision: it is closed.
    """
    item = uow.reviews.get(command.review_item_id)
    if item is None:
        raise UnknownReviewItem("no review item has this id")
    if item.status is not ReviewStatus.OPEN:
        raise StaleDecision("the review item is closed")
    now = clock()
    if item.is_claimed_by_other(command.claimed_by, now):
        raise ItemClaimed("somebody else works on the review item")
    minutes = min(max(command.minutes, 0), LONGEST_CLAIM_MINUTES)
    claimed = replace(
        item,
        claimed_by=command.claimed_by if minutes else None,
        claimed_until=now + dt.timedelta(minutes=minutes) if minutes else None,
        version=item.version + 1,
    )
    uow.reviews.save(claimed)
    return claimed
