"""What a physician sees of a hospital that is late, down or left alone, and what happens when it answers after all."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Coroutine
from typing import Any

import pytest

from federation.asking.answer_keeper import AnswerKeeper
from federation.errors import SourceTimedOut, SourceUnavailable
from federation.imaging.assessment import Tier
from federation.sites.circuit import CircuitState
from federation.sites.coverage import CoverageState
from federation.sites.site import SiteId
from mpi.identity.demographics import PartialDate, PersonName
from tests.builders import NOON, pid
from tests.late_world import BAYO, LateWorld, coverage, study, uids, world_of_ana

LATER = dt.timedelta(hours=2)


def play(story: Coroutine[Any, Any, None]) -> None:
    """One story, ended as the hub ends."""
    asyncio.run(story)


async def ask_and_keep(world: LateWorld, patient: str = "NGH|1") -> None:
    """Somebody asks while all is well; what was heard is in the index."""
    await world.history(patient)
    await world.asking.settle()


@pytest.mark.parametrize("trouble", ["late", "down"])
def test_a_site_that_does_not_answer_is_shown_as_it_last_answered_with_its_age(trouble: str) -> None:
    async def story() -> None:
        world = world_of_ana()
        await ask_and_keep(world)
        world.now = NOON + LATER
        if trouble == "late":
            world.archives["LKM"].hang()
        else:
            world.archives["LKM"].error = SourceUnavailable("connection_refused")
        found = await world.history("NGH|1")
        lkm = coverage(found, "LKM")
        assert (lkm.state, lkm.as_of, lkm.study_count) == (CoverageState.INDEXED, NOON, 1)
        assert lkm.reason == ("deadline" if trouble == "late" else "connection_refused")
        assert uids(found) == ["2.999.1"]
        assert not found.history.coverage.is_complete
        await world.directory.aclose()

    play(story())


def test_a_site_that_never_answered_has_no_age_and_no_studies_and_is_no_empty_answer() -> None:
    async def story() -> None:
        world = world_of_ana()
        world.archives["LKM"].hang()
        found = await world.history("NGH|1")
        lkm = coverage(found, "LKM")
        assert (lkm.state, lkm.as_of, lkm.reason) == (CoverageState.TIMED_OUT, None, "deadline")
        assert not found.history.coverage.is_complete
        await world.directory.aclose()

    play(story())


def test_a_site_that_last_said_nothing_found_is_still_no_complete_answer() -> None:
    async def story() -> None:
        world = world_of_ana(study("2.999.7", "NGH|1"))
        await ask_and_keep(world)
        world.archives["LKM"].error = SourceTimedOut("deadline")
        found = await world.history("NGH|1")
        assert coverage(found, "LKM").state is CoverageState.INDEXED
        assert not found.history.coverage.is_complete

    play(story())


def test_a_prior_known_from_the_index_interrupts_the_order_while_its_hospital_is_down() -> None:
    async def story() -> None:
        world = world_of_ana()
        await ask_and_keep(world)
        world.archives["LKM"].error = SourceUnavailable("connection_refused")
        checked = await world.check("NGH|1")
        assert checked.check.assessment.tier is Tier.INTERRUPTIVE
        assert not checked.check.coverage.is_complete

    play(story())


def test_who_fails_again_and_again_is_left_alone_answered_from_the_index_and_probed_later() -> None:
    async def story() -> None:
        world = world_of_ana()
        await ask_and_keep(world)
        lkm = world.archives["LKM"]
        lkm.error = SourceUnavailable("connection_refused")
        for _ in range(3):
            await world.history("NGH|1")
        assert world.asking.health(SiteId("LKM")).circuit.state is CircuitState.OPEN
        lkm.asked.clear()
        found = await world.history("NGH|1")
        assert lkm.asked == []
        entry = coverage(found, "LKM")
        assert (entry.state, entry.reason, entry.as_of) == (CoverageState.INDEXED, "circuit_open", NOON)
        assert uids(found) == ["2.999.1"]
        lkm.error, world.monotonic = None, world.monotonic + 10.0
        assert coverage(await world.history("NGH|1"), "LKM").state is CoverageState.ANSWERED

    play(story())


def test_left_alone_and_never_heard_is_skipped_and_said_so() -> None:
    async def story() -> None:
        world = world_of_ana()
        world.archives["LKM"].error = SourceUnavailable("connection_refused")
        for _ in range(3):
            await world.history("NGH|1")
        found = await world.history("NGH|1")
        entry = coverage(found, "LKM")
        assert (entry.state, entry.reason, entry.latency_ms) == (CoverageState.SKIPPED, "circuit_open", None)
        assert not found.history.coverage.is_complete

    play(story())


def test_the_answer_that_comes_after_the_deadline_is_in_the_index_and_in_the_next_history() -> None:
    async def story() -> None:
        world = world_of_ana()
        gate = world.archives["LKM"].hang()
        assert uids(await world.history("NGH|1")) == []
        gate.set()
        await world.asking.settle()
        kept = world.entry("LKM", "LKM|9")
        assert kept is not None
        assert [each.study_instance_uid for each in kept.studies] == ["2.999.1"]
        world.archives["LKM"].hang()
        found = await world.history("NGH|1")
        assert (coverage(found, "LKM").state, uids(found)) == (CoverageState.INDEXED, ["2.999.1"])
        await world.directory.aclose()

    play(story())


def test_a_late_answer_revises_the_alert_of_the_order() -> None:
    async def story() -> None:
        world = world_of_ana()
        gate = world.archives["LKM"].hang()
        checked = await world.check("NGH|1")
        assert checked.check.assessment.tier is Tier.NONE
        assert world.outbox() == ["order_check_incomplete"]
        gate.set()
        await world.asking.settle()
        assert world.outbox() == ["order_check_incomplete", "priors_changed"]
        world.archives["LKM"].hang()
        await world.work()
        with world.units() as uow:
            newest = uow.order_checks.newest(checked.check.check_id)
            alerts = uow.alerts.find(check_id=checked.check.check_id, limit=5)
        assert newest is not None
        assert (newest.revision, newest.assessment.tier) == (2, Tier.INTERRUPTIVE)
        assert [alert.tier for alert in alerts] == [Tier.INTERRUPTIVE]
        await world.directory.aclose()

    play(story())


def test_a_late_answer_that_says_nothing_new_sets_nothing_off() -> None:
    async def story() -> None:
        world = world_of_ana()
        await ask_and_keep(world)
        await world.check("NGH|1")
        await world.asking.settle()
        gate = world.archives["LKM"].hang()
        await world.history("NGH|1")
        gate.set()
        await world.asking.settle()
        assert world.outbox() == []

    play(story())


def test_a_cut_list_is_filled_up_from_what_the_site_said_before() -> None:
    async def story() -> None:
        old, new = study("2.999.1", "LKM|9"), study("2.999.2", "LKM|9", days_ago=1)
        world = world_of_ana(old)
        await ask_and_keep(world)
        lkm = world.archives["LKM"]
        lkm.rows, lkm.whole = [new], False
        found = await world.history("NGH|1")
        entry = coverage(found, "LKM")
        assert (entry.state, entry.study_count) == (CoverageState.PARTIAL, 2)
        assert "filled_from_index" in entry.warnings
        await world.asking.settle()
        kept = world.entry("LKM", "LKM|9")
        assert kept is not None
        assert (len(kept.studies), kept.as_of, kept.is_complete) == (2, NOON, True)

    play(story())


def test_what_the_index_holds_follows_the_number_through_link_and_unlink() -> None:
    async def story() -> None:
        world = world_of_ana()
        await ask_and_keep(world)
        world.archives["LKM"].error = SourceUnavailable("connection_refused")
        assert uids(await world.history("NGH|1")) == ["2.999.1"]
        world.index.a37("NGH|1", "LKM|9")
        assert world.index.person_of("NGH|1") != world.index.person_of("LKM|9")
        assert uids(await world.history("NGH|1")) == []
        assert uids(await world.history("LKM|9")) == ["2.999.1"]

    play(story())


def test_what_the_index_holds_of_a_number_merged_away_is_the_survivors() -> None:
    async def story() -> None:
        world = world_of_ana(study("2.999.5", "LKM|8"), numbers=("NGH|1", "LKM|8", "LKM|9"))
        await ask_and_keep(world)
        world.index.merge(survivor="LKM|9", subsumed="LKM|8")
        world.archives["LKM"].error = SourceUnavailable("connection_refused")
        found = await world.history("NGH|1")
        assert (uids(found), coverage(found, "LKM").state) == (["2.999.5"], CoverageState.INDEXED)

    play(story())


def test_a_number_that_another_person_has_now_shows_nothing_of_the_first() -> None:
    async def story() -> None:
        strange = study("2.999.6", "LKM|9", name=PersonName("OKAFOR", "BAYO"), born=PartialDate(1961, 11, 30))
        world = world_of_ana(strange, study("2.999.1", "LKM|9"))
        world.index.register("RDI|3", as_=BAYO)
        await ask_and_keep(world)
        world.archives["LKM"].error = SourceUnavailable("connection_refused")
        found = await world.history("NGH|1")
        entry = coverage(found, "LKM")
        assert uids(found) == ["2.999.1"]
        assert (entry.state, entry.set_apart_count) == (CoverageState.INDEXED, 1)
        assert uids(await world.history("RDI|3")) == []

    play(story())


@pytest.mark.parametrize("broken", ["index", "keeper"])
def test_an_index_that_cannot_be_read_or_written_fails_no_answer(broken: str) -> None:
    def down() -> Any:
        raise OSError("the database is away")

    async def story() -> None:
        world = world_of_ana()
        if broken == "keeper":
            world.keeper = AnswerKeeper(down, clock=world.clock, new_id=world.index.new_id)
            world.asking.keeper = world.keeper
        else:
            world.index_is_down = True
        found = await world.history("NGH|1")
        assert uids(found) == ["2.999.1"]
        world.archives["LKM"].error = SourceUnavailable("connection_refused")
        await world.asking.settle()
        found = await world.history("NGH|1")
        assert coverage(found, "LKM").state is CoverageState.FAILED
        assert not found.history.coverage.is_complete
        if broken == "keeper":
            assert world.keeper.failed_count > 0

    play(story())


def test_the_same_answer_again_is_not_written_again_at_once() -> None:
    async def story() -> None:
        world = world_of_ana()
        await ask_and_keep(world)
        world.now = NOON + dt.timedelta(seconds=10)
        await ask_and_keep(world)
        first = world.entry("LKM", "LKM|9")
        assert first is not None
        assert first.as_of == NOON
        world.now = NOON + dt.timedelta(seconds=40)
        await ask_and_keep(world)
        second = world.entry("LKM", "LKM|9")
        assert second is not None
        assert second.as_of == world.now

    play(story())


def test_when_the_hub_ends_what_is_asked_ends_too() -> None:
    async def story() -> None:
        world = world_of_ana()
        world.archives["LKM"].hang()
        await world.history("NGH|1", deadline_seconds=0.1)
        assert world.asking.open_questions == 1
        await world.directory.aclose()
        assert world.asking.open_questions == 0
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert not others

    play(story())


def test_an_error_of_one_number_does_not_hide_what_is_known_of_the_other() -> None:
    async def story() -> None:
        world = world_of_ana(study("2.999.1", "LKM|9"), study("2.999.5", "LKM|8"), numbers=("NGH|1", "LKM|9", "LKM|8"))
        world.archives["LKM"].failing_numbers.add(pid("LKM|8"))
        found = await world.history("NGH|1")
        entry = coverage(found, "LKM")
        assert (uids(found), entry.state, entry.reason) == (["2.999.1"], CoverageState.PARTIAL, "connection_refused")

    play(story())


def test_how_a_site_does_is_kept_for_other_processes() -> None:
    async def story() -> None:
        world = world_of_ana()
        await ask_and_keep(world)
        world.archives["LKM"].error = SourceUnavailable("connection_refused")
        for _ in range(3):
            await ask_and_keep(world)
        with world.reading() as uow:
            kept = {report.site_id: report for report in uow.site_reports.health()}
        assert kept[SiteId("NGH")].circuit is CircuitState.CLOSED
        lkm = kept[SiteId("LKM")]
        assert (lkm.circuit, lkm.failed_count, lkm.last_reason) == (CircuitState.OPEN, 3, "connection_refused")

    play(story())
