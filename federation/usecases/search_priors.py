"""Ask every site at once for one person's studies, under one deadline, and merge the answers into one history.

    identity -> per site: identifiers -> its desk -> PriorSource (all at once) -> row checks
             -> what is late, failed or left alone: what has come so far, and the study index, with its age
             -> one study per UID -> probable copies -> Coverage: every site, once, whatever happened

An error is never an empty answer: what a site did is in its ``SiteCoverage``. An answer that comes after the deadline
goes into the index (``federation.asking``).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from federation.asking.fan_out import FanOut
from federation.imaging.copies import flag_probable_copies
from federation.imaging.dedupe import merge_site_studies
from federation.imaging.procedures import Procedure
from federation.imaging.site_result import SiteResult
from federation.imaging.studies import PriorStudy, SiteStudy
from federation.imaging.timeline import in_timeline_order
from federation.sites.consent import Veil
from federation.sites.coverage import Coverage
from federation.sites.directory import SiteDirectory
from mpi.ports import Clock
from mpi.usecases.resolve_identity import ResolvedIdentity

ProcedureOf = Callable[[SiteStudy], Procedure]

LOOK_UP_SECONDS = 0.1
"""So long before the deadline the index is read for the sites that have not answered yet."""

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


@dataclass(frozen=True, slots=True)
class PriorHistory:
    """One person's studies across sites, newest first, undated last, and how far the answer reaches."""

    studies: tuple[PriorStudy, ...]
    coverage: Coverage
    as_of: dt.datetime


async def search_priors(
    identity: ResolvedIdentity,
    *,
    directory: SiteDirectory,
    procedure_of: ProcedureOf,
    deadline_seconds: float,
    clock: Clock,
    veil: Veil,
) -> PriorHistory:
    """Everything the sites say of this person within the deadline. Raises nothing a site did.

    What the veil hides is taken away before anything is counted; sites are asked all the same.
    """
    ends_at = time.monotonic() + deadline_seconds
    fan_out = FanOut(identity, directory.asking, clock=clock, deadline_seconds=deadline_seconds, veil=veil)
    for site_id, source in directory.sources.items():
        fan_out.ask(directory.sites[site_id], source)
    if not directory.asking.has_index:
        await _wait(fan_out.open(), ends_at)
    else:
        await _wait_with_index(fan_out, ends_at, deadline_seconds)
    fan_out.leave()
    return history_of(fan_out.results(), directory=directory, procedure_of=procedure_of, clock=clock)


def history_of(
    results: Iterable[SiteResult], *, directory: SiteDirectory, procedure_of: ProcedureOf, clock: Clock
) -> PriorHistory:
    """One history of what the sites contribute; results ordered by site id."""
    results = list(results)
    studies = merge_site_studies(
        (study for result in results for study in result.studies), procedure_of=procedure_of, sites=directory.sites
    )
    coverage = Coverage(tuple(result.coverage for result in results))
    return PriorHistory(flag_probable_copies(in_timeline_order(studies)), coverage, clock())


async def _wait(tasks: Collection[asyncio.Task[Any]], until: float) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=max(0.0, until - time.monotonic()))


async def _wait_with_index(fan_out: FanOut, ends_at: float, deadline_seconds: float) -> None:
    """Sites that are left alone are looked up while the others answer; late ones shortly before the end.

    Where all answer, nothing is looked up. An index that is slow (or away) delays nothing.
    """
    look_ups = [asyncio.create_task(fan_out.look_up(not_put_only=True))] if fan_out.was_any_not_put else []
    await _wait(fan_out.open(), ends_at - min(LOOK_UP_SECONDS, deadline_seconds / 3))
    look_ups.append(asyncio.create_task(fan_out.look_up()))
    await _wait([*fan_out.open(), *look_ups], ends_at)
    for look_up in look_ups:
        if not look_up.cancel():
            look_up.exception()
