"""How far beyond its budget an adapter answers when the archive hangs, in every way of hanging.

The same lines and troubles as in ``tests/integration/test_fault_matrix.py``; there the margin is generous, here it is
measured. Baseline of the same run: ``asyncio.sleep`` for the budget, which is as late as this machine is.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.timings import summary
from federation.errors import SourceError
from federation.ports import PriorSource
from tests.contract.archives import ANA
from tests.integration.fault_troubles import DIMSE_CASES, HANG_SECONDS, HTTP_CASES, Case
from tests.integration.fault_worlds import Reach, World, Worlds

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "40"))
ALLOWED_MS = 50.0
KINDS = {"dicomweb": HTTP_CASES, "fhir": HTTP_CASES, "dimse": DIMSE_CASES, "edge": HTTP_CASES}


def run() -> dict[str, object]:
    """Measure; milliseconds beyond the budget throughout."""
    with tempfile.TemporaryDirectory() as name:
        worlds = Worlds(Path(name))
        with worlds.stack:
            measured = {kind: _measure(worlds.get(kind), cases) for kind, cases in KINDS.items()}
    slept = asyncio.run(_late(lambda: asyncio.sleep(HANG_SECONDS), ROUNDS))
    return {
        "budget_ms": HANG_SECONDS * 1000,
        "rounds": ROUNDS,
        "beyond_budget_ms": measured,
        "baseline_sleep_ms": summary(slept),
    }


def _measure(world: World, cases: dict[str, Case]) -> dict[str, object]:
    hanging = {name: case for name, case in cases.items() if case.seconds == HANG_SECONDS}
    measured: dict[str, object] = {}
    late: list[float] = []
    for name, case in hanging.items():
        world.line.set(case.trouble)
        found = asyncio.run(_ask(world))
        measured[name] = summary(found)
        late += found
    return {**measured, "all": {**summary(late), "within_50_ms": sum(ms <= ALLOWED_MS for ms in late) / len(late)}}


async def _ask(world: World) -> list[float]:
    source = world.make_source(Reach())
    try:
        return await _late(lambda: _tried(source), ROUNDS)
    finally:
        await source.aclose()


async def _tried(source: PriorSource) -> None:
    try:
        await source.search_for_studies(ANA, timeout_seconds=HANG_SECONDS)
    except SourceError:
        return


async def _late(wait: Callable[[], Awaitable[None]], rounds: int) -> list[float]:
    late = []
    for _ in range(rounds):
        started = time.perf_counter()
        await wait()
        late.append((time.perf_counter() - started - HANG_SECONDS) * 1000)
    return late
