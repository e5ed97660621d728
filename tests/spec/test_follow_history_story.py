"""A history that fills in while sites answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from federation.errors import SourceUnavailable
from federation.sites.consent import ConsentDirective, ConsentEffect, ConsentScope
from federation.sites.coverage import CoverageState
from federation.usecases.follow_history import follow_history
from federation.usecases.imaging_history import PersonHistory
from mpi.errors import UnknownIdentifier
from tests.builders import pid
from tests.late_world import CT_ABDOMEN, LateWorld, coverage, study, uids, world_of_ana

HERE, THERE = study("2.999.7", "NGH|1", days_ago=9), study("2.999.1", "LKM|9")


def follow(world: LateWorld, patient: str = "NGH|1", *, patience_seconds: float = 5.0) -> AsyncIterator[PersonHistory]:
    return follow_history(
        pid(patient), read=world.units, directory=world.directory, procedure_of=lambda _: CT_ABDOMEN,
        patience_seconds=patience_seconds, clock=world.clock,
    )  # fmt: skip


async def step(following: AsyncIterator[PersonHistory]) -> PersonHistory:
    async with asyncio.timeout(10):
        return await anext(following)


def test_first_what_is_known_then_each_site_as_it_answers() -> None:
    async def story() -> None:
        world = world_of_ana(HERE, THERE)
        await world.history("NGH|1")
        await world.asking.settle()
        ngh, lkm = world.archives["NGH"].hang(), world.archives["LKM"].hang()
        world.archives["LKM"].rows.append(study("2.999.2", "LKM|9", days_ago=1))
        following = follow(world)
        first = await step(following)
        assert uids(first) == ["2.999.1", "2.999.7"]
        assert {coverage(first, s).state for s in ("LKM", "NGH")} == {CoverageState.INDEXED}
        ngh.set()
        second = await step(following)
        assert coverage(second, "NGH").state is CoverageState.ANSWERED
        assert coverage(second, "LKM").state is CoverageState.INDEXED
        lkm.set()
        third = await step(following)
        assert uids(third) == ["2.999.2", "2.999.1", "2.999.7"]
        assert third.history.coverage.is_complete
        with pytest.raises(StopAsyncIteration):
            await step(following)

    asyncio.run(story())


def test_it_ends_with_its_patience_and_says_who_is_missing() -> None:
    async def story() -> None:
        world = world_of_ana(HERE, THERE)
        world.archives["LKM"].hang()
        seen = [found async for found in follow(world, patience_seconds=0.2)]
        assert uids(seen[-1]) == ["2.999.7"]
        assert coverage(seen[-1], "LKM").state is CoverageState.TIMED_OUT
        assert not seen[-1].history.coverage.is_complete
        await world.directory.aclose()

    asyncio.run(story())


def test_a_site_that_fails_is_told_and_ends_nothing() -> None:
    async def story() -> None:
        world = world_of_ana(HERE, THERE)
        world.archives["LKM"].error = SourceUnavailable("connection_refused")
        seen = [found async for found in follow(world)]
        assert coverage(seen[-1], "LKM").state is CoverageState.FAILED
        assert uids(seen[-1]) == ["2.999.7"]

    asyncio.run(story())


def test_who_stops_listening_stops_nothing() -> None:
    async def story() -> None:
        world = world_of_ana(HERE, THERE)
        gate = world.archives["LKM"].hang()
        following = follow(world)
        await step(following)
        await following.aclose()  # type: ignore[attr-defined]
        gate.set()
        await world.asking.settle()
        kept = world.entry("LKM", "LKM|9")
        assert kept is not None
        assert len(kept.studies) == 1

    asyncio.run(story())


def test_nobody_is_said_so_before_anything_is_asked() -> None:
    async def story() -> None:
        world = world_of_ana()
        with pytest.raises(UnknownIdentifier):
            await step(follow(world, "NGH|404"))
        assert world.archives["NGH"].asked == []

    asyncio.run(story())


def test_what_the_person_does_not_want_shared_never_fills_in() -> None:
    async def story() -> None:
        world = world_of_ana(HERE, THERE)
        with world.units() as uow:
            uow.consents.append(
                ConsentDirective(
                    "D-1", pid("NGH|1"), ConsentScope.SITE, "LKM", ConsentEffect.DENY, world.clock(), "clerk", "test"
                )
            )
            uow.commit()
        told = [uids(history) async for history in follow(world)]
        assert told[-1] == ["2.999.7"]
        assert not any("2.999.1" in one for one in told)
        with world.units() as uow:
            uow.consents.append(
                ConsentDirective(
                    "D-2", pid("NGH|1"), ConsentScope.EVERYTHING, "", ConsentEffect.DENY, world.clock(), "clerk", "test"
                )
            )
            uow.commit()
        with pytest.raises(UnknownIdentifier):
            await step(follow(world))

    asyncio.run(story())
