"""Reading the review queue, and deciding."""

from __future__ import annotations

import asyncio

import strawberry

from gateway.context import HubInfo
from gateway.cursors import InvalidCursor, ReviewPosition, read_review_cursor
from gateway.decisions import decide_and_read
from gateway.loaders import load_review_case, load_review_page
from gateway.schema.inputs import MAX_PAGE, InputProblem, read_number, read_text
from gateway.schema.refusals import DecisionRefused, ReviewItemNotFound
from gateway.schema.reviews import (
    DecideReviewItemResult,
    ReviewDecided,
    ReviewItem,
    ReviewItemConnection,
    ReviewItemResult,
    ReviewQueueResult,
    StaleReviewItem,
)
from mpi.errors import MergeRefused, StaleDecision, UnknownReviewItem
from mpi.identity.review import ReviewDecision, ReviewKind
from mpi.usecases.decide_review import DecideReview

_MAX_REASON = 500


async def resolve_review_queue(
    info: HubInfo, first: int = 20, after: str | None = None, kinds: list[ReviewKind] | None = None
) -> ReviewQueueResult:
    """A page of open items."""
    page = await asyncio.to_thread(
        load_review_page,
        info.context.resources.read,
        kinds=kinds,
        first=read_number(first, "first", 1, MAX_PAGE),
        after=_position(after),
    )
    return ReviewItemConnection.from_domain(page)


async def resolve_review_item(info: HubInfo, id: strawberry.ID) -> ReviewItemResult:  # noqa: A002 - published name
    """One item, open or closed."""
    case = await asyncio.to_thread(load_review_case, info.context.resources.read, read_text(id, "id"))
    return ReviewItemNotFound() if case is None else ReviewItem.from_domain(case)


async def resolve_decide_review_item(
    info: HubInfo,
    id: strawberry.ID,  # noqa: A002 - the name is published
    expected_version: int,
    decision: ReviewDecision,
    reason: str = "",
) -> DecideReviewItemResult:
    """Carry out what records staff decided."""
    context = info.context
    command = DecideReview(
        review_item_id=read_text(id, "id"),
        expected_version=expected_version,
        decision=decision,
        decided_by=context.caller.subject,
        reason=read_text(reason, "reason", _MAX_REASON),
    )
    try:
        case = await asyncio.to_thread(decide_and_read, command, context)
        return ReviewDecided(item=ReviewItem.from_domain(case))
    except UnknownReviewItem:
        return ReviewItemNotFound()
    except MergeRefused as refused:
        return DecisionRefused(code=refused.code)
    except StaleDecision:
        current = await asyncio.to_thread(load_review_case, context.resources.read, id)
        return StaleReviewItem(current=None if current is None else ReviewItem.from_domain(current))


def _position(after: str | None) -> ReviewPosition | None:
    try:
        return None if after is None else read_review_cursor(after)
    except InvalidCursor:
        raise InputProblem("invalid_cursor", "after", "not a cursor of this list") from None
