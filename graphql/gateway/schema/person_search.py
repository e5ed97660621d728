"""Whom does a description fit? Persons with the score of each, as registering the description would find them."""

from __future__ import annotations

import asyncio
from typing import Annotated, TypeAlias

import strawberry

from gateway.context import HubInfo
from gateway.resources import HubResources
from gateway.schema.inputs import MAX_CODE, InputProblem, read_number, read_text
from gateway.schema.persons import BIRTH_DATE, GoldenRecord, identifier_of
from gateway.schema.refusals import InvalidInput, NotAllowed
from gateway.schema.studies import PatientIdentifier
from mpi.errors import InvalidDemographics
from mpi.identity.demographics import AdministrativeSex, Demographics, PartialDate, PersonName
from mpi.identity.records import MatchGrade
from mpi.usecases.match_person import MatchedPersons, PersonCandidate, match_person

_MOST = 50


@strawberry.input(description="What is known of somebody. Give a name, and a birth date or a phone number.")
class PersonDescriptionInput:
    family: str = strawberry.field(default="", description="Family name.")
    given: str = strawberry.field(default="", description="Given name.")
    birth_date: str = strawberry.field(default="", description=BIRTH_DATE)
    sex: AdministrativeSex | None = strawberry.field(default=None, description="Null: not known.")
    phone: str = strawberry.field(default="", description="As written.")


@strawberry.type(description="Somebody who may be meant.")
class FoundPerson:
    enterprise_id: strawberry.ID = strawberry.field(description="The hub's own id of the person.")
    golden_record: GoldenRecord = strawberry.field(description="The best view of the person.")
    identifiers: list[PatientIdentifier] = strawberry.field(description="The numbers of the sites.")
    match_grade: MatchGrade = strawberry.field(description="What registering the description would make of it.")
    match_weight: float = strawberry.field(description="How well the description fits, bits.")

    @classmethod
    def from_domain(cls, candidate: PersonCandidate, resources: HubResources) -> FoundPerson:
        """The same candidate."""
        return cls(
            enterprise_id=strawberry.ID(candidate.enterprise_id),
            golden_record=GoldenRecord.from_records(candidate.members, resources.trust),
            identifiers=[identifier_of(member.identifier) for member in candidate.members],
            match_grade=candidate.grade,
            match_weight=candidate.score.score,
        )


@strawberry.type(description="Those who may be meant, best first.")
class FoundPersons:
    persons: list[FoundPerson] = strawberry.field(description="At most as many as were asked for.")
    truncated: bool = strawberry.field(description="More are alike than are shown: say more about the person.")

    def audit_subjects(self) -> tuple[str, ...]:
        """Everybody who is shown."""
        return tuple(person.enterprise_id for person in self.persons)


SearchPersonsResult: TypeAlias = Annotated[
    FoundPersons | InvalidInput | NotAllowed,
    strawberry.union("SearchPersonsResult", description="Persons, or why there are none to show."),
]


async def resolve_search_persons(
    info: HubInfo, description: PersonDescriptionInput, first: int = 10
) -> SearchPersonsResult:
    """Persons whom the description fits."""
    most, demographics = read_number(first, "first", 1, _MOST), _demographics(description)
    resources = info.context.resources
    found = await asyncio.to_thread(_search, demographics, resources)
    possible = [c for c in found.candidates if c.grade is not MatchGrade.CERTAINLY_NOT]
    return FoundPersons(
        persons=[FoundPerson.from_domain(candidate, resources) for candidate in possible[:most]],
        truncated=found.truncated or len(possible) > most,
    )


def _search(demographics: Demographics, resources: HubResources) -> MatchedPersons:
    with resources.read() as uow:
        return match_person((), demographics, uow=uow, matcher=resources.matcher, clock=resources.clock)


def _demographics(said: PersonDescriptionInput) -> Demographics:
    family, given = read_text(said.family, "description.family"), read_text(said.given, "description.given")
    if not family.strip():
        raise InputProblem("name_needed", "description.family", "give a family name")
    day, phone = said.birth_date.strip(), read_text(said.phone, "description.phone", MAX_CODE).strip()
    try:
        born = PartialDate.parse(day) if day else None
    except InvalidDemographics:
        raise InputProblem("invalid_date", "description.birthDate", "not a date of the form YYYY-MM-DD") from None
    return Demographics(
        name=PersonName(family.strip(), given.strip()),
        birth_date=born,
        sex=said.sex,
        phones=(phone,) if phone else (),
    )
