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

from mpi.audit import AuditEvent, AuditSearch
from mpi.audit_chain import AuditHead, ChainRow, KeptEvent
from mpi.caller_revocations import Revocation
from mpi.events import PersonChanged
from mpi.identity.decisions import AlwaysLink, Decision
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import HistoryEntry, SourceRecord
from mpi.identity.review import NeverLink, ReviewItem, ReviewKind
from mpi.identity.review_quality import BandCount, ClerkDay, TakenBack

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

    def add_many(self, records: Sequence[tuple[SourceRecord, Collection[str]]]) -> None:
        """Insert active records with their keys, in a fixed number of statements. None of them is stored."""

    def person_count(self) -> int: ...

    def redirect_person(self, enterprise_id: EnterpriseId, into: EnterpriseId) -> None:
        """Remember whose records the person's are now; said again, the newer one counts."""

    def drop_redirects(self, enterprise_ids: Collection[EnterpriseId]) -> None:
        """These persons have records again."""

    def redirect_of(self, enterprise_id: EnterpriseId) -> EnterpriseId | None:
        """Where a person without records went (one step), ``None`` when never said."""

    def held_after(self, identifier: PatientIdentifier | None, *, limit: int) -> tuple[SourceRecord, ...]:
        """The next active records that staff hold, in the order of identifiers."""

    def held_count(self) -> int: ...

    def active_after(self, identifier: PatientIdentifier | None, *, limit: int) -> tuple[SourceRecord, ...]:
        """The next active records in the order of identifiers: a walk over the whole index, page by page."""


class HistoryRepository(Protocol):
    """Append-only history of identifiers."""

    def append(self, entry: HistoryEntry) -> None: ...

    def append_many(self, entries: Sequence[HistoryEntry]) -> None:
        """Like ``append`` for many, in a fixed number of statements."""

    def of(self, identifier: PatientIdentifier) -> tuple[HistoryEntry, ...]:
        """Oldest first."""

    def of_many(self, identifiers: Collection[PatientIdentifier]) -> dict[PatientIdentifier, tuple[HistoryEntry, ...]]:
        """Like ``of`` for many, in one statement; every identifier asked for is a key."""


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

    def decided_about(self, identifiers: Collection[PatientIdentifier]) -> tuple[ReviewItem, ...]:
        """Decided items with one of the identifiers on either side, ordered by id."""

    def open_page(
        self, *, kinds: Collection[ReviewKind] | None, offset: int, limit: int, escalated: bool | None = None
    ) -> ReviewPage:
        """Most urgent first. ``kinds`` ``None`` is every kind, an empty collection none; ``escalated`` ``None`` is
        every item, ``True`` those that were handed to somebody senior, ``False`` the others."""

    def decided_by_band(self, since: dt.datetime) -> Sequence[BandCount]:
        """Decided items that had a score, by its band and by what was decided; lowest band first."""

    def decided_by_day(self, since: dt.datetime) -> Sequence[ClerkDay]:
        """Decided items by day (UTC) and by who decided, in this order."""

    def open_since(self, instants: Sequence[dt.datetime]) -> Sequence[int]:
        """For each instant, how many open items were opened then or earlier."""

    def assert_never(self, assertion: NeverLink) -> None:
        """Keep the assertion; the same pair again changes nothing."""

    def retract_never(self, assertion: NeverLink) -> None:
        """Forget the assertion about the pair; without one nothing changes."""

    def never_links_of(self, identifiers: Collection[PatientIdentifier]) -> tuple[NeverLink, ...]: ...


class DecisionRepository(Protocol):
    """What records staff decided, and what they and messages said of who is one person."""

    def get(self, decision_id: str) -> Decision | None: ...

    def save(self, decision: Decision) -> None:
        """Insert, or replace the one with this id."""

    def about(self, identifiers: Collection[PatientIdentifier]) -> tuple[Decision, ...]:
        """Decisions that touched one of the identifiers, in the order in which they were first saved."""

    def taken_back(self, since: dt.datetime) -> TakenBack:
        """Decisions made since then, and how many of them were undone by whom."""

    def assert_always(self, assertion: AlwaysLink) -> None:
        """Keep the assertion in place of any earlier one about the pair."""

    def retract_always(self, assertion: AlwaysLink) -> None:
        """Forget the assertion about the pair; without one nothing changes."""

    def always_links_of(self, identifiers: Collection[PatientIdentifier]) -> tuple[AlwaysLink, ...]:
        """Assertions with one of the identifiers on either side, ordered by pair."""


class EventSink(Protocol):
    """Takes events; they are told to others only if the unit of work commits (outbox)."""

    def publish(self, event: PersonChanged) -> None: ...


class AuditLog(Protocol):
    """Append-only. Events are chained in the order of commits; within one unit, in the order they were given."""

    def append(self, event: AuditEvent) -> None: ...

    def search(self, wanted: AuditSearch, *, before: int | None, limit: int) -> Sequence[KeptEvent]:
        """Entries that fit, last number first; ``before`` a number of the chain."""

    def about(self, subjects: Collection[str], *, before: int | None, limit: int) -> Sequence[KeptEvent]:
        """Entries about one of the enterprise ids, last number first; ``before`` a number of the chain."""

    def between(
        self, since: dt.datetime | None, until: dt.datetime | None, *, after: int, limit: int
    ) -> Sequence[KeptEvent]:
        """Entries of that time (``until`` is not in it), lowest number first; ``after`` a number of the chain."""


class AuditChain(Protocol):
    """The rows behind the audit log, for verifying and pruning."""

    def anchor(self) -> AuditHead | None:
        """What the rows that were not pruned follow; ``None`` when none ever was."""

    def head(self) -> AuditHead:
        """The last row, the anchor when there is none, or the beginning of an empty chain."""

    def rows(self, *, after: int | None, limit: int) -> Sequence[ChainRow]:
        """Lowest number first; ``None`` begins with the lowest there is."""

    def last_before(self, instant: dt.datetime) -> AuditHead | None:
        """The last row before the first one that is of ``instant`` or younger; ``None`` when there is none."""

    def prune(self, through: AuditHead, *, at: dt.datetime) -> int:
        """Make the row the anchor and delete it with all before it; how many went."""


@dataclass(frozen=True, slots=True)
class FeedCount:
    """What one sender's messages look like: how many came in a period, and when the last of them did."""

    sender: str
    count: int
    last_received_at: dt.datetime


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

    def feeds(self, *, since: dt.datetime) -> Sequence[FeedCount]:
        """One row for each sender with a message since then, ordered by sender."""


class RevocationRepository(Protocol):
    """Tokens and subjects that are taken back. Append-only."""

    def append(self, revocation: Revocation) -> None: ...

    def in_force(self, *, at: dt.datetime) -> Sequence[Revocation]:
        """Those that some token may still be about, in the order in which they were made."""


class LinkWriter(Protocol):
    """The part of ``RecordRepository`` that settling who is one person writes with."""

    def of_persons(self, enterprise_ids: Collection[EnterpriseId]) -> dict[EnterpriseId, tuple[SourceRecord, ...]]: ...

    def save(self, record: SourceRecord, *, blocking_keys: Collection[str]) -> None: ...

    def redirect_person(self, enterprise_id: EnterpriseId, into: EnterpriseId) -> None: ...

    def drop_redirects(self, enterprise_ids: Collection[EnterpriseId]) -> None: ...


class HistoryWriter(Protocol):
    """The part of ``HistoryRepository`` that writes."""

    def append(self, entry: HistoryEntry) -> None: ...


class Questions(Protocol):
    """The part of ``ReviewRepository`` that settling questions needs."""

    def save(self, item: ReviewItem) -> None: ...

    def open_about(self, identifiers: Collection[PatientIdentifier]) -> tuple[ReviewItem, ...]: ...

    def decided_about(self, identifiers: Collection[PatientIdentifier]) -> tuple[ReviewItem, ...]: ...


class SettlingUnit(Protocol):
    """The part of a unit of work that settling needs once everything is gathered."""

    @property
    def records(self) -> LinkWriter: ...
    @property
    def history(self) -> HistoryWriter: ...
    @property
    def reviews(self) -> Questions: ...


class UnitOfWork(Protocol):
    """One transaction. Entering begins it (immediate on SQLite), leaving without ``commit`` undoes it."""

    @property
    def records(self) -> RecordRepository: ...
    @property
    def history(self) -> HistoryRepository: ...
    @property
    def reviews(self) -> ReviewRepository: ...
    @property
    def decisions(self) -> DecisionRepository: ...
    @property
    def events(self) -> EventSink: ...
    @property
    def audit(self) -> AuditLog: ...
    @property
    def audit_chain(self) -> AuditChain: ...
    @property
    def revocations(self) -> RevocationRepository: ...
    @property
    def inbox(self) -> Inbox: ...

    def lock(self, keys: Collection[str]) -> bool:
        """Keep others who lock one of these keys out until this unit ends. Only the first call of a unit waits.

        True when another unit may have written since this one last read: read again what the keys stand for.

        Raises:
            UnitConflict: another unit holds one of the keys while this one holds others (``mpi.units`` begins again).
        """

    def lock_out_others(self) -> None:
        """Wait until no other unit holds a lock, and let none have one until this unit ends: its first lock, and its
        only one. For short units that concern very many records."""

    def commit(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
