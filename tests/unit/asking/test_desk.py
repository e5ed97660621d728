"""One site's desk: joined questions, turns, the circuit, a second try, and the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from federation.asking.desk import Heard, SiteDesk
from federation.asking.rules import AskingRules
from federation.errors import (
    NotAsked,
    QueryRefused,
    SourceError,
    SourceProtocolError,
    SourceTimedOut,
    SourceUnauthorised,
    SourceUnavailable,
)
from federation.ports import SiteAnswer, SiteProbe
from federation.sites.circuit import CircuitRules, CircuitState
from federation.sites.site import SiteId
from mpi.identity.identifiers import PatientIdentifier
from tests.builders import NOON, pid

NGH = SiteId("NGH")
NOTHING = SiteAnswer(())


class Archive:
    """A source that answers by a function and remembers what came of each question."""

    protocol = "fake"
    site_id = NGH

    def __init__(self, answer: Callable[[], Awaitable[SiteAnswer]]) -> None:
        self.asked: list[PatientIdentifier] = []
        self.at_once = self.most_at_once = self.cancelled = 0
        self._answer = answer

    async def search_for_studies(self, identifier: PatientIdentifier, *, timeout_seconds: float) -> SiteAnswer:
        self.asked.append(identifier)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._answer()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.at_once -= 1

    async def check(self, *, timeout_seconds: float) -> SiteProbe:
        return SiteProbe(NGH, ok=True, latency_ms=0)

    async def aclose(self) -> None:
        return None


class Bench:
    """A desk with a clock that tests turn."""

    def __init__(self, **rules: object) -> None:
        self.now = 1000.0
        self.heard: list[Heard] = []
        chosen = AskingRules(**{"circuit": CircuitRules(failures_to_open=2, open_seconds=10.0), **rules})  # type: ignore[arg-type]
        self.desk = SiteDesk(NGH, chosen, seconds=lambda: self.now, on_heard=self.heard.append)

    async def ask(self, archive: Archive, number: str = "1") -> SiteAnswer:
        return (await self.desk.ask(archive, pid(f"NGH|{number}"), clock=lambda: NOON).task).answer

    async def fail(self, archive: Archive, times: int) -> None:
        for number in range(times):
            with pytest.raises(SourceError):
                await self.ask(archive, f"f{number}")


def always(answer: SiteAnswer | Exception) -> Archive:
    async def say() -> SiteAnswer:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Archive(say)


def gated() -> tuple[Archive, asyncio.Event]:
    gate = asyncio.Event()

    async def say() -> SiteAnswer:
        await gate.wait()
        return NOTHING

    return Archive(say), gate


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


def test_the_same_question_at_the_same_time_is_put_once() -> None:
    async def run() -> None:
        bench = Bench()
        archive, gate = gated()
        first, second = (bench.desk.ask(archive, pid("NGH|1"), clock=lambda: NOON) for _ in range(2))
        other = bench.desk.ask(archive, pid("NGH|2"), clock=lambda: NOON)
        assert first is second
        assert other is not first
        gate.set()
        await bench.desk.settle()
        assert archive.asked == [pid("NGH|1"), pid("NGH|2")]
        await bench.ask(archive)
        assert len(archive.asked) == 3

    asyncio.run(run())


def test_so_many_at_once_so_many_wait_and_one_more_is_not_asked() -> None:
    async def run() -> None:
        bench = Bench(at_once=2, waiting=3)
        archive, gate = gated()
        for number in range(5):
            bench.desk.ask(archive, pid(f"NGH|{number}"), clock=lambda: NOON)
        with pytest.raises(NotAsked, match="busy"):
            bench.desk.ask(archive, pid("NGH|6"), clock=lambda: NOON)
        await until(lambda: archive.at_once == 2)
        gate.set()
        await bench.desk.settle()
        assert (archive.most_at_once, len(archive.asked), bench.desk.open_questions) == (2, 5, 0)

    asyncio.run(run())


@pytest.mark.parametrize(
    "error",
    [
        SourceUnavailable("connection_refused"),
        SourceTimedOut("deadline"),
        SourceProtocolError("not_dicom_json"),
        SourceUnauthorised("http_401"),
    ],
)
def test_who_fails_again_and_again_is_left_alone_and_probed_later(error: SourceError) -> None:
    async def run() -> None:
        bench = Bench()
        ill, well = always(error), always(NOTHING)
        await bench.fail(ill, 2)
        assert bench.desk.health.circuit.state is CircuitState.OPEN
        with pytest.raises(NotAsked, match="circuit_open"):
            await bench.ask(well)
        bench.now += 10.0
        await bench.fail(ill, 1)
        bench.now += 10.0
        with pytest.raises(NotAsked, match="circuit_open"):
            await bench.ask(well)
        bench.now += 10.0
        assert await bench.ask(well) == NOTHING
        assert bench.desk.health.circuit.state is CircuitState.CLOSED
        assert (len(ill.asked), len(well.asked)) == (3, 1)

    asyncio.run(run())


def test_while_a_probe_is_on_its_way_nobody_else_is_let_through() -> None:
    async def run() -> None:
        bench = Bench()
        await bench.fail(always(SourceUnavailable("connection_refused")), 2)
        bench.now += 10.0
        archive, gate = gated()
        bench.desk.ask(archive, pid("NGH|1"), clock=lambda: NOON)
        await until(lambda: archive.at_once == 1)
        with pytest.raises(NotAsked):
            bench.desk.ask(archive, pid("NGH|2"), clock=lambda: NOON)
        gate.set()
        await bench.desk.settle()
        await bench.ask(archive, "2")

    asyncio.run(run())


def test_what_waits_for_its_turn_is_not_put_once_the_circuit_is_open() -> None:
    async def run() -> None:
        bench = Bench(at_once=1)
        archive = always(SourceUnavailable("connection_refused"))
        questions = [bench.desk.ask(archive, pid(f"NGH|{n}"), clock=lambda: NOON) for n in range(6)]
        await bench.desk.settle()
        assert len(archive.asked) == 2
        reasons = [error.reason for q in questions if isinstance(error := q.task.exception(), SourceError)]
        assert reasons == ["connection_refused"] * 2 + ["circuit_open"] * 4

    asyncio.run(run())


@pytest.mark.parametrize("error", [QueryRefused("wildcard_in_identifier"), RuntimeError("a bug of ours")])
def test_what_is_not_the_sites_fault_opens_nothing(error: Exception) -> None:
    async def run() -> None:
        bench = Bench()
        archive = always(error)
        for number in range(5):
            with pytest.raises(type(error)):
                await bench.ask(archive, f"{number}")
        assert bench.desk.health.circuit.state is CircuitState.CLOSED

    asyncio.run(run())


def test_a_connection_that_broke_at_once_is_tried_once_more_and_a_refused_one_is_not() -> None:
    async def run() -> None:
        for reason, tries in (("connection_lost", 2), ("connection_refused", 1), ("http_503", 1)):
            archive = always(SourceUnavailable(reason))
            await Bench().fail(archive, 1)
            assert len(archive.asked) == tries, reason

    asyncio.run(run())


def test_patience_ends_and_the_work_really_stops() -> None:
    async def run() -> None:
        bench = Bench(patience_seconds=0.1)
        archive, _ = gated()
        with pytest.raises(SourceTimedOut):
            await bench.ask(archive)
        assert (archive.cancelled, archive.at_once, bench.desk.open_questions) == (1, 0, 0)

    asyncio.run(run())


def test_stopping_ends_every_question_also_those_that_wait() -> None:
    async def run() -> None:
        bench = Bench(at_once=2)
        archive, _ = gated()
        questions = [bench.desk.ask(archive, pid(f"NGH|{n}"), clock=lambda: NOON) for n in range(5)]
        await until(lambda: archive.at_once == 2)
        await bench.desk.stop()
        assert all(question.task.cancelled() for question in questions)
        assert (archive.cancelled, bench.desk.open_questions, bench.heard) == (2, 0, [])

    asyncio.run(run())


def test_an_answer_is_told_and_said_to_be_late_when_nobody_waits() -> None:
    async def run() -> None:
        bench = Bench()
        archive, gate = gated()
        bench.desk.ask(archive, pid("NGH|1"), clock=lambda: NOON).is_given_up = True
        bench.desk.ask(archive, pid("NGH|2"), clock=lambda: NOON)
        gate.set()
        await bench.desk.settle()
        assert {(h.identifier.local_patient_id, h.is_late) for h in bench.heard} == {("1", True), ("2", False)}

    asyncio.run(run())


def test_health_tells_latencies_of_answers_and_the_last_failure() -> None:
    async def run() -> None:
        bench = Bench()

        async def slow() -> SiteAnswer:
            bench.now += 0.25
            return NOTHING

        archive = Archive(slow)
        for number in range(20):
            await bench.ask(archive, f"{number}")
        await bench.fail(always(SourceTimedOut("deadline")), 1)
        health = bench.desk.health
        assert (health.latency_ms(0.5), health.latency_ms(0.95), health.answered_count) == (250, 250, 20)
        assert (health.failed_count, health.last_reason, health.last_answered_at) == (1, "deadline", NOON)

    asyncio.run(run())


def test_in_another_loop_a_desk_begins_anew() -> None:
    bench = Bench()
    archive = always(NOTHING)
    assert asyncio.run(bench.ask(archive)) == NOTHING
    assert asyncio.run(bench.ask(archive)) == NOTHING
