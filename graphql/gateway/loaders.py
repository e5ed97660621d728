"""Whole lists and pages, each read in one unit of work and in a fixed number of statements.

Sync, for threads. Nothing here decides anything; rules of the index are in ``mpi.usecases``.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from federation.imaging.alerts import AlertState, DuplicateAlert
from federation.imaging.order_checks import OrderCheck
from federation.ports import UnitOfWork, WaitingWork
from federation.sites.consent import Viewer
from federation.sites.reports import CapabilityReport
from federation.sites.site import SiteId
from federation.usecases.last_seen_studies import LastSeen, last_seen_studies
from federation.usecases.see_person import all_numbers, numbers_seen
from gateway.cursors import ReviewPosition, review_position
from gateway.resources import HubResources
from mpi.audit import AuditSearch
from mpi.audit_chain import KeptEvent
from mpi.identity.demographics import Demographics
from mpi.identity.field_history import FieldHistory, field_history
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import HistoryEntry, MatchGrade, SourceRecord
from mpi.identity.review import ReviewItem, ReviewKind
from mpi.identity.review_quality import ReviewQuality
from mpi.ports import FeedCount, ReviewPage
from mpi.usecases.find_persons import FoundPerson, FoundPersons, find_persons
from mpi.usecases.report_access import AccessReport, report_access
from mpi.usecases.report_quality import report_quality
from mpi.usecases.resolve_identity import ResolvedIdentity
from mpi.usecases.summarize_queue import QueueCount, summarize_queue
from mpi.usecases.take_over_update import kept_back

Read = Callable[[], UnitOfWork]


@dataclass(frozen=True, slots=True)
class ReviewCase:
    """A question with the two records it is about; ``None`` for a record that the index does not know.

    ``kept_back``: what a site said under a number that may have been given twice; read for single items only.
    """

    item: ReviewItem
    left: SourceRecord | None
    right: SourceRecord | None
    kept_back: HistoryEntry | None = None

    def enterprise_ids(self) -> tuple[EnterpriseId, ...]:
        """The persons that the two records belong to."""
        ids = (side.enterprise_id for side in (self.left, self.right) if side is not None)
        return tuple(dict.fromkeys(i for i in ids if i is not None))


def load_traffic(read: Read, *, since: dt.datetime) -> tuple[Sequence[FeedCount], Sequence[WaitingWork]]:
    """Who sent messages since then, and the background work that is not done."""
    with read() as uow:
        return uow.inbox.feeds(since=since), uow.outbox.waiting()


@dataclass(frozen=True, slots=True)
class RecordPast:
    """A record and everything that was said of it before."""

    record: SourceRecord
    fields: FieldHistory


@dataclass(frozen=True, slots=True)
class ReviewCases:
    """One page of the queue. ``total`` counts the whole queue."""

    cases: tuple[ReviewCase, ...]
    total: int
    has_previous: bool
    has_next: bool


def load_review_page(
    read: Read,
    *,
    kinds: Collection[ReviewKind] | None,
    first: int,
    after: ReviewPosition | None,
    escalated: bool | None = None,
) -> ReviewCases:
    """The ``first`` open items that come after a position, with their records."""
    with read() as uow:
        offset = 0 if after is None else bisect_right(_Queue(uow, kinds, escalated), after)
        page = uow.reviews.open_page(kinds=kinds, offset=offset, limit=first, escalated=escalated)
        cases = _with_records(page.items, uow)
        return ReviewCases(cases, page.total, offset > 0, offset + len(cases) < page.total)


def load_review_case(read: Read, review_item_id: str) -> ReviewCase | None:
    """One item with its records, open or closed."""
    with read() as uow:
        item = uow.reviews.get(review_item_id)
        if item is None:
            return None
        said = kept_back(item.left, uow=uow) if item.kind is ReviewKind.SUSPECTED_REUSE else None
        return replace(_with_records([item], uow)[0], kept_back=said)


def load_queue_summary(read: Read) -> tuple[QueueCount, ...]:
    """The whole queue in numbers."""
    with read() as uow:
        return summarize_queue(uow=uow)


def load_found_persons(
    resources: HubResources,
    viewer: Viewer,
    identifiers: tuple[PatientIdentifier, ...],
    described: Demographics,
    *,
    only_certain: bool,
    first: int,
) -> tuple[FoundPersons, list[tuple[FoundPerson, ResolvedIdentity]]] | None:
    """Everybody who may be meant and whom the viewer may see, and the ``first`` of them in full; ``None`` when too
    little is given."""
    with resources.read() as uow:
        numbers = resources.without_withheld(identifiers, viewer, uow=uow)
        if identifiers and not numbers and described == Demographics():
            return FoundPersons((), truncated=False), []
        view_of = resources.views_of(viewer, uow=uow)
        found = find_persons(
            numbers,
            described,
            uow=uow,
            matcher=resources.matcher,
            clock=resources.clock,
            seen=numbers_seen(viewer, view_of),
        )
        if found is None:
            return None
        seen = [
            (replace(person, members=view.identity.records), view.identity)
            for person in found.persons
            if (not only_certain or person.grade is MatchGrade.CERTAIN)
            and (view := view_of(person.enterprise_id)) is not None
        ]
        return replace(found, persons=tuple(person for person, _ in seen)), seen[:first]


def load_field_histories(
    resources: HubResources, viewer: Viewer, identifiers: Sequence[PatientIdentifier]
) -> tuple[RecordPast, ...]:
    """What was said of each record whose person the viewer may see by it; unknown numbers are left out."""
    with resources.read() as uow:
        seen = resources.without_withheld(dict.fromkeys(identifiers), viewer, uow=uow)
        records = uow.records.get_many(seen)
        entries = uow.history.of_many(records) if records else {}
        return tuple(RecordPast(records[i], field_history(records[i], entries[i])) for i in seen if i in records)


def load_last_seen(
    resources: HubResources, viewer: Viewer, identifiers: Sequence[PatientIdentifier]
) -> tuple[tuple[LastSeen, ...], tuple[str, ...]]:
    """What hospitals last said of each number, and whom it is about."""
    with resources.read() as uow:
        found = last_seen_studies(
            identifiers, uow=uow, directory=resources.directory, viewer=viewer, clock=resources.clock
        )
        records = uow.records.get_many([seen.identifier for seen in found]).values()
        return found, tuple(sorted({str(r.enterprise_id) for r in records if r.enterprise_id is not None}))


def load_order_check(resources: HubResources, viewer: Viewer, check_id: str) -> OrderCheck | None:
    """The newest revision of a kept check, if the viewer may see it."""
    with resources.read() as uow:
        check = uow.order_checks.newest(check_id)
        return check if check is not None and resources.visible_check(check, viewer, uow=uow) else None


def load_capabilities(read: Read) -> dict[SiteId, CapabilityReport]:
    """What the last probe of each site found."""
    with read() as uow:
        return {report.site_id: report for report in uow.site_reports.capabilities()}


def load_alerts(
    resources: HubResources,
    viewer: Viewer,
    *,
    patient: PatientIdentifier | EnterpriseId | None,
    check_id: str | None,
    state: AlertState | None,
    first: int,
) -> tuple[Sequence[DuplicateAlert], ...]:
    """Alerts that fit and that the viewer may see, each with its events.

    Raises:
        UnknownIdentifier: nobody is behind the patient's identifier, as far as the viewer may see.
    """
    with resources.read() as uow:
        person, identifiers = _person_of(patient, resources, viewer, uow)
        found = uow.alerts.find(
            identifiers=identifiers,
            enterprise_id=person,
            check_id=check_id,
            states=None if state is None else (state,),
            limit=first,
        )
        shown = resources.visible_alerts(found, viewer, uow=uow)
        return tuple(uow.alerts.history(alert.alert_id) for alert in shown)


def load_alert(resources: HubResources, viewer: Viewer, alert_id: str) -> Sequence[DuplicateAlert]:
    """The events of one alert; empty when there is none that the viewer may see."""
    with resources.read() as uow:
        events = uow.alerts.history(alert_id)
        return events if resources.visible_alerts(events[-1:], viewer, uow=uow) else ()


def _person_of(
    patient: PatientIdentifier | EnterpriseId | None, resources: HubResources, viewer: Viewer, uow: UnitOfWork
) -> tuple[EnterpriseId | None, tuple[PatientIdentifier, ...] | None]:
    if patient is None:
        return None, None
    identity = resources.see_person(patient, viewer, uow=uow).identity
    return identity.enterprise_id, all_numbers(identity)


def search_audit_log(
    read: Read, wanted: AuditSearch, *, before: int | None, first: int
) -> tuple[Sequence[KeptEvent], bool]:
    """A page of the entries that fit, newest first, and whether older ones follow."""
    with read() as uow:
        found = uow.audit.search(wanted, before=before, limit=first + 1)
    return found[:first], len(found) > first


def load_access_report(
    read: Read, *, patient: PatientIdentifier | EnterpriseId, first: int, before: int | None
) -> AccessReport:
    """Who looked at a patient: the ``first`` newest entries before a number.

    Raises:
        UnknownIdentifier: nobody is behind the identifier.
    """
    with read() as uow:
        return report_access(patient, uow=uow, limit=first, before=before)


def _with_records(items: Sequence[ReviewItem], uow: UnitOfWork) -> tuple[ReviewCase, ...]:
    wanted: set[PatientIdentifier] = {side for item in items for side in (item.left, item.right)}
    records = uow.records.get_many(wanted) if wanted else {}
    return tuple(ReviewCase(item, records.get(item.left), records.get(item.right)) for item in items)


class _Queue(Sequence[ReviewPosition]):
    """The positions of the queue, for a binary search: finding a place reads log2(n) items."""

    def __init__(self, uow: UnitOfWork, kinds: Collection[ReviewKind] | None, escalated: bool | None) -> None:
        self._uow, self._kinds, self._escalated = uow, kinds, escalated
        self._total = self._page(0).total

    def __len__(self) -> int:
        return self._total

    def __getitem__(self, offset: int) -> ReviewPosition:  # type: ignore[override]
        return review_position(self._page(offset).items[0])

    def _page(self, offset: int) -> ReviewPage:
        return self._uow.reviews.open_page(kinds=self._kinds, offset=offset, limit=1, escalated=self._escalated)


def load_review_quality(resources: HubResources, *, since: dt.datetime, own_of: str | None) -> ReviewQuality:
    """How the queue is worked on."""
    with resources.read() as uow:
        return report_quality(since=since, own_of=own_of, uow=uow, clock=resources.clock)
