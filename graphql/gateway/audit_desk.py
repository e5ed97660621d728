"""Where lookups put their audit entries: those that wait at the same moment share one transaction.

A commit costs a write that reaches the disk, and the chain lets one commit through at a time. Sharing lets fifty
lookups at once pay for a few. Nobody is answered before their own entry is committed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from mpi.audit import AuditEvent
from mpi.ports import UnitOfWork

_EVENTS_AT_ONCE = 500


@dataclass(slots=True)
class _Waiting:
    events: Sequence[AuditEvent]
    done: asyncio.Future[None]


class AuditDesk:
    """One for a store. Callers of one event loop share transactions."""

    def __init__(self, units: Callable[[], UnitOfWork]) -> None:
        self._units = units
        self._queues: WeakKeyDictionary[asyncio.AbstractEventLoop, list[_Waiting]] = WeakKeyDictionary()
        self._working: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[None]] = WeakKeyDictionary()

    async def keep(self, events: Sequence[AuditEvent]) -> None:
        """Return once the entries are committed. What the store raises is raised to those whose entries they are."""
        loop = asyncio.get_running_loop()
        mine = _Waiting(events, loop.create_future())
        queue = self._queues.setdefault(loop, [])
        queue.append(mine)
        if (worker := self._working.get(loop)) is None or worker.done():
            self._working[loop] = asyncio.create_task(self._work(queue))
        await mine.done

    async def _work(self, queue: list[_Waiting]) -> None:
        while queue:
            taken = _first(queue)
            failed = await self._write([event for one in taken for event in one.events])
            for one in taken:
                error = failed if failed is None or len(taken) == 1 else await self._write(one.events)
                if one.done.cancelled():
                    continue
                if error is None:
                    one.done.set_result(None)
                else:
                    one.done.set_exception(error)

    async def _write(self, events: Sequence[AuditEvent]) -> BaseException | None:
        """One transaction in a thread. What a store raises is handed on, not swallowed."""
        (answer,) = await asyncio.gather(asyncio.to_thread(self._commit, events), return_exceptions=True)
        return answer

    def _commit(self, events: Sequence[AuditEvent]) -> None:
        with self._units() as uow:
            for event in events:
                uow.audit.append(event)
            uow.commit()


def _first(queue: list[_Waiting]) -> list[_Waiting]:
    """The callers at the head of the queue whose entries make one transaction; at least one."""
    taken = [queue.pop(0)]
    count = len(taken[0].events)
    while queue and count + len(queue[0].events) <= _EVENTS_AT_ONCE:
        count += len(queue[0].events)
        taken.append(queue.pop(0))
    return taken
