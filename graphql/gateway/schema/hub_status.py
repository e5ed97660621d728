"""What the hub works with and how far it has come: versions, feeds, background work."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Annotated, TypeAlias

import strawberry

from federation.ports import WaitingWork
from gateway.context import HubInfo
from gateway.loaders import load_traffic
from gateway.schema.refusals import InvalidInput, NotAllowed
from mpi.ports import FeedCount

FEED_DAYS = 7


@strawberry.type(description="One sender of messages.")
class Feed:
    sender: str = strawberry.field(description="Sending application and facility, as the messages name themselves.")
    message_count: int = strawberry.field(description=f"Messages taken in the last {FEED_DAYS} days.")
    last_received_at: dt.datetime = strawberry.field(description="When the last of them came.")

    @classmethod
    def from_domain(cls, feed: FeedCount) -> Feed:
        """The same counts."""
        return cls(sender=feed.sender, message_count=feed.count, last_received_at=feed.last_received_at)


@strawberry.type(description="Background work of one kind that is not done.")
class WaitingTasks:
    kind: str = strawberry.field(description="What is to be done, such as person_changed or alert_raised.")
    count: int = strawberry.field(description="How many wait.")
    oldest_at: dt.datetime = strawberry.field(description="Since when the oldest waits.")
    most_attempts: int = strawberry.field(description="How often one of them was handed to a worker at most.")

    @classmethod
    def from_domain(cls, work: WaitingWork) -> WaitingTasks:
        """The same counts."""
        return cls(kind=work.kind, count=work.count, oldest_at=work.oldest_at, most_attempts=work.most_attempts)


@strawberry.type(description="The hub itself: what it works with and what it has still to do.")
class HubStatus:
    as_of: dt.datetime = strawberry.field(description="When this was read.")
    match_model_version: str = strawberry.field(description="The match model by which records are linked.")
    rule_set_version: str = strawberry.field(description="The rule-set by which orders are judged.")
    feeds: list[Feed] = strawberry.field(
        description=f"Who sent messages in the last {FEED_DAYS} days. Who is missing here sent none."
    )
    waiting_tasks: list[WaitingTasks] = strawberry.field(description="Work for the workers. Empty: all is done.")


HubStatusResult: TypeAlias = Annotated[
    HubStatus | InvalidInput | NotAllowed,
    strawberry.union("HubStatusResult", description="The state of the hub, or why not."),
]


async def resolve_hub_status(info: HubInfo) -> HubStatusResult:
    """Versions, feeds and queues."""
    resources = info.context.resources
    now = resources.clock()
    feeds, waiting = await asyncio.to_thread(load_traffic, resources.read, since=now - dt.timedelta(days=FEED_DAYS))
    return HubStatus(
        as_of=now,
        match_model_version=resources.matcher.model.version,
        rule_set_version=resources.rules.name,
        feeds=[Feed.from_domain(feed) for feed in feeds],
        waiting_tasks=[WaitingTasks.from_domain(work) for work in waiting],
    )
