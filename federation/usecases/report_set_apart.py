"""Tell records staff of a study that an archive files under somebody's number and that cannot be theirs."""

from __future__ import annotations

from collections.abc import Iterable

from federation.imaging.right_patient import is_set_apart, study_contradictions
from federation.imaging.studies import SiteStudy
from federation.ports import UnitOfWork
from mpi.identity.contradiction import Contradictions
from mpi.identity.records import SourceRecord
from mpi.identity.review import ReviewKind
from mpi.ports import Clock, NewId
from mpi.usecases.open_review import put_question

ARCHIVE_PREFIX = "archive:"
"""Begins ``source`` of what an archive's answer raised; the site and the study follow."""


def report_set_apart(
    record: SourceRecord, studies: Iterable[SiteStudy], *, uow: UnitOfWork, clock: Clock, new_id: NewId
) -> tuple[str, ...]:
    """Open an item for each study that contradicts the record; the ids of the new ones.

    Once for each number and study, decided or not: what staff answered is not asked again. Somebody else altogether
    under the number is a suspected reuse, another name alone a suspected overlay.
    """
    strange = [(s, found) for s in studies if is_set_apart(found := study_contradictions(s, record))]
    if not strange:
        return ()
    about = [record.identifier]
    told = {item.source for item in (*uow.reviews.open_about(about), *uow.reviews.decided_about(about))}
    opened: dict[str, str] = {}
    for study, found in strange:
        source = f"{ARCHIVE_PREFIX}{study.site_id} {study.study_instance_uid}"
        if source not in told and source not in opened:
            opened[source] = put_question(
                ReviewKind.SUSPECTED_REUSE if found.is_other_person else ReviewKind.SUSPECTED_OVERLAY,
                record.identifier,
                record.identifier,
                source=source,
                uow=uow,
                clock=clock,
                new_id=new_id,
                priority=1,
                guards=_codes(found),
            )
    return tuple(opened.values())


def _codes(found: Contradictions) -> tuple[str, ...]:
    named = (("archive_name", found.name), ("archive_birth_date", found.birth_date), ("archive_sex", found.sex))
    return tuple(f"{what}_differs" for what, differs in named if differs)
