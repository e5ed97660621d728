"""Staff say that a number still belongs to the same patient: what was kept back under suspicion is taken over."""

from __future__ import annotations

from dataclasses import replace

from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.records import HistoryEntry
from mpi.identity.updates import DemographicsUpdate, apply_update
from mpi.ports import Clock, NewId, UnitOfWork
from mpi.usecases.matcher import Matcher
from mpi.usecases.place_record import place_record

SUSPECTED = "suspected_reuse"
"""Kind of the history entries that hold what was kept back."""


def kept_back(identifier: PatientIdentifier, *, uow: UnitOfWork) -> HistoryEntry | None:
    """The newest update of the record that was kept back under suspicion."""
    found = [e for e in uow.history.of(identifier) if e.kind == SUSPECTED and e.demographics is not None]
    return found[-1] if found else None


def take_over_update(
    identifier: PatientIdentifier, *, said_by: str, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId
) -> None:
    """Apply the newest update that was kept back, unless the site said something newer of the record since."""
    record, newest = uow.records.get(identifier), kept_back(identifier, uow=uow)
    if record is None or not record.is_active or newest is None or newest.demographics is None:
        return
    if newest.at < record.demographics_at:
        return
    said = apply_update(record.demographics, DemographicsUpdate(newest.demographics))
    source = f"review:{said_by}"
    placed = place_record(
        replace(record, demographics=said, demographics_at=newest.at),
        record,
        source=source,
        uow=uow,
        matcher=matcher,
        clock=clock,
        new_id=new_id,
    )
    person = placed.record.enterprise_id
    uow.history.append(HistoryEntry(identifier, "updated", clock(), source, person, placed.reason, newest.demographics))
