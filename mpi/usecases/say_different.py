"""Staff say that two records are not one person, now and for ever."""

from __future__ import annotations

from dataclasses import dataclass

from mpi.errors import MergeRefused
from mpi.identity.decisions import Decision, DecisionKind
from mpi.identity.identifiers import PatientIdentifier
from mpi.ports import Clock, NewId, UnitOfWork
from mpi.usecases.carry_out_decision import Saying, carry_out_decision
from mpi.usecases.chosen_records import Seen, choose_records
from mpi.usecases.matcher import Matcher


@dataclass(frozen=True, slots=True)
class SayDifferent:
    """The two records. If they are one person now, the person of ``right`` keeps its enterprise id."""

    left: PatientIdentifier
    right: PatientIdentifier
    decided_by: str
    reason: str = ""
    review_item_id: str | None = None
    expected_versions: Seen = None


def say_different(command: SayDifferent, *, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId) -> Decision:
    """Keep *not the same person*; if they were linked, the evidence says with whom each of the others goes.

    Raises:
        UnknownIdentifier: one of the two is no active record.
        StalePersons: their persons are not as they were seen.
        MergeRefused: they are one record (``same_identifier``), or other decisions hold them together (``said_same``).
    """
    chosen = (command.left, command.right)
    left, right = choose_records(chosen, command.expected_versions, uow=uow, matcher=matcher)
    if left.identifier == right.identifier:
        raise MergeRefused("same_identifier", "both identifiers stand for the same record")
    assert right.enterprise_id is not None  # noqa: S101 - active
    saying = Saying(
        DecisionKind.DIFFERENT,
        (left, right),
        command.decided_by,
        command.reason,
        command.review_item_id,
        different=((left.identifier, right.identifier),),
        keep={right.identifier: right.enterprise_id} if left.enterprise_id == right.enterprise_id else None,
    )
    return carry_out_decision(saying, uow=uow, matcher=matcher, clock=clock, new_id=new_id)
