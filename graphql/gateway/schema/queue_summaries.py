"""The review queue in numbers."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Annotated, TypeAlias

import strawberry

from gateway.context import HubInfo
from gateway.loaders import load_queue_summary
from gateway.schema.refusals import InvalidInput, NotAllowed
from mpi.identity.review import ReviewKind
from mpi.identity.review_quality import BAND_BITS
from mpi.usecases.summarize_queue import QueueCount


@strawberry.type(description="Open items that have kind, source, score band and rule in common.")
class ReviewQueueGroup:
    kind: ReviewKind = strawberry.field(description="Why staff are asked.")
    source: str = strawberry.field(description="What opened them, such as hl7:A04.")
    score_from: int | None = strawberry.field(
        description=f"Least score in the band, bits; a band is {BAND_BITS} bits wide. Null: no score is involved."
    )
    rule: str | None = strawberry.field(description="The first guard that kept the two apart. Null: none did.")
    count: int = strawberry.field(description="How many wait.")
    oldest_opened_at: dt.datetime = strawberry.field(description="Since when the oldest of them waits.")


@strawberry.type(description="The whole review queue in numbers.")
class ReviewQueueSummary:
    total_count: int = strawberry.field(description="Open items.")
    oldest_opened_at: dt.datetime | None = strawberry.field(description="Since when the oldest waits. Null: none does.")
    groups: list[ReviewQueueGroup] = strawberry.field(description="The largest group first.")

    @classmethod
    def from_domain(cls, counts: tuple[QueueCount, ...]) -> ReviewQueueSummary:
        """The same counts."""
        groups = [
            ReviewQueueGroup(
                kind=counted.group.kind,
                source=counted.group.source,
                score_from=counted.group.score_from,
                rule=counted.group.rule,
                count=counted.count,
                oldest_opened_at=counted.oldest_opened_at,
            )
            for counted in counts
        ]
        return cls(
            total_count=sum(group.count for group in groups),
            oldest_opened_at=min((group.oldest_opened_at for group in groups), default=None),
            groups=groups,
        )


ReviewQueueSummaryResult: TypeAlias = Annotated[
    ReviewQueueSummary | InvalidInput | NotAllowed,
    strawberry.union("ReviewQueueSummaryResult", description="The queue in numbers, or why not."),
]


async def resolve_review_queue_summary(info: HubInfo) -> ReviewQueueSummaryResult:
    """Counts and ages of everything that waits."""
    counts = await asyncio.to_thread(load_queue_summary, info.context.resources.read)
    return ReviewQueueSummary.from_domain(counts)
