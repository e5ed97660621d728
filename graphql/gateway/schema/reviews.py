"""The review queue: questions that only records staff may answer, with both records side by side."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, TypeAlias

import strawberry

from gateway.cursors import review_cursor
from gateway.decisions import DecidedCase
from gateway.loaders import ReviewCase, ReviewCases
from gateway.schema.paging import PageInfo
from gateway.schema.persons import BIRTH_DATE, PersonName, PostalAddress, SourceRecord, identifier_of
from gateway.schema.refusals import (
    CODE,
    MESSAGE,
    DecisionRefused,
    InvalidInput,
    NotAllowed,
    Refusal,
    ReviewItemNotFound,
)
from gateway.schema.studies import PatientIdentifier
from mpi.identity import identifiers, records
from mpi.identity.demographics import AdministrativeSex, Demographics
from mpi.identity.review import ReviewDecision, ReviewKind, ReviewStatus


@strawberry.type(description="One comparison of two records and what it adds to the score.")
class EvidenceLine:
    comparison: str = strawberry.field(description="What was compared, such as birth_date.")
    level: str = strawberry.field(description="How far the two agree.")
    match_weight: float = strawberry.field(description="Added to the score, bits. Negative: speaks against.")


@strawberry.type(description="One side of a question.")
class ReviewSide:
    identifier: PatientIdentifier = strawberry.field(description="The number in question.")
    record: SourceRecord | None = strawberry.field(description="Null: the index has no record of this number.")

    @classmethod
    def from_domain(cls, identifier: identifiers.PatientIdentifier, record: records.SourceRecord | None) -> ReviewSide:
        """The same side."""
        shown = None if record is None else SourceRecord.from_domain(record)
        return cls(identifier=identifier_of(identifier), record=shown)


@strawberry.type(description="What a site said of a number, and the index did not take over. Missing parts are empty.")
class KeptBack:
    name: PersonName = strawberry.field(description="The name.")
    birth_date: str | None = strawberry.field(description=BIRTH_DATE)
    sex: AdministrativeSex | None = strawberry.field(description="Null: not said.")
    address: PostalAddress = strawberry.field(description="The address.")
    phones: list[str] = strawberry.field(description="As written by the site.")
    said_at: dt.datetime = strawberry.field(description="Event time.")
    source: str = strawberry.field(description="The door, the event and the sender.")

    @classmethod
    def from_domain(cls, entry: records.HistoryEntry) -> KeptBack:
        """The same, without strong ids."""
        said = entry.demographics or Demographics()
        return cls(
            name=PersonName.from_domain(said.name),
            birth_date=None if said.birth_date is None else said.birth_date.isoformat(),
            sex=said.sex,
            address=PostalAddress.from_domain(said.address),
            phones=list(said.phones),
            said_at=entry.at,
            source=entry.source,
        )


@strawberry.type(description="One question about two records.")
class ReviewItem:
    id: strawberry.ID = strawberry.field(description="Names the item.")
    version: int = strawberry.field(description="Give it as expectedVersion when deciding.")
    kind: ReviewKind = strawberry.field(description="Why staff are asked.")
    status: ReviewStatus = strawberry.field(description="Whether it still waits.")
    priority: int = strawberry.field(description="0 is normal, higher is more urgent.")
    opened_at: dt.datetime = strawberry.field(description="When it was opened.")
    source: str = strawberry.field(description="What opened it.")
    left: ReviewSide = strawberry.field(description="The record that raised the question.")
    right: ReviewSide = strawberry.field(description="The other one.")
    score: float | None = strawberry.field(description="Sum of the evidence, bits. Null: no score is involved.")
    match_probability: float | None = strawberry.field(description="Probability that the two are one person, 0 to 1.")
    model_version: str | None = strawberry.field(description="The match model that scored.")
    evidence: list[EvidenceLine] = strawberry.field(description="The comparisons whose weights sum up to the score.")
    guards: list[str] = strawberry.field(description="Stable codes of what kept the two from being linked by score.")
    kept_back: KeptBack | None = strawberry.field(
        description="What the site said under a number that may have been given twice. Only in reviewItem; else null."
    )
    claimed_by: str | None = strawberry.field(description="Who works on it. Null: nobody.")
    claimed_until: dt.datetime | None = strawberry.field(description="Until when; from then on the item is free.")
    escalated_by: str | None = strawberry.field(description="Who handed it to somebody senior. Null: nobody.")
    escalated_at: dt.datetime | None = strawberry.field(description="When they did.")
    escalation_reason: str | None = strawberry.field(description="Why, in their words.")
    decision: ReviewDecision | None = strawberry.field(description="Null: not decided.")
    decided_by: str | None = strawberry.field(description="Who decided.")
    decided_at: dt.datetime | None = strawberry.field(description="When.")
    decision_reason: str | None = strawberry.field(description="Why, in their words.")

    @classmethod
    def from_domain(cls, case: ReviewCase) -> ReviewItem:
        """The same item with both records."""
        item = case.item
        return cls(
            id=strawberry.ID(item.review_item_id),
            version=item.version,
            kind=item.kind,
            status=item.status,
            priority=item.priority,
            opened_at=item.opened_at,
            source=item.source,
            left=ReviewSide.from_domain(item.left, case.left),
            right=ReviewSide.from_domain(item.right, case.right),
            score=item.score,
            match_probability=item.match_probability,
            model_version=item.model_version,
            evidence=[
                EvidenceLine(comparison=line.comparison, level=line.level, match_weight=line.match_weight)
                for line in item.evidence
            ],
            guards=list(item.guards),
            kept_back=None if case.kept_back is None else KeptBack.from_domain(case.kept_back),
            claimed_by=item.claimed_by,
            claimed_until=item.claimed_until,
            escalated_by=item.escalated_by,
            escalated_at=item.escalated_at,
            escalation_reason=item.escalation_reason,
            decision=item.decision,
            decided_by=item.decided_by,
            decided_at=item.decided_at,
            decision_reason=item.decision_reason,
        )

    def audit_subjects(self) -> tuple[str, ...]:
        """The persons whose records are shown."""
        sides = (self.left.record, self.right.record)
        ids = (side.enterprise_id for side in sides if side is not None and side.enterprise_id is not None)
        return tuple(dict.fromkeys(ids))


@strawberry.type(description="An item in the queue.")
class ReviewItemEdge:
    cursor: str = strawberry.field(description="Place of the item in the queue; opaque.")
    node: ReviewItem = strawberry.field(description="The item.")


@strawberry.type(description="A page of open items, most urgent first.")
class ReviewItemConnection:
    edges: list[ReviewItemEdge] = strawberry.field(description="The items of this page.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")
    total_count: int = strawberry.field(description="Open items in the whole queue, of the kinds asked for.")

    @classmethod
    def from_domain(cls, page: ReviewCases) -> ReviewItemConnection:
        """The same page."""
        edges = [
            ReviewItemEdge(cursor=review_cursor(case.item), node=ReviewItem.from_domain(case)) for case in page.cases
        ]
        info = PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        )
        return cls(edges=edges, page_info=info, total_count=page.total)

    def audit_subjects(self) -> tuple[str, ...]:
        """The persons whose records are shown."""
        return tuple(dict.fromkeys(subject for edge in self.edges for subject in edge.node.audit_subjects()))


@strawberry.type(description="The decision was carried out.")
class ReviewDecided:
    item: ReviewItem = strawberry.field(description="The item, now closed.")
    decision_id: strawberry.ID | None = strawberry.field(
        description="For undoDecision. Null: nothing was said about who is one person."
    )
    person_versions: list[str] = strawberry.field(
        description="Of every person that the decision touched, as it left them: give them as expectedVersions, and it "
        "is undone only if nothing changed since."
    )

    @classmethod
    def from_domain(cls, decided: DecidedCase) -> ReviewDecided:
        """The same decision."""
        named = decided.decision_id
        return cls(
            item=ReviewItem.from_domain(decided.case),
            decision_id=None if named is None else strawberry.ID(named),
            person_versions=list(decided.person_versions),
        )

    def audit_subjects(self) -> tuple[str, ...]:
        """The persons whose records were decided on."""
        return self.item.audit_subjects()

    def is_audited(self) -> bool:
        """The entries were written in the transaction of the decision."""
        return True


@strawberry.type(description="The item was claimed, or given back.")
class ReviewItemClaimed:
    item: ReviewItem = strawberry.field(description="The item with its new version.")

    def audit_subjects(self) -> tuple[str, ...]:
        """The persons whose records are shown."""
        return self.item.audit_subjects()

    def is_audited(self) -> bool:
        """The entries were written in the transaction of the claim."""
        return True


@strawberry.type(description="The item was handed to somebody senior, or that was taken back. It stays open.")
class ReviewItemEscalated:
    item: ReviewItem = strawberry.field(description="The item with its new version, claimed by nobody.")

    def audit_subjects(self) -> tuple[str, ...]:
        """The persons whose records are shown."""
        return self.item.audit_subjects()

    def is_audited(self) -> bool:
        """The entries were written in the transaction of the change."""
        return True


@strawberry.type(
    description="The item changed since it was shown, is closed, or somebody else works on it (code item_claimed). "
    "Nothing was changed."
)
class StaleReviewItem(Refusal):
    code: str = strawberry.field(default="stale_review_item", description=CODE)
    message: str = strawberry.field(default="the item changed since it was shown", description=MESSAGE)
    current: ReviewItem | None = strawberry.field(default=None, description="The item as it is now.")

    def audit_subjects(self) -> tuple[str, ...]:
        """The persons whose records are shown."""
        return () if self.current is None else self.current.audit_subjects()


ReviewQueueResult: TypeAlias = Annotated[
    ReviewItemConnection | InvalidInput | NotAllowed,
    strawberry.union("ReviewQueueResult", description="A page of the queue, or why not."),
]
ReviewItemResult: TypeAlias = Annotated[
    ReviewItem | ReviewItemNotFound | InvalidInput | NotAllowed,
    strawberry.union("ReviewItemResult", description="An item, or why not."),
]
ClaimReviewItemResult: TypeAlias = Annotated[
    ReviewItemClaimed | StaleReviewItem | ReviewItemNotFound | InvalidInput | NotAllowed,
    strawberry.union("ClaimReviewItemResult", description="The item, or why nothing was changed."),
]
EscalateReviewItemResult: TypeAlias = Annotated[
    ReviewItemEscalated | StaleReviewItem | ReviewItemNotFound | InvalidInput | NotAllowed,
    strawberry.union("EscalateReviewItemResult", description="The item, or why nothing was changed."),
]
DecideReviewItemResult: TypeAlias = Annotated[
    ReviewDecided | StaleReviewItem | ReviewItemNotFound | DecisionRefused | InvalidInput | NotAllowed,
    strawberry.union("DecideReviewItemResult", description="The decided item, or why nothing was changed."),
]
