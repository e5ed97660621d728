"""Lookups at once share transactions for their audit entries; one that cannot be written fails nobody else."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest

from adapters.simulated.memory_store import MemoryStore, MemoryUnitOfWork
from gateway.audit_desk import AuditDesk
from mpi.audit import AuditEvent
from tests.builders import newest_events
from tests.contract.stores import an_audit_event


class Desk:
    """A desk on a store that counts transactions, refuses entries of ``poison`` and can be held up."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.transactions = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.is_writing = threading.Event()
        self.desk = AuditDesk(self._unit)  # type: ignore[arg-type]

    def _unit(self) -> MemoryUnitOfWork:
        self.transactions += 1
        self.is_writing.set()
        assert self.may_go_on.wait(10)
        return Picky(self.store)

    def kept(self) -> list[str]:
        with MemoryUnitOfWork(self.store, read_only=True) as uow:
            return [kept.event.action for kept in uow.audit.between(None, None, after=0, limit=9_999)]


class Picky(MemoryUnitOfWork):
    def commit(self) -> None:
        if any(event.actor == "poison" for event in newest_events(self, limit=9_999)):
            raise ValueError("refused")
        super().commit()


def event(number: int, actor: str = "dr") -> AuditEvent:
    return replace(an_audit_event(f"a-{number}"), actor=actor)


async def all_behind_one_that_is_held_up(desk: Desk, rest: list[AuditEvent]) -> list[BaseException | None]:
    """The first holds the store; the rest come while it does."""
    desk.may_go_on.clear()
    first = asyncio.create_task(desk.desk.keep([event(0)]))
    await asyncio.to_thread(desk.is_writing.wait, 10)
    others = [asyncio.create_task(desk.desk.keep([one])) for one in rest]
    await asyncio.sleep(0)
    desk.may_go_on.set()
    await first
    return await asyncio.gather(*others, return_exceptions=True)


def test_who_waits_at_once_shares_one_transaction() -> None:
    desk = Desk()
    answers = asyncio.run(all_behind_one_that_is_held_up(desk, [event(n) for n in range(1, 50)]))
    assert answers == [None] * 49
    assert desk.transactions == 2
    assert desk.kept() == [f"a-{n}" for n in range(50)]


def test_one_bad_entry_fails_its_owner_only() -> None:
    desk = Desk()
    rest = [event(1), event(2, "poison"), event(3)]
    answers = asyncio.run(all_behind_one_that_is_held_up(desk, rest))
    assert [type(answer) for answer in answers] == [type(None), ValueError, type(None)]
    assert desk.kept() == ["a-0", "a-1", "a-3"]


def test_a_caller_who_went_away_takes_nobody_along() -> None:
    desk = Desk()

    async def leave() -> None:
        desk.may_go_on.clear()
        first = asyncio.create_task(desk.desk.keep([event(0)]))
        await asyncio.to_thread(desk.is_writing.wait, 10)
        gone, stays = (asyncio.create_task(desk.desk.keep([event(n)])) for n in (1, 2))
        await asyncio.sleep(0)
        gone.cancel()
        desk.may_go_on.set()
        await asyncio.gather(first, stays)
        with pytest.raises(asyncio.CancelledError):
            await gone

    asyncio.run(leave())
    assert desk.kept() == ["a-0", "a-1", "a-2"]


def test_a_desk_outlives_its_loop() -> None:
    desk = Desk()
    for number in range(3):
        asyncio.run(desk.desk.keep([event(number)]))
    assert desk.kept() == ["a-0", "a-1", "a-2"]


def test_more_than_fits_one_transaction_goes_in_several() -> None:
    desk = Desk()
    asyncio.run(all_behind_one_that_is_held_up(desk, [event(n) for n in range(1, 600)]))
    assert desk.transactions == 3
    assert len(desk.kept()) == 600
