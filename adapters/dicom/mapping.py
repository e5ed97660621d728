"""One study-level answer of an archive becomes one ``SiteStudy``. Pure; the only mapping, whatever the protocol.

Source: DICOM PS3.4 C.6.2.1.2, PS3.18 10.6.3.3; what archives do differently stands beside each rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from adapters.dicom import attributes as tags
from adapters.dicom.attributes import Attributes
from adapters.dicom.dates import parse_birth_date, parse_start
from adapters.dicom.person_name import parse_person_name
from adapters.dicom.question import Question
from federation.imaging.studies import ReportStatus, SiteStudy
from mpi.identity.demographics import AdministrativeSex
from mpi.identity.identifiers import PatientIdentifier

_UID_CHARACTERS = re.compile(r"[0-9.]+")
_REGULAR_UID = re.compile(r"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))+")
_LONGEST_UID = 64
_MODALITY = re.compile(r"[A-Z][A-Z0-9_]{1,15}")
_AVAILABLE = {"ONLINE": True, "NEARLINE": True, "OFFLINE": False, "UNAVAILABLE": False}
_SEXES = {sex.value: sex for sex in AdministrativeSex}
_COUNT_LIMIT = 10_000_000


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
    if not _UID_CHARACTERS.fullmatch(uid):
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
    series_count, series_warnings = _count(row.text(tags.STUDY_RELATED_SERIES))
    instance_count, instance_warnings = _count(row.text(tags.STUDY_RELATED_INSTANCES))
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
                *(() if _is_regular(uid) else ("irregular_uid",)),
                *(("charset_assumed",) if row.charset_assumed else ()),
            )
        ),
    )


def _is_regular(uid: str) -> bool:
    return len(uid) <= _LONGEST_UID and _REGULAR_UID.fullmatch(uid) is not None


def _modalities(row: Attributes) -> tuple[str, ...]:
    """Codes of (0008,0061), or of (0008,0060) where that has none; lists and backslashes alike."""
    for tag in (tags.MODALITIES_IN_STUDY, tags.MODALITY):
        parts = (part.strip().upper() for value in row.all_texts(tag) for part in value.split("\\"))
        codes = sorted({part for part in parts if _MODALITY.fullmatch(part)})
        if codes:
            return tuple(codes)
    return ()


def _count(text: str | None) -> tuple[int | None, tuple[str, ...]]:
    if text is None:
        return None, ()
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None, ("bad_number",)
    if not number.is_finite() or not 0 <= number <= _COUNT_LIMIT or number != int(number):
        return None, ("bad_number",)
    return int(number), ()


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
