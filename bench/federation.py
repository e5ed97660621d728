"""What the hub adds to its sites: 20 sites with 200 studies, over GraphQL, and 200 sites of which one in ten hangs.

The sites are stubs in the hub's process; the baseline of the first figure is the slowest of them in the same request.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.stub_sites import StubWorld, identifier_at, stub_world
from bench.timings import summary
from federation.sites.coverage import CoverageState
from federation.usecases.imaging_history import PersonHistory, imaging_history
from gateway.cli.serving import bind
from gateway.clock import utc_now
from gateway.long_lived import set_long_lived_aside
from gateway.observability import configure_logging
from gateway.permissions import Role
from gateway.serving import HubServer, ServerThread

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "200"))
AT_ONCE = 8
SITES, STUDIES_EACH = 20, 10
MANY_SITES, DEADLINE_SECONDS = 200, 1.0


def run() -> dict[str, object]:
    """Measure; milliseconds throughout."""
    with tempfile.TemporaryDirectory() as name, (Path(name) / "log").open("w", encoding="utf-8") as stream:
        configure_logging(stream)
        return {
            "added_by_the_federation_20_sites_200_studies_one_at_a_time": _in_folder(Path(name) / "a", _added),
            "graphql_first_50_20_sites_200_studies": _in_folder(Path(name) / "b", _over_graphql),
            "deadline_200_sites_20_hang": _in_folder(Path(name) / "c", _many_sites),
            "rounds": ROUNDS,
        }


def _in_folder(folder: Path, measure: object) -> dict[str, object]:
    folder.mkdir()
    return measure(folder)  # type: ignore[operator,no-any-return]


async def _history(world: StubWorld, deadline_seconds: float) -> PersonHistory:
    return await imaging_history(
        identifier_at(0), read=world.hub.read, directory=world.hub.directory, procedure_of=world.hub.procedure_of,
        deadline_seconds=deadline_seconds, clock=utc_now,
    )  # fmt: skip


def _added(folder: Path) -> dict[str, object]:
    """The whole use case (identity, fan-out, merging) minus the slowest site's own time, request by request."""
    with stub_world(folder, sites=SITES, studies_each=STUDIES_EACH) as world:
        for number, source in enumerate(world.sources):
            source.delay_seconds = 0.005 + 0.002 * number

        async def measure() -> tuple[list[float], list[float]]:
            added, whole = [], []
            for round_ in range(ROUNDS + 5):
                started = time.perf_counter()
                found = await _history(world, 4.0)
                elapsed = time.perf_counter() - started
                if len(found.history.studies) != SITES * STUDIES_EACH or not found.history.coverage.is_complete:
                    raise AssertionError("expected every study of every site")
                if round_ >= 5:
                    whole.append(elapsed * 1000)
                    added.append((elapsed - max(source.took_seconds for source in world.sources)) * 1000)
            await world.hub.directory.aclose()
            return added, whole

        added, whole = asyncio.run(measure())
    return {**summary(added), "whole": summary(whole), "goal_p95": 15, "holds": summary(added)["p95"] <= 15}


def _over_graphql(folder: Path) -> dict[str, object]:
    """A client in a process of its own, one at a time and eight at a time; the sites answer at once."""
    with stub_world(folder, sites=SITES, studies_each=STUDIES_EACH) as world:
        server = HubServer(world.hub, bind("127.0.0.1", 0))
        with ServerThread(server):
            url, token = f"http://127.0.0.1:{server.port}/graphql", world.issuer.token(Role.PHYSICIAN)
            set_long_lived_aside()  # as a served hub does
            alone = _client(url, token, at_once=1)
            together = _client(url, token, at_once=AT_ONCE)
    return {
        "one_at_a_time": alone,
        "eight_at_a_time": together,
        "goal_p95_eight_at_a_time": 60,
        "holds": together["p95"] <= 60,
    }


def _client(url: str, token: str, *, at_once: int) -> dict[str, float]:
    patient = identifier_at(0)
    variables = {
        "patient": {
            "assigningAuthority": patient.assigning_authority,
            "localPatientId": patient.local_patient_id,
        },
        "first": 50,
    }
    asked = json.dumps({"url": url, "token": token, "variables": variables, "at_once": at_once, "rounds": ROUNDS})
    done = subprocess.run(
        [sys.executable, "-m", "bench.graphql_client"], input=asked, capture_output=True, text=True, check=True
    )
    return summary(json.loads(done.stdout))


def _many_sites(folder: Path) -> dict[str, object]:
    """Circuits would open: the sites that hang are asked anew in each round by a patience longer than the run."""
    with stub_world(folder, sites=MANY_SITES, studies_each=1, patience_ms=120_000) as world:
        for source in world.sources[::10]:
            source.hangs = True

        async def measure() -> list[float]:
            times = []
            for _ in range(max(5, ROUNDS // 20)):
                started = time.perf_counter()
                found = await _history(world, DEADLINE_SECONDS)
                times.append((time.perf_counter() - started) * 1000)
                late = [c for c in found.history.coverage.sites if c.state is CoverageState.TIMED_OUT]
                if len(late) != MANY_SITES // 10:
                    raise AssertionError(f"expected {MANY_SITES // 10} late sites, got {len(late)}")
            await world.hub.directory.aclose()
            return times

        times = asyncio.run(measure())
    over = max(times) - DEADLINE_SECONDS * 1000
    return {**summary(times), "deadline": DEADLINE_SECONDS * 1000, "over_deadline_max": round(over, 1), "goal": 100,
            "holds": over <= 100}  # fmt: skip
