"""A study under the patient's number that cannot be theirs: shown to nobody, counted, and put to records staff once."""

from __future__ import annotations

import asyncio
import datetime as dt

from federation.imaging.studies import SiteStudy
from mpi.identity.demographics import PartialDate, PersonName
from mpi.identity.review import ReviewItem, ReviewKind
from tests.builders import NOON, pid
from tests.late_world import BAYO, LateWorld, coverage, study, uids, world_of_ana

MINE = study("2.999.1", "LKM|9")
BAYOS = study("2.999.6", "LKM|9", name=PersonName("OKAFOR", "BAYO"), born=PartialDate(1961, 11, 30))
MISNAMED = study("2.999.7", "LKM|9", name=PersonName("OKAFOR", "BAYO"))


def items(world: LateWorld) -> list[ReviewItem]:
    with world.units() as uow:
        page = uow.reviews.open_page(kinds=None, offset=0, limit=50)
    return sorted(page.items, key=lambda item: item.source)


async def asked_again(world: LateWorld, *, minutes: int = 0) -> None:
    world.now = NOON + dt.timedelta(minutes=minutes)
    found = await world.history("NGH|1")
    assert "2.999.1" in uids(found)
    await world.asking.settle()


def test_staff_are_asked_once_for_each_number_and_study() -> None:
    async def story() -> None:
        world = world_of_ana(MINE, BAYOS, MISNAMED)
        for minutes in (0, 5, 10):
            await asked_again(world, minutes=minutes)
        reuse, overlay = items(world)
        assert (reuse.kind, overlay.kind) == (ReviewKind.SUSPECTED_REUSE, ReviewKind.SUSPECTED_OVERLAY)
        assert (reuse.left, reuse.right) == (pid("LKM|9"), pid("LKM|9"))
        assert reuse.source == "archive:LKM 2.999.6"
        assert reuse.guards == ("archive_name_differs", "archive_birth_date_differs")
        assert overlay.guards == ("archive_name_differs",)
        entry = coverage(await world.history("NGH|1"), "LKM")
        assert (entry.study_count, entry.set_apart_count) == (1, 2)

    asyncio.run(story())


def test_what_staff_answered_is_not_asked_again_and_a_new_study_is() -> None:
    async def story() -> None:
        world = world_of_ana(MINE, BAYOS)
        await asked_again(world)
        (item,) = items(world)
        world.index.decide(item.review_item_id, "dismissed")
        await asked_again(world, minutes=5)
        assert items(world) == []
        world.archives["LKM"].rows.append(MISNAMED)
        await asked_again(world, minutes=10)
        assert [each.source for each in items(world)] == ["archive:LKM 2.999.7"]

    asyncio.run(story())


def test_a_study_under_a_number_merged_away_is_held_against_the_survivor() -> None:
    async def story() -> None:
        strange: SiteStudy = study("2.999.8", "LKM|8", name=PersonName("OKAFOR", "BAYO"))
        world = world_of_ana(MINE, strange, numbers=("NGH|1", "LKM|8", "LKM|9"))
        world.index.merge(survivor="LKM|9", subsumed="LKM|8")
        await asked_again(world)
        assert [(each.left, each.source) for each in items(world)] == [(pid("LKM|9"), "archive:LKM 2.999.8")]

    asyncio.run(story())


def test_two_people_who_are_looked_up_at_once_raise_nothing_about_each_other() -> None:
    async def story() -> None:
        world = world_of_ana(MINE)
        world.index.register("RDI|3", as_=BAYO)
        world.archives["RDI"].rows.append(
            study("2.999.9", "RDI|3", name=PersonName("OKAFOR", "BAYO"), born=PartialDate(1961, 11, 30))
        )
        await asyncio.gather(world.history("NGH|1"), world.history("RDI|3"))
        await world.asking.settle()
        assert items(world) == []

    asyncio.run(story())
