"""Imaging studies as sites report them and as one history shows them.

``SiteStudy`` is one row of one archive. ``PriorStudy`` is one study (one StudyInstanceUID) with all its locations.
Source: DICOM PS3.4 C.6.2.1 (study root), PS3.18 10.6.3.
"""

from __future__ import annotations

import datetime as dt
import functools
from dataclasses import dataclass
from enum import Enum

from federation.imaging.procedures import UNKNOWN_PROCEDURE, Procedure
from federation.sites.site import SiteId
from mpi.identity.demographics import AdministrativeSex, PartialDate, PersonName
from mpi.identity.identifiers import PatientIdentifier

NON_IMAGE_MODALITIES = frozenset({"SR", "KO", "PR"})
"""Report objects, key-object notes and presentation states: listed, but no exam by themselves."""


class StudyStatus(Enum):
    """Whether the exam happened. An archive that lists images has a completed one."""

    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    ENTERED_IN_ERROR = "entered_in_error"
    UNKNOWN = "unknown"


class ReportStatus(Enum):
    """What is known of the radiologist's report. UNKNOWN: the source cannot tell."""

    FINAL = "final"
    PRELIMINARY = "preliminary"
    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class StudyStart:
    """When a study started, as far as it is known.

    ``instant`` is aware (site time zone applied) and ``None`` when no usable time of day is known;
    ``local_date`` is the calendar day at the site as written.
    """

    local_date: dt.date
    instant: dt.datetime | None = None


@dataclass(frozen=True, slots=True, repr=False)
class SiteStudy:
    """One study as one archive lists it. Text is cleaned (padding gone), counts are ``None`` when unknown.

    ``patient_name``, ``birth_date`` and ``sex`` are evidence for *is it the right patient*, shown to nobody.
    ``name_is_evidence`` is false when the name could not be parsed with certainty (or has no letters).
    ``images_available`` is ``None`` when the archive does not say. ``started_in`` is the year or month of a study
    whose day is not known (``started`` is ``None`` then). ``confidentiality_code`` is what the archive says of how
    private the study is (HL7 v3 Confidentiality: N, R, V ...).
    """

    site_id: SiteId
    study_instance_uid: str
    patient_identifier: PatientIdentifier
    started: StudyStart | None = None
    modalities: tuple[str, ...] = ()
    description: str | None = None
    body_part_examined: str | None = None
    procedure_code: str | None = None
    procedure_code_system: str | None = None
    accession_number: str | None = None
    series_count: int | None = None
    instance_count: int | None = None
    images_available: bool | None = None
    status: StudyStatus = StudyStatus.COMPLETED
    report_status: ReportStatus = ReportStatus.UNKNOWN
    patient_name: PersonName | None = None
    name_is_evidence: bool = True
    birth_date: PartialDate | None = None
    sex: AdministrativeSex | None = None
    other_identifiers: tuple[PatientIdentifier, ...] = ()
    warnings: tuple[str, ...] = ()
    ideographic_name: PersonName | None = None
    phonetic_name: PersonName | None = None
    started_in: PartialDate | None = None
    confidentiality_code: str | None = None

    @property
    def imaging_modalities(self) -> tuple[str, ...]:
        return _imaging(self.modalities)

    def __repr__(self) -> str:
        return f"SiteStudy(site={self.site_id})"


@dataclass(frozen=True, slots=True, repr=False)
class StudyLocation:
    """Where one study lies, and what that site calls it."""

    site_id: SiteId
    patient_identifier: PatientIdentifier
    accession_number: str | None
    description: str | None
    images_available: bool | None
    report_status: ReportStatus
    open_url: str | None = None

    def __repr__(self) -> str:
        return f"StudyLocation(site={self.site_id})"


@dataclass(frozen=True, slots=True, repr=False)
class PriorStudy:
    """One study with all its locations. ``started`` is ``None`` when undated (such studies come last).

    ``started_in`` is the year or month of such a study where a site names one. ``probable_copies`` are UIDs of other
    studies of the person that look like this very examination (``federation.imaging.copies``).
    """

    study_instance_uid: str
    started: StudyStart | None
    modalities: tuple[str, ...]
    procedure: Procedure = UNKNOWN_PROCEDURE
    description: str | None = None
    descriptions: tuple[str, ...] = ()
    series_count: int | None = None
    instance_count: int | None = None
    status: StudyStatus = StudyStatus.COMPLETED
    report_status: ReportStatus = ReportStatus.UNKNOWN
    locations: tuple[StudyLocation, ...] = ()
    warnings: tuple[str, ...] = ()
    started_in: PartialDate | None = None
    probable_copies: tuple[str, ...] = ()

    @property
    def imaging_modalities(self) -> tuple[str, ...]:
        return _imaging(self.modalities)

    @property
    def images_available(self) -> bool:
        """True unless every location says that its images cannot be had."""
        return any(location.images_available is not False for location in self.locations)

    def __repr__(self) -> str:
        return f"PriorStudy(locations={len(self.locations)})"


@functools.lru_cache(maxsize=1024)
def _imaging(modalities: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(m for m in modalities if m not in NON_IMAGE_MODALITIES)
