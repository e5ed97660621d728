"""A person's imaging across all sites."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, TypeAlias

import strawberry

from federation.imaging.procedures import Procedure
from federation.imaging.relevance import Relevance, rank_priors
from federation.imaging.timeline import filter_studies
from federation.sites.directory import SiteDirectory
from federation.usecases.imaging_history import PersonHistory
from gateway.context import HubInfo
from gateway.cursors import InvalidCursor, StudyPosition, read_study_cursor
from gateway.resources import HubResources
from gateway.schema.coverage import SiteCoverage, coverage_list
from gateway.schema.inputs import (
    MAX_CODE,
    MAX_PAGE,
    MAX_TEXT,
    HistoryFilterInput,
    InputProblem,
    PatientRefInput,
    RelevantToInput,
    read_deadline,
    read_filter,
    read_number,
    read_patient,
    read_text,
)
from gateway.schema.persons import Person
from gateway.schema.refusals import InvalidInput, NotAllowed, PatientNotFound
from gateway.schema.studies import PriorStudyConnection
from mpi.identity.survivorship import TrustOrder

COMPLETE = "True only when every site answered in full. Otherwise see coverage: there may be more studies."


@strawberry.type(description="What the sites say of one person, and how far that reaches.")
class ImagingHistory:
    person: Person = strawberry.field(description="Whose history it is.")
    complete: bool = strawberry.field(description=COMPLETE)
    as_of: dt.datetime = strawberry.field(description="When the answer was put together.")
    coverage: list[SiteCoverage] = strawberry.field(description="What each site did, every site once.")
    identity_under_review: bool = strawberry.field(
        description="Records that may be this person wait for records staff; their studies are not shown."
    )
    studies: PriorStudyConnection = strawberry.field(description="The studies, newest first.")
    glass_id: strawberry.Private[str | None] = None

    @classmethod
    def from_domain(
        cls, found: PersonHistory, studies: PriorStudyConnection, directory: SiteDirectory, trust: TrustOrder
    ) -> ImagingHistory:
        """The same history with a page of its studies."""
        return cls(
            person=Person.from_domain(found.identity, trust),
            complete=found.history.coverage.is_complete,
            as_of=found.history.as_of,
            coverage=coverage_list(found.history.coverage, directory),
            identity_under_review=found.identity.is_under_review,
            studies=studies,
            glass_id=found.glass_id,
        )

    def audit_detail(self) -> str:
        """Each use of a broken glass is on record as one."""
        return "" if self.glass_id is None else f"break_glass:{self.glass_id}"

    def audit_subjects(self) -> tuple[str, ...]:
        """Whom the answer is about."""
        return self.person.audit_subjects()


ImagingHistoryResult: TypeAlias = Annotated[
    ImagingHistory | PatientNotFound | InvalidInput | NotAllowed,
    strawberry.union(
        "ImagingHistoryResult",
        description="A history, or why there is none. A refusal is never an empty history.",
    ),
]


async def resolve_imaging_history(
    info: HubInfo,
    patient: PatientRefInput | None = None,
    enterprise_id: strawberry.ID | None = None,
    filter: HistoryFilterInput | None = None,  # noqa: A002 - the name is published
    relevant_to: RelevantToInput | None = None,
    deadline_ms: int | None = None,
    first: int = 50,
    after: str | None = None,
) -> ImagingHistoryResult:
    """Ask all sites for one person's studies."""
    resources = info.context.resources
    position, wanted = read_position(after), read_filter(filter)
    read_number(first, "first", 1, info.context.longest_history or MAX_PAGE)
    order = _procedure(relevant_to, resources)
    deadline_seconds = read_deadline(deadline_ms, resources.default_deadline_seconds)
    found = await resources.imaging_history(
        read_patient(patient, enterprise_id),
        deadline_seconds=deadline_seconds,
        viewer=info.context.viewer("imagingHistory"),
    )
    info.context.metrics.count_sites(found.history.coverage)
    studies = filter_studies(found.history.studies, wanted)
    page = PriorStudyConnection.page_of(studies, _relevance(found, order, resources), first=first, after=position)
    return ImagingHistory.from_domain(found, page, resources.directory, resources.trust)


def read_position(after: str | None) -> StudyPosition | None:
    """Where a page of a timeline begins; ``None`` is at its start."""
    try:
        return None if after is None else read_study_cursor(after)
    except InvalidCursor:
        raise InputProblem("invalid_cursor", "after", "not a cursor of this list") from None


def _procedure(relevant_to: RelevantToInput | None, resources: HubResources) -> Procedure | None:
    if relevant_to is None:
        return None
    return resources.normalize_order(
        site_id="",
        description=read_text(relevant_to.description, "relevantTo.description", MAX_TEXT),
        modality=read_text(relevant_to.modality or "", "relevantTo.modality", MAX_CODE) or None,
    )


def _relevance(found: PersonHistory, order: Procedure | None, resources: HubResources) -> dict[str, Relevance]:
    if order is None:
        return {}
    ranked = rank_priors(order, resources.clock(), found.history.studies, resources.rules)
    return {relevance.study_instance_uid: relevance for relevance in ranked}
