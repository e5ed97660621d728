"""Which examinations lie under some numbers, as the hospitals last said. No archive is asked."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Annotated, TypeAlias

import strawberry

from federation.imaging.studies import SiteStudy
from federation.usecases import last_seen_studies as domain
from federation.usecases.last_seen_studies import LastSeen
from gateway.context import HubInfo
from gateway.loaders import load_last_seen
from gateway.schema.inputs import PatientIdentifierInput, read_identifiers
from gateway.schema.persons import identifier_of
from gateway.schema.refusals import InvalidInput, NotAllowed
from gateway.schema.studies import PatientIdentifier


@strawberry.type(description="One examination, as a hospital listed it.")
class SeenStudy:
    study_instance_uid: str = strawberry.field(description="DICOM StudyInstanceUID.")
    started_on: dt.date | None = strawberry.field(description="Calendar day at the hospital. Null: no day is known.")
    modalities: list[str] = strawberry.field(description="DICOM modalities in the study.")
    description: str | None = strawberry.field(description="The hospital's words for it.")

    @classmethod
    def from_domain(cls, study: SiteStudy) -> SeenStudy:
        """The same study."""
        return cls(
            study_instance_uid=study.study_instance_uid,
            started_on=None if study.started is None else study.started.local_date,
            modalities=list(study.modalities),
            description=study.description,
        )


@strawberry.type(description="What one hospital last said of one number.")
class SeenAtSite:
    site: strawberry.ID = strawberry.field(description="Id of the hospital.")
    as_of: dt.datetime | None = strawberry.field(description="When it said so. Null: it never answered for the number.")
    studies: list[SeenStudy] = strawberry.field(description="Newest first, undated last.")
    set_apart_count: int = strawberry.field(description="Studies that name somebody else; shown to nobody.")

    @classmethod
    def from_domain(cls, seen: domain.SeenAtSite) -> SeenAtSite:
        """The same, newest first."""
        ordered = sorted(seen.studies, key=lambda study: study.study_instance_uid)
        ordered.sort(key=lambda study: dt.date.min if study.started is None else study.started.local_date, reverse=True)
        return cls(
            site=strawberry.ID(seen.site_id),
            as_of=seen.as_of,
            studies=[SeenStudy.from_domain(study) for study in ordered],
            set_apart_count=seen.set_apart_count,
        )


@strawberry.type(description="The examinations under one number, retired numbers that lead to it among them.")
class LastSeenStudies:
    identifier: PatientIdentifier = strawberry.field(description="The number.")
    sites: list[SeenAtSite] = strawberry.field(description="Every hospital that files under such numbers.")


@strawberry.type(description="The examinations under some numbers, as the hospitals last said.")
class LastSeenStudiesList:
    subjects: strawberry.Private[tuple[str, ...]]
    numbers: list[LastSeenStudies] = strawberry.field(description="One entry for each number, in the order asked for.")

    @classmethod
    def from_domain(cls, found: tuple[LastSeen, ...], subjects: tuple[str, ...]) -> LastSeenStudiesList:
        """The same."""
        return cls(
            subjects=subjects,
            numbers=[
                LastSeenStudies(
                    identifier=identifier_of(seen.identifier),
                    sites=[SeenAtSite.from_domain(site) for site in seen.sites],
                )
                for seen in found
            ],
        )

    def audit_subjects(self) -> tuple[str, ...]:
        """Whom the answer is about."""
        return self.subjects


LastSeenStudiesResult: TypeAlias = Annotated[
    LastSeenStudiesList | InvalidInput | NotAllowed,
    strawberry.union("LastSeenStudiesResult", description="Examinations as they were last seen, or why not."),
]


async def resolve_last_seen_studies(info: HubInfo, numbers: list[PatientIdentifierInput]) -> LastSeenStudiesResult:
    """What the index holds under these numbers."""
    viewer = info.context.viewer("lastSeenStudies")
    wanted = read_identifiers(numbers, "numbers")
    found = await asyncio.to_thread(load_last_seen, info.context.resources, viewer, wanted)
    return LastSeenStudiesList.from_domain(*found)
