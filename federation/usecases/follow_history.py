"""One patient's imaging as it fills in: what is known at once, then more with every site that answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable

from federation.asking.fan_out import FanOut
from federation.ports import UnitOfWork
from federation.sites.consent import ANYBODY, Viewer
from federation.sites.directory import SiteDirectory
from federation.usecases.imaging_history import PersonHistory
from federation.usecases.search_priors import ProcedureOf, history_of
from federation.usecases.see_person import find_person
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.ports import Clock

TOGETHER_SECONDS = 0.02
"""Sites that answer this close to one another are told together."""


async def follow_history(
    patient: PatientIdentifier | EnterpriseId,
    *,
    read: Callable[[], UnitOfWork],
    directory: SiteDirectory,
    procedure_of: ProcedureOf,
    patience_seconds: float,
    clock: Clock,
    viewer: Viewer = ANYBODY,
) -> AsyncGenerator[PersonHistory, None]:
    """The history from the index (sites ``INDEXED``, or ``TIMED_OUT`` when never heard, reason ``deadline``; those
    of which a part has come are ``PARTIAL``), then again whenever sites have answered, until all have ended or the
    patience has. The last one is what there is.

    Whoever stops listening stops nothing: what comes later goes into the index.

    Raises:
        UnknownIdentifier: nobody is behind the identifier, as far as the viewer may see.
    """
    seen = await find_person(patient, read=read, directory=directory, viewer=viewer, clock=clock)
    ends_at = time.monotonic() + patience_seconds
    fan_out = FanOut(seen.identity, directory.asking, clock=clock, deadline_seconds=patience_seconds, veil=seen.veil)
    for site_id, source in directory.sources.items():
        fan_out.ask(directory.sites[site_id], source)

    def so_far() -> PersonHistory:
        history = history_of(fan_out.results(), directory=directory, procedure_of=procedure_of, clock=clock)
        return PersonHistory(seen.identity, history, seen.glass_id)

    try:
        look_up = asyncio.create_task(fan_out.look_up())
        await asyncio.wait([look_up], timeout=max(0.0, ends_at - time.monotonic()))
        if not look_up.cancel():
            look_up.exception()
        told_all = not fan_out.open()
        yield so_far()
        while not told_all:
            left = max(0.0, ends_at - time.monotonic())
            if open_ := fan_out.open():
                done, _ = await asyncio.wait(open_, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    break
                if len(done) < len(open_):
                    await asyncio.sleep(min(TOGETHER_SECONDS, left))
            told_all = not fan_out.open()
            yield so_far()
    finally:
        fan_out.leave()
