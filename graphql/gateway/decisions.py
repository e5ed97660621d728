"""A decision of records staff and its audit entries as one transaction, with the records as they are after it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Protocol

from federation.ports import UnitOfWork
from gateway.context import HubContext
from gateway.loaders import ReviewCase
from gateway.permissions import role_used
from mpi.audit import AuditOutcome
from mpi.identity.identifiers import EnterpriseId
from mpi.identity.person_version import person_version
from mpi.identity.review import ReviewDecision, ReviewItem
from mpi.ports import Clock
from mpi.units import carry_out
from mpi.usecases.claim_review_item import ClaimReviewItem, claim_review_item
from mpi.usecases.decide_review import DecideReview, decide_review
from mpi.usecases.escalate_review import EscalateReview, escalate_review

DECIDE = "decideReviewItem"


@dataclass(frozen=True, slots=True)
class DecidedCase:
    """A closed item with what it takes to take its decision back.

    ``decision_id`` ``None``: nothing was said about who is one person. ``person_versions``: of every person that the
    decision touched, as its own transaction left them.
    """

    case: ReviewCase
    decision_id: str | None = None
    person_versions: tuple[str, ...] = ()


def decide_and_read(command: DecideReview, context: HubContext) -> DecidedCase:
    """Carry out the decision, audit it, commit, and give the closed item with both records. Sync, for a thread.

    Raises:
        UnknownReviewItem, StaleDecision, MergeRefused: as ``decide_review``; nothing was changed.
    """
    resources = context.resources

    def decide(uow: UnitOfWork) -> DecidedCase:
        item = decide_review(
            command, uow=uow, matcher=resources.matcher, clock=resources.clock, new_id=resources.new_id
        )
        case = ReviewCase(item, uow.records.get(item.left), uow.records.get(item.right))
        role = role_used(DECIDE, context.caller.roles)
        is_overlay = command.decision is ReviewDecision.POSSIBLE_OVERLAY
        subjects = dict.fromkeys([*case.enterprise_ids(), *(_persons_left(item, uow) if is_overlay else ())])
        detail = command.decision.value if is_overlay else ""
        for subject in subjects or (None,):
            uow.audit.append(
                context.audit_event(DECIDE, AuditOutcome.SUCCESS, role=role, subject=subject, detail=detail)
            )
        decided = _with_decision(case, uow)
        uow.commit()
        return decided

    return carry_out(resources.units, decide)


def _persons_left(item: ReviewItem, uow: UnitOfWork) -> tuple[EnterpriseId, ...]:
    """Whom a record was taken out of by the answer to the question."""
    decisions = [d for d in uow.decisions.about((item.left, item.right)) if d.review_item_id == item.review_item_id]
    return tuple(change.before.enterprise_id for decision in decisions for change in decision.changes)


def _with_decision(case: ReviewCase, uow: UnitOfWork) -> DecidedCase:
    """The decision that answered the item, and the persons it touched as they are in this unit of work."""
    about = uow.decisions.about([case.item.left, case.item.right])
    own = [d for d in about if d.review_item_id == case.item.review_item_id and not d.is_undone]
    if not own:
        return DecidedCase(case)
    touched = uow.records.get_many(own[-1].touched).values()
    persons = {record.enterprise_id for record in touched if record.enterprise_id is not None}
    versions = {person_version(members) for members in uow.records.of_persons(persons).values()}
    return DecidedCase(case, own[-1].decision_id, tuple(sorted(versions)))


def claim_and_read(operation: str, command: ClaimReviewItem, context: HubContext) -> ReviewCase:
    """Claim an item or give it back, audit it, commit, and give the item with both records. Sync, for a thread.

    Raises:
        UnknownReviewItem, StaleDecision: as ``claim_review_item``; nothing was changed.
    """
    return _change_and_read(operation, partial(claim_review_item, command), context)


def escalate_and_read(operation: str, command: EscalateReview, context: HubContext) -> ReviewCase:
    """The same for handing an item to somebody senior, and for taking that back.

    Raises:
        UnknownReviewItem, StaleDecision: as ``escalate_review``; nothing was changed.
    """
    return _change_and_read(operation, partial(escalate_review, command), context)


class _Change(Protocol):
    def __call__(self, *, uow: UnitOfWork, clock: Clock) -> ReviewItem: ...


def _change_and_read(operation: str, change: _Change, context: HubContext) -> ReviewCase:
    resources = context.resources

    def carry(uow: UnitOfWork) -> ReviewCase:
        item = change(uow=uow, clock=resources.clock)
        case = ReviewCase(item, uow.records.get(item.left), uow.records.get(item.right))
        role = role_used(operation, context.caller.roles)
        for subject in case.enterprise_ids() or (None,):
            uow.audit.append(context.audit_event(operation, AuditOutcome.SUCCESS, role=role, subject=subject))
        uow.commit()
        return case

    return carry_out(resources.units, carry)
