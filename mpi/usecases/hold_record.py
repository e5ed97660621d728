"""Staff say that a record may hold two people's data: it leaves its person and stays alone until staff release it.

While it is held, no score, message, model or file links it, and nobody is compared with it; what its site says of it is
stored as ever. Released, it is matched as if it had come just now.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from mpi.errors import MergeRefused
from mpi.events import IdentityChange
from mpi.identity.decisions import Decision, DecisionKind
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import HistoryEntry, SourceRecord
from mpi.ports import Clock, NewId, UnitOfWork
from mpi.usecases.chosen_records import Seen, choose_records, members_with_evidence, refuse_held
from mpi.usecases.matcher import Matcher
from mpi.usecases.settle_neighbourhood import publish_change, settle_neighbourhood


@dataclass(frozen=True, slots=True)
class HoldRecord:
    """The suspected record."""

    identifier: PatientIdentifier
    decided_by: str
    reason: str
    review_item_id: str | None = None
    expected_versions: Seen = None


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """The record that is one person's after all."""

    identifier: PatientIdentifier
    decided_by: str
    reason: str = ""
    expected_versions: Seen = None


def hold_record(command: HoldRecord, *, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId) -> Decision:
    """Take the record out of its person and keep it out; the others keep the enterprise id.

    Raises:
        UnknownIdentifier: no active record.
        StalePersons: its person is not as it was seen.
        MergeRefused: it is held already (``held``).
    """
    (record,) = choose_records((command.identifier,), command.expected_versions, uow=uow, matcher=matcher)
    refuse_held((record,))
    assert record.enterprise_id is not None  # noqa: S101 - active
    members = members_with_evidence(record.enterprise_id, uow)
    others = [m.identifier for m in members if m.identifier != record.identifier]
    said = Decision(
        decision_id=new_id(),
        kind=DecisionKind.HOLD,
        subjects=tuple(sorted((record.identifier, *others))),
        decided_by=command.decided_by,
        decided_at=clock(),
        reason=command.reason,
        review_item_id=command.review_item_id,
        held=record.identifier,
    )
    held = replace(record, hold=said.decision_id)
    keep = {others[0]: record.enterprise_id} if others else None
    return _carry_out(said, held, uow, matcher, clock, new_id, former=(record,), keep=keep)


def release_record(
    command: ReleaseRecord, *, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId
) -> Decision:
    """End the hold: the record is matched again with all that is known now.

    Raises:
        UnknownIdentifier: no active record.
        StalePersons: its person is not as it was seen.
        MergeRefused: nobody holds it (``not_held``).
    """
    (record,) = choose_records((command.identifier,), command.expected_versions, uow=uow, matcher=matcher)
    if not record.is_held:
        raise MergeRefused("not_held", "the record is not held")
    said = Decision(
        decision_id=new_id(),
        kind=DecisionKind.RELEASE,
        subjects=(record.identifier,),
        decided_by=command.decided_by,
        decided_at=clock(),
        reason=command.reason,
        held=record.identifier,
    )
    return _carry_out(said, replace(record, hold=None), uow, matcher, clock, new_id)


def _carry_out(
    said: Decision,
    record: SourceRecord,
    uow: UnitOfWork,
    matcher: Matcher,
    clock: Clock,
    new_id: NewId,
    *,
    former: Collection[SourceRecord] = (),
    keep: Mapping[PatientIdentifier, EnterpriseId] | None = None,
) -> Decision:
    """Settle the record as it is to be, and keep what was said with what came of it."""
    source = f"review:{said.decided_by}"
    settled = settle_neighbourhood(
        [record], former=former, keep=keep, source=source, uow=uow, matcher=matcher, clock=clock, new_id=new_id
    )
    decision = replace(
        said,
        changes=settled.changes,
        opened_items=settled.opened_items,
        closed_items=settled.closed_items,
    )
    uow.decisions.save(decision)
    person = settled.records[record.identifier].enterprise_id
    kind = f"{said.kind.value}:manual"
    uow.history.append(HistoryEntry(record.identifier, kind, clock(), source, person, said.decision_id))
    publish_change(IdentityChange.RECORD_MOVED, settled, [person], uow=uow, clock=clock)
    return decision
