"""Staff say that two records are one person: their persons become one."""

from __future__ import annotations

from dataclasses import dataclass

from mpi.errors import MergeRefused
from mpi.identity.decisions import Decision, DecisionKind
from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.records import SourceRecord
from mpi.ports import Clock, NewId, UnitOfWork
from mpi.usecases.carry_out_decision import (
    Pair,
    Saying,
    carry_out_decision,
    refuse_parted_persons,
    refuse_said_different,
)
from mpi.usecases.chosen_records import Seen, choose_records, members_with_evidence, refuse_held
from mpi.usecases.matcher import Matcher


@dataclass(frozen=True, slots=True)
class LinkPersons:
    """The two records; the person of ``right`` keeps its enterprise id."""

    left: PatientIdentifier
    right: PatientIdentifier
    decided_by: str
    reason: str = ""
    review_item_id: str | None = None
    expected_versions: Seen = None


def link_persons(command: LinkPersons, *, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId) -> Decision:
    """Link the two by hand; the other members of both persons come along. An A37 about the two is taken back.

    Raises:
        UnknownIdentifier: one of the two is no active record.
        StalePersons: their persons are not as they were seen.
        MergeRefused: they are one record (``same_identifier``), members were parted (``said_different``), or one is
            held (``held``).
    """
    chosen = (command.left, command.right)
    left, right = choose_records(chosen, command.expected_versions, uow=uow, matcher=matcher)
    refuse_held((left, right))
    if left.identifier == right.identifier:
        raise MergeRefused("same_identifier", "both identifiers stand for the same record")
    assert left.enterprise_id is not None and right.enterprise_id is not None  # noqa: S101, PT018 - active
    of_left = members_with_evidence(left.enterprise_id, uow)
    of_right = members_with_evidence(right.enterprise_id, uow)
    pair = {left.identifier, right.identifier}
    unsaid = [
        n for n in uow.reviews.never_links_of((left.identifier,)) if n.is_by_message and {n.left, n.right} == pair
    ]
    refuse_said_different([left.identifier], [right.identifier], uow, but=unsaid)
    if left.enterprise_id != right.enterprise_id:
        refuse_parted_persons(left.enterprise_id, right.enterprise_id, uow, but=unsaid)
    coming = (
        () if left.enterprise_id == right.enterprise_id else _would_fall_out(left, right, of_left, of_right, matcher)
    )
    saying = Saying(
        DecisionKind.LINK,
        (left, right),
        command.decided_by,
        command.reason,
        command.review_item_id,
        same=((left.identifier, right.identifier), *coming),
        unsaid=tuple(unsaid),
        keep={right.identifier: right.enterprise_id},
    )
    return carry_out_decision(saying, uow=uow, matcher=matcher, clock=clock, new_id=new_id)


def _would_fall_out(
    left: SourceRecord,
    right: SourceRecord,
    of_left: tuple[SourceRecord, ...],
    of_right: tuple[SourceRecord, ...],
    matcher: Matcher,
) -> tuple[Pair, ...]:
    """Members whom the evidence would keep apart from the other side: staff joined whole persons, so they stay."""
    pairs: list[Pair] = []
    for subject, own, others in ((left, of_left, of_right), (right, of_right, of_left)):
        for member in own:
            if member.identifier != subject.identifier and any(_vetoes(member, o, matcher) for o in others):
                pairs.append((subject.identifier, member.identifier))
    return tuple(pairs)


def _vetoes(one: SourceRecord, other: SourceRecord, matcher: Matcher) -> bool:
    return any(guard.vetoes for guard in matcher.score(matcher.comparable(one), matcher.comparable(other)).guards)
