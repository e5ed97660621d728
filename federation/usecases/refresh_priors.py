"""Ask the archives of somebody who was admitted, or of whom a site says that something is new: nobody waits for it.

What they say goes into the study index; what is new there has the person's recent orders judged again. No archive is
asked about somebody who opted out, nor a site that they do not want to share.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Collection, Iterator

from federation.asking.desk import Question
from federation.errors import SourceError
from federation.ports import UnitOfWork
from federation.sites.consent import ANYBODY
from federation.sites.directory import SiteDirectory
from federation.sites.site import SiteId
from federation.usecases.see_person import see_person
from mpi.errors import UnknownIdentifier
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.ports import Clock

REFRESH_PRIORS = "refresh_priors"

FRESH_FOR = dt.timedelta(minutes=15)
"""A site that gave its whole list of an identifier so lately is not asked again because of an admission."""

SETTLED_FOR = dt.timedelta(seconds=5)
"""The same for a site that says itself that something is new: studies are announced in bursts."""


def ask_for_refresh(person: EnterpriseId, *, uow: UnitOfWork, at: dt.datetime, site_id: str | None = None) -> None:
    """Have the person's archives (or one of them) asked in the background."""
    uow.outbox.add(REFRESH_PRIORS, {"enterprise_ids": [person], "site_id": site_id}, at=at)


async def refresh_priors(
    persons: Collection[EnterpriseId],
    *,
    read: Callable[[], UnitOfWork],
    directory: SiteDirectory,
    wait_seconds: float,
    clock: Clock,
    site_id: str | None = None,
) -> int:
    """Put the questions and wait a while for the answers; how many were put.

    Who was asked lately is left out, so saying it again asks nothing twice: answers are written when this returns,
    unless they are late. What comes later is not lost.
    """
    wanted = await asyncio.to_thread(_what_is_old, persons, read, directory, clock, site_id)
    questions = list(_put(wanted, directory, clock))
    if questions:
        await asyncio.wait([question.task for question in questions], timeout=wait_seconds)
        await directory.asking.kept(timeout_seconds=wait_seconds)
    return len(questions)


def _put(
    wanted: Collection[tuple[SiteId, PatientIdentifier]], directory: SiteDirectory, clock: Clock
) -> Iterator[Question]:
    for site_id, identifier in wanted:
        try:
            question = directory.asking.ask(directory.sources[site_id], identifier, clock=clock)
        except SourceError:
            continue  # left alone or busy: its answer would not be news of this person
        question.is_given_up = True
        yield question


def _what_is_old(
    persons: Collection[EnterpriseId],
    read: Callable[[], UnitOfWork],
    directory: SiteDirectory,
    clock: Clock,
    only: str | None,
) -> list[tuple[SiteId, PatientIdentifier]]:
    young = clock() - (FRESH_FOR if only is None else SETTLED_FOR)
    wanted: dict[tuple[SiteId, PatientIdentifier], None] = {}
    with read() as uow:
        for person in persons:
            try:
                view = see_person(person, uow=uow, directory=directory, viewer=ANYBODY, clock=clock)
            except UnknownIdentifier:
                continue
            for site_id in directory.sources:
                if only is None or site_id == only:
                    authority = directory.sites[site_id].assigning_authority
                    wanted |= dict.fromkeys((site_id, i) for i in view.identity.identifiers_of(authority))
        kept = uow.study_index.of([identifier for _, identifier in wanted])
    fresh = {(entry.site_id, entry.identifier) for entry in kept if entry.is_complete and entry.as_of >= young}
    return [key for key in wanted if key not in fresh]
