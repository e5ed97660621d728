"""One UID = one study: the rows of all sites become one ``PriorStudy`` each, with every place it lies at.

UIDs are compared as sent (padding is gone): a UID with leading zeros is another one, and two UIDs are never one
study. The caller gives the rows of one person; rows in another order give the same result.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from federation.imaging.procedures import Contrast, Laterality, Procedure
from federation.imaging.studies import (
    PriorStudy,
    ReportStatus,
    SiteStudy,
    StudyLocation,
    StudyStart,
    StudyStatus,
)
from federation.imaging.timeline import moment_of
from federation.sites.site import Site, SiteId
from mpi.identity.demographics import PartialDate
from mpi.identity.identifiers import PatientIdentifier

DATES_DIFFER = "study_dates_differ"
"""Warning: sites name different days for one study; the earliest is shown."""

STATUSES_DIFFER = "study_statuses_differ"
"""Warning: one site has withdrawn or cancelled what another one still lists as done."""

_REPORT_OBJECT = "SR"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_REPORT_ORDER = (ReportStatus.FINAL, ReportStatus.PRELIMINARY, ReportStatus.NONE, ReportStatus.UNKNOWN)
_STATUS_ORDER = (
    StudyStatus.COMPLETED,
    StudyStatus.IN_PROGRESS,
    StudyStatus.SCHEDULED,
    StudyStatus.UNKNOWN,
    StudyStatus.CANCELLED,
    StudyStatus.ENTERED_IN_ERROR,
)
_WITHDRAWN = frozenset({StudyStatus.CANCELLED, StudyStatus.ENTERED_IN_ERROR})


def merge_site_studies(
    studies: Iterable[SiteStudy],
    *,
    procedure_of: Callable[[SiteStudy], Procedure],
    sites: Mapping[SiteId, Site],
) -> tuple[PriorStudy, ...]:
    """Merge one person's rows into studies, ordered by UID.

    Modalities are united, all descriptions kept (longest first), counts and availability are the best that any site
    says, and the procedure is the most confident known one. A site that is not in ``sites`` has no link and no
    report convention.
    """
    rows_of: dict[str, list[SiteStudy]] = defaultdict(list)
    for study in studies:
        rows_of[study.study_instance_uid].append(study)
    return tuple(_merge(uid, rows_of[uid], procedure_of, sites) for uid in sorted(rows_of))


def _merge(
    uid: str,
    rows: Sequence[SiteStudy],
    procedure_of: Callable[[SiteStudy], Procedure],
    sites: Mapping[SiteId, Site],
) -> PriorStudy:
    if len(rows) == 1:
        return _alone(rows[0], procedure_of, sites)
    descriptions = _descriptions(rows)
    locations = _locations(uid, rows, sites)
    return PriorStudy(
        study_instance_uid=uid,
        started=_earliest_start(rows),
        modalities=tuple(sorted({modality for row in rows for modality in row.modalities})),
        procedure=min((procedure_of(row) for row in rows), key=_procedure_key),
        description=descriptions[0] if descriptions else None,
        descriptions=descriptions,
        series_count=_highest(row.series_count for row in rows),
        instance_count=_highest(row.instance_count for row in rows),
        status=min((row.status for row in rows), key=_STATUS_ORDER.index),
        report_status=_best_report(location.report_status for location in locations),
        locations=locations,
        warnings=_warnings(rows),
        started_in=_earliest_year_or_month(rows),
    )


def _alone(row: SiteStudy, procedure_of: Callable[[SiteStudy], Procedure], sites: Mapping[SiteId, Site]) -> PriorStudy:
    """What merging comes to for a study that one site names once: by far the most."""
    site = sites.get(row.site_id)
    location = StudyLocation(
        site_id=row.site_id,
        patient_identifier=row.patient_identifier,
        accession_number=row.accession_number or None,
        description=row.description or None,
        images_available=row.images_available,
        report_status=_report_status(row, site),
        open_url=None if site is None else site.open_url(row.study_instance_uid),
    )
    return PriorStudy(
        study_instance_uid=row.study_instance_uid,
        started=row.started,
        modalities=tuple(sorted(set(row.modalities))),
        procedure=procedure_of(row),
        description=location.description,
        descriptions=() if location.description is None else (location.description,),
        series_count=row.series_count,
        instance_count=row.instance_count,
        status=row.status,
        report_status=location.report_status,
        locations=(location,),
        warnings=tuple(sorted(set(row.warnings))),
        started_in=None if row.started is not None else row.started_in,
    )


def _descriptions(rows: Iterable[SiteStudy]) -> tuple[str, ...]:
    texts = {row.description for row in rows if row.description}
    return tuple(sorted(texts, key=lambda text: (-len(text), text)))


def _highest(counts: Iterable[int | None]) -> int | None:
    return max((count for count in counts if count is not None), default=None)


def _best_report(statuses: Iterable[ReportStatus]) -> ReportStatus:
    return min(statuses, key=_REPORT_ORDER.index)


def _earliest_start(rows: Iterable[SiteStudy]) -> StudyStart | None:
    """The earliest instant if any site knows the time of day, else the earliest day."""
    return min((row.started for row in rows if row.started is not None), key=_start_key, default=None)


def _start_key(started: StudyStart) -> tuple[bool, dt.timedelta, dt.date, dt.timedelta]:
    offset = (started.instant.utcoffset() if started.instant else None) or dt.timedelta()
    return started.instant is None, moment_of(started) - _EPOCH, started.local_date, offset


def _earliest_year_or_month(rows: Sequence[SiteStudy]) -> PartialDate | None:
    """For a study whose day no site knows: the most precise of what they say, then the earliest."""
    if any(row.started is not None for row in rows):
        return None
    said = (row.started_in for row in rows if row.started_in is not None)
    return min(said, key=lambda date: (-len(date.isoformat()), date.isoformat()), default=None)


def _warnings(rows: Sequence[SiteStudy]) -> tuple[str, ...]:
    warnings = {warning for row in rows for warning in row.warnings}
    if _dates_differ(rows):
        warnings.add(DATES_DIFFER)
    statuses = {row.status for row in rows}
    if statuses & _WITHDRAWN and statuses - _WITHDRAWN:
        warnings.add(STATUSES_DIFFER)
    return tuple(sorted(warnings))


def _dates_differ(rows: Iterable[SiteStudy]) -> bool:
    """Different days, unless all name the same instant (one study lists differently in two time zones)."""
    starts = [row.started for row in rows if row.started is not None]
    if len({start.local_date for start in starts}) <= 1:
        return False
    return len({None if start.instant is None else start.instant - _EPOCH for start in starts}) > 1 or all(
        start.instant is None for start in starts
    )


def _procedure_key(procedure: Procedure) -> tuple[object, ...]:
    """Known before unknown, then the most confident, then the one that leaves least open; text breaks ties."""
    unknowns = (procedure.laterality is Laterality.UNKNOWN) + (procedure.contrast is Contrast.UNKNOWN)
    return (
        procedure.is_unknown,
        -procedure.confidence,
        unknowns,
        procedure.modality.value,
        sorted(procedure.regions),
        procedure.laterality.value,
        procedure.contrast.value,
        procedure.focus or "",
        sorted(flag.value for flag in procedure.flags),
        [(evidence.source, evidence.token, evidence.meaning) for evidence in procedure.evidence],
    )


def _locations(uid: str, rows: Iterable[SiteStudy], sites: Mapping[SiteId, Site]) -> tuple[StudyLocation, ...]:
    """One location for each site and patient identifier there."""
    rows_at: dict[tuple[SiteId, PatientIdentifier], list[SiteStudy]] = defaultdict(list)
    for row in rows:
        rows_at[row.site_id, row.patient_identifier].append(row)
    located = (_location(uid, held, sites.get(site_id)) for (site_id, _), held in rows_at.items())
    return tuple(sorted(located, key=_location_key))


def _location(uid: str, rows: Sequence[SiteStudy], site: Site | None) -> StudyLocation:
    descriptions = _descriptions(rows)
    said = {row.images_available for row in rows}
    return StudyLocation(
        site_id=rows[0].site_id,
        patient_identifier=rows[0].patient_identifier,
        accession_number=min((row.accession_number for row in rows if row.accession_number), default=None),
        description=descriptions[0] if descriptions else None,
        images_available=True if True in said else (None if None in said else False),
        report_status=_best_report(_report_status(row, site) for row in rows),
        open_url=None if site is None else site.open_url(uid),
    )


def _report_status(row: SiteStudy, site: Site | None) -> ReportStatus:
    if site is not None and site.sr_means_final_report and _REPORT_OBJECT in row.modalities:
        return ReportStatus.FINAL
    return row.report_status


def _location_key(location: StudyLocation) -> tuple[str, str, str]:
    identifier = location.patient_identifier
    return location.site_id, identifier.assigning_authority, identifier.local_patient_id
