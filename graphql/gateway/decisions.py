"""A decision of records staff as one transaction, with the records as they are after it."""

from __future__ import annotations

from gateway.loaders import ReviewCase
from gateway.resources import HubResources
from mpi.usecases.decide_review import DecideReview, decide_review


def decide_and_read(command: DecideReview, resources: HubResources) -> ReviewCase:
    """Carry out the decision, commit, and give the closed item with both records. Sync, for a thread.

    Raises:
        UnknownReviewItem, StaleDecision, MergeRefused: as ``decide_review``; nothing was changed.
    """
    with resources.units() as uow:
        item = decide_review(
            command, uow=uow, matcher=resources.matcher, clock=resources.clock, new_id=resources.new_id
        )
        case = ReviewCase(item, uow.records.get(item.left), uow.records.get(item.right))
        uow.commit()
    return case
