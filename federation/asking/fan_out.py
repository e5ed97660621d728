"""One person's questions to all sites, from the moment they are put: what has come of them can be read at any time."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

from federation.asking.asking import Asking, Indexed
from federation.asking.desk import Heard, Question
from federation.errors import SourceError, SourceTimedOut
from federation.imaging.site_result import LiveAnswer, Outcome, SiteResult, site_result, wants_index
from federation.imaging.study_index import IndexedAnswer
from federation.ports import PriorSource
from federation.sites.consent import Veil
from federation.sites.coverage import NO_IDENTIFIER, CoverageState, SiteCoverage
from federation.sites.site import Site, SiteId
from mpi.identity.identifiers import PatientIdentifier
from mpi.ports import Clock
from mpi.usecases.resolve_identity import ResolvedIdentity

_Key = tuple[SiteId, PatientIdentifier]


@dataclass(slots=True)
class _Asked:
    """What one site was asked; a question that was not put is its error."""

    site_id: SiteId
    questions: dict[PatientIdentifier, Question | SourceError] = field(default_factory=dict)

    def open(self) -> Iterator[Question]:
        return (q for q in self.questions.values() if isinstance(q, Question) and not q.task.done())


class FanOut:
    """Questions to every site at which the person has an identifier."""

    def __init__(
        self,
        identity: ResolvedIdentity,
        asking: Asking,
        *,
        clock: Clock,
        deadline_seconds: float,
        veil: Veil,
    ) -> None:
        self._identity, self._asking, self._clock, self._veil = identity, asking, clock, veil
        self._deadline_seconds = deadline_seconds
        self._started = asking.seconds()
        self._asked: list[_Asked] = []
        self._indexed: dict[_Key, IndexedAnswer] = {}
        self._looked_up: set[_Key] = set()

    def ask(self, site: Site, source: PriorSource) -> None:
        """Put the questions to one site. Raises nothing a site (or its circuit) did."""
        asked = _Asked(site.site_id)
        for identifier in self._identity.identifiers_of(site.assigning_authority):
            try:
                asked.questions[identifier] = self._asking.ask(
                    source, identifier, clock=self._clock, at_least_seconds=self._deadline_seconds
                )
            except SourceError as error:
                asked.questions[identifier] = error
        self._asked.append(asked)

    def open(self) -> list[asyncio.Task[Heard]]:
        """The questions without an answer so far."""
        return list(dict.fromkeys(question.task for asked in self._asked for question in asked.open()))

    def leave(self) -> None:
        """Whoever asked waits no longer: what comes now is late."""
        for asked in self._asked:
            for question in asked.open():
                question.is_given_up = True

    @property
    def was_any_not_put(self) -> bool:
        """Whether there is a site that is left alone."""
        return any(isinstance(question, SourceError) for asked in self._asked for question in asked.questions.values())

    async def look_up(self, *, not_put_only: bool = False) -> None:
        """Read what the index holds for whatever has no whole answer so far; once for each."""
        wanted = {
            (asked.site_id, identifier)
            for asked in self._asked
            for identifier, question in asked.questions.items()
            if wants_index(_outcome(question)) and (not not_put_only or isinstance(question, SourceError))
        } - self._looked_up
        if not wanted:
            return
        self._looked_up |= wanted
        found: Indexed = await self._asking.last_said({identifier for _, identifier in wanted})
        self._indexed.update({key: entry for key, entry in found.items() if key in wanted})

    def results(self) -> list[SiteResult]:
        """Every site's part as it is now, ordered by site id."""
        return [self._result(asked) for asked in sorted(self._asked, key=lambda asked: asked.site_id)]

    def _result(self, asked: _Asked) -> SiteResult:
        if not asked.questions:
            return SiteResult(SiteCoverage(asked.site_id, CoverageState.SKIPPED, reason=NO_IDENTIFIER))
        now = self._clock()
        outcomes = {identifier: _outcome_at(now, question) for identifier, question in asked.questions.items()}
        return site_result(
            asked.site_id, self._identity, outcomes, self._indexed, self._latency_ms(asked), veil=self._veil
        )

    def _latency_ms(self, asked: _Asked) -> int | None:
        """Until the last of the site's questions ended, or until now; ``None`` when none was put."""
        put = [question for question in asked.questions.values() if isinstance(question, Question)]
        if not put:
            return None
        now = self._asking.seconds()
        last = max(now if question.ended_at is None else question.ended_at for question in put)
        return max(0, int((last - self._started) * 1000))


def _outcome_at(now: dt.datetime, question: Question | SourceError) -> Outcome:
    """As ``_outcome``; of a question on its way what has come so far."""
    said = question.said_so_far() if isinstance(question, Question) else None
    if said is None:
        return _outcome(question)
    return LiveAnswer(said.studies, False, said.warnings, now, cut_by="deadline")


def _outcome(question: Question | SourceError) -> Outcome:
    if isinstance(question, SourceError):
        return question
    task = question.task
    if not task.done():
        return SourceTimedOut("deadline")
    if task.cancelled():
        return None
    error = task.exception()
    if error is not None:
        return error if isinstance(error, SourceError) else None
    heard = task.result()
    return LiveAnswer(heard.answer.studies, heard.answer.is_complete, heard.answer.warnings, heard.as_of)
