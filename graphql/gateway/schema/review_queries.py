"""Reading the review queue, and deciding."""

from __future__ import annotations

import asyncio

import strawberry

from gateway.context import HubInfo
from gateway.cursors import InvalidCursor, ReviewPosition, read_review_cursor
from gateway.decisions import claim_and_read, decide_and_read, escalate_and_read
from gateway.loaders import load_review_case, load_review_page
from gateway.schema.inputs import MAX_PAGE, InputProblem, read_number, read_text
from gateway.schema.refusals import DecisionRefused, ReviewItemNotFound
from gateway.schema.reviews import (
    ClaimReviewItemResult,
    DecideReviewItemResult,
    EscalateReviewItemResult,
    ReviewDecided,
    ReviewItem,
    ReviewItemClaimed,
    ReviewItemConnection,
    ReviewItemEscalated,
    ReviewItemResult,
    ReviewQueueResult,
    StaleReviewItem,
)
from mpi.errors import ItemClaimed, MergeRefused, StaleDecision, UnknownReviewItem
from mpi.identity.review import RecordSide, ReviewDecision, ReviewKind
from mpi.usecases.claim_review_item import CLAIM_MINUTES, LONGEST_CLAIM_MINUTES, ClaimReviewItem
from mpi.usecases.decide_review import DecideReview
from mpi.usecases.escalate_review import EscalateReview

_MAX_REASON = 500


async def resolve_review_queue(
    info: HubInfo,
    first: int = 20,
    after: str | None = None,
    kinds: list[ReviewKind] | None = None,
    escalated: bool | None = None,
) -> ReviewQueueResult:
    """A page of open items."""
    page = await asyncio.to_thread(
        load_review_page,
        info.context.resources.read,
        kinds=kinds,
        first=read_number(first, "first", 1, MAX_PAGE),
        after=_position(after),
        escalated=escalated,
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
    suspected: RecordSide | None = None,
) -> DecideReviewItemResult:
    """Carry out what records staff decided."""
    context = info.context
    _need_suspect(decision, suspected, reason)
    command = DecideReview(
        review_item_id=read_text(id, "id"),
        expected_version=expected_version,
        decision=decision,
        decided_by=context.caller.subject,
        reason=read_text(reason, "reason", _MAX_REASON),
        suspected=suspected,
    )
    try:
        return ReviewDecided.from_domain(await asyncio.to_thread(decide_and_read, command, context))
    except UnknownReviewItem:
        return ReviewItemNotFound()
    except MergeRefused as refused:
        return DecisionRefused(code=refused.code, message=str(refused))
    except StaleDecision as stale:
        return await _stale_item(info, id, stale)


def _need_suspect(decision: ReviewDecision, suspected: RecordSide | None, reason: str) -> None:
    if decision is not ReviewDecision.POSSIBLE_OVERLAY:
        if suspected is not None:
            raise InputProblem("not_used", "suspected", "only a possible overlay names a suspected record")
        return
    if suspected is None:
        raise InputProblem("missing", "suspected", "say which of the two records may hold two people's data")
    if not reason.strip():
        raise InputProblem("missing", "reason", "say why the record may hold two people's data")


async def resolve_claim_review_item(
    info: HubInfo,
    id: strawberry.ID,  # noqa: A002 - the name is published
    minutes: int = CLAIM_MINUTES,
) -> ClaimReviewItemResult:
    """Take a question on, so that two do not work on it at once."""
    return await _claim(info, "claimReviewItem", id, read_number(minutes, "minutes", 1, LONGEST_CLAIM_MINUTES))


async def resolve_release_review_item(info: HubInfo, id: strawberry.ID) -> ClaimReviewItemResult:  # noqa: A002
    """Give a question back."""
    return await _claim(info, "releaseReviewItem", id, 0)


async def _claim(info: HubInfo, operation: str, id_: str, minutes: int) -> ClaimReviewItemResult:
    command = ClaimReviewItem(read_text(id_, "id"), info.context.caller.subject, minutes)
    try:
        case = await asyncio.to_thread(claim_and_read, operation, command, info.context)
        return ReviewItemClaimed(item=ReviewItem.from_domain(case))
    except UnknownReviewItem:
        return ReviewItemNotFound()
    except StaleDecision as stale:
        return await _stale_item(info, id_, stale)


async def resolve_escalate_review_item(
    info: HubInfo,
    id: strawberry.ID,  # noqa: A002 - the name is published
    expected_version: int,
    reason: str,
) -> EscalateReviewItemResult:
    """Hand a question to somebody senior."""
    why = read_text(reason, "reason", _MAX_REASON)
    if not why.strip():
        raise InputProblem("missing", "reason", "say why somebody senior is to look at it")
    return await _escalate(info, "escalateReviewItem", id, expected_version, why)


async def resolve_take_back_escalation(
    info: HubInfo,
    id: strawberry.ID,  # noqa: A002 - the name is published
    expected_version: int,
) -> EscalateReviewItemResult:
    """The question is everybody's again."""
    return await _escalate(info, "takeBackEscalation", id, expected_version, None)


async def _escalate(
    info: HubInfo, operation: str, id_: str, version: int, reason: str | None
) -> EscalateReviewItemResult:
    command = EscalateReview(read_text(id_, "id"), version, info.context.caller.subject, reason)
    try:
        case = await asyncio.to_thread(escalate_and_read, operation, command, info.context)
        return ReviewItemEscalated(item=ReviewItem.from_domain(case))
    except UnknownReviewItem:
        return ReviewItemNotFound()
    except StaleDecision as stale:
        return await _stale_item(info, id_, stale)


async def _stale_item(info: HubInfo, id_: str, stale: StaleDecision) -> StaleReviewItem:
    case = await asyncio.to_thread(load_review_case, info.context.resources.read, id_)
    current = None if case is None else ReviewItem.from_domain(case)
    if isinstance(stale, ItemClaimed):
        return StaleReviewItem(code="item_claimed", message=str(stale), current=current)
    return StaleReviewItem(current=current)


def _position(after: str | None) -> ReviewPosition | None:
    try:
        return None if after is None else read_review_cursor(after)
    except InvalidCursor:
        raise InputProblem("invalid_cursor", "after", "not a cursor of this list") from None
