"""What records staff decide about who is one person: the acts, their effect, and what is needed to undo them."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, TypeAlias

import strawberry

from gateway.identity_decisions import DecidedIdentity, PersonDecisions
from gateway.schema.persons import Person, identifier_of
from gateway.schema.refusals import (
    CODE,
    MESSAGE,
    DecisionRefused,
    IdentityDecisionNotFound,
    InvalidInput,
    NotAllowed,
    PatientNotFound,
    Refusal,
)
from gateway.schema.studies import PatientIdentifier
from mpi.identity import decisions, records
from mpi.identity.decisions import DecisionKind
from mpi.identity.identifiers import PatientIdentifier as DomainIdentifier
from mpi.identity.records import LinkSource
from mpi.identity.survivorship import TrustOrder


@strawberry.type(description="Whose record it was, or is.")
class RecordLink:
    enterprise_id: strawberry.ID = strawberry.field(description="The person.")
    link_source: LinkSource = strawberry.field(description="Who had decided that.")
    linked_at: dt.datetime = strawberry.field(description="Since when.")

    @classmethod
    def from_domain(cls, link: records.PersonLink) -> RecordLink:
        """The same link."""
        return cls(
            enterprise_id=strawberry.ID(link.enterprise_id), link_source=link.link_source, linked_at=link.linked_at
        )


@strawberry.type(description="What a decision changed for one record.")
class RecordMove:
    identifier: PatientIdentifier = strawberry.field(description="The record.")
    before: RecordLink = strawberry.field(description="Its link before the decision.")
    after: RecordLink = strawberry.field(description="Its link after it.")


@strawberry.type(description="Two records of which something was said.")
class RecordPair:
    left: PatientIdentifier = strawberry.field(description="One of them.")
    right: PatientIdentifier = strawberry.field(description="The other.")

    @classmethod
    def of(cls, left: DomainIdentifier, right: DomainIdentifier) -> RecordPair:
        """The same pair."""
        return cls(left=identifier_of(left), right=identifier_of(right))


@strawberry.type(description="One act of records staff. It outranks every score and message until it is undone.")
class IdentityDecision:
    id: strawberry.ID = strawberry.field(description="Names the decision.")
    kind: DecisionKind = strawberry.field(description="What was done.")
    decided_by: str = strawberry.field(description="Who decided.")
    decided_at: dt.datetime = strawberry.field(description="When.")
    reason: str = strawberry.field(description="Why, in their words; may be empty.")
    review_item_id: strawberry.ID | None = strawberry.field(description="The question it answered, if any.")
    records: list[PatientIdentifier] = strawberry.field(description="The records it was about.")
    moves: list[RecordMove] = strawberry.field(description="Every record that went to another person or link source.")
    said_same: list[RecordPair] = strawberry.field(description="Pairs that are one person since.")
    said_different: list[RecordPair] = strawberry.field(description="Pairs that are never one person since.")
    undone_by: str | None = strawberry.field(description="Who undid it. Null: it stands.")
    undone_at: dt.datetime | None = strawberry.field(description="When.")

    @classmethod
    def from_domain(cls, decision: decisions.Decision) -> IdentityDecision:
        """The same decision."""
        return cls(
            id=strawberry.ID(decision.decision_id),
            kind=decision.kind,
            decided_by=decision.decided_by,
            decided_at=decision.decided_at,
            reason=decision.reason,
            review_item_id=None if decision.review_item_id is None else strawberry.ID(decision.review_item_id),
            records=[identifier_of(identifier) for identifier in decision.subjects],
            moves=[
                RecordMove(
                    identifier=identifier_of(change.identifier),
                    before=RecordLink.from_domain(change.before),
                    after=RecordLink.from_domain(change.after),
                )
                for change in decision.changes
            ],
            said_same=[RecordPair.of(said.left, said.right) for said in decision.added.always],
            said_different=[RecordPair.of(said.left, said.right) for said in decision.added.never],
            undone_by=decision.undone_by,
            undone_at=decision.undone_at,
        )


@strawberry.type(description="What staff decided about the records of a person, newest first.")
class IdentityDecisionList:
    enterprise_id: strawberry.ID = strawberry.field(description="The person.")
    decisions: list[IdentityDecision] = strawberry.field(description="The newest ones.")
    total_count: int = strawberry.field(description="All of them.")

    @classmethod
    def from_domain(cls, found: PersonDecisions) -> IdentityDecisionList:
        """The same decisions."""
        return cls(
            enterprise_id=strawberry.ID(found.person.enterprise_id),
            decisions=[IdentityDecision.from_domain(decision) for decision in found.decisions],
            total_count=found.total,
        )

    def audit_subjects(self) -> tuple[str, ...]:
        """Whom the answer is about."""
        return (self.enterprise_id,)


@strawberry.type(description="The decision was carried out (or undone), or shown without being carried out.")
class IdentityDecided:
    is_preview: bool = strawberry.field(
        description="Nothing was changed: this is what would be. Ids of the decision and of new persons will be others."
    )
    decision: IdentityDecision = strawberry.field(description="The decision as it is kept.")
    persons: list[Person] = strawberry.field(description="Every person it is about, as they are after it.")
    before: list[Person] = strawberry.field(
        description="In a preview: the persons as they are now, with the versions to give when deciding. Else empty."
    )

    @classmethod
    def from_domain(cls, decided: DecidedIdentity, trust: TrustOrder) -> IdentityDecided:
        """The same decision with the persons after it."""
        return cls(
            is_preview=decided.is_preview,
            decision=IdentityDecision.from_domain(decided.decision),
            persons=[Person.from_domain(person, trust) for person in decided.persons],
            before=[Person.from_domain(person, trust) for person in decided.before],
        )

    def audit_subjects(self) -> tuple[str, ...]:
        """The persons shown."""
        return tuple(dict.fromkeys(person.enterprise_id for person in (*self.before, *self.persons)))

    def is_audited(self) -> bool:
        """The entries were written in the transaction of the decision; a preview has none."""
        return not self.is_preview

    def audit_detail(self) -> str:
        """Tells a look from a decision."""
        return "preview" if self.is_preview else ""


@strawberry.type(description="A person changed since it was shown. Nothing was changed.")
class StalePersons(Refusal):
    code: str = strawberry.field(default="stale_persons", description=CODE)
    message: str = strawberry.field(default="a person changed since it was shown", description=MESSAGE)
    current: list[Person] = strawberry.field(default_factory=list, description="The persons as they are now.")

    def audit_subjects(self) -> tuple[str, ...]:
        """The persons shown."""
        return tuple(person.enterprise_id for person in self.current)


@strawberry.type(description="The decision cannot be undone now. Nothing was changed.")
class StaleIdentityDecision(Refusal):
    code: str = strawberry.field(default="built_upon", description=CODE)
    message: str = strawberry.field(
        default="later decisions about the same records must be undone first", description=MESSAGE
    )
    current: IdentityDecision | None = strawberry.field(default=None, description="The decision as it is now.")
    undo_first: list[IdentityDecision] = strawberry.field(
        default_factory=list, description="Later decisions about the same records, in the order to undo them."
    )


IdentityDecisionResult: TypeAlias = Annotated[
    IdentityDecided | StalePersons | DecisionRefused | PatientNotFound | InvalidInput | NotAllowed,
    strawberry.union("IdentityDecisionResult", description="The decision, or why nothing was changed."),
]
UndoDecisionResult: TypeAlias = Annotated[
    IdentityDecided
    | StaleIdentityDecision
    | StalePersons
    | IdentityDecisionNotFound
    | DecisionRefused
    | InvalidInput
    | NotAllowed,
    strawberry.union("UndoDecisionResult", description="The undone decision, or why nothing was changed."),
]
IdentityDecisionsResult: TypeAlias = Annotated[
    IdentityDecisionList | PatientNotFound | InvalidInput | NotAllowed,
    strawberry.union("IdentityDecisionsResult", description="What staff decided about a person, or why not."),
]
