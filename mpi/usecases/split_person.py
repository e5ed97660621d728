"""Staff say that a person is two: the records named leave together."""

from __future__ import annotations

from dataclasses import dataclass

from mpi.errors import MergeRefused
from mpi.identity.decisions import Decision, DecisionKind
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.ports import Clock, NewId, UnitOfWork
from mpi.usecases.carry_out_decision import Saying, carry_out_decision
from mpi.usecases.chosen_records import Seen, choose_persons, members_with_evidence
from mpi.usecases.matcher import Matcher


@dataclass(frozen=True, slots=True)
class SplitPerson:
    """``leaving`` become a new person; who stays keeps the enterprise id."""

    enterprise_id: EnterpriseId
    leaving: tuple[PatientIdentifier, ...]
    decided_by: str
    reason: str = ""
    expected_versions: Seen = None


def split_person(command: SplitPerson, *, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId) -> Decision:
    """Part every leaving record from every staying one; each side stays together by hand.

    Raises:
        UnknownIdentifier: nobody has this enterprise id.
        StalePersons: the person is not as it was seen.
        MergeRefused: a leaving record is not a member (``not_a_member``), or nobody would stay or leave (``alone``).
    """
    (person,) = choose_persons((command.enterprise_id,), command.expected_versions, uow=uow, matcher=matcher)
    members = members_with_evidence(person, uow)
    wanted = set(command.leaving)
    if not wanted <= {m.identifier for m in members}:
        raise MergeRefused("not_a_member", "a record that is to leave is not a member of the person")
    leaving = [m.identifier for m in members if m.identifier in wanted]
    staying = [m.identifier for m in members if m.identifier not in wanted]
    if not leaving or not staying:
        raise MergeRefused("alone", "a split needs records on both sides")
    saying = Saying(
        DecisionKind.SPLIT,
        members,
        command.decided_by,
        command.reason,
        same=tuple((side[0], other) for side in (leaving, staying) for other in side[1:]),
        different=tuple((a, b) for a in leaving for b in staying),
        keep={staying[0]: person},
    )
    return carry_out_decision(saying, uow=uow, matcher=matcher, clock=clock, new_id=new_id)
