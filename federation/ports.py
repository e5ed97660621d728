"""What the federation needs from outside: archives to ask, and a store for what it judged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from federation.changes import Change
from federation.imaging.alerts import AlertState, DuplicateAlert
from federation.imaging.order_checks import OrderCheck
from federation.imaging.placed_orders import PlacedOrder
from federation.imaging.studies import SiteStudy
from federation.imaging.study_index import IndexedAnswer
from federation.sites.consent import BrokenGlass, ConsentDirective
from federation.sites.reports import CapabilityReport, HealthReport
from federation.sites.site import SiteId
from federation.usefulness.outcomes import OutcomeCount, RuleCount
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.ports import UnitOfWork as IdentityUnitOfWork


@dataclass(frozen=True, slots=True)
class SiteAnswer:
    """What one archive said about one patient identifier.

    ``is_complete`` is false when the list may be cut (state PARTIAL). ``warnings`` are stable codes
    (``missing_study_uid``, ``unrequested_patient``, ``bad_number`` ...). ``dropped_count`` counts rows that were not
    about the identifier asked for: they are in no list. ``as_of`` is set by whoever answers from what it kept.
    """

    studies: tuple[SiteStudy, ...]
    is_complete: bool = True
    warnings: tuple[str, ...] = ()
    dropped_count: int = 0
    as_of: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class SiteProbe:
    """What a check of an archive found. ``latency_ms`` of the probe; ``details`` are capabilities, name to text."""

    site_id: SiteId
    ok: bool
    latency_ms: int
    details: tuple[tuple[str, str], ...] = ()
    reason: str | None = None


class PriorSource(Protocol):
    """An archive that can be asked for the studies of one patient identifier."""

    @property
    def site_id(self) -> SiteId: ...

    @property
    def protocol(self) -> str:
        """How it is asked, for people: ``DICOMweb``, ``DIMSE`` ..."""

    async def search_for_studies(self, identifier: PatientIdentifier, *, timeout_seconds: float) -> SiteAnswer:
        """All studies filed under exactly this identifier.

        Never returns a study of another identifier, and never an empty answer for a failure.

        Raises:
            SourceError: one of its kinds, always; no library's error leaves a source.
        """

    async def check(self, *, timeout_seconds: float) -> SiteProbe:
        """Ask whether the archive is there and what it supports. A failure is a result, not an error."""

    async def aclose(self) -> None:
        """Give up connections. Idempotent."""


@runtime_checkable
class HearsInParts(Protocol):
    """A source to which an answer comes in parts: rows or pages. It can say what has come before the end."""

    def said_so_far(self, identifier: PatientIdentifier) -> SiteAnswer | None:
        """What has come of the question on its way for this identifier, checked as a whole answer is, never complete.

        ``None`` while no study of the patient has come, or when nothing is on its way. Returns at once and changes
        nothing: the question goes on.
        """


class OrderCheckRepository(Protocol):
    """Judged orders; history is append-only, one row a revision."""

    def append(self, check: OrderCheck) -> None:
        """Keep one revision; ``(check_id, revision)`` is unique."""

    def newest(self, check_id: str) -> OrderCheck | None: ...

    def open_checks_of(self, enterprise_ids: Collection[EnterpriseId], *, since: dt.datetime) -> Sequence[OrderCheck]:
        """Newest revision of each check about one of these persons (or whose order's identifier resolves to one)."""


class AlertRepository(Protocol):
    """Alerts; history is append-only, one row an event, each holding the alert as it was after it."""

    def append(self, alert: DuplicateAlert) -> None:
        """Keep one event.

        Raises:
            StaleAlert: ``(alert_id, sequence)`` is taken: somebody else was first.
        """

    def newest(self, alert_id: str) -> DuplicateAlert | None: ...

    def history(self, alert_id: str) -> Sequence[DuplicateAlert]:
        """Every event, oldest first."""

    def of_order(self, order_key: str) -> Sequence[DuplicateAlert]:
        """Newest state of each alert of the order, by alert id."""

    def alike(self, order_key: str, content_key: str) -> Sequence[DuplicateAlert]:
        """Newest state of each alert whose order has one of the keys, by alert id."""

    def find(
        self,
        *,
        identifiers: Collection[PatientIdentifier] | None = None,
        enterprise_id: EnterpriseId | None = None,
        check_id: str | None = None,
        states: Collection[AlertState] | None = None,
        changed_before: dt.datetime | None = None,
        limit: int,
    ) -> Sequence[DuplicateAlert]:
        """Newest state of each alert that fits all that is given, last changed first.

        ``identifiers`` and ``enterprise_id`` name one person: either fits.
        """


class AlertStatistics(Protocol):
    """Alerts that were raised (for the first time) from ``since`` on and before ``until``, as what they are now."""

    def outcomes(self, since: dt.datetime, until: dt.datetime) -> Sequence[OutcomeCount]:
        """How many with the same tier, state, site, orderer and override reason; in no order."""

    def rule_outcomes(self, since: dt.datetime, until: dt.datetime) -> Sequence[RuleCount]:
        """For each rule that fired in one: how many in each state; in no order."""

    def answered(self, since: dt.datetime, until: dt.datetime) -> Sequence[DuplicateAlert]:
        """Those that were accepted or overridden, by id."""


class PlacedOrderRepository(Protocol):
    """Orders as sites placed them: the newest state only (messages and alerts keep the history)."""

    def get(self, order_key: str) -> PlacedOrder | None: ...

    def by_number(
        self, site_id: str, *, placer_order_number: str | None, filler_order_number: str | None
    ) -> PlacedOrder | None:
        """The order of a site with one of the numbers, the placer's first."""

    def save(self, order: PlacedOrder) -> None:
        """Insert, or update when the stored version is ``order.version - 1``.

        Raises:
            StaleAlert: somebody else changed the order.
        """

    def open_of(self, identifiers: Collection[PatientIdentifier]) -> Sequence[PlacedOrder]:
        """New orders for one of the identifiers, by key."""


class StudyIndexRepository(Protocol):
    """What each site last said of each identifier: one entry for both, replaced as a whole."""

    def of(self, identifiers: Collection[PatientIdentifier]) -> Sequence[IndexedAnswer]:
        """Every site's entry about exactly these identifiers, ordered by site and identifier."""

    def save(self, entry: IndexedAnswer) -> None:
        """Insert, or replace the entry of this site and identifier."""


class SiteReportRepository(Protocol):
    """The newest report of each kind on each site."""

    def save_health(self, report: HealthReport) -> None:
        """Insert, or replace the one of this site."""

    def health(self) -> Sequence[HealthReport]:
        """One a site, by site id."""

    def save_capabilities(self, report: CapabilityReport) -> None:
        """Insert, or replace the one of this site."""

    def capabilities(self) -> Sequence[CapabilityReport]:
        """One a site, by site id."""


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """One event waiting to be told; ``body`` holds ids only.

    ``kind`` is ``person_changed``, ``order_received``, ``order_check_incomplete``, ``priors_changed``,
    ``refresh_priors`` or ``alert_raised``.
    """

    outbox_id: int
    kind: str
    body: dict[str, object]
    created_at: dt.datetime
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class WaitingWork:
    """Work of one kind that is not done: how much, since when the oldest waits, how often one was tried at most."""

    kind: str
    count: int
    oldest_at: dt.datetime
    most_attempts: int


class Outbox(Protocol):
    """The durable queue: rows written with the change they tell of, carried to the workers by a relay."""

    def add(self, kind: str, body: Mapping[str, object], *, at: dt.datetime) -> None:
        """Write one row; it is told only if the unit of work commits."""

    def due(self, *, limit: int, now: dt.datetime, retry_after_seconds: float) -> Sequence[OutboxMessage]:
        """Rows neither done nor handed to a worker during the last ``retry_after_seconds``, oldest first."""

    def mark_enqueued(self, outbox_ids: Collection[int], *, at: dt.datetime) -> None: ...

    def get(self, outbox_id: int) -> OutboxMessage | None:
        """The row if it is not done, locked for this unit of work; ``None`` when done (a repeat has no effect)."""

    def mark_done(self, outbox_id: int, *, at: dt.datetime) -> None: ...

    def mark_all_done(self, outbox_ids: Collection[int], *, at: dt.datetime) -> None:
        """Like ``mark_done`` for many, in one statement."""

    def waiting(self) -> Sequence[WaitingWork]:
        """One row for each kind with work that is not done, ordered by kind."""


class ConsentRepository(Protocol):
    """What persons said of sharing, and who looked past it. Append-only."""

    def append(self, directive: ConsentDirective) -> None: ...

    def of(self, identifiers: Collection[PatientIdentifier]) -> Sequence[ConsentDirective]:
        """Directives kept for one of the numbers, in the order in which they were recorded."""

    def act(self, directive_id: str) -> Sequence[ConsentDirective]:
        """The directives that were recorded together under this id, in their order; empty when none were."""

    def break_glass(self, glass: BrokenGlass) -> None:
        """Keep a look past consent."""

    def glasses_of(self, caller: str, enterprise_id: EnterpriseId, *, at: dt.datetime) -> Sequence[BrokenGlass]:
        """The caller's looks at the person that have begun and not ended, newest first."""

    def newest_glasses(self, *, limit: int) -> Sequence[BrokenGlass]:
        """Newest first, ended ones too."""

    def glass(self, glass_id: str) -> BrokenGlass | None: ...


class ChangeLog(Protocol):
    """What changed, in order of writing: an entry for each event of an alert and each version of a review item.

    The store writes an entry with the change it tells of, in the same transaction.
    """

    def newest_number(self) -> int:
        """The number of the newest entry; 0 when there was none yet."""

    def after(self, number: int, *, limit: int) -> Sequence[Change]:
        """Entries with a higher number, lowest first."""

    def forget_all_but(self, newest: int) -> int:
        """Delete all but so many (1 at least) of the newest; how many were deleted. No number is given out again."""


@dataclass(frozen=True, slots=True)
class AnsweredRequest:
    """A request that a client gave a key. ``answer`` is ``None`` while it is carried out."""

    request_hash: str
    answer: bytes | None


class AnsweredRequests(Protocol):
    """Requests by the key that their client gave them, so that a repeat is answered and not carried out again."""

    def claim(
        self, caller: str, key: str, *, request_hash: str, at: dt.datetime, stale_before: dt.datetime
    ) -> AnsweredRequest | None:
        """Take the key; ``None`` when it is the caller's now, else what stands under it.

        A claim older than ``stale_before`` without an answer is that of a process that died: it is taken over.
        """

    def keep(self, caller: str, key: str, *, answer: bytes) -> None:
        """Remember what a claimed request was answered."""

    def release(self, caller: str, key: str) -> None:
        """Give a claim up: the request was not carried out."""

    def forget_before(self, instant: dt.datetime) -> None:
        """Forget all that were claimed before."""


class UnitOfWork(IdentityUnitOfWork, Protocol):
    """The index's unit of work, with what the federation keeps."""

    @property
    def order_checks(self) -> OrderCheckRepository: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def alerts(self) -> AlertRepository: ...
    @property
    def consents(self) -> ConsentRepository: ...
    @property
    def alert_statistics(self) -> AlertStatistics: ...
    @property
    def answered_requests(self) -> AnsweredRequests: ...
    @property
    def placed_orders(self) -> PlacedOrderRepository: ...
    @property
    def changes(self) -> ChangeLog: ...

    @property
    def study_index(self) -> StudyIndexRepository: ...
    @property
    def site_reports(self) -> SiteReportRepository: ...
