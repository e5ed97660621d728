"""The records a decision of staff is about, as they are now."""

from __future__ import annotations

from mpi.errors import UnknownIdentifier
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import SourceRecord
from mpi.ports import UnitOfWork
from mpi.usecases.companions import has_evidence
from mpi.usecases.follow_identifier import follow_identifier


def active_record(identifier: PatientIdentifier, uow: UnitOfWork) -> SourceRecord:
    """The active record an identifier stands for, locked against messages about it.

    Raises:
        UnknownIdentifier: no active record.
    """
    uow.lock([str(identifier)])
    record = follow_identifier(identifier, uow=uow)
    if record is None or not record.is_active:
        raise UnknownIdentifier("no active record has this identifier")
    return record


def members_with_evidence(enterprise_id: EnterpriseId, uow: UnitOfWork) -> tuple[SourceRecord, ...]:
    """Members of a person that are more than a number.

    Raises:
        UnknownIdentifier: nobody has this enterprise id.
    """
    members = uow.records.of_person(enterprise_id)
    if not members:
        raise UnknownIdentifier("no person has this enterprise id")
    return tuple(m for m in members if has_evidence(m)) or members
