"""Records that staff hold as possible overlays, with the decision that holds each. Sync, for a thread."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.loaders import Read
from mpi.identity.decisions import Decision
from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.person_version import person_version
from mpi.identity.records import SourceRecord


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """``version`` is that of the person that the record is while it is held."""

    record: SourceRecord
    decision: Decision
    version: str


@dataclass(frozen=True, slots=True)
class HeldRecords:
    """A page in the order of identifiers. ``total`` counts all that are held."""

    held: tuple[HeldRecord, ...]
    has_next: bool
    total: int


def load_held(read: Read, *, first: int, after: PatientIdentifier | None) -> HeldRecords:
    """The next held records, in a fixed number of statements."""
    with read() as uow:
        found = uow.records.held_after(after, limit=first + 1)
        shown = found[:first]
        decisions = {d.decision_id: d for d in uow.decisions.about([record.identifier for record in shown])}
        members = uow.records.of_persons({r.enterprise_id for r in shown if r.enterprise_id is not None})
        held = tuple(
            HeldRecord(record, decisions[record.hold], person_version(members[record.enterprise_id]))
            for record in shown
            if record.hold is not None and record.enterprise_id is not None
        )
        return HeldRecords(held, len(found) > first, uow.records.held_count())
