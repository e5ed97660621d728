"""From an identifier to the record that stands for it now."""

from __future__ import annotations

from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.records import SourceRecord
from mpi.ports import UnitOfWork


def follow_identifier(identifier: PatientIdentifier, *, uow: UnitOfWork) -> SourceRecord | None:
    """The record at the end of the chain of merges, active or retired without survivor; ``None`` when never seen.

    A survivor that was named but never seen yet is not a record: then the last retired one is returned.
    """
    seen = {identifier}
    record = uow.records.get(identifier)
    while record is not None and record.surviving_identifier is not None:
        if record.surviving_identifier in seen:
            return record
        seen.add(record.surviving_identifier)
        survivor = uow.records.get(record.surviving_identifier)
        if survivor is None:
            return record
        record = survivor
    return record
