"""Carry out a site's word that it uses a number no more (A29): retired without a survivor, its history stays."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from mpi.events import IdentityChange
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import HistoryEntry
from mpi.ports import Clock, NewId, UnitOfWork
from mpi.usecases.follow_identifier import follow_identifier
from mpi.usecases.matcher import Matcher
from mpi.usecases.settle_neighbourhood import publish_change, settle_neighbourhood
from mpi.usecases.supersede_reviews import supersede_reviews


@dataclass(frozen=True, slots=True)
class RetireRecord:
    """The number that is given up."""

    identifier: PatientIdentifier
    event_at: dt.datetime
    source: str


def retire_record(
    command: RetireRecord, *, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId
) -> EnterpriseId | None:
    """Retire the record; the person it was linked to. A number that stands for no active record changes nothing."""
    uow.lock([str(command.identifier)])
    record = uow.records.get(command.identifier)
    if record is None or not record.is_active:
        follower = follow_identifier(command.identifier, uow=uow)
        return None if follower is None else follower.enterprise_id
    uow.records.save(record.retired(None), blocking_keys=())
    uow.history.append(
        HistoryEntry(record.identifier, "retired", command.event_at, command.source, record.enterprise_id)
    )
    supersede_reviews((record.identifier,), uow=uow, clock=clock)
    settled = settle_neighbourhood(
        (), former=(record,), source=command.source, uow=uow, matcher=matcher, clock=clock, new_id=new_id
    )
    publish_change(IdentityChange.RECORD_RETIRED, settled, [record.enterprise_id], uow=uow, clock=clock)
    return record.enterprise_id
