"""The agent's GraphQL schema: a question about one patient's studies, and one about the agent itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import graphene

from adapters.edge.tokens import Machine
from edge.desk import Desk
from federation.imaging import studies as domain
from federation.ports import SiteAnswer, SiteProbe
from mpi.errors import InvalidIdentifier
from mpi.identity import demographics, identifiers

DEFAULT_DEADLINE_MS = 4000

StudyStatus = graphene.Enum.from_enum(domain.StudyStatus)
ReportStatus = graphene.Enum.from_enum(domain.ReportStatus)
AdministrativeSex = graphene.Enum.from_enum(demographics.AdministrativeSex)


class InvalidPatient(Exception):
    """The identifier asked for has an empty half."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a resolver works with."""

    desk: Desk
    caller: Machine
    clock: Callable[[], dt.datetime]
    protocol: str
    version: str


@dataclass(frozen=True, slots=True)
class _Shared:
    answer: SiteAnswer
    as_of: dt.datetime


class PatientIdentifierInput(graphene.InputObjectType):
    """A number of the site's own."""

    assigning_authority = graphene.String(required=True)
    local_patient_id = graphene.String(required=True)


class PatientIdentifier(graphene.ObjectType):
    """A number and who issued it."""

    assigning_authority = graphene.String(required=True)
    local_patient_id = graphene.String(required=True)


class PersonName(graphene.ObjectType):
    """A name; missing parts are empty."""

    family = graphene.String(required=True)
    given = graphene.String(required=True)
    middle = graphene.String(required=True)
    prefix = graphene.String(required=True)
    suffix = graphene.String(required=True)


def _texts() -> Any:
    return graphene.List(graphene.NonNull(graphene.String), required=True)


class Study(graphene.ObjectType):
    """One study as the archive lists it. Name, birth date and sex are proof of the right patient, shown to nobody."""

    study_instance_uid = graphene.String(required=True)
    patient_identifier = graphene.Field(PatientIdentifier, required=True)
    started_on = graphene.Date(description="the calendar day at the site")
    started_at = graphene.DateTime(description="the instant, where a time of day is known")
    started_in = graphene.String(description="year or month of a study whose day is not known: YYYY or YYYY-MM")
    modalities = _texts()
    description = graphene.String()
    body_part_examined = graphene.String()
    procedure_code = graphene.String()
    procedure_code_system = graphene.String()
    accession_number = graphene.String()
    series_count = graphene.Int()
    instance_count = graphene.Int()
    images_available = graphene.Boolean(description="null: the archive does not say")
    status = StudyStatus(required=True)
    report_status = ReportStatus(required=True)
    patient_name = graphene.Field(PersonName)
    ideographic_name = graphene.Field(PersonName)
    phonetic_name = graphene.Field(PersonName)
    name_is_evidence = graphene.Boolean(required=True)
    birth_date = graphene.String(description="YYYY, YYYY-MM or YYYY-MM-DD")
    sex = AdministrativeSex()
    other_identifiers = graphene.List(graphene.NonNull(PatientIdentifier), required=True)
    warnings = _texts()

    @staticmethod
    def resolve_started_on(study: domain.SiteStudy, _info: Any) -> dt.date | None:
        return None if study.started is None else study.started.local_date

    @staticmethod
    def resolve_started_at(study: domain.SiteStudy, _info: Any) -> dt.datetime | None:
        return None if study.started is None else study.started.instant

    @staticmethod
    def resolve_started_in(study: domain.SiteStudy, _info: Any) -> str | None:
        return None if study.started_in is None else study.started_in.isoformat()

    @staticmethod
    def resolve_birth_date(study: domain.SiteStudy, _info: Any) -> str | None:
        return None if study.birth_date is None else study.birth_date.isoformat()


class PriorStudies(graphene.ObjectType):
    """What the site shares about one number. Never an empty list for a failure: that is an error."""

    complete = graphene.Boolean(required=True, description="false: the list may be cut")
    as_of = graphene.DateTime(required=True)
    warnings = _texts()
    dropped_count = graphene.Int(required=True, description="rows of the archive that were not about this number")
    studies = graphene.List(graphene.NonNull(Study), required=True)

    @staticmethod
    def resolve_complete(shared: _Shared, _info: Any) -> bool:
        return shared.answer.is_complete

    @staticmethod
    def resolve_warnings(shared: _Shared, _info: Any) -> tuple[str, ...]:
        return shared.answer.warnings

    @staticmethod
    def resolve_dropped_count(shared: _Shared, _info: Any) -> int:
        return shared.answer.dropped_count

    @staticmethod
    def resolve_studies(shared: _Shared, _info: Any) -> tuple[domain.SiteStudy, ...]:
        return shared.answer.studies


class Capability(graphene.ObjectType):
    """Something the archive says of itself."""

    name = graphene.String(required=True)
    value = graphene.String(required=True)


class Archive(graphene.ObjectType):
    """Whether the archive behind the agent is there."""

    reachable = graphene.Boolean(required=True)
    reason = graphene.String(description="why it is not: a stable code")
    capabilities = graphene.List(graphene.NonNull(Capability), required=True)

    @staticmethod
    def resolve_reachable(probe: SiteProbe, _info: Any) -> bool:
        return probe.ok

    @staticmethod
    def resolve_capabilities(probe: SiteProbe, _info: Any) -> list[Capability]:
        return [Capability(name=name, value=value) for name, value in probe.details]


class Site(graphene.ObjectType):
    """The hospital that the agent speaks for."""

    id = graphene.String(required=True)
    protocol = graphene.String(required=True, description="how the agent asks the archive")
    version = graphene.String(required=True, description="of the agent")
    archive = graphene.Field(
        Archive, required=True, deadline_ms=graphene.Int(required=True, default_value=DEFAULT_DEADLINE_MS)
    )

    @staticmethod
    async def resolve_archive(_site: Any, info: Any, deadline_ms: int) -> SiteProbe:
        context: Context = info.context
        return await context.desk.probe(deadline_ms)


class Query(graphene.ObjectType):
    """Everything that can be asked. By identifier only: there is no search for people."""

    prior_studies = graphene.Field(
        PriorStudies,
        required=True,
        patient=PatientIdentifierInput(required=True),
        deadline_ms=graphene.Int(required=True, default_value=DEFAULT_DEADLINE_MS),
    )
    site = graphene.Field(Site, required=True)

    @staticmethod
    async def resolve_prior_studies(_root: Any, info: Any, patient: Any, deadline_ms: int) -> _Shared:
        context: Context = info.context
        try:
            identifier = identifiers.PatientIdentifier(patient.assigning_authority, patient.local_patient_id)
        except InvalidIdentifier as error:
            raise InvalidPatient from error
        answer = await context.desk.prior_studies(context.caller, identifier, deadline_ms)
        return _Shared(answer, context.clock())

    @staticmethod
    def resolve_site(_root: Any, info: Any) -> Site:
        context: Context = info.context
        return Site(id=context.desk.site.site_id, protocol=context.protocol, version=context.version)


def build_schema() -> Any:
    """The executable schema (graphql-core's)."""
    return graphene.Schema(query=Query).graphql_schema
