"""What the index needs from outside: a unit of work over its records, and ids and time from the caller.

Convention: a use case gets an *open* unit of work and never commits. Whoever opened it (a message door, a resolver,
the command line) commits once everything that belongs together is written, so that a message, its effect and its
stored acknowledgement are one transaction. A unit of work that is left without ``commit`` rolls back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from mpi.audit import AuditEvent
from mpi.events import PersonChanged
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import HistoryEntry, SourceRecord
from mpi.identity.review import NeverLink, ReviewItem, ReviewKind

Clock = Callable[[], dt.datetime]
"""Gives the present as an aware UTC instant."""

NewId = Callable[[], str]
"""Gives an id that was never given before."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Active records that share a blocking key. ``truncated``: more shared one than could be returned."""

    records: tuple[SourceRecord, ...]
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """Items of the queue, most urgent first (priority desc, score desc, opened_at, id)."""

    items: tuple[ReviewItem, ...]
    total: int


class RecordRepository(Protocol):
    """Source records by identifier, person and blocking key."""

    def get(self, identifier: PatientIdentifier) -> SourceRecord | None:
        """The record, active or retired, as stored (retired ids are not followed)."""

    def get_many(self, identifiers: Collection[PatientIdentifier]) -> dict[PatientIdentifier, SourceRecord]: ...

    def of_person(self, enterprise_id: EnterpriseId) -> tuple[SourceRecord, ...]:
        """Active records linked to the person, ordered by identifier."""

    def of_persons(self, enterprise_ids: Collection[EnterpriseId]) -> dict[EnterpriseId, tuple[SourceRecord, ...]]:
        """Like ``of_person`` for many at once, in a fixed number of statements."""

    def retired_into(self, identifiers: Collection[PatientIdentifier]) -> tuple[PatientIdentifier, ...]:
        """Retired identifiers whose survivor is (directly) one of these."""

    def sharing_keys(self, keys: Collection[str], *, limit: int) -> Candidates:
        """Active records with at least one of the keys; those sharing most keys first."""

    def save(self, record: SourceRecord, *, blocking_keys: Collection[str]) -> None:
        """Insert or update the record and replace its keys (a retired record keeps none)."""

    def person_count(self) -> int: ...

    def active_after(self, identifier: PatientIdentifier | None, *, limit: int) -> tuple[SourceRecord, ...]:
        """The next active records in the order of identifiers: a walk over the whole index, page by page."""


class HistoryRepository(Protocol):
    """Append-only history of identifiers."""

    def append(self, entry: HistoryEntry) -> None: ...

    def of(self, identifier: PatientIdentifier) -> tuple[HistoryEntry, ...]:
        """Oldest first."""


class ReviewRepository(Protocol):
    """The review queue and the assertions that came out of it."""

    def get(self, review_item_id: str) -> ReviewItem | None: ...

    def save(self, item: ReviewItem) -> None:
        """Insert, or update when the stored version is ``item.version - 1``.

        Raises:
            StaleDecision: somebody else changed the item.
        """

    def open_about(self, identifiers: Collection[PatientIdentifier]) -> tuple[ReviewItem, ...]:
        """Open items with one of the identifiers on either side."""

    def open_page(self, *, kinds: Collection[ReviewKind] | None, offset: int, limit: int) -> ReviewPage: ...

    def assert_never(self, assertion: NeverLink) -> None:
        """Keep the assertion; the same pair again changes nothing."""

    def never_links_of(self, identifiers: Collection[PatientIdentifier]) -> tuple[NeverLink, ...]: ...


class EventSink(Protocol):
    """Takes events; they are told to others only if the unit of work commits (outbox)."""

    def publish(self, event: PersonChanged) -> None: ...


class AuditLog(Protocol):
    """Append-only."""

    def append(self, event: AuditEvent) -> None: ...

    def newest(self, *, limit: int) -> Sequence[AuditEvent]:
        """Newest first."""


class Inbox(Protocol):
    """Messages taken before, so that a repeat is answered and not carried out again.

    A repeat has the same sender, the same control id and the same content.
    """

    def stored_acknowledgement(self, sender: str, message_control_id: str, content_hash: str) -> bytes | None:
        """The acknowledgement sent for this very message, or ``None`` when it was never taken."""

    def keep(
        self,
        sender: str,
        message_control_id: str,
        content_hash: str,
        *,
        acknowledgement: bytes,
        received_at: dt.datetime,
    ) -> None:
        """Remember the message with its acknowledgement, in the transaction of its effect."""


class UnitOfWork(Protocol):
    """One transaction. Entering begins it (immediate on SQLite), leaving without ``commit`` undoes it."""

    @property
    def records(self) -> RecordRepository: ...
    @property
    def history(self) -> HistoryRepository: ...
    @property
    def reviews(self) -> ReviewRepository: ...
    @property
    def events(self) -> EventSink: ...
    @property
    def audit(self) -> AuditLog: ...
    @property
    def inbox(self) -> Inbox: ...

    def lock(self, keys: Collection[str]) -> None:
        """Keep others who lock one of these keys out until this unit ends. Taken in sorted order."""

    def commit(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
