"""Archives whose answers are kept for a short while, so that a hook with half a second can use what came before it.

A caller waits for as long as it has; the question goes on after the caller has left, and its answer is there for the
next one. Only whole answers are kept, under exactly the identifier that was asked for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from federation.errors import SourceTimedOut
from federation.ports import HearsInParts, PriorSource, SiteAnswer, SiteProbe
from federation.sites.directory import SiteDirectory
from federation.sites.site import SiteId
from gateway.clock import utc_now
from mpi.identity.identifiers import PatientIdentifier
from mpi.ports import Clock

_MOST_KEPT = 2_000


@dataclass(slots=True)
class WarmSource:
    """``federation.ports.PriorSource`` around another one."""

    source: PriorSource
    keep_seconds: float
    patience_seconds: float
    seconds: Callable[[], float] = time.monotonic
    clock: Clock = utc_now
    _kept: dict[PatientIdentifier, tuple[float, SiteAnswer]] = field(default_factory=dict)
    _asking: dict[PatientIdentifier, asyncio.Task[SiteAnswer]] = field(default_factory=dict)

    @property
    def site_id(self) -> SiteId:
        return self.source.site_id

    @property
    def protocol(self) -> str:
        return self.source.protocol

    async def search_for_studies(self, identifier: PatientIdentifier, *, timeout_seconds: float) -> SiteAnswer:
        """A kept answer that is young enough, else the archive's, for as long as the caller has."""
        kept = self._kept.get(identifier)
        if kept is not None and self.seconds() - kept[0] <= self.keep_seconds:
            return kept[1]
        task = self._question(identifier)
        done, _ = await asyncio.wait([task], timeout=timeout_seconds)
        if not done:
            raise SourceTimedOut("deadline")
        return task.result()

    def said_so_far(self, identifier: PatientIdentifier) -> SiteAnswer | None:
        """What the archive has said of a question on its way, if it says such a thing."""
        return self.source.said_so_far(identifier) if isinstance(self.source, HearsInParts) else None

    async def check(self, *, timeout_seconds: float) -> SiteProbe:
        return await self.source.check(timeout_seconds=timeout_seconds)

    async def aclose(self) -> None:
        await self.source.aclose()

    def _question(self, identifier: PatientIdentifier) -> asyncio.Task[SiteAnswer]:
        asking = self._asking.get(identifier)
        if asking is not None and not asking.done() and asking.get_loop() is asyncio.get_running_loop():
            return asking
        task = asyncio.create_task(self._ask(identifier))
        self._asking[identifier] = task
        task.add_done_callback(lambda done: self._forget(identifier, done))
        return task

    async def _ask(self, identifier: PatientIdentifier) -> SiteAnswer:
        answer = await self.source.search_for_studies(identifier, timeout_seconds=self.patience_seconds)
        if answer.is_complete:
            self._keep(identifier, answer)
        return answer

    def _keep(self, identifier: PatientIdentifier, answer: SiteAnswer) -> None:
        now = self.seconds()
        if len(self._kept) >= _MOST_KEPT:
            self._kept = {i: kept for i, kept in self._kept.items() if now - kept[0] <= self.keep_seconds}
        if len(self._kept) < _MOST_KEPT:
            self._kept[identifier] = (now, replace(answer, as_of=answer.as_of or self.clock()))

    def _forget(self, identifier: PatientIdentifier, task: asyncio.Task[SiteAnswer]) -> None:
        if self._asking.get(identifier) is task:
            del self._asking[identifier]
        if not task.cancelled():
            task.exception()  # whoever still waits gets it; nobody waiting is no error


def warm_directory(directory: SiteDirectory, *, keep_seconds: float, patience_seconds: float) -> SiteDirectory:
    """The same sites, asked through warm sources."""
    sources = {
        site_id: WarmSource(source, keep_seconds, patience_seconds) for site_id, source in directory.sources.items()
    }
    return replace(directory, sources=sources)
