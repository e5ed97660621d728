"""The root of subscriptions, and what they say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Annotated, TypeAlias

import strawberry

from federation.changes import ChangeKind
from federation.imaging.alerts import AlertState
from federation.sites.consent import Viewer
from federation.sites.site import SiteId
from federation.usecases.see_person import all_numbers
from gateway.change_feed import AlertRevised, FeedEnded, ReviewItemChanged
from gateway.context import StreamInfo
from gateway.resources import HubResources
from gateway.schema.alerts import Alert
from gateway.schema.history_updates import resolve_imaging_history_updates
from gateway.schema.inputs import InputProblem, PatientRefInput, read_patient, read_text
from gateway.schema.refusals import InvalidInput, NotAllowed, PatientNotFound, SubscriptionEnded
from gateway.schema.stream_guard import GuardedStream
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.review import ReviewItem, ReviewKind, ReviewStatus


@strawberry.type(description="An alert changed.")
class AlertRevision:
    alert: Alert = strawberry.field(description="The alert after the change.")
    revision: int = strawberry.field(description="Number of the change, from 1; each comes at least once.")

    def audit_subjects(self) -> tuple[str, ...]:
        """Whom it is about."""
        return self.alert.audit_subjects()


@strawberry.type(description="A question of the review queue is new, or changed. It shows nobody: ask reviewItem.")
class ReviewQueueChange:
    review_item_id: strawberry.ID = strawberry.field(description="Names the item.")
    version: int = strawberry.field(description="Its version now.")
    kind: ReviewKind = strawberry.field(description="Why staff are asked.")
    status: ReviewStatus = strawberry.field(description="Whether it still waits.")
    priority: int = strawberry.field(description="0 is normal, higher is more urgent.")

    @classmethod
    def from_domain(cls, item: ReviewItem) -> ReviewQueueChange:
        """The item without what it is about."""
        return cls(
            review_item_id=strawberry.ID(item.review_item_id),
            version=item.version,
            kind=item.kind,
            status=item.status,
            priority=item.priority,
        )


AlertRevisionsResult: TypeAlias = Annotated[
    AlertRevision | SubscriptionEnded | PatientNotFound | InvalidInput | NotAllowed,
    strawberry.union("AlertRevisionsResult", description="A change of an alert, or why there are no more."),
]
ReviewQueueChangesResult: TypeAlias = Annotated[
    ReviewQueueChange | SubscriptionEnded | InvalidInput | NotAllowed,
    strawberry.union("ReviewQueueChangesResult", description="A change of the queue, or why there are no more."),
]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which alerts a subscriber asked for; everything that is given must fit."""

    site: SiteId | None
    check_id: str | None
    states: frozenset[AlertState] | None
    enterprise_id: EnterpriseId | None = None
    identifiers: frozenset[PatientIdentifier] = frozenset()

    def fits(self, revised: AlertRevised) -> bool:
        """Whether the alert is one of those."""
        alert = revised.events[-1]
        return (
            self.site in (None, alert.ordering_site)
            and self.check_id in (None, alert.check_id)
            and (self.states is None or alert.state in self.states)
            and self._is_of_person(revised)
        )

    def _is_of_person(self, revised: AlertRevised) -> bool:
        if self.enterprise_id is None:
            return True
        return self.enterprise_id in revised.enterprise_ids or bool(self.identifiers & revised.identifiers)


async def resolve_alert_revisions(
    info: StreamInfo,
    patient: PatientRefInput | None = None,
    enterprise_id: strawberry.ID | None = None,
    site: strawberry.ID | None = None,
    check_id: strawberry.ID | None = None,
    states: list[AlertState] | None = None,
) -> AsyncGenerator[AlertRevisionsResult, None]:
    """Alerts as they change."""
    if patient is None and enterprise_id is None and site is None and check_id is None:
        raise InputProblem("one_way_needed", "patient", "name a patient, a site or a check")
    resources, viewer = info.context.resources, info.context.viewer("alertRevisions")
    wanted = _Wanted(
        site=_site(site, resources),
        check_id=None if check_id is None else read_text(check_id, "checkId"),
        states=None if states is None else frozenset(states),
    )
    async with info.context.streams.feed.listen(ChangeKind.ALERT) as heard:
        if patient is not None or enterprise_id is not None:
            wanted = await _of_person(wanted, read_patient(patient, enterprise_id), resources, viewer)
        while True:
            event = await heard.get()
            if isinstance(event, FeedEnded):
                yield SubscriptionEnded(code=event.value)
                return
            if (
                isinstance(event, AlertRevised)
                and wanted.fits(event)
                and await asyncio.to_thread(_may_see, event, resources, viewer)
            ):
                yield AlertRevision(alert=Alert.from_domain(event.events), revision=event.events[-1].sequence)


async def resolve_review_queue_changes(
    info: StreamInfo, kinds: list[ReviewKind] | None = None
) -> AsyncGenerator[ReviewQueueChangesResult, None]:
    """Items of the queue as they change."""
    async with info.context.streams.feed.listen(ChangeKind.REVIEW_ITEM) as heard:
        while True:
            event = await heard.get()
            if isinstance(event, FeedEnded):
                yield SubscriptionEnded(code=event.value)
                return
            if isinstance(event, ReviewItemChanged) and (kinds is None or event.item.kind in kinds):
                yield ReviewQueueChange.from_domain(event.item)


def _site(site: str | None, resources: HubResources) -> SiteId | None:
    if site is None:
        return None
    if SiteId(site) not in resources.directory.sites:
        raise InputProblem("unknown_site", "site", "no site is registered so")
    return SiteId(site)


def _may_see(event: AlertRevised, resources: HubResources, viewer: Viewer) -> bool:
    with resources.read() as uow:
        return bool(resources.visible_alerts(event.events[-1:], viewer, uow=uow))


async def _of_person(
    wanted: _Wanted, named: PatientIdentifier | EnterpriseId, resources: HubResources, viewer: Viewer
) -> _Wanted:
    """The same with the person's ids as they are now: a later merge keeps at least one of them."""
    identity = (await resources.find_person(named, viewer)).identity
    return _Wanted(
        wanted.site, wanted.check_id, wanted.states, identity.enterprise_id, frozenset(all_numbers(identity))
    )


@strawberry.type(
    description="What is told as it happens, over graphql-transport-ws or server-sent events. Each ends with "
    "SubscriptionEnded, soon after the token runs out or the role is lost."
)
class Subscription:
    alert_revisions = strawberry.subscription(
        resolver=resolve_alert_revisions,
        extensions=[GuardedStream("alertRevisions")],
        description="Alerts that fit all that is given, each time one is raised, shown, revised, answered or closed, "
        "by whichever process. Give at least one of patient, enterpriseId, site and checkId.",
    )
    imaging_history_updates = strawberry.subscription(
        resolver=resolve_imaging_history_updates,
        extensions=[GuardedStream("imagingHistoryUpdates")],
        description="One person's imaging, at once from the index and again each time sites have answered, until all "
        "have or deadlineMs (100 to 30000) is over; then it completes. Access that was opened with a reason counts in "
        "the query only.",
    )
    review_queue_changes = strawberry.subscription(
        resolver=resolve_review_queue_changes,
        extensions=[GuardedStream("reviewQueueChanges")],
        description="Questions for records staff as they are opened, claimed, decided or superseded; kinds null is "
        "every kind.",
    )
