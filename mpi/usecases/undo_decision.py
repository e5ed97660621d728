"""Take a decision of staff back: both sides are as they were, but for what sites said since."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mpi.errors import StaleDecision, UnknownDecision
from mpi.events import IdentityChange
from mpi.identity.decisions import Decision, DecisionKind
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import HistoryEntry, SourceRecord
from mpi.identity.review import ReviewItem, ReviewStatus, reopened
from mpi.ports import Clock, NewId, UnitOfWork
from mpi.usecases.carry_out_decision import reassert, retract, undone
from mpi.usecases.chosen_records import Seen, lock_persons, refuse_changed
from mpi.usecases.follow_identifier import follow_identifier
from mpi.usecases.matcher import Matcher
from mpi.usecases.settle_neighbourhood import publish_change, settle_neighbourhood
from mpi.usecases.supersede_reviews import supersede_item


@dataclass(frozen=True, slots=True)
class UndoDecision:
    """Which decision, and who takes it back. ``expected_versions``: of every person with a record that it touched."""

    decision_id: str
    undone_by: str
    expected_versions: Seen = None


def undo_decision(command: UndoDecision, *, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId) -> Decision:
    """Unsay what the decision said and restore every link it changed, its time and score included.

    Raises:
        UnknownDecision: no such decision.
        StaleDecision: it was undone before, or a later decision about the same records must be undone first.
        StalePersons: the persons are not as they were seen.
    """
    decision = uow.decisions.get(command.decision_id)
    if decision is None:
        raise UnknownDecision("no decision has this id")
    decision = _locked(decision, uow, matcher)
    _refuse_built_upon(decision, uow)
    touched = uow.records.get_many(decision.touched).values()
    refuse_changed([record.enterprise_id for record in touched], command.expected_versions, uow)
    retract(decision.added, uow)
    reassert(decision.removed, uow)
    _restore_hold(decision, uow, matcher)
    restored = _restore(decision, uow, matcher)
    _restore_questions(decision, uow, clock)
    source = f"review:{command.undone_by}"
    settled = settle_neighbourhood(
        _standing(decision, uow),
        source=source,
        has_own_history=False,
        uow=uow,
        matcher=matcher,
        clock=clock,
        new_id=new_id,
    )
    _ask_within_person_again(decision, uow)
    closed = undone(decision, command.undone_by, clock)
    uow.decisions.save(closed)
    for identifier in decision.touched:
        record = uow.records.get(identifier)
        person = None if record is None else record.enterprise_id
        uow.history.append(
            HistoryEntry(identifier, f"undone:{decision.kind.value}", clock(), source, person, decision.decision_id)
        )
    publish_change(IdentityChange.RECORD_MOVED, settled, restored, uow=uow, clock=clock)
    return closed


def _locked(decision: Decision, uow: UnitOfWork, matcher: Matcher) -> Decision:
    """The decision as it is once nobody else can move the records it touched."""
    touched = decision.touched
    lock_persons(lambda: tuple(uow.records.get_many(touched).values()), also=touched, uow=uow, matcher=matcher)
    return uow.decisions.get(decision.decision_id) or decision


def later_decisions(decision: Decision, *, uow: UnitOfWork) -> tuple[Decision, ...]:
    """Standing decisions about the same records that were made after this one: they must be undone first."""
    decisions = uow.decisions.about(decision.touched)
    later = decisions[[d.decision_id for d in decisions].index(decision.decision_id) + 1 :]
    return tuple(d for d in later if not d.is_undone)


def _refuse_built_upon(decision: Decision, uow: UnitOfWork) -> None:
    if decision.is_undone:
        raise StaleDecision("the decision was undone before")
    if later_decisions(decision, uow=uow):
        raise StaleDecision("a later decision about the same records must be undone first")


def _restore(decision: Decision, uow: UnitOfWork, matcher: Matcher) -> list[EnterpriseId]:
    """Put links back that are still as the decision left them; the persons concerned."""
    stored = uow.records.get_many([change.identifier for change in decision.changes])
    persons: dict[EnterpriseId, None] = {}
    for change in decision.changes:
        record = stored.get(change.identifier)
        persons |= dict.fromkeys((change.before.enterprise_id, change.after.enterprise_id))
        if record is not None and record.is_active and record.link == change.after:
            linked = record.linked(change.before)
            uow.records.save(linked, blocking_keys=matcher.blocking_keys(linked))
    uow.records.drop_redirects([change.before.enterprise_id for change in decision.changes])
    return list(persons)


def _restore_hold(decision: Decision, uow: UnitOfWork, matcher: Matcher) -> None:
    """A hold that is undone ends; a release that is undone gives the record back to the hold that it ended."""
    record = None if decision.held is None else uow.records.get(decision.held)
    if record is None or not record.is_active:
        return
    holds = [
        d.decision_id for d in uow.decisions.about((record.identifier,)) if d.is_holding and d.held == record.identifier
    ]
    again = replace(record, hold=holds[-1] if decision.kind is DecisionKind.RELEASE else None)
    uow.records.save(again, blocking_keys=matcher.blocking_keys(again))


def _restore_questions(decision: Decision, uow: UnitOfWork, clock: Clock) -> None:
    """Ask again what the decision answered or settled, and no more what came up with it."""
    for item_id in decision.opened_items:
        item = uow.reviews.get(item_id)
        if item is not None and item.status is ReviewStatus.OPEN:
            supersede_item(item, uow=uow, clock=clock)
    answered = () if decision.review_item_id is None else (decision.review_item_id,)
    for item_id in (*decision.closed_items, *answered):
        item = uow.reviews.get(item_id)
        if item is not None and item.status is not ReviewStatus.OPEN and not _is_asked_or_gone(item, uow):
            uow.reviews.save(reopened(item))


def _ask_within_person_again(decision: Decision, uow: UnitOfWork) -> None:
    """Whether one record of a person holds somebody else's data is no question that one person answers."""
    item = None if decision.review_item_id is None else uow.reviews.get(decision.review_item_id)
    if decision.kind is not DecisionKind.HOLD or item is None or item.status is not ReviewStatus.SUPERSEDED:
        return
    if {item.left, item.right} <= set(decision.subjects) and not _is_asked_or_gone(item, uow):
        uow.reviews.save(reopened(item))


def _is_asked_or_gone(item: ReviewItem, uow: UnitOfWork) -> bool:
    pair = {item.left, item.right}
    if not all(record.is_active for record in uow.records.get_many(pair).values()):
        return True
    return any(other.kind is item.kind and {other.left, other.right} == pair for other in uow.reviews.open_about(pair))


def _standing(decision: Decision, uow: UnitOfWork) -> list[SourceRecord]:
    """What stands now for the records the decision touched."""
    found: dict[PatientIdentifier, SourceRecord] = {}
    for identifier in decision.touched:
        record = follow_identifier(identifier, uow=uow)
        if record is not None and record.is_active:
            found[record.identifier] = record
    return list(found.values())
