"""From the outbox to the workers: polls for rows that are due, hands their ids over and notes that it did."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Callable, Collection, Sequence
from typing import Self

from federation.ports import OutboxMessage, UnitOfWork
from mpi.ports import Clock

Send = Callable[[int], object]
"""Hands the id of an outbox row to the workers (``actor.send``)."""

AskForNothing = Callable[[Sequence[OutboxMessage], UnitOfWork], Collection[int]]
"""The ids of rows, among those due, that no worker has to do anything for: they are done at once, together."""

BATCH_SIZE = 100
RETRY_AFTER_SECONDS = 120.0
_LONGEST_PAUSE_SECONDS = 30.0

_log = logging.getLogger(__name__)


def _nothing(_due: Sequence[OutboxMessage], _uow: UnitOfWork) -> Collection[int]:
    return ()


def relay_once(
    uow_factory: Callable[[], UnitOfWork],
    send: Send,
    clock: Clock,
    *,
    ask_for_nothing: AskForNothing = _nothing,
    limit: int = BATCH_SIZE,
    retry_after_seconds: float = RETRY_AFTER_SECONDS,
) -> int:
    """Hand over what is due, at most ``limit`` rows; how many were due.

    The rows are marked and committed before they are sent: no queue is waited for while the database is locked. If
    the process dies in between, they are due again after ``retry_after_seconds``; if sending fails, at once.
    """
    now = clock()
    with uow_factory() as unit:
        due = unit.outbox.due(limit=limit, now=now, retry_after_seconds=retry_after_seconds)
        if not due:
            return 0
        done = set(ask_for_nothing(due, unit))
        outbox_ids = [message.outbox_id for message in due if message.outbox_id not in done]
        unit.outbox.mark_all_done(done, at=now)
        unit.outbox.mark_enqueued(outbox_ids, at=now)
        unit.commit()
    sent = 0
    try:
        for outbox_id in outbox_ids:
            send(outbox_id)
            sent += 1
    finally:
        if sent < len(outbox_ids):
            _give_back(uow_factory, outbox_ids[sent:], at=now - dt.timedelta(seconds=retry_after_seconds))
    return len(due)


def _give_back(uow_factory: Callable[[], UnitOfWork], outbox_ids: Collection[int], *, at: dt.datetime) -> None:
    with uow_factory() as unit:
        unit.outbox.mark_enqueued(outbox_ids, at=at)
        unit.commit()


class Relay:
    """A thread that relays again and again until it is stopped. ``wake`` makes it look at once."""

    def __init__(
        self,
        uow_factory: Callable[[], UnitOfWork],
        send: Send,
        clock: Clock,
        *,
        ask_for_nothing: AskForNothing = _nothing,
        poll_seconds: float = 0.5,
        limit: int = BATCH_SIZE,
        retry_after_seconds: float = RETRY_AFTER_SECONDS,
    ) -> None:
        self._uow_factory = uow_factory
        self._send = send
        self._clock = clock
        self._ask_for_nothing = ask_for_nothing
        self._poll_seconds = poll_seconds
        self._limit = limit
        self._retry_after_seconds = retry_after_seconds
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to poll. A relay that runs already goes on."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="outbox-relay", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Something was committed: do not wait for the next poll."""
        self._woken.set()

    def stop(self, *, timeout_seconds: float = 10.0) -> None:
        """End after the batch in hand. Idempotent."""
        self._stopping.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join(timeout_seconds)
            self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        pause_seconds = self._poll_seconds
        while not self._stopping.is_set():
            try:
                sent = relay_once(
                    self._uow_factory,
                    self._send,
                    self._clock,
                    ask_for_nothing=self._ask_for_nothing,
                    limit=self._limit,
                    retry_after_seconds=self._retry_after_seconds,
                )
                pause_seconds = 0.0 if sent == self._limit else self._poll_seconds
            except Exception as error:  # noqa: BLE001 - see below
                # An edge: the thread must outlive an outage of the database or the queue. The text may hold a URL.
                _log.warning("outbox_relay_failed error=%s", type(error).__name__)
                pause_seconds = min(max(pause_seconds, self._poll_seconds) * 2, _LONGEST_PAUSE_SECONDS)
            self._woken.wait(pause_seconds)
            self._woken.clear()
