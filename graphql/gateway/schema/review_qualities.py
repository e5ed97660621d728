"""How the review queue is worked on."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Annotated, TypeAlias

import strawberry

from gateway.context import HubInfo
from gateway.loaders import load_review_quality
from gateway.permissions import Role
from gateway.schema.inputs import read_number
from gateway.schema.refusals import InvalidInput, NotAllowed
from mpi.identity import review_quality as domain
from mpi.identity.review import ReviewDecision

_MAX_DAYS = 366


@strawberry.type(description=f"Decided questions whose score lay in one band of {domain.BAND_BITS} bits.")
class ReviewBand:
    score_from: int = strawberry.field(
        description="Least score in the band, bits. What lies below the lowest or above the highest is counted in it."
    )
    same: int = strawberry.field(description="Decided SAME.")
    different: int = strawberry.field(description="Decided DIFFERENT.")
    dismissed: int = strawberry.field(description="Decided DISMISSED.")
    overlays: int = strawberry.field(description="Decided POSSIBLE_OVERLAY.")

    @classmethod
    def from_domain(cls, score_from: int, counts: dict[ReviewDecision, int]) -> ReviewBand:
        """The counts of one band."""
        return cls(
            score_from=score_from,
            same=counts.get(ReviewDecision.SAME, 0),
            different=counts.get(ReviewDecision.DIFFERENT, 0),
            dismissed=counts.get(ReviewDecision.DISMISSED, 0),
            overlays=counts.get(ReviewDecision.POSSIBLE_OVERLAY, 0),
        )


@strawberry.type(description="What was decided on one day.")
class ClerkDay:
    day: dt.date = strawberry.field(description="The day, UTC.")
    clerk: str | None = strawberry.field(description="Who decided. Null: everybody but the caller, together.")
    count: int = strawberry.field(description="Questions decided.")


@strawberry.type(description="Questions that wait for longer than so many days.")
class WaitingLonger:
    days: int = strawberry.field(description="Longer than this.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="How the review queue is worked on.")
class ReviewQuality:
    since: dt.datetime = strawberry.field(description="Decisions made since then are counted.")
    bands: list[ReviewBand] = strawberry.field(description="By score, the lowest first.")
    links_from: int | None = strawberry.field(
        description=f"From this score upwards staff said SAME in {domain.NEARLY_ALL:.0%} of {domain.ENOUGH_DECISIONS} "
        "decisions or more. Null: too few decisions say so."
    )
    differs_to: int | None = strawberry.field(
        description="Up to this score they said DIFFERENT as often. Null: as there."
    )
    days: list[ClerkDay] = strawberry.field(description="By day. Clerks see their own figures and those of all others.")
    decision_count: int = strawberry.field(description="Decisions about identities, from the queue or not.")
    taken_back_by_themselves: int = strawberry.field(description="Of these, taken back by who decided.")
    taken_back_by_others: int = strawberry.field(description="Of these, taken back by somebody else: they disagreed.")
    open_count: int = strawberry.field(description="Questions that wait.")
    waiting_longer: list[WaitingLonger] = strawberry.field(description="Of these, by how long.")

    @classmethod
    def from_domain(cls, found: domain.ReviewQuality, since: dt.datetime) -> ReviewQuality:
        """The same figures."""
        bands: dict[int, dict[ReviewDecision, int]] = {}
        for one in found.bands:
            bands.setdefault(one.score_from, {})[one.decision] = one.count
        return cls(
            since=since,
            bands=[ReviewBand.from_domain(score_from, counts) for score_from, counts in bands.items()],
            links_from=found.links_from,
            differs_to=found.differs_to,
            days=[ClerkDay(day=one.day, clerk=one.decided_by or None, count=one.count) for one in found.days],
            decision_count=found.taken_back.decisions,
            taken_back_by_themselves=found.taken_back.by_themselves,
            taken_back_by_others=found.taken_back.by_others,
            open_count=found.open_count,
            waiting_longer=[WaitingLonger(days=days, count=count) for days, count in found.open_over],
        )


ReviewQualityResult: TypeAlias = Annotated[
    ReviewQuality | InvalidInput | NotAllowed,
    strawberry.union("ReviewQualityResult", description="The figures, or why there are none."),
]


async def resolve_review_quality(info: HubInfo, days: int = 30) -> ReviewQualityResult:
    """Figures of the last days; of each clerk for administrators only."""
    resources, caller = info.context.resources, info.context.caller
    since = resources.clock() - dt.timedelta(days=read_number(days, "days", 1, _MAX_DAYS))
    own_of = None if Role.ADMIN in caller.roles else caller.subject
    found = await asyncio.to_thread(load_review_quality, resources, since=since, own_of=own_of)
    return ReviewQuality.from_domain(found, since)
