"""An order waits on a question about an identity: staff see it before the others."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from mpi.errors import StaleDecision
from mpi.identity.review import ReviewItem, ReviewStatus
from mpi.ports import Clock, UnitOfWork

AN_ORDER_WAITS = 3
"""Above every priority that a question is opened with."""


def raise_urgency(items: Collection[ReviewItem], *, uow: UnitOfWork, clock: Clock) -> int:
    """Put open questions at the head of the queue; how many were moved.

    A question that somebody works on stays as it is: a new version would refuse the decision they are about to take.
    """
    raised = 0
    for seen in items:
        item = uow.reviews.get(seen.review_item_id)
        if item is None or item.status is not ReviewStatus.OPEN or item.priority >= AN_ORDER_WAITS:
            continue
        if item.claimed_until is not None and clock() < item.claimed_until:
            continue
        try:
            uow.reviews.save(replace(item, priority=AN_ORDER_WAITS, version=item.version + 1))
        except StaleDecision:
            continue
        raised += 1
    return raised
