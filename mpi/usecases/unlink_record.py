"""Staff say that a record is not the person it is linked to: it leaves, and no score or message brings it back."""

from __future__ import annotations

from dataclasses import dataclass

from mpi.errors import MergeRefused
from mpi.identity.decisions import Decision, DecisionKind
from mpi.identity.identifiers import PatientIdentifier
from mpi.ports import Clock, NewId, UnitOfWork
from mpi.usecases.carry_out_decision import Saying, carry_out_decision
from mpi.usecases.chosen_records import Seen, choose_records, members_with_evidence
from mpi.usecases.matcher import Matcher


@dataclass(frozen=True, slots=True)
class UnlinkRecord:
    """The record that leaves."""

    identifier: PatientIdentifier
    decided_by: str
    reason: str = ""
    expected_versions: Seen = None


def unlink_record(command: UnlinkRecord, *, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId) -> Decision:
    """Part the record from every other member of its person; the others keep the enterprise id.

    Raises:
        UnknownIdentifier: no active record.
        StalePersons: its person is not as it was seen.
        MergeRefused: it is alone already (``alone``).
    """
    (record,) = choose_records((command.identifier,), command.expected_versions, uow=uow, matcher=matcher)
    assert record.enterprise_id is not None  # noqa: S101 - active
    others = [m for m in members_with_evidence(record.enterprise_id, uow) if m.identifier != record.identifier]
    if not others:
        raise MergeRefused("alone", "the record is the only one of its person")
    saying = Saying(
        DecisionKind.UNLINK,
        (record, *others),
        command.decided_by,
        command.reason,
        different=tuple((record.identifier, other.identifier) for other in others),
        keep={others[0].identifier: record.enterprise_id},
    )
    return carry_out_decision(saying, uow=uow, matcher=matcher, clock=clock, new_id=new_id)
