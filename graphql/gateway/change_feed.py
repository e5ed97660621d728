"""Tells listeners in this process of what any process changed: one reader of the store's log, many listeners.

    change_log (any process writes) -> one poll for all listeners -> a bounded queue for each

The log is read only while somebody listens. A listener that does not keep up is ended, never waited for: its queue is
full, or the store does not answer; both are said.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum

from federation.changes import Change, ChangeKind
from federation.imaging.alerts import DuplicateAlert
from federation.ports import UnitOfWork
from gateway.observability import get_logger
from mpi.errors import UnknownIdentifier
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.review import ReviewItem
from mpi.usecases.resolve_identity import resolve_identity

GAP_SECONDS = 30.0
"""How long a number that is missing in the log is waited for: its transaction may still commit."""

_LOOK_BACK = 100
_PAGE = 500
_log = get_logger("gateway.change_feed")


@dataclass(frozen=True, slots=True)
class AlertRevised:
    """An alert after an event, with the events before it. The ids are those of the person as known now."""

    events: tuple[DuplicateAlert, ...]
    enterprise_ids: frozenset[EnterpriseId]
    identifiers: frozenset[PatientIdentifier]


@dataclass(frozen=True, slots=True)
class ReviewItemChanged:
    """A review item as it is now."""

    item: ReviewItem


class FeedEnded(Enum):
    """Why a listener is told nothing more."""

    TOO_SLOW = "too_slow"
    STORE_NOT_REACHABLE = "store_not_reachable"


FeedEvent = AlertRevised | ReviewItemChanged
Heard = FeedEvent | FeedEnded


class ChangeCursor:
    """How far the log was read, when a higher number may be seen before a lower one."""

    def __init__(self, settled: int) -> None:
        self.settled = settled
        """Everything up to this number was read, or is waited for no longer."""
        self._ahead: set[int] = set()
        self._gap_since_seconds: float | None = None

    @property
    def ahead_count(self) -> int:
        """Entries above ``settled`` that were read already."""
        return len(self._ahead)

    def take(self, changes: Sequence[Change], *, now_seconds: float) -> tuple[Change, ...]:
        """Those that were not read before. ``now_seconds`` is a monotonic clock's."""
        new = tuple(change for change in changes if change.number > self.settled and change.number not in self._ahead)
        self._ahead.update(change.number for change in new)
        self._settle()
        if not self._ahead:
            self._gap_since_seconds = None
        elif self._gap_since_seconds is None:
            self._gap_since_seconds = now_seconds
        elif now_seconds - self._gap_since_seconds >= GAP_SECONDS:
            self.settled = min(self._ahead) - 1
            self._settle()
            self._gap_since_seconds = now_seconds if self._ahead else None
        return new

    def _settle(self) -> None:
        before = self.settled
        while self.settled + 1 in self._ahead:
            self.settled += 1
            self._ahead.discard(self.settled)
        if self.settled != before:
            self._gap_since_seconds = None


@dataclass(eq=False, slots=True)
class _Listener:
    kind: ChangeKind
    queue: asyncio.Queue[Heard]
    is_over: bool = False

    def tell(self, heard: Heard) -> None:
        """Put it in the queue; what was told last makes way for the news that it is over."""
        if self.is_over:
            return
        if self.queue.full():
            heard = FeedEnded.TOO_SLOW
            self.queue.get_nowait()
        self.is_over = isinstance(heard, FeedEnded)
        self.queue.put_nowait(heard)


@dataclass(slots=True)
class ChangeFeed:
    """The shared reader of one process. Belongs to one event loop."""

    read: Callable[[], UnitOfWork]
    poll_seconds: float = 0.5
    queue_length: int = 256
    _listeners: set[_Listener] = field(default_factory=set)
    _reader: asyncio.Task[None] | None = None
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def listener_count(self) -> int:
        return len(self._listeners)

    @property
    def is_reading(self) -> bool:
        """Whether what is committed from now on will be told."""
        return self._reader is not None and not self._reader.done()

    @asynccontextmanager
    async def listen(self, kind: ChangeKind) -> AsyncIterator[asyncio.Queue[Heard]]:
        """Everything of a kind that is committed after entering, until a ``FeedEnded``."""
        listener = _Listener(kind, asyncio.Queue(self.queue_length))
        self._listeners.add(listener)
        try:
            await self._start()
            yield listener.queue
        finally:
            self._listeners.discard(listener)
            if not self._listeners:
                await self._stop()

    async def _start(self) -> None:
        async with self._starting:
            if not self.is_reading:
                cursor = await asyncio.to_thread(self._cursor_from_now, asyncio.get_running_loop().time())
                self._reader = asyncio.create_task(self._read_on(cursor))
                self._reader.add_done_callback(self._end_all)

    async def _stop(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.cancel()
            await asyncio.wait([reader])

    async def _read_on(self, cursor: ChangeCursor) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self.poll_seconds)
            kinds = frozenset(listener.kind for listener in self._listeners)
            for kind, event in await asyncio.to_thread(self._news, cursor, kinds, loop.time()):
                for listener in tuple(self._listeners):
                    if listener.kind is kind:
                        listener.tell(event)

    def _end_all(self, reader: asyncio.Task[None]) -> None:
        if reader.cancelled():
            return
        _log.error("change_feed_ended", error_type=type(reader.exception()).__name__)
        for listener in tuple(self._listeners):
            listener.tell(FeedEnded.STORE_NOT_REACHABLE)

    def _cursor_from_now(self, now_seconds: float) -> ChangeCursor:
        """Behind what is committed now, but before what was numbered and may still commit."""
        with self.read() as uow:
            cursor = ChangeCursor(max(0, uow.changes.newest_number() - _LOOK_BACK))
            cursor.take(uow.changes.after(cursor.settled, limit=_PAGE), now_seconds=now_seconds)
            return cursor

    def _news(
        self, cursor: ChangeCursor, kinds: frozenset[ChangeKind], now_seconds: float
    ) -> list[tuple[ChangeKind, FeedEvent]]:
        with self.read() as uow:
            changes = uow.changes.after(cursor.settled, limit=_PAGE + cursor.ahead_count)
            new = cursor.take(changes, now_seconds=now_seconds)
            events = ((change.kind, _load(change, uow)) for change in new if change.kind in kinds)
            return [(kind, event) for kind, event in events if event is not None]


def _load(change: Change, uow: UnitOfWork) -> FeedEvent | None:
    if change.kind is ChangeKind.REVIEW_ITEM:
        item = uow.reviews.get(change.key)
        return None if item is None else ReviewItemChanged(item)
    events = tuple(event for event in uow.alerts.history(change.key) if event.sequence <= change.version)
    return _alert_revised(events, uow) if events else None


def _alert_revised(events: tuple[DuplicateAlert, ...], uow: UnitOfWork) -> AlertRevised:
    alert = events[-1]
    persons = set() if alert.enterprise_id is None else {alert.enterprise_id}
    identifiers = {alert.patient_identifier}
    try:
        identity = resolve_identity(alert.patient_identifier, uow=uow)
    except UnknownIdentifier:
        return AlertRevised(events, frozenset(persons), frozenset(identifiers))
    identifiers.update(record.identifier for record in identity.records)
    identifiers.update(retired for retired, _ in identity.retired_identifiers)
    return AlertRevised(events, frozenset(persons | {identity.enterprise_id}), frozenset(identifiers))
