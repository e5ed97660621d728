"""Ask every site at once for one person's studies, under one deadline, and merge the answers into one history.

    identity -> per site: identifiers -> PriorSource (all at once) -> row checks -> one study per UID -> probable copies
             -> Coverage: every site, once, whatever happened

An error is never an empty answer: what a site did is in its ``SiteCoverage``.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from federation.errors import SourceError, SourceTimedOut
from federation.imaging.copies import flag_probable_copies
from federation.imaging.dedupe import merge_site_studies
from federation.imaging.procedures import Procedure
from federation.imaging.right_patient import contradicts_record
from federation.imaging.studies import PriorStudy, SiteStudy
from federation.imaging.timeline import in_timeline_order
from federation.ports import PriorSource, SiteAnswer
from federation.sites.coverage import NO_IDENTIFIER, Coverage, CoverageState, SiteCoverage
from federation.sites.directory import SiteDirectory
from federation.sites.site import Site
from mpi.identity.identifiers import PatientIdentifier
from mpi.ports import Clock
from mpi.usecases.resolve_identity import ResolvedIdentity

ProcedureOf = Callable[[SiteStudy], Procedure]

SOURCE_MARGIN_SECONDS = 0.05
"""A source gives up this long before the fan-out ends, so that it can say itself what happened."""

KEEPING_SECONDS = 0.05
"""Kept back of a request's deadline for what follows the fan-out: judging, keeping, auditing, encoding."""


class Deadline:
    """The time a request may take, from the moment it was made."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds

    @property
    def seconds_to_ask(self) -> float:
        """What is left for asking the sites; never negative."""
        return max(0.0, self._ends_at - KEEPING_SECONDS - time.monotonic())


_left_behind: set[asyncio.Task[object]] = set()
"""Cancelled site tasks that have not ended yet; held so that the loop does not drop them half-way."""


@dataclass(frozen=True, slots=True)
class PriorHistory:
    """One person's studies across sites, newest first, undated last, and how far the answer reaches."""

    studies: tuple[PriorStudy, ...]
    coverage: Coverage
    as_of: dt.datetime


@dataclass(frozen=True, slots=True)
class _SiteResult:
    coverage: SiteCoverage
    studies: tuple[SiteStudy, ...] = ()


async def search_priors(
    identity: ResolvedIdentity,
    *,
    directory: SiteDirectory,
    procedure_of: ProcedureOf,
    deadline_seconds: float,
    clock: Clock,
) -> PriorHistory:
    """Everything the sites say of this person within the deadline. Raises nothing a site did."""
    tasks = {
        site_id: asyncio.create_task(_ask_site(directory.sites[site_id], source, identity, deadline_seconds, clock))
        for site_id, source in directory.sources.items()
    }
    if tasks:
        await asyncio.wait(tasks.values(), timeout=deadline_seconds)
    results = [_collect(directory.sites[site_id], task, deadline_seconds) for site_id, task in tasks.items()]
    studies = merge_site_studies(
        (study for result in results for study in result.studies), procedure_of=procedure_of, sites=directory.sites
    )
    coverage = Coverage(tuple(sorted((r.coverage for r in results), key=lambda c: c.site_id)))
    return PriorHistory(flag_probable_copies(in_timeline_order(studies)), coverage, clock())


def _collect(site: Site, task: asyncio.Task[_SiteResult], deadline_seconds: float) -> _SiteResult:
    if task.done() and not task.cancelled() and task.exception() is None:
        return task.result()
    if not task.done():
        task.cancel()
        _left_behind.add(task)
        task.add_done_callback(_forget)
        late = SiteCoverage(site.site_id, CoverageState.TIMED_OUT, int(deadline_seconds * 1000), reason="deadline")
        return _SiteResult(late)
    return _SiteResult(SiteCoverage(site.site_id, CoverageState.FAILED, reason="internal_error"))


def _forget(task: asyncio.Task[_SiteResult]) -> None:
    _left_behind.discard(task)
    if not task.cancelled():
        task.exception()


async def _ask_site(
    site: Site, source: PriorSource, identity: ResolvedIdentity, deadline_seconds: float, clock: Clock
) -> _SiteResult:
    identifiers = identity.identifiers_of(site.assigning_authority)
    if not identifiers:
        return _SiteResult(SiteCoverage(site.site_id, CoverageState.SKIPPED, reason=NO_IDENTIFIER))
    started = time.monotonic()
    budget = max(0.0, deadline_seconds - SOURCE_MARGIN_SECONDS)
    answers = await asyncio.gather(
        *(source.search_for_studies(identifier, timeout_seconds=budget) for identifier in identifiers),
        return_exceptions=True,
    )
    latency_ms = int((time.monotonic() - started) * 1000)
    return _judge_answers(site, identity, identifiers, answers, latency_ms, clock())


def _judge_answers(
    site: Site,
    identity: ResolvedIdentity,
    identifiers: Sequence[PatientIdentifier],
    answers: Sequence[SiteAnswer | BaseException],
    latency_ms: int,
    as_of: dt.datetime,
) -> _SiteResult:
    """One coverage entry for a site, however many identifiers it was asked about: the worst of them counts."""
    failures = [a for a in answers if isinstance(a, BaseException)]
    for failure in failures:
        if not isinstance(failure, SourceError):
            raise failure
    given = [a for a in answers if isinstance(a, SiteAnswer)]
    kept, set_apart = _check_patient(identity, identifiers, answers)
    warnings = tuple(dict.fromkeys(w for a in given for w in a.warnings))
    state, reason = _state_of(given, failures)
    return _SiteResult(
        SiteCoverage(
            site.site_id,
            state,
            latency_ms,
            as_of=as_of if given else None,
            study_count=len({s.study_instance_uid for s in kept}),
            set_apart_count=set_apart,
            reason=reason,
            warnings=warnings,
        ),
        kept,
    )


def _state_of(given: Sequence[SiteAnswer], failures: Sequence[BaseException]) -> tuple[CoverageState, str | None]:
    if failures:
        first = failures[0]
        reason = first.reason if isinstance(first, SourceError) else "internal_error"
        if given:
            return CoverageState.PARTIAL, reason
        return (CoverageState.TIMED_OUT if isinstance(first, SourceTimedOut) else CoverageState.FAILED), reason
    if all(answer.is_complete for answer in given):
        return CoverageState.ANSWERED, None
    return CoverageState.PARTIAL, "possibly_truncated"


def _check_patient(
    identity: ResolvedIdentity,
    identifiers: Sequence[PatientIdentifier],
    answers: Sequence[SiteAnswer | BaseException],
) -> tuple[tuple[SiteStudy, ...], int]:
    kept: list[SiteStudy] = []
    set_apart = 0
    for identifier, answer in zip(identifiers, answers, strict=True):
        if not isinstance(answer, SiteAnswer):
            continue
        record = identity.record_of(identifier)
        for study in answer.studies:
            if record is not None and contradicts_record(study, record):
                set_apart += 1
            else:
                kept.append(study)
    return tuple(kept), set_apart
