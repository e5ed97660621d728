"""Finding persons by numbers or demographics (as PDQ does), and a person's numbers everywhere (as PIX does)."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, TypeAlias

import strawberry

from federation.usecases.see_person import seconds_to_beat
from gateway.context import HubInfo
from gateway.loaders import load_found_persons
from gateway.schema.inputs import (
    MAX_PAGE,
    InputProblem,
    PatientIdentifierInput,
    PatientRefInput,
    PersonDescriptionInput,
    read_description,
    read_identifier,
    read_number,
    read_patient,
    read_text,
)
from gateway.schema.persons import Person, identifier_of
from gateway.schema.refusals import InvalidInput, NotAllowed, PatientNotFound
from gateway.schema.reviews import EvidenceLine
from gateway.schema.studies import PatientIdentifier
from mpi.identity.records import MatchGrade
from mpi.identity.survivorship import TrustOrder
from mpi.usecases.cross_reference import CrossReference as DomainReference
from mpi.usecases.cross_reference import cross_reference
from mpi.usecases.find_persons import FoundPerson, FoundPersons
from mpi.usecases.resolve_identity import ResolvedIdentity

_MAX_IDENTIFIERS = 20


@strawberry.type(description="A person that may be meant, and how sure that is.")
class PersonMatch:
    person: Person = strawberry.field(description="The person.")
    grade: MatchGrade = strawberry.field(
        description="CERTAIN: registering would link without asking. POSSIBLE without a score: it fits what was given."
    )
    match_weight: float | None = strawberry.field(description="Score, bits. Null: too little was given to score.")
    match_probability: float | None = strawberry.field(description="Probability that this one is meant, 0 to 1.")
    model_version: str | None = strawberry.field(description="The match model that scored.")
    matched_on: PatientIdentifier = strawberry.field(description="The record that scored best, or fits.")
    evidence: list[EvidenceLine] = strawberry.field(description="The comparisons whose weights sum up to the score.")
    guards: list[str] = strawberry.field(description="Stable codes of what keeps the machine from linking.")

    @classmethod
    def from_domain(cls, found: FoundPerson, identity: ResolvedIdentity, trust: TrustOrder) -> PersonMatch:
        """The same match."""
        score = found.score
        return cls(
            person=Person.from_domain(identity, trust),
            grade=found.grade,
            match_weight=None if score is None else score.score,
            match_probability=None if score is None else score.match_probability,
            model_version=None if score is None else score.model_version,
            matched_on=identifier_of(found.best.identifier),
            evidence=[
                EvidenceLine(comparison=line.comparison, level=line.level, match_weight=line.match_weight)
                for line in (() if score is None else score.weights)
            ],
            guards=[] if score is None else [guard.name for guard in score.guards],
        )


@strawberry.type(description="Persons that may be meant, best first.")
class PersonMatchList:
    matches: list[PersonMatch] = strawberry.field(description="At most as many as were asked for.")
    total_count: int = strawberry.field(description="All that may be meant.")
    truncated: bool = strawberry.field(
        description="So many records were alike at first sight that only the nearest were looked at: say more."
    )

    def audit_subjects(self) -> tuple[str, ...]:
        """The persons shown."""
        return tuple(match.person.enterprise_id for match in self.matches)


@strawberry.type(description="One number of a person.")
class KnownIdentifier:
    identifier: PatientIdentifier = strawberry.field(description="The number.")
    is_retired: bool = strawberry.field(description="True: not to be used any more; archives may still do.")
    survivor: PatientIdentifier | None = strawberry.field(description="What took its place. Null: it is in use.")


@strawberry.type(description="Under which numbers a person is known.")
class CrossReference:
    enterprise_id: strawberry.ID = strawberry.field(description="The hub's own id of the person.")
    identifiers: list[KnownIdentifier] = strawberry.field(description="Numbers in use first.")
    open_review_count: int = strawberry.field(description="Questions about this person that wait for records staff.")

    @classmethod
    def from_domain(cls, found: DomainReference) -> CrossReference:
        """The same numbers."""
        return cls(
            enterprise_id=strawberry.ID(found.person.enterprise_id),
            identifiers=[
                KnownIdentifier(
                    identifier=identifier_of(known.identifier),
                    is_retired=known.survivor is not None,
                    survivor=None if known.survivor is None else identifier_of(known.survivor),
                )
                for known in found.known_as
            ],
            open_review_count=len(found.person.open_items),
        )

    def audit_subjects(self) -> tuple[str, ...]:
        """Whom the answer is about."""
        return (self.enterprise_id,)


SearchPersonsResult: TypeAlias = Annotated[
    PersonMatchList | InvalidInput | NotAllowed,
    strawberry.union("SearchPersonsResult", description="Persons that may be meant, or why not."),
]
CrossReferenceResult: TypeAlias = Annotated[
    CrossReference | PatientNotFound | InvalidInput | NotAllowed,
    strawberry.union("CrossReferenceResult", description="The numbers of a person, or why not."),
]


async def resolve_search_persons(
    info: HubInfo,
    described: PersonDescriptionInput | None = None,
    identifiers: list[PatientIdentifierInput] | None = None,
    only_certain: bool = False,
    first: int = 20,
) -> SearchPersonsResult:
    """Who may be meant; nothing is kept but the audit entry."""
    started, given, resources = time.monotonic(), identifiers or [], info.context.resources
    viewer = info.context.viewer("searchPersons")
    read_number(len(given), "identifiers", 0, _MAX_IDENTIFIERS)
    numbers = tuple(read_identifier(one, f"identifiers.{place}") for place, one in enumerate(given))
    found = await asyncio.to_thread(
        load_found_persons,
        resources,
        viewer,
        numbers,
        read_description(described),
        only_certain=only_certain,
        first=read_number(first, "first", 1, MAX_PAGE),
    )
    if found is None:
        raise InputProblem(
            "too_little", "described", "give a number, or a name with a birth date, postal code or phone"
        )
    if not (found[0].persons or viewer.sees_everybody):
        await asyncio.sleep(seconds_to_beat(started))
    return _listed(*found, trust=resources.trust)


async def resolve_cross_reference(
    info: HubInfo,
    patient: PatientRefInput | None = None,
    enterprise_id: strawberry.ID | None = None,
    authorities: list[str] | None = None,
) -> CrossReferenceResult:
    """A person's numbers, of all authorities or of those asked for."""
    named, resources = read_patient(patient, enterprise_id), info.context.resources
    known = resources.matcher.authorities
    for place, name in enumerate(authorities or ()):
        if not known.is_registered(read_text(name, f"authorities.{place}")):
            raise InputProblem("unknown_authority", f"authorities.{place}", "no such authority is registered")
    seen = await resources.find_person(named, info.context.viewer("crossReference"))
    return CrossReference.from_domain(cross_reference(seen.identity, authorities))


def _listed(
    found: FoundPersons, shown: list[tuple[FoundPerson, ResolvedIdentity]], trust: TrustOrder
) -> PersonMatchList:
    return PersonMatchList(
        matches=[PersonMatch.from_domain(person, identity, trust) for person, identity in shown],
        total_count=len(found.persons),
        truncated=found.truncated,
    )
