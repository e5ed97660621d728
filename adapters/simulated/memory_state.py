"""What the in-memory store holds, and one transaction on it.

A state that was committed is never changed again: a unit of work that writes works on a copy, and committing swaps the
copy in. So readers see one state throughout and wait for nobody, and undoing is throwing the copy away. A copy costs
time in proportion to the store: meant for demonstrations and tests, up to some ten thousand records.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
from dataclasses import dataclass, field

from federation.changes import Change, ChangeKind
from federation.imaging.alerts import DuplicateAlert
from federation.imaging.order_checks import OrderCheck
from federation.imaging.placed_orders import PlacedOrder
from federation.imaging.study_index import IndexedAnswer
from federation.ports import AnsweredRequest, OutboxMessage
from federation.sites.consent import BrokenGlass, ConsentDirective
from federation.sites.reports import CapabilityReport, HealthReport
from federation.sites.site import SiteId
from mpi.audit_chain import AuditHead, ChainRow
from mpi.caller_revocations import Revocation
from mpi.identity.decisions import AlwaysLink, Decision
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import HistoryEntry, SourceRecord
from mpi.identity.review import NeverLink, ReviewItem

WRITER_TIMEOUT_SECONDS = 10.0


class MemoryStoreError(Exception):
    """Root of the in-memory store's errors."""


class Refused(MemoryStoreError):
    """A write that a database would refuse: a key that is taken, a broken rule, a unit that only reads."""


class UnitNotOpen(MemoryStoreError):
    """The unit of work was not entered, or was committed or left."""


class WriterTimedOut(MemoryStoreError):
    """Another unit of work went on writing for too long."""


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """An outbox message with what the relay and the workers noted on it."""

    message: OutboxMessage
    enqueued_at: dt.datetime | None = None
    done_at: dt.datetime | None = None


@dataclass(slots=True)
class MemoryState:
    """All tables. Values are immutable, so that a shallow copy is a copy."""

    records: dict[PatientIdentifier, SourceRecord] = field(default_factory=dict)
    members: dict[EnterpriseId, frozenset[PatientIdentifier]] = field(default_factory=dict)
    subsumed: dict[PatientIdentifier, frozenset[PatientIdentifier]] = field(default_factory=dict)
    keys_of: dict[PatientIdentifier, frozenset[str]] = field(default_factory=dict)
    with_key: dict[str, frozenset[PatientIdentifier]] = field(default_factory=dict)
    history: dict[PatientIdentifier, tuple[HistoryEntry, ...]] = field(default_factory=dict)
    reviews: dict[str, ReviewItem] = field(default_factory=dict)
    never_links: dict[tuple[PatientIdentifier, PatientIdentifier], NeverLink] = field(default_factory=dict)
    always_links: dict[tuple[PatientIdentifier, PatientIdentifier], AlwaysLink] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    redirects: dict[EnterpriseId, EnterpriseId] = field(default_factory=dict)
    inbox: dict[tuple[str, str, str], tuple[bytes, dt.datetime]] = field(default_factory=dict)
    outbox: dict[int, OutboxEntry] = field(default_factory=dict)
    answered: dict[tuple[str, str], tuple[dt.datetime, AnsweredRequest]] = field(default_factory=dict)
    audit: list[ChainRow] = field(default_factory=list)
    audit_anchors: list[AuditHead] = field(default_factory=list)
    order_checks: dict[str, dict[int, OrderCheck]] = field(default_factory=dict)
    alerts: dict[str, tuple[DuplicateAlert, ...]] = field(default_factory=dict)
    placed_orders: dict[str, PlacedOrder] = field(default_factory=dict)
    consents: list[ConsentDirective] = field(default_factory=list)
    glasses: list[BrokenGlass] = field(default_factory=list)
    revocations: list[Revocation] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    study_index: dict[PatientIdentifier, dict[SiteId, IndexedAnswer]] = field(default_factory=dict)
    site_health: dict[SiteId, HealthReport] = field(default_factory=dict)
    site_capabilities: dict[SiteId, CapabilityReport] = field(default_factory=dict)

    def note_change(self, kind: ChangeKind, key: str, version: int) -> None:
        """Add an entry to the log of changes."""
        number = self.changes[-1].number + 1 if self.changes else 1
        self.changes.append(Change(number, kind, key, version))

    def copy(self) -> MemoryState:
        return MemoryState(*(getattr(self, part.name).copy() for part in dataclasses.fields(self)))


class MemoryStore:
    """The committed state, and the right to write, which one unit of work has at a time."""

    def __init__(self) -> None:
        self.committed = MemoryState()
        self._writer = threading.Lock()

    def begin(self, *, read_only: bool) -> MemoryTransaction:
        """Start a transaction; one that writes waits for its turn.

        Raises:
            WriterTimedOut: its turn did not come.
        """
        if read_only:
            return MemoryTransaction(self, self.committed, read_only=True)
        if not self._writer.acquire(timeout=WRITER_TIMEOUT_SECONDS):
            raise WriterTimedOut("another unit of work is writing")
        return MemoryTransaction(self, self.committed.copy(), read_only=False)

    def end(self, transaction: MemoryTransaction, *, keep: bool) -> None:
        """Finish a transaction; ``keep`` makes its state the committed one."""
        if transaction.read_only:
            return
        if keep:
            self.committed = transaction.state
        self._writer.release()


class MemoryTransaction:
    """A state to read and, unless ``read_only``, to write."""

    def __init__(self, store: MemoryStore, state: MemoryState, *, read_only: bool) -> None:
        self._store = store
        self.state = state
        self.read_only = read_only

    def writable(self) -> MemoryState:
        if self.read_only:
            raise Refused("the unit of work only reads")
        return self.state

    def end(self, *, keep: bool) -> None:
        self._store.end(self, keep=keep)
