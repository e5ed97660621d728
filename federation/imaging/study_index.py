"""The study index: what each site last said about one patient identifier, and when.

An entry is filed under the site and the identifier that was asked for, never under a person: who is behind an
identifier is resolved anew each time, so an entry follows every merge and unlink by itself.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from federation.imaging.studies import SiteStudy
from federation.sites.site import SiteId
from mpi.identity.identifiers import PatientIdentifier


@dataclass(frozen=True, slots=True, repr=False)
class IndexedAnswer:
    """What a site said. ``as_of``: when it said the whole list; ``is_complete`` is false when that was cut."""

    site_id: SiteId
    identifier: PatientIdentifier
    studies: tuple[SiteStudy, ...]
    as_of: dt.datetime
    is_complete: bool = True
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"IndexedAnswer(site={self.site_id})"


def entry_of(
    site_id: SiteId,
    identifier: PatientIdentifier,
    studies: tuple[SiteStudy, ...],
    as_of: dt.datetime,
    *,
    is_complete: bool,
    warnings: tuple[str, ...] = (),
) -> IndexedAnswer:
    """An answer as it is kept: only studies of exactly this identifier, ordered by UID."""
    own = (s for s in studies if s.patient_identifier == identifier)
    ordered = tuple(sorted(own, key=lambda study: (study.study_instance_uid, repr(study.started))))
    return IndexedAnswer(site_id, identifier, ordered, as_of, is_complete, warnings)


def entry_after(kept: IndexedAnswer | None, said: IndexedAnswer) -> IndexedAnswer:
    """The entry after a site said something more.

    A newer complete list replaces everything. A cut list adds to what is kept and takes nothing away: the age stays
    that of the whole list. An older complete list changes nothing.
    """
    if kept is None:
        return said
    if said.is_complete:
        return said if said.as_of >= kept.as_of or not kept.is_complete else kept
    if not kept.is_complete:
        newest, oldest = (said, kept) if said.as_of >= kept.as_of else (kept, said)
        return replace(newest, studies=_united(newest.studies, oldest.studies))
    if said.as_of < kept.as_of:
        return kept
    return replace(kept, studies=_united(said.studies, kept.studies))


def lists_other_studies(one: IndexedAnswer | None, other: IndexedAnswer) -> bool:
    """Whether the second names other studies, or other facts of them, than the first."""
    return (() if one is None else one.studies) != other.studies


def _united(first: tuple[SiteStudy, ...], second: tuple[SiteStudy, ...]) -> tuple[SiteStudy, ...]:
    """Of two rows with one UID those of the first list count."""
    named = {study.study_instance_uid for study in first}
    added = (study for study in second if study.study_instance_uid not in named)
    return tuple(sorted((*first, *added), key=lambda study: (study.study_instance_uid, repr(study.started))))
