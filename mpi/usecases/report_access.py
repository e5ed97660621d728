"""Who looked at this patient, and who changed something about them?"""

from __future__ import annotations

from dataclasses import dataclass

from mpi.audit_chain import KeptEvent
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.ports import UnitOfWork
from mpi.usecases.resolve_identity import resolve_identity, resolve_person


@dataclass(frozen=True, slots=True)
class AccessReport:
    """One page of a person's entries, newest first.

    ``enterprise_ids`` are the person's present id and all that one of their records ever had: who looked at a record
    while it stood under another id looked at this patient. ``has_more`` when older entries follow.
    """

    enterprise_id: EnterpriseId
    enterprise_ids: tuple[EnterpriseId, ...]
    entries: tuple[KeptEvent, ...]
    has_more: bool


def report_access(
    patient: PatientIdentifier | EnterpriseId, *, uow: UnitOfWork, limit: int, before: int | None = None
) -> AccessReport:
    """The ``limit`` newest entries before a number of the chain.

    Raises:
        UnknownIdentifier: nobody is behind the identifier.
    """
    if isinstance(patient, PatientIdentifier):
        identity = resolve_identity(patient, uow=uow)
    else:
        identity = resolve_person(patient, uow=uow)
    numbers = [record.identifier for record in identity.records]
    numbers += [retired for retired, _ in identity.retired_identifiers]
    had = (entry.enterprise_id for number in numbers for entry in uow.history.of(number))
    asked = () if isinstance(patient, PatientIdentifier) else (patient,)
    persons = tuple(dict.fromkeys([identity.enterprise_id, *asked, *(person for person in had if person is not None)]))
    found = uow.audit.about(persons, before=before, limit=limit + 1)
    return AccessReport(identity.enterprise_id, persons, tuple(found[:limit]), len(found) > limit)
