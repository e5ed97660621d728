"""Writes what sites said into the study index, behind the answers: nobody waits for it.

Answers that come while a batch is written make the next batch, so a busy hub writes few and larger transactions. What
cannot be written is counted and dropped: the site will say it again.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace

from federation.asking.desk import Heard
from federation.ports import UnitOfWork
from federation.sites.health import SiteHealth
from federation.sites.reports import HealthReport, health_report
from federation.sites.site import SiteId
from federation.usecases.keep_answers import keep_answers
from mpi.identity.identifiers import PatientIdentifier
from mpi.ports import Clock, NewId
from mpi.units import carry_out

_Key = tuple[SiteId, PatientIdentifier]

BATCH_SIZE = 50
MOST_PENDING = 5_000
MOST_REMEMBERED = 20_000
SAME_ANSWER_AGAIN_AFTER = dt.timedelta(seconds=30)
"""The same list is not written again before this: an entry's age is that much too high at most."""

HEALTH_AGAIN_AFTER = dt.timedelta(seconds=15)


class AnswerKeeper:
    """One a directory. Bound to the loop it is used in."""

    def __init__(self, units: Callable[[], UnitOfWork], *, clock: Clock, new_id: NewId) -> None:
        self.failed_count = 0
        self.dropped_count = 0
        self._units, self._clock, self._new_id = units, clock, new_id
        self._pending: dict[_Key, Heard] = {}
        self._reports: dict[SiteId, HealthReport] = {}
        self._reported: dict[SiteId, HealthReport] = {}
        self._written: OrderedDict[_Key, tuple[int, dt.datetime]] = OrderedDict()
        self._task: asyncio.Task[None] | None = None

    def take(self, heard: Heard) -> None:
        """Write this down soon."""
        key = (heard.site_id, heard.identifier)
        if not heard.is_late and self._is_written(key, heard):
            return
        if key not in self._pending and len(self._pending) >= MOST_PENDING:
            self.dropped_count += 1
            return
        before = self._pending.get(key)
        is_late = heard.is_late or (before is not None and before.is_late)
        self._pending[key] = replace(heard, is_late=is_late)
        self._go_on()

    def note(self, site_id: SiteId, health: SiteHealth, at: dt.datetime) -> None:
        """This is how the site does now: written when its circuit changed, else now and then."""
        before = self._reported.get(site_id)
        is_same = before is not None and before.circuit is health.circuit.state
        if before is not None and is_same and at - before.reported_at < HEALTH_AGAIN_AFTER:
            return
        self._reports[site_id] = self._reported[site_id] = health_report(site_id, health, at)
        self._go_on()

    async def settle(self) -> None:
        """Wait until everything is written (or has failed)."""
        while self._task is not None and self._task.get_loop() is asyncio.get_running_loop():
            await asyncio.wait([self._task])
            await asyncio.sleep(0)

    def _is_written(self, key: _Key, heard: Heard) -> bool:
        written = self._written.get(key)
        return (
            written is not None
            and written[0] == _fingerprint(heard)
            and heard.as_of - written[1] < SAME_ANSWER_AGAIN_AFTER
        )

    def _go_on(self) -> None:
        is_busy = self._task is not None and self._task.get_loop() is asyncio.get_running_loop()
        if is_busy or not (self._pending or self._reports):
            return
        batch = [self._pending.pop(key) for key in [*self._pending][:BATCH_SIZE]]
        reports, self._reports = tuple(self._reports.values()), {}
        self._task = asyncio.create_task(asyncio.to_thread(self._write, batch, reports))
        self._task.add_done_callback(lambda task: self._end(task, batch))

    def _write(self, batch: Sequence[Heard], reports: Sequence[HealthReport]) -> None:
        def keep(uow: UnitOfWork) -> None:
            keep_answers(batch, uow=uow, clock=self._clock, new_id=self._new_id)
            for report in reports:
                uow.site_reports.save_health(report)
            uow.commit()

        carry_out(self._units, keep)

    def _end(self, task: asyncio.Task[None], batch: Sequence[Heard]) -> None:
        self._task = None
        if task.cancelled() or task.exception() is not None:
            self.failed_count += len(batch)
        else:
            self._remember(batch)
        if not task.get_loop().is_closed() and not task.cancelled():
            self._go_on()

    def _remember(self, batch: Sequence[Heard]) -> None:
        for heard in batch:
            key = (heard.site_id, heard.identifier)
            self._written[key] = (_fingerprint(heard), heard.as_of)
            self._written.move_to_end(key)
        while len(self._written) > MOST_REMEMBERED:
            self._written.popitem(last=False)


def _fingerprint(heard: Heard) -> int:
    return hash((heard.answer.studies, heard.answer.is_complete))
