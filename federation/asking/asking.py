"""Everything that lasts longer than one question: the sites' desks, the study index behind them."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import time
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from federation.asking.desk import Heard, Question, Seconds, SiteDesk
from federation.asking.rules import AskingRules
from federation.imaging.study_index import IndexedAnswer
from federation.ports import PriorSource, UnitOfWork
from federation.sites.health import SiteHealth
from federation.sites.site import SiteId
from mpi.identity.identifiers import PatientIdentifier
from mpi.ports import Clock

Indexed = Mapping[tuple[SiteId, PatientIdentifier], IndexedAnswer]


class Keeper(Protocol):
    """Writes down what sites said (``answer_keeper.AnswerKeeper``)."""

    def take(self, heard: Heard) -> None:
        """Write this down soon; returns at once."""

    def note(self, site_id: SiteId, health: SiteHealth, at: dt.datetime) -> None:
        """This is how the site does now; returns at once."""

    async def settle(self) -> None:
        """Wait until everything is written (or has failed)."""


class Asking:
    """One a process and event loop. Without ``read`` nothing is looked up, without ``keeper`` nothing is kept."""

    def __init__(
        self,
        *,
        rules: AskingRules | None = None,
        read: Callable[[], UnitOfWork] | None = None,
        keeper: Keeper | None = None,
        seconds: Seconds = time.monotonic,
    ) -> None:
        self.keeper = keeper
        self.seconds = seconds
        self._rules, self._read = rules or AskingRules(), read
        self._desks: dict[SiteId, SiteDesk] = {}

    def ask(
        self, source: PriorSource, identifier: PatientIdentifier, *, clock: Clock, at_least_seconds: float = 0.0
    ) -> Question:
        """See ``SiteDesk.ask``."""
        return self._desk(source.site_id).ask(source, identifier, clock=clock, at_least_seconds=at_least_seconds)

    def health(self, site_id: SiteId) -> SiteHealth:
        """How the site has been doing in this process."""
        desk = self._desks.get(site_id)
        return SiteHealth() if desk is None else desk.health

    @property
    def open_questions(self) -> int:
        """Questions that wait for a site, of all sites."""
        return sum(desk.open_questions for desk in self._desks.values())

    @property
    def has_index(self) -> bool:
        """Whether there is anything to look up."""
        return self._read is not None

    async def last_said(self, identifiers: Collection[PatientIdentifier]) -> Indexed:
        """What sites last said of the identifiers."""
        if self._read is None or not identifiers:
            return {}
        return await asyncio.to_thread(_last_said, self._read, identifiers)

    async def settle(self) -> None:
        """Wait until every question is answered (or has ended) and every answer is written."""
        for desk in [*self._desks.values()]:
            await desk.settle()
        if self.keeper is not None:
            await self.keeper.settle()

    async def kept(self, *, timeout_seconds: float) -> None:
        """Wait a while until what was heard so far is written."""
        if self.keeper is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_seconds):
                    await self.keeper.settle()

    async def aclose(self) -> None:
        """Give up all questions, write what was heard. Idempotent."""
        await asyncio.gather(*(desk.stop() for desk in self._desks.values()))
        if self.keeper is not None:
            await self.keeper.settle()

    def _desk(self, site_id: SiteId) -> SiteDesk:
        desk = self._desks.get(site_id)
        if desk is None:
            desk = SiteDesk(site_id, self._rules, seconds=self.seconds, on_heard=self._heard, on_health=self._changed)
            self._desks[site_id] = desk
        return desk

    def _heard(self, heard: Heard) -> None:
        if self.keeper is not None:
            self.keeper.take(heard)

    def _changed(self, site_id: SiteId, health: SiteHealth, at: dt.datetime) -> None:
        if self.keeper is not None:
            self.keeper.note(site_id, health, at)


def _last_said(read: Callable[[], UnitOfWork], identifiers: Collection[PatientIdentifier]) -> Indexed:
    with read() as uow:
        return {(entry.site_id, entry.identifier): entry for entry in uow.study_index.of(identifiers)}
