"""One patient's imaging across all sites, for a person to read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from federation.ports import UnitOfWork
from federation.sites.directory import SiteDirectory
from federation.usecases.search_priors import Deadline, PriorHistory, ProcedureOf, search_priors
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.ports import Clock
from mpi.usecases.resolve_identity import ResolvedIdentity, resolve_identity, resolve_person


@dataclass(frozen=True, slots=True)
class PersonHistory:
    """Who the person is and what was found."""

    identity: ResolvedIdentity
    history: PriorHistory


async def imaging_history(
    patient: PatientIdentifier | EnterpriseId,
    *,
    read: Callable[[], UnitOfWork],
    directory: SiteDirectory,
    procedure_of: ProcedureOf,
    deadline_seconds: float,
    clock: Clock,
) -> PersonHistory:
    """Resolve the person and ask every site.

    Raises:
        UnknownIdentifier: nobody is behind the identifier.
    """
    deadline = Deadline(deadline_seconds)
    identity = await asyncio.to_thread(resolve_patient, patient, read)
    history = await search_priors(
        identity,
        directory=directory,
        procedure_of=procedure_of,
        deadline_seconds=deadline.seconds_to_ask,
        clock=clock,
    )
    return PersonHistory(identity, history)


def resolve_patient(patient: PatientIdentifier | EnterpriseId, read: Callable[[], UnitOfWork]) -> ResolvedIdentity:
    """The person behind either kind of name, from a unit of work of its own."""
    with read() as uow:
        if isinstance(patient, PatientIdentifier):
            return resolve_identity(patient, uow=uow)
        return resolve_person(patient, uow=uow)
