"""An edge agent's answer becomes a ``SiteAnswer``. Pure. The agent is not trusted: every row is checked again here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from typing import Any, TypeVar

from adapters.edge.rows import BadField, Row
from federation.errors import (
    QueryRefused,
    SourceError,
    SourceProtocolError,
    SourceTimedOut,
    SourceUnauthorised,
    SourceUnavailable,
)
from federation.imaging.studies import ReportStatus, SiteStudy, StudyStart, StudyStatus
from federation.ports import SiteAnswer
from federation.sites.site import Site
from mpi.identity.demographics import AdministrativeSex, PersonName
from mpi.identity.identifiers import PatientIdentifier

_MOST_STUDIES = 10_000
_LARGEST_ANSWER = 1_000_000
_UID = re.compile(r"[0-9.]{1,128}")
_MODALITY = re.compile(r"[A-Z][A-Z0-9_]{1,15}")
_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_FAILURES: dict[str, type[SourceError]] = {
    "ARCHIVE_UNAVAILABLE": SourceUnavailable,
    "ARCHIVE_TIMED_OUT": SourceTimedOut,
    "ARCHIVE_UNAUTHORISED": SourceUnauthorised,
    "ARCHIVE_PROTOCOL_ERROR": SourceProtocolError,
    "POLICY_UNAVAILABLE": SourceUnavailable,
    "INTERNAL_ERROR": SourceUnavailable,
}
_Named = TypeVar("_Named", bound=Enum)


def read_answer(document: object, site: Site, identifier: PatientIdentifier) -> SiteAnswer:
    """The studies of exactly this identifier. A row that cannot be read makes the answer incomplete.

    Raises:
        SourceError: the agent reports a failure, or its answer has not the shape of ``edge.graphql``.
    """
    try:
        found = Row.of(read_data(document).values.get("priorStudies"), "priorStudies")
        is_complete = found.flag("complete")
        dropped_count = found.count("droppedCount") or 0
        warnings = list(_codes(found.texts("warnings")))
        rows = found.listed("studies", limit=_LARGEST_ANSWER)
    except BadField as error:
        raise SourceProtocolError("unreadable_answer", f"the agent's answer has no usable {error}") from None
    if is_complete is None:
        raise SourceProtocolError("unreadable_answer", "the agent's answer has no usable complete")
    if len(rows) > _MOST_STUDIES:
        rows, is_complete = rows[:_MOST_STUDIES], False
        warnings.append("too_many_rows")
    studies: dict[SiteStudy, None] = {}
    for row in rows:
        try:
            study = _study(Row.of(row, "studies"), site, identifier)
        except BadField as error:
            is_complete = False
            warnings.append("irregular_uid" if str(error) == "studyInstanceUid" else "bad_row")
            continue
        if study is None:
            dropped_count += 1
            warnings.append("unrequested_patient")
        else:
            studies.setdefault(study)
    return SiteAnswer(tuple(studies), is_complete, tuple(dict.fromkeys(warnings)), dropped_count)


def read_data(document: object) -> Row:
    """The ``data`` of a GraphQL answer without errors.

    Raises:
        SourceError: the kind that the agent's first error means.
    """
    try:
        answer = Row.of(document, "document")
        errors = answer.listed("errors")
        if errors:
            raise _failure(errors[0])
        return Row.of(answer.values.get("data"), "data")
    except BadField as error:
        raise SourceProtocolError("unreadable_answer", f"the agent's answer has no usable {error}") from None


def _failure(error: Any) -> SourceError:
    try:
        extensions = Row.of(Row.of(error, "errors").values.get("extensions"), "extensions")
        code, reason = extensions.text("code"), extensions.text("reason") or ""
    except BadField:
        return SourceProtocolError("agent_error")
    known = reason if _CODE.fullmatch(reason) else "failed"
    if code == "QUERY_REFUSED":
        return QueryRefused(known)
    kind = _FAILURES.get(code or "")
    if kind is None:
        return SourceProtocolError("agent_refused_question")
    return kind(f"agent_{known}" if code in ("POLICY_UNAVAILABLE", "INTERNAL_ERROR") else f"archive_{known}")


def _study(row: Row, site: Site, identifier: PatientIdentifier) -> SiteStudy | None:
    """``None``: the row is about another identifier than the one asked for."""
    if Row.of(row.values.get("patientIdentifier"), "patientIdentifier").identifier() != identifier:
        return None
    uid = row.text("studyInstanceUid") or ""
    if not _UID.fullmatch(uid):
        raise BadField("studyInstanceUid")
    others = (Row.of(item, "otherIdentifiers").identifier() for item in row.listed("otherIdentifiers"))
    return SiteStudy(
        site_id=site.site_id,
        study_instance_uid=uid,
        patient_identifier=identifier,
        started=_start(row),
        started_in=row.partial_date("startedIn"),
        modalities=tuple(m for m in row.texts("modalities") if _MODALITY.fullmatch(m)),
        description=row.text("description"),
        body_part_examined=row.text("bodyPartExamined"),
        procedure_code=row.text("procedureCode"),
        procedure_code_system=row.text("procedureCodeSystem"),
        accession_number=row.text("accessionNumber"),
        series_count=row.count("seriesCount"),
        instance_count=row.count("instanceCount"),
        images_available=row.flag("imagesAvailable"),
        status=_member(StudyStatus, row.text("status")) or StudyStatus.UNKNOWN,
        report_status=_member(ReportStatus, row.text("reportStatus")) or ReportStatus.UNKNOWN,
        patient_name=_name(row, "patientName"),
        ideographic_name=_name(row, "ideographicName"),
        phonetic_name=_name(row, "phoneticName"),
        name_is_evidence=row.flag("nameIsEvidence") is True,
        birth_date=row.partial_date("birthDate"),
        sex=_member(AdministrativeSex, row.text("sex")),
        other_identifiers=tuple(dict.fromkeys(other for other in others if other != identifier)),
        warnings=tuple(_codes(row.texts("warnings"))),
    )


def _start(row: Row) -> StudyStart | None:
    local_date = row.date("startedOn")
    return None if local_date is None else StudyStart(local_date, row.instant("startedAt"))


def _name(row: Row, name: str) -> PersonName | None:
    if row.values.get(name) is None:
        return None
    parts = Row.of(row.values[name], name)
    return PersonName(*(parts.text(part) or "" for part in ("family", "given", "middle", "prefix", "suffix")))


def _member(kind: type[_Named], name: str | None) -> _Named | None:
    return kind.__members__.get(name or "")


def _codes(texts: Iterable[str]) -> Iterable[str]:
    return (text for text in texts if _CODE.fullmatch(text))
