"""Studies with their places, as pages of a timeline. They show no demographics."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import strawberry

from federation.imaging import studies as domain
from federation.imaging.relevance import Relevance as DomainRelevance
from federation.imaging.studies import ReportStatus, StudyStatus
from gateway.cursors import StudyPosition, study_cursor, study_position
from gateway.schema.paging import PageInfo
from gateway.schema.procedures import Procedure


@strawberry.type(description="One hospital's number for a patient.")
class PatientIdentifier:
    assigning_authority: str = strawberry.field(description="Who issued the number.")
    local_patient_id: str = strawberry.field(description="The number, exactly as issued.")


@strawberry.type(description="The radiologist's report of a study.")
class Report:
    status: ReportStatus = strawberry.field(description="How far the report is, as far as the site says.")


@strawberry.type(description="How much a study helps to read what is about to be ordered.")
class Relevance:
    rank: int = strawberry.field(description="1 is the most relevant.")
    reasons: list[str] = strawberry.field(description="Why, in plain words.")


@strawberry.type(description="One place where a study lies, and what that site calls it.")
class StudyLocation:
    site: strawberry.ID = strawberry.field(description="Id of the site.")
    patient_identifier: PatientIdentifier = strawberry.field(description="Number under which the site files it.")
    accession_number: str | None = strawberry.field(description="The site's number of the examination.")
    description: str | None = strawberry.field(description="The site's words for it.")
    images_available: bool | None = strawberry.field(description="Null when the archive does not say.")
    report_status: ReportStatus = strawberry.field(description="How far the report is at this site.")
    open_url: str | None = strawberry.field(description="Opens the study in the site's viewer; null without one.")


@strawberry.type(description="One study (one StudyInstanceUID) with all places where it lies.")
class PriorStudy:
    study_instance_uid: str = strawberry.field(description="DICOM StudyInstanceUID.")
    started_at: dt.datetime | None = strawberry.field(description="Start, with offset. Null: no time of day is known.")
    started_on: dt.date | None = strawberry.field(description="Calendar day at the site. Null: undated.")
    modalities: list[str] = strawberry.field(description="DICOM modalities in the study.")
    procedure: Procedure = strawberry.field(description="What was examined, in words that all sites share.")
    description: str | None = strawberry.field(description="A site's words for it.")
    descriptions: list[str] = strawberry.field(description="All sites' words for it.")
    status: StudyStatus = strawberry.field(description="Whether the examination happened.")
    series_count: int | None = strawberry.field(description="Number of series; null when not known.")
    instance_count: int | None = strawberry.field(description="Number of images and objects; null when not known.")
    locations: list[StudyLocation] = strawberry.field(description="Where it lies.")
    report: Report = strawberry.field(description="Its report.")
    relevance: Relevance | None = strawberry.field(description="For an order; null when none was given.")
    warnings: list[str] = strawberry.field(description="Stable codes of oddities, such as future_date.")
    probable_copies: list[str] = strawberry.field(
        description="StudyInstanceUIDs of studies in this history that are probably the same examination. Not merged."
    )

    @classmethod
    def from_domain(cls, study: domain.PriorStudy, relevance: DomainRelevance | None = None) -> PriorStudy:
        """The same study, with its rank for an order."""
        return cls(
            study_instance_uid=study.study_instance_uid,
            started_at=None if study.started is None else study.started.instant,
            started_on=None if study.started is None else study.started.local_date,
            modalities=list(study.modalities),
            procedure=Procedure.from_domain(study.procedure),
            description=study.description,
            descriptions=list(study.descriptions),
            status=study.status,
            series_count=study.series_count,
            instance_count=study.instance_count,
            locations=[_location(location) for location in study.locations],
            report=Report(status=study.report_status),
            relevance=None if relevance is None else Relevance(rank=relevance.rank, reasons=list(relevance.reasons)),
            warnings=list(study.warnings),
            probable_copies=list(study.probable_copies),
        )


@strawberry.type(description="A study in a list.")
class PriorStudyEdge:
    cursor: str = strawberry.field(description="Place of the study in the list; opaque.")
    node: PriorStudy = strawberry.field(description="The study.")


@strawberry.type(description="A page of studies, newest first, undated ones last.")
class PriorStudyConnection:
    edges: list[PriorStudyEdge] = strawberry.field(description="The studies of this page.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")
    total_count: int = strawberry.field(description="Studies in the whole list, after the filter.")

    @classmethod
    def page_of(
        cls,
        studies: Sequence[domain.PriorStudy],
        relevance: Mapping[str, DomainRelevance],
        *,
        first: int,
        after: StudyPosition | None,
    ) -> PriorStudyConnection:
        """The ``first`` studies after a position; ``studies`` are in timeline order."""
        rest = [s for s in studies if after is None or study_position(s) > after]
        edges = [
            PriorStudyEdge(
                cursor=study_cursor(study),
                node=PriorStudy.from_domain(study, relevance.get(study.study_instance_uid)),
            )
            for study in rest[:first]
        ]
        info = PageInfo(
            has_next_page=len(rest) > first,
            has_previous_page=len(rest) < len(studies),
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        )
        return cls(edges=edges, page_info=info, total_count=len(studies))


def _location(location: domain.StudyLocation) -> StudyLocation:
    return StudyLocation(
        site=strawberry.ID(location.site_id),
        patient_identifier=PatientIdentifier(
            assigning_authority=location.patient_identifier.assigning_authority,
            local_patient_id=location.patient_identifier.local_patient_id,
        ),
        accession_number=location.accession_number,
        description=location.description,
        images_available=location.images_available,
        report_status=location.report_status,
        open_url=location.open_url,
    )
