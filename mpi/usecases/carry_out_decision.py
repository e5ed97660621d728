"""One act of records staff: keep what they said, settle everybody it concerns, remember how to undo it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from mpi.errors import MergeRefused
from mpi.events import IdentityChange
from mpi.identity.decisions import AlwaysLink, Assertions, Decision, DecisionKind
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import HistoryEntry, LinkSource, SourceRecord
from mpi.identity.review import NeverLink
from mpi.ports import Clock, NewId, UnitOfWork
from mpi.usecases.matcher import Matcher
from mpi.usecases.settle_neighbourhood import publish_change, settle_neighbourhood

Pair = tuple[PatientIdentifier, PatientIdentifier]

_HISTORY = {
    DecisionKind.LINK: "linked:manual",
    DecisionKind.MERGE: "linked:manual",
    DecisionKind.UNLINK: "unlinked:manual",
    DecisionKind.SPLIT: "unlinked:manual",
    DecisionKind.DIFFERENT: "unlinked:manual",
}
_EVENT = {
    DecisionKind.LINK: IdentityChange.RECORD_LINKED,
    DecisionKind.MERGE: IdentityChange.RECORD_LINKED,
    DecisionKind.UNLINK: IdentityChange.RECORD_MOVED,
    DecisionKind.SPLIT: IdentityChange.RECORD_MOVED,
    DecisionKind.DIFFERENT: IdentityChange.DECIDED_DIFFERENT,
}


@dataclass(frozen=True, slots=True)
class Saying:
    """What staff say: pairs that are one person, and pairs that are not. ``records`` are those it is about.

    ``unsaid``: what a message said against it.
    """

    kind: DecisionKind
    records: tuple[SourceRecord, ...]
    decided_by: str
    reason: str = ""
    review_item_id: str | None = None
    same: tuple[Pair, ...] = ()
    different: tuple[Pair, ...] = ()
    unsaid: tuple[NeverLink, ...] = ()
    keep: Mapping[PatientIdentifier, EnterpriseId] | None = None


def carry_out_decision(saying: Saying, *, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId) -> Decision:
    """Keep the decision and its effect.

    Raises:
        MergeRefused: it contradicts what staff said of the same records before (``said_different``, ``said_same``).
    """
    added, removed = _assert(saying, uow, clock)
    source = f"review:{saying.decided_by}"
    settled = settle_neighbourhood(
        saying.records, keep=saying.keep, source=source, uow=uow, matcher=matcher, clock=clock, new_id=new_id
    )
    decision = Decision(
        decision_id=new_id(),
        kind=saying.kind,
        subjects=tuple(sorted(r.identifier for r in saying.records)),
        decided_by=saying.decided_by,
        decided_at=clock(),
        reason=saying.reason,
        review_item_id=saying.review_item_id,
        added=added,
        removed=removed,
        changes=settled.changes,
        opened_items=settled.opened_items,
        closed_items=settled.closed_items,
    )
    uow.decisions.save(decision)
    for record in saying.records:
        person = settled.records[record.identifier].enterprise_id
        uow.history.append(
            HistoryEntry(record.identifier, _HISTORY[saying.kind], clock(), source, person, decision.decision_id)
        )
    publish_change(_EVENT[saying.kind], settled, [r.enterprise_id for r in saying.records], uow=uow, clock=clock)
    return decision


def _assert(saying: Saying, uow: UnitOfWork, clock: Clock) -> tuple[Assertions, Assertions]:
    """Write what is said; what was added and what it replaced."""
    said_at = clock()
    ids = {i for pair in (*saying.same, *saying.different) for i in pair}
    always = {a.pair: a for a in uow.decisions.always_links_of(ids)}
    never = {(n.left, n.right): n for n in uow.reviews.never_links_of(ids)}
    new_always = [
        AlwaysLink.of(*pair, link_source=LinkSource.MANUAL, said_by=saying.decided_by, said_at=said_at)
        for pair in saying.same
    ]
    new_never = [NeverLink.of(*pair, said_by=saying.decided_by, said_at=said_at) for pair in saying.different]
    gone = tuple(always[n.left, n.right] for n in new_never if (n.left, n.right) in always)
    refuse_linked_by_hand([(n.left, n.right) for n in new_never], gone, uow)
    for link in gone:
        uow.decisions.retract_always(link)
    replaced = tuple(always[a.pair] for a in new_always if a.pair in always)
    for link in new_always:
        uow.decisions.assert_always(link)
    added_never = tuple(n for n in new_never if (n.left, n.right) not in never)
    for assertion in added_never:
        uow.reviews.assert_never(assertion)
    for assertion in saying.unsaid:
        uow.reviews.retract_never(assertion)
    return Assertions(tuple(new_always), added_never), Assertions((*gone, *replaced), saying.unsaid)


def refuse_parted_persons(
    one: EnterpriseId, other: EnterpriseId, uow: UnitOfWork, *, but: Collection[NeverLink] = ()
) -> None:
    """As ``refuse_said_different``, for all members of two persons, also those that only stand for a number."""
    members = uow.records.of_persons((one, other))
    left, right = ([m.identifier for m in members[person]] for person in (one, other))
    refuse_said_different(left, right, uow, but=but)


def refuse_said_different(
    one: Collection[PatientIdentifier],
    other: Collection[PatientIdentifier],
    uow: UnitOfWork,
    *,
    but: Collection[NeverLink] = (),
) -> None:
    """Two persons that staff (or an A37) parted are not joined by another decision: undo that one first.

    Raises:
        MergeRefused: ``said_different``.
    """
    for said in uow.reviews.never_links_of([*one, *other]):
        if said in but:
            continue
        if (said.left in one and said.right in other) or (said.left in other and said.right in one):
            raise MergeRefused("said_different", "a member of one person was said to differ from one of the other")


def refuse_linked_by_hand(pairs: Iterable[Pair], without: Collection[AlwaysLink], uow: UnitOfWork) -> None:
    """Two records that other decisions of staff hold together are not parted: undo those first.

    Raises:
        MergeRefused: ``said_same``.
    """
    gone = {link.pair for link in without}
    for left, right in pairs:
        if right in held_together_by_hand(left, uow, without=gone):
            raise MergeRefused("said_same", "other decisions hold the two records together")


def held_together_by_hand(
    identifier: PatientIdentifier, uow: UnitOfWork, *, without: Collection[Pair] = ()
) -> frozenset[PatientIdentifier]:
    """All records that staff linked with this one, directly or through others."""
    found, frontier = {identifier}, [identifier]
    while frontier:
        links = [
            link
            for link in uow.decisions.always_links_of(frontier)
            if link.link_source is LinkSource.MANUAL and link.pair not in without
        ]
        frontier = sorted({i for link in links for i in link.pair} - found)
        found |= set(frontier)
    return frozenset(found)


def retract(assertions: Assertions, uow: UnitOfWork) -> None:
    """Unsay what was said."""
    for link in assertions.always:
        uow.decisions.retract_always(link)
    for assertion in assertions.never:
        uow.reviews.retract_never(assertion)


def reassert(assertions: Assertions, uow: UnitOfWork) -> None:
    """Say again what was taken away."""
    for link in assertions.always:
        uow.decisions.assert_always(link)
    for assertion in assertions.never:
        uow.reviews.assert_never(assertion)


def undone(decision: Decision, by: str, clock: Clock) -> Decision:
    return replace(decision, undone_by=by, undone_at=clock())
