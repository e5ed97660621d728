"""The desk of one site: every question to its archive goes over it.

One question for one identifier at a time: who asks the same joins. A question goes on behind those who asked and have
left, until the site answers or its patience ends; then the answer is told (``on_heard``), late or not. Reading is safe
to repeat, so a connection that broke at once is tried once more.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace

from federation.asking.rules import AskingRules
from federation.errors import NotAsked, QueryRefused, SourceError, SourceTimedOut, SourceUnavailable
from federation.ports import HearsInParts, PriorSource, SiteAnswer
from federation.sites import health
from federation.sites.circuit import Circuit, admit, after_failure, after_nothing, after_success
from federation.sites.health import SiteHealth
from federation.sites.site import SiteId
from mpi.identity.identifiers import PatientIdentifier
from mpi.ports import Clock

_TRIED_AGAIN = frozenset({"connection_lost", "association_lost", "association_limit"})
_PAUSE_SECONDS = 0.05
_SOURCE_MARGIN_SECONDS = 0.05
"""A source gives up this long before it is cut off, so that it can say itself what happened."""


@dataclass(frozen=True, slots=True, repr=False)
class Heard:
    """What a site said. ``is_late``: whoever asked had left. ``latency_ms`` is the site's own time."""

    site_id: SiteId
    identifier: PatientIdentifier
    answer: SiteAnswer
    as_of: dt.datetime
    latency_ms: int
    is_late: bool


@dataclass(slots=True, repr=False, eq=False)
class Question:
    """One question on its way. ``ended_at`` is the monotonic time of its end; ``is_given_up`` that nobody waits."""

    identifier: PatientIdentifier
    task: asyncio.Task[Heard]
    source: PriorSource
    is_given_up: bool = False
    ended_at: float | None = None

    def said_so_far(self) -> SiteAnswer | None:
        """What has come of the patient's before the end, where the source hears in parts; ``None``: nothing yet."""
        if self.task.done() or not isinstance(self.source, HearsInParts):
            return None
        return self.source.said_so_far(self.identifier)


OnHeard = Callable[[Heard], None]
OnHealth = Callable[[SiteId, SiteHealth, dt.datetime], None]
Seconds = Callable[[], float]


class SiteDesk:
    """Bound to the event loop it is asked in; in another loop it begins anew, only its health stays."""

    def __init__(
        self,
        site_id: SiteId,
        rules: AskingRules,
        *,
        seconds: Seconds,
        on_heard: OnHeard,
        on_health: OnHealth = lambda *_: None,
    ) -> None:
        self.health = SiteHealth()
        self._site_id, self._rules = site_id, rules
        self._seconds, self._on_heard, self._on_health = seconds, on_heard, on_health
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turns = asyncio.Semaphore(rules.at_once)
        self._questions: dict[tuple[int, PatientIdentifier], Question] = {}

    @property
    def open_questions(self) -> int:
        """Questions that wait for their turn or for the site."""
        return len(self._questions)

    def ask(
        self, source: PriorSource, identifier: PatientIdentifier, *, clock: Clock, at_least_seconds: float = 0.0
    ) -> Question:
        """Put the question, or join the one that is on its way. The site is given ``at_least_seconds``.

        Raises:
            NotAsked: the circuit is open, or too many wait already.
        """
        self._begin_anew_in_another_loop()
        key = (id(source), identifier)
        if (joined := self._questions.get(key)) is not None:
            joined.is_given_up = False
            return joined
        if not admit(self.health.circuit, self._seconds())[1]:
            raise NotAsked("circuit_open")
        if len(self._questions) >= self._rules.at_once + self._rules.waiting:
            raise NotAsked("busy")
        patience = max(self._rules.patience_seconds, at_least_seconds)
        task = asyncio.create_task(self._answer(source, identifier, clock, patience))
        question = self._questions[key] = Question(identifier, task, source)
        task.add_done_callback(lambda _: self._end(key, question))
        return question

    async def settle(self) -> None:
        """Wait until no question is open."""
        while self._questions:
            await asyncio.wait([question.task for question in self._questions.values()])

    async def stop(self, *, timeout_seconds: float = 2.0) -> None:
        """Give every question up and wait for its end."""
        running = asyncio.get_running_loop()
        tasks = [q.task for q in self._questions.values() if self._loop is running]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=timeout_seconds)

    def _begin_anew_in_another_loop(self) -> None:
        running = asyncio.get_running_loop()
        if self._loop is not running:
            self._loop, self._questions = running, {}
            self._turns = asyncio.Semaphore(self._rules.at_once)
            self.health = _with_circuit(self.health, after_nothing(self.health.circuit))

    def _end(self, key: tuple[int, PatientIdentifier], question: Question) -> None:
        question.ended_at = self._seconds()
        if self._questions.get(key) is question:
            del self._questions[key]
        if not question.task.cancelled():
            question.task.exception()  # whoever waits gets it; nobody waiting is no error

    async def _answer(self, source: PriorSource, identifier: PatientIdentifier, clock: Clock, patience: float) -> Heard:
        async with self._turns:
            circuit, is_admitted = admit(self.health.circuit, self._seconds())
            if not is_admitted:
                raise NotAsked("circuit_open")
            self.health = _with_circuit(self.health, circuit)
            started = self._seconds()
            try:
                answer = await self._put(source, identifier, patience)
            except SourceError as error:
                self._note_failure(error, clock)
                raise
            except BaseException:
                self.health = _with_circuit(self.health, after_nothing(self.health.circuit))
                raise
        latency_ms = int((self._seconds() - started) * 1000)
        self._note_answer(answer, clock, latency_ms)
        question = self._questions.get((id(source), identifier))
        is_late = question is None or question.is_given_up
        heard = Heard(self._site_id, identifier, answer, answer.as_of or clock(), latency_ms, is_late)
        self._on_heard(heard)
        return heard

    async def _put(self, source: PriorSource, identifier: PatientIdentifier, patience: float) -> SiteAnswer:
        started = self._seconds()
        try:
            async with asyncio.timeout(patience):
                try:
                    return await source.search_for_studies(identifier, timeout_seconds=_budget(patience))
                except SourceUnavailable as error:
                    is_soon = self._seconds() - started <= self._rules.retry_within_seconds
                    if error.reason not in _TRIED_AGAIN or not is_soon:
                        raise
                await asyncio.sleep(_PAUSE_SECONDS)
                left = patience - (self._seconds() - started)
                return await source.search_for_studies(identifier, timeout_seconds=_budget(left))
        except TimeoutError:
            raise SourceTimedOut("deadline") from None

    def _note_answer(self, answer: SiteAnswer, clock: Clock, latency_ms: int) -> None:
        if answer.as_of is None:
            well = after_success(self.health.circuit)
            now = clock()
            self.health = health.answered(self.health, well, now, latency_ms)
            self._on_health(self._site_id, self.health, now)
        else:
            self.health = _with_circuit(self.health, after_nothing(self.health.circuit))

    def _note_failure(self, error: SourceError, clock: Clock) -> None:
        if isinstance(error, QueryRefused):
            self.health = _with_circuit(self.health, after_nothing(self.health.circuit))
            return
        circuit = after_failure(self.health.circuit, self._seconds(), self._rules.circuit)
        now = clock()
        self.health = health.failed(self.health, circuit, now, error.reason)
        self._on_health(self._site_id, self.health, now)


def _budget(seconds: float) -> float:
    return max(0.0, seconds - _SOURCE_MARGIN_SECONDS)


def _with_circuit(of: SiteHealth, circuit: Circuit) -> SiteHealth:
    return of if circuit is of.circuit else replace(of, circuit=circuit)
