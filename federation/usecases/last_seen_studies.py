"""Which examinations lie under some numbers, as the hospitals last said: from the study index, no archive is asked.

For records staff who are about to join or part records: imaging follows them. Hidden studies are as if they were not,
and a number that may not be seen is as one that no archive was asked about.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from federation.errors import NotAsked
from federation.imaging.site_result import site_result
from federation.imaging.studies import SiteStudy
from federation.imaging.study_index import IndexedAnswer
from federation.ports import UnitOfWork
from federation.sites.consent import PersonView, Viewer
from federation.sites.directory import SiteDirectory
from federation.sites.site import SiteId
from federation.usecases.see_person import see_person
from mpi.errors import UnknownIdentifier
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.ports import Clock

_NOT_NOW = NotAsked("as_last_seen")


@dataclass(frozen=True, slots=True)
class SeenAtSite:
    """What one hospital last said. ``as_of`` ``None``: it was never asked, or never answered.

    ``set_apart_count``: studies that name somebody else; they are shown to nobody.
    """

    site_id: SiteId
    as_of: dt.datetime | None = None
    studies: tuple[SiteStudy, ...] = ()
    set_apart_count: int = 0


@dataclass(frozen=True, slots=True)
class LastSeen:
    """One number (with the retired ones that lead to it) at each hospital whose archive files under such numbers."""

    identifier: PatientIdentifier
    sites: tuple[SeenAtSite, ...]


def last_seen_studies(
    identifiers: Iterable[PatientIdentifier],
    *,
    uow: UnitOfWork,
    directory: SiteDirectory,
    viewer: Viewer,
    clock: Clock,
) -> tuple[LastSeen, ...]:
    """One entry for each number, in order; numbers that nobody knows among them."""
    wanted = tuple(dict.fromkeys(identifiers))
    views = _views(wanted, uow, directory, viewer, clock)
    numbers = {i: _numbers(i, view) for i, view in views.items()}
    entries = uow.study_index.of({number for found in numbers.values() for number in found})
    indexed = {(entry.site_id, entry.identifier): entry for entry in entries}
    return tuple(LastSeen(i, _at_sites(i, view, numbers[i], indexed, directory)) for i, view in views.items())


def _views(
    identifiers: tuple[PatientIdentifier, ...],
    uow: UnitOfWork,
    directory: SiteDirectory,
    viewer: Viewer,
    clock: Clock,
) -> dict[PatientIdentifier, PersonView | None]:
    """Each person is looked up once; ``None`` for a number that leads to nobody who may be seen under it."""

    @cache
    def seen(patient: PatientIdentifier | EnterpriseId) -> PersonView | None:
        try:
            return see_person(patient, uow=uow, directory=directory, viewer=viewer, clock=clock)
        except UnknownIdentifier:
            return None

    records = uow.records.get_many(identifiers)
    found: dict[PatientIdentifier, PersonView | None] = {}
    for identifier in identifiers:
        record = records.get(identifier)
        view = seen(identifier if record is None or record.enterprise_id is None else record.enterprise_id)
        found[identifier] = None if view is None or view.identity.record_of(identifier) is None else view
    return found


def _numbers(identifier: PatientIdentifier, view: PersonView | None) -> tuple[PatientIdentifier, ...]:
    if view is None:
        return ()
    retired = (old for old, survivor in view.identity.retired_identifiers if survivor == identifier)
    return tuple(dict.fromkeys((identifier, *retired)))


def _at_sites(
    identifier: PatientIdentifier,
    view: PersonView | None,
    numbers: tuple[PatientIdentifier, ...],
    indexed: Mapping[tuple[SiteId, PatientIdentifier], IndexedAnswer],
    directory: SiteDirectory,
) -> tuple[SeenAtSite, ...]:
    authority = identifier.assigning_authority
    sites = sorted(site.site_id for site in directory.sites.values() if site.assigning_authority == authority)
    return tuple(_at_site(site_id, view, numbers, indexed) for site_id in sites)


def _at_site(
    site_id: SiteId,
    view: PersonView | None,
    numbers: tuple[PatientIdentifier, ...],
    indexed: Mapping[tuple[SiteId, PatientIdentifier], IndexedAnswer],
) -> SeenAtSite:
    said = {number: _NOT_NOW for number in numbers if (site_id, number) in indexed}
    if view is None or not said:
        return SeenAtSite(site_id)
    found = site_result(site_id, view.identity, said, indexed, None, veil=view.veil)
    unique = {study.study_instance_uid: study for study in found.studies}
    return SeenAtSite(site_id, found.coverage.as_of, tuple(unique.values()), found.coverage.set_apart_count)
