"""Staff say that two persons are one: all records of both, under the id of the one that stays."""

from __future__ import annotations

from dataclasses import dataclass

from mpi.errors import MergeRefused
from mpi.identity.decisions import Decision, DecisionKind
from mpi.identity.identifiers import EnterpriseId
from mpi.ports import Clock, NewId, UnitOfWork
from mpi.usecases.carry_out_decision import Saying, carry_out_decision, refuse_parted_persons
from mpi.usecases.chosen_records import Seen, choose_persons, members_with_evidence, refuse_held
from mpi.usecases.matcher import Matcher


@dataclass(frozen=True, slots=True)
class MergePersons:
    """``survivor`` keeps its enterprise id; that of ``subsumed`` redirects to it."""

    survivor: EnterpriseId
    subsumed: EnterpriseId
    decided_by: str
    reason: str = ""
    expected_versions: Seen = None


def merge_persons(command: MergePersons, *, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId) -> Decision:
    """Join the two persons by hand, every record of them.

    Raises:
        UnknownIdentifier: nobody has one of the ids.
        StalePersons: they are not as they were seen.
        MergeRefused: they are one person (``same_person``), members were parted (``said_different``), or one is held
            (``held``).
    """
    chosen = (command.survivor, command.subsumed)
    survivor, subsumed = choose_persons(chosen, command.expected_versions, uow=uow, matcher=matcher)
    if survivor == subsumed:
        raise MergeRefused("same_person", "both enterprise ids name the same person")
    staying, coming = members_with_evidence(survivor, uow), members_with_evidence(subsumed, uow)
    refuse_held((*staying, *coming))
    refuse_parted_persons(survivor, subsumed, uow)
    first = staying[0].identifier
    saying = Saying(
        DecisionKind.MERGE,
        (*staying, *coming),
        command.decided_by,
        command.reason,
        same=tuple((first, r.identifier) for r in (*staying[1:], *coming)),
        keep={first: survivor},
    )
    return carry_out_decision(saying, uow=uow, matcher=matcher, clock=clock, new_id=new_id)
