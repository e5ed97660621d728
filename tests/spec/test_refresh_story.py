"""Archives are asked in the background: on admission, and when a site says that something is new."""

from __future__ import annotations

import asyncio
import datetime as dt

from federation.errors import SourceUnavailable
from federation.imaging.assessment import Tier
from federation.sites.consent import ConsentDirective, ConsentEffect, ConsentScope
from federation.usecases.refresh_priors import ask_for_refresh
from mpi.identity.identifiers import EnterpriseId
from tests.builders import NOON, pid
from tests.late_world import LateWorld, study, world_of_ana


def ask(world: LateWorld, *, site: str | None = None, person: str | None = None) -> None:
    who = EnterpriseId(person or world.index.person_of("NGH|1"))
    with world.units() as uow:
        ask_for_refresh(who, uow=uow, at=world.now, site_id=site)
        uow.commit()


async def work(world: LateWorld) -> None:
    await world.work()
    await world.asking.settle()


def test_an_admission_fills_the_index_and_asks_nobody_twice() -> None:
    async def story() -> None:
        world = world_of_ana()
        for _ in range(3):
            ask(world)
        await work(world)
        assert (world.archives["LKM"].asked, world.archives["NGH"].asked) == ([pid("LKM|9")], [pid("NGH|1")])
        assert world.archives["RDI"].asked == []
        assert world.entry("LKM", "LKM|9") is not None
        world.now = NOON + dt.timedelta(minutes=10)
        ask(world)
        await work(world)
        assert len(world.archives["LKM"].asked) == 1
        world.now = NOON + dt.timedelta(minutes=20)
        ask(world)
        await work(world)
        assert len(world.archives["LKM"].asked) == 2

    asyncio.run(story())


def test_a_site_that_says_that_something_is_new_is_asked_alone_and_at_once() -> None:
    async def story() -> None:
        world = world_of_ana()
        ask(world)
        await work(world)
        world.now = NOON + dt.timedelta(seconds=30)
        ask(world, site="LKM")
        await work(world)
        assert (len(world.archives["LKM"].asked), len(world.archives["NGH"].asked)) == (2, 1)

    asyncio.run(story())


def test_what_is_new_revises_the_alert_of_an_order() -> None:
    async def story() -> None:
        world = world_of_ana()
        scan = world.archives["LKM"].rows.pop()
        checked = await world.check("NGH|1")
        assert checked.check.assessment.tier is Tier.NONE
        await world.asking.settle()
        world.archives["LKM"].rows.append(scan)
        world.now = NOON + dt.timedelta(minutes=1)
        ask(world, site="LKM")
        await work(world)
        assert world.outbox() == ["priors_changed"]
        await work(world)
        with world.units() as uow:
            newest = uow.order_checks.newest(checked.check.check_id)
        assert newest is not None
        assert (newest.revision, newest.assessment.tier) == (2, Tier.INTERRUPTIVE)

    asyncio.run(story())


def test_a_site_that_is_down_or_a_person_who_is_gone_stops_nothing() -> None:
    async def story() -> None:
        world = world_of_ana(study("2.999.7", "NGH|1"))
        world.archives["LKM"].error = SourceUnavailable("connection_refused")
        ask(world)
        ask(world, person="nobody")
        ask(world, site="NOWHERE")
        await work(world)
        assert world.outbox() == []
        assert world.entry("NGH", "NGH|1") is not None

    asyncio.run(story())


def test_no_archive_is_asked_about_what_is_not_to_be_shared() -> None:
    async def story() -> None:
        world = world_of_ana()
        deny(world, ConsentScope.SITE, "LKM")
        ask(world)
        await work(world)
        assert (world.archives["LKM"].asked, world.archives["NGH"].asked) == ([], [pid("NGH|1")])
        deny(world, ConsentScope.EVERYTHING, "")
        world.now = NOON + dt.timedelta(minutes=20)
        ask(world)
        await work(world)
        assert world.archives["NGH"].asked == [pid("NGH|1")]

    asyncio.run(story())


def deny(world: LateWorld, scope: ConsentScope, target: str) -> None:
    said = ConsentDirective("D-1", pid("NGH|1"), scope, target, ConsentEffect.DENY, world.now, "clerk", "test")
    with world.units() as uow:
        uow.consents.append(said)
        uow.commit()
