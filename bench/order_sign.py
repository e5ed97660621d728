"""CDS Hooks `order-sign` at 20 sites, eight at a time: cold with two sites that hang and one that refuses, and warm.

The sites are stubs in the hub's process; the client is a process of its own that signs a token for each call (outside
of the times). Cold: nothing is kept warm and the circuits of the hanging sites stay closed (a patience longer than
the run), so each order waits for its deadline. Warm: patients whose history `patient-view` fetched. Each order is one
of its own and repeats a prior of three weeks, so each answer is a card with an alert behind it. Orders go round forty
patients, as a hub has many: an alert is compared with those of equal orders for the same patient, and these would pile
up if all orders were one patient's.

Hidden or never: whether the clock tells of a prior that consent hides. Every other patient has one more study, of a
hidden class, that would be the best prior; one call at a time, in a random order.

The baseline is the discovery document from the same server in the same run: what HTTP, the token check and the
client cost without an order.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from joserfc.jwk import ECKey

from bench.stub_sites import StubSource, StubWorld, identifier_at, stub_world
from bench.timings import summary
from federation.errors import SourceUnavailable
from federation.imaging.studies import StudyStart
from federation.ports import SiteAnswer
from federation.sites.consent import ConsentPolicy, StudyClass
from federation.sites.directory import SiteDirectory
from gateway.cli.serving import bind
from gateway.clock import utc_now
from gateway.long_lived import set_long_lived_aside
from gateway.observability import configure_logging
from gateway.serving import HubServer, ServerThread
from gateway.settings import CdsClientSettings, CdsHooksSettings
from mpi.identity.identifiers import PatientIdentifier

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "400"))
AT_ONCE, SITES, STUDIES_EACH, PEOPLE = 8, 20, 3, 40
REPEATED = ("CT", "CT ABD/PELVIS W CONTRAST")
REPEATED_DAYS_AGO = 20
ISSUER, SYSTEM = "https://ehr.example", "https://s000.example/mrn"
COLD_GOAL_MS, WARM_GOAL_MS = 500, 100

Client = Callable[[list[int], str], list[float]]
"""From persons and a hook to the times of the calls, milliseconds."""


@dataclass(slots=True)
class RefusingSource(StubSource):
    """Refuses the connection."""

    async def search_for_studies(self, identifier: PatientIdentifier, *, timeout_seconds: float) -> SiteAnswer:
        raise SourceUnavailable("connection_refused")


def run() -> dict[str, object]:
    """Measure; milliseconds throughout."""
    with tempfile.TemporaryDirectory() as name, (Path(name) / "log").open("w", encoding="utf-8") as stream:
        configure_logging(stream)
        cold = _cold(_folder(name, "cold"))
        warm, baseline = _warm(_folder(name, "warm"))
        return {
            "cold_20_sites_two_hang_one_refuses": {
                **cold, "goal_p95": COLD_GOAL_MS, "holds": cold["p95"] <= COLD_GOAL_MS,
            },
            "warm_20_sites": {**warm, "goal_p95": WARM_GOAL_MS, "holds": warm["p95"] <= WARM_GOAL_MS},
            "hidden_or_never": _hidden_or_never(_folder(name, "hidden")),
            "baseline_discovery": baseline,
            "patients": PEOPLE,
            "studies_of_a_patient": SITES * STUDIES_EACH,
            "at_once": AT_ONCE,
            "rounds": ROUNDS,
        }  # fmt: skip


def _folder(parent: str, name: str) -> Path:
    folder = Path(parent) / name
    folder.mkdir()
    return folder


def _cold(folder: Path) -> dict[str, float]:
    with stub_world(folder, sites=SITES, studies_each=STUDIES_EACH, people=PEOPLE, patience_ms=120_000) as world:
        _repeat(world)
        for number, source in enumerate(world.sources):
            source.delay_seconds = 0.005 + 0.005 * number
        for source in world.sources[:2]:
            source.hangs = True
        refusing = RefusingSource(world.sources[2].site_id, STUDIES_EACH)
        directory = world.hub.directory
        sources = {**directory.sources, refusing.site_id: refusing}
        hub = replace(world.hub, directory=SiteDirectory(directory.sites, sources, directory.asking))
        with _served(replace(world, hub=hub), folder, warm_seconds=0) as client:
            return summary(client(_in_turn(), "order-sign")[AT_ONCE:])


def _warm(folder: Path) -> tuple[dict[str, float], dict[str, float]]:
    world_of_many = stub_world(folder, sites=SITES, studies_each=STUDIES_EACH, people=PEOPLE)
    with world_of_many as world, _served(world, folder, warm_seconds=600) as client:
        _repeat(world)
        client([*range(PEOPLE)], "patient-view")
        times = client(_in_turn(), "order-sign")[AT_ONCE:]
        baseline = client(_in_turn(), "discovery")[AT_ONCE:]
        return summary(times), summary(baseline)


@dataclass(slots=True)
class HidingSource(StubSource):
    """Every other patient has one study more, which is of the hidden class."""

    async def search_for_studies(self, identifier: PatientIdentifier, *, timeout_seconds: float) -> SiteAnswer:
        answer = await StubSource.search_for_studies(self, identifier, timeout_seconds=timeout_seconds)
        if int(identifier.local_patient_id) % 2 == 0:
            return answer
        instant = utc_now() - dt.timedelta(days=1)
        more = replace(
            answer.studies[0], study_instance_uid=f"{answer.studies[0].study_instance_uid}.1",
            description=f"{REPEATED[1]} FETAL", modalities=("CT",), started=StudyStart(instant.date(), instant),
        )  # fmt: skip
        return replace(answer, studies=(more, *answer.studies))


def _hidden_or_never(folder: Path) -> dict[str, object]:
    fetal = ConsentPolicy((StudyClass("fetal", words=frozenset({"fetal"})),))
    with stub_world(folder, sites=SITES, studies_each=STUDIES_EACH, people=PEOPLE) as world:
        _repeat(world)
        before = world.hub.directory
        hiding = HidingSource(world.sources[1].site_id, STUDIES_EACH)
        sources = {**before.sources, hiding.site_id: hiding}
        directory = SiteDirectory(before.sites, sources, before.asking, consent=fetal)
        hub = replace(world.hub, directory=directory)
        persons = _in_turn()[AT_ONCE:]
        random.Random(5).shuffle(persons)
        with _served(replace(world, hub=hub), folder, warm_seconds=600, at_once=1) as client:
            client([*range(PEOPLE)], "patient-view")
            times = client(persons, "order-sign")
    of_kind = [[ms for ms, person in zip(times, persons, strict=True) if person % 2 == odd] for odd in (0, 1)]
    never, hidden = of_kind
    return {
        "hidden": summary(hidden, 2),
        "never": summary(never, 2),
        "difference_of_medians": round(statistics.median(hidden) - statistics.median(never), 2),
        "guessed_right": round(sum(h > n for h in hidden for n in never) / (len(hidden) * len(never)), 3),
    }


def _in_turn() -> list[int]:
    """Persons of the calls; the first calls do not count."""
    return [number % PEOPLE for number in range(ROUNDS + AT_ONCE)]


def _repeat(world: StubWorld) -> None:
    """Every patient has had what is ordered: at the last site, some weeks ago."""
    last = world.sources[-1]
    last.newest = REPEATED
    last.newest_at = utc_now() - dt.timedelta(days=REPEATED_DAYS_AGO - int(last.site_id[1:]))


@contextmanager
def _served(world: StubWorld, folder: Path, *, warm_seconds: int = 120, at_once: int = AT_ONCE) -> Iterator[Client]:
    key = ECKey.generate_key("P-384", auto_kid=True)
    (folder / "ehr.json").write_text(json.dumps({"keys": [key.as_dict(private=False)]}), encoding="utf-8")
    listening = bind("127.0.0.1", 0)
    base = f"http://127.0.0.1:{listening.getsockname()[1]}"
    site = world.sources[0].site_id
    hooks = CdsHooksSettings(
        base_url=base,
        clients=(CdsClientSettings(issuer=ISSUER, site=site, jwks_file=folder / "ehr.json"),),
        identifier_systems={SYSTEM: site},
        warm_seconds=warm_seconds,
    )
    hub = replace(world.hub, settings=world.hub.settings.model_copy(update={"cds_hooks": hooks}))
    server = HubServer(hub, listening)

    def client(persons: list[int], hook: str) -> list[float]:
        asked = {
            "base": base, "key": key.as_dict(private=True), "issuer": ISSUER, "system": SYSTEM, "hook": hook,
            "numbers": [identifier_at(0, person).local_patient_id for person in persons], "at_once": at_once,
        }  # fmt: skip
        command = [sys.executable, "-m", "bench.hook_client"]
        done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True)
        times: list[float] = json.loads(done.stdout)
        return times

    with ServerThread(server):
        set_long_lived_aside()  # as `priorlink serve` does
        yield client
