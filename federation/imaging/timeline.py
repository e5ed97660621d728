"""Where studies stand in time: newest first, undated last; filters that never hide what is merely not known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace

from federation.imaging.procedures import UNKNOWN_REGION, Modality
from federation.imaging.studies import PriorStudy, StudyStart

FUTURE_DATE = "future_date"
"""Warning of a study that is dated in the future: it is kept and flagged."""

_NOON = dt.time(12, tzinfo=dt.UTC)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EARLIEST_ZONE = dt.timedelta(hours=14)
"""Local days begin up to 14 h before the day in UTC."""


@dataclass(frozen=True, slots=True)
class TimelineFilter:
    """What to show of a history; an empty set and ``None`` ask for nothing.

    ``modalities`` are DICOM or canonical ones, ``regions`` canonical. ``since`` and ``until`` are inclusive calendar
    days at the site. A study whose date, modality or region is not known stays: it may be the one looked for.
    """

    modalities: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    since: dt.date | None = None
    until: dt.date | None = None

    def shows(self, study: PriorStudy) -> bool:
        """Whether the study stays in the list."""
        return self._fits_date(study) and self._fits_modality(study) and self._fits_region(study)

    def _fits_date(self, study: PriorStudy) -> bool:
        if study.started is None:
            return True
        day = study.started.local_date
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)

    def _fits_modality(self, study: PriorStudy) -> bool:
        known = set(study.modalities)
        if study.procedure.modality is not Modality.UNKNOWN:
            known.add(study.procedure.modality.value)
        return not self.modalities or not known or not self.modalities.isdisjoint(known)

    def _fits_region(self, study: PriorStudy) -> bool:
        regions = study.procedure.regions
        return not self.regions or not regions or UNKNOWN_REGION in regions or not self.regions.isdisjoint(regions)


def moment_of(started: StudyStart) -> dt.datetime:
    """One instant for a study's start; a bare date stands at its noon in UTC, never further off than half a day."""
    return started.instant or dt.datetime.combine(started.local_date, _NOON)


def in_timeline_order(studies: Iterable[PriorStudy]) -> tuple[PriorStudy, ...]:
    """Newest first, undated last, ties by StudyInstanceUID; the order of arrival does not matter."""
    return tuple(sorted(studies, key=_timeline_key))


def filter_studies(studies: Iterable[PriorStudy], wanted: TimelineFilter) -> tuple[PriorStudy, ...]:
    """The studies that the filter shows, in the order given."""
    return tuple(study for study in studies if wanted.shows(study))


def flag_future_studies(studies: Iterable[PriorStudy], now: dt.datetime) -> tuple[PriorStudy, ...]:
    """Add the warning ``future_date`` to studies dated after ``now``; none is left out."""
    return tuple(_flagged(study) if is_in_future(study, now) else study for study in studies)


def is_in_future(study: PriorStudy, now: dt.datetime) -> bool:
    """Dated after ``now``; a bare date is when its day has not begun anywhere."""
    if study.started is None:
        return False
    if study.started.instant is not None:
        return study.started.instant - _EPOCH > now - _EPOCH
    begins = dt.datetime.combine(study.started.local_date, dt.time(tzinfo=dt.UTC)) - _EPOCH - _EARLIEST_ZONE
    return begins > now - _EPOCH


def _timeline_key(study: PriorStudy) -> tuple[bool, dt.timedelta, str]:
    if study.started is None:
        return True, dt.timedelta(), study.study_instance_uid
    return False, _EPOCH - moment_of(study.started), study.study_instance_uid


def _flagged(study: PriorStudy) -> PriorStudy:
    return replace(study, warnings=tuple(sorted({*study.warnings, FUTURE_DATE})))
