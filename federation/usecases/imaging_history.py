"""One patient's imaging across all sites, for a person to read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from federation.ports import UnitOfWork
from federation.sites.consent import ANYBODY, Viewer
from federation.sites.directory import SiteDirectory
from federation.usecases.search_priors import Deadline, PriorHistory, ProcedureOf, search_priors
from federation.usecases.see_person import find_person
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.ports import Clock
from mpi.usecases.resolve_identity import ResolvedIdentity


@dataclass(frozen=True, slots=True)
class PersonHistory:
    """Who the person is and what was found. ``glass_id``: what broken glass let the viewer see it."""

    identity: ResolvedIdentity
    history: PriorHistory
    glass_id: str | None = None


async def imaging_history(
    patient: PatientIdentifier | EnterpriseId,
    *,
    read: Callable[[], UnitOfWork],
    directory: SiteDirectory,
    procedure_of: ProcedureOf,
    deadline_seconds: float,
    clock: Clock,
    viewer: Viewer = ANYBODY,
) -> PersonHistory:
    """Resolve the person and ask every site.

    Raises:
        UnknownIdentifier: nobody is behind the identifier, as far as the viewer may see.
    """
    deadline = Deadline(deadline_seconds)
    seen = await find_person(patient, read=read, directory=directory, viewer=viewer, clock=clock)
    history = await search_priors(
        seen.identity,
        veil=seen.veil,
        directory=directory,
        procedure_of=procedure_of,
        deadline_seconds=deadline.seconds_to_ask,
        clock=clock,
    )
    return PersonHistory(seen.identity, history, seen.glass_id)
