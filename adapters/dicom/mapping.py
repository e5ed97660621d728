"""One study-level answer of an archive becomes one ``SiteStudy``. Pure; the only mapping, whatever the protocol.

Source: DICOM PS3.4 C.6.2.1.2, PS3.18 10.6.3.3; what archives do differently stands beside each rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from adapters.dicom import attributes as tags
from adapters.dicom.attributes import Attributes
from adapters.dicom.person_name import parse_person_name
from adapters.dicom.question import Question
from federation.imaging.archive_values import is_regular_uid, is_uid, modality_codes, read_count
from federation.imaging.studies import ReportStatus, SiteStudy
from federation.imaging.study_dates import parse_birth_date, parse_start
from mpi.identity.demographics import AdministrativeSex
from mpi.identity.identifiers import PatientIdentifier

_AVAILABLE = {"ONLINE": True, "NEARLINE": True, "OFFLINE": False, "UNAVAILABLE": False}
_SEXES = {sex.value: sex for sex in AdministrativeSex}


@dataclass(frozen=True, slots=True)
class MappedRow:
    """What became of a row: a study, or set aside (``study`` is ``None``) for the reason in ``warnings``."""

    study: SiteStudy | None
    warnings: tuple[str, ...] = ()
    is_unrequested: bool = False


def map_row(row: Attributes, question: Question) -> MappedRow:
    """The study of one row, if the row is about the identifier asked for and names a study."""
    if not question.is_answered_by(row):
        return MappedRow(None, ("unrequested_patient",), is_unrequested=True)
    uid = row.text(tags.STUDY_INSTANCE_UID)
    if uid is None:
        return MappedRow(None, ("missing_study_uid",))
    if not is_uid(uid):
        return MappedRow(None, ("irregular_uid",))
    study = _map_study(row, uid, question)
    return MappedRow(study, study.warnings)


def _map_study(row: Attributes, uid: str, question: Question) -> SiteStudy:
    site, now = question.site, question.now
    start = parse_start(
        row.text(tags.STUDY_DATE),
        row.text(tags.STUDY_TIME),
        row.text(tags.TIMEZONE_OFFSET_FROM_UTC),
        zone=ZoneInfo(site.time_zone),
        now=now,
    )
    name = parse_person_name(row.text(tags.PATIENT_NAME))
    birth_date, birth_warnings = parse_birth_date(row.text(tags.PATIENT_BIRTH_DATE), now)
    modalities = _modalities(row)
    series_count, series_warnings = read_count(row.text(tags.STUDY_RELATED_SERIES))
    instance_count, instance_warnings = read_count(row.text(tags.STUDY_RELATED_INSTANCES))
    code, code_system = _procedure_code(row)
    is_reported = site.sr_means_final_report and "SR" in modalities
    return SiteStudy(
        site_id=site.site_id,
        study_instance_uid=uid,
        patient_identifier=question.identifier,
        started=start.start,
        started_in=start.partial_date,
        modalities=modalities,
        description=row.text(tags.STUDY_DESCRIPTION),
        body_part_examined=row.text(tags.BODY_PART_EXAMINED),
        procedure_code=code,
        procedure_code_system=code_system,
        accession_number=row.text(tags.ACCESSION_NUMBER),
        series_count=series_count,
        instance_count=instance_count,
        images_available=_images_available(row, instance_count),
        report_status=ReportStatus.FINAL if is_reported else ReportStatus.UNKNOWN,
        patient_name=name.name,
        ideographic_name=name.ideographic,
        phonetic_name=name.phonetic,
        name_is_evidence=name.is_evidence,
        birth_date=birth_date,
        sex=_SEXES.get((row.text(tags.PATIENT_SEX) or "").upper()),
        other_identifiers=_other_identifiers(row, question),
        warnings=_unique(
            (
                *start.warnings,
                *birth_warnings,
                *series_warnings,
                *instance_warnings,
                *(() if is_regular_uid(uid) else ("irregular_uid",)),
                *(("charset_assumed",) if row.charset_assumed else ()),
            )
        ),
    )


def _modalities(row: Attributes) -> tuple[str, ...]:
    """Codes of (0008,0061), or of (0008,0060) where that has none; lists and backslashes alike."""
    for tag in (tags.MODALITIES_IN_STUDY, tags.MODALITY):
        codes = modality_codes(row.all_texts(tag))
        if codes:
            return codes
    return ()


def _images_available(row: Attributes, instance_count: int | None) -> bool | None:
    """A study without instances has no images, whatever else the archive says."""
    if instance_count == 0:
        return False
    return _AVAILABLE.get((row.text(tags.INSTANCE_AVAILABILITY) or "").upper())


def _procedure_code(row: Attributes) -> tuple[str | None, str | None]:
    for item in row.sequence(tags.PROCEDURE_CODE_SEQUENCE):
        code = item.text(tags.CODE_VALUE)
        if code is not None:
            return code, item.text(tags.CODING_SCHEME_DESIGNATOR)
    return None, None


def _other_identifiers(row: Attributes, question: Question) -> tuple[PatientIdentifier, ...]:
    found = (question.other_identifier(item) for item in row.sequence(tags.OTHER_PATIENT_IDS_SEQUENCE))
    return tuple(dict.fromkeys(other for other in found if other is not None))


def _unique(warnings: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(warnings))
