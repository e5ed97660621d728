"""Hours of histories while sites fail at random: does memory stay flat, is every socket and task given back?

`BENCH_SECONDS=7200 python -m bench.run soak` is the long form; a test runs some seconds of it. The sites are demo
hospitals behind real sockets; each fails, hangs, breaks off or serves a login page for some seconds now and then.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from adapters.simulated.dicomweb_hospital import DicomwebHospital
from adapters.simulated.faults import Fault
from adapters.simulated.population import simulate_hospitals
from bench.timings import summary
from federation.usecases.imaging_history import imaging_history
from gateway.archive_settings import DicomwebArchive
from gateway.bootstrap import Hub, build_hub
from gateway.clock import new_id, utc_now
from gateway.observability import configure_logging
from gateway.settings import FederationSettings, Settings, SiteSettings, StoreSettings
from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.updates import DemographicsUpdate
from mpi.usecases.register_record import RegisterRecord, register_record

SECONDS = float(os.environ.get("BENCH_SECONDS", "60"))
A_SECOND = 20
DEADLINE_SECONDS = 0.5
_FAULTS = (Fault.HANG, Fault.REFUSE, Fault.SERVER_ERROR, Fault.LOGIN_PAGE, Fault.ABORT, Fault.SLOW_DRIP)


@dataclass(slots=True)
class SoakRecord:
    """What was seen. Memory and counts are taken with nothing asked, after what was late has ended."""

    histories: int = 0
    states: Counter[str] = field(default_factory=Counter)
    times_ms: list[float] = field(default_factory=list)
    memory_mib: list[float] = field(default_factory=list)
    most_tasks: int = 0
    most_open_files: int = 0
    tasks_left: int = 0
    open_files_before: int = 0
    open_files_after: int = 0
    threads_before: int = 0
    threads_after: int = 0

    @property
    def memory_growth_mib(self) -> float:
        """Of the last quarter over the second one: caches fill during the first."""
        quarter = max(1, len(self.memory_mib) // 4)
        before, after = self.memory_mib[quarter : 2 * quarter], self.memory_mib[-quarter:]
        return min(after) - min(before) if before else 0.0


def run() -> dict[str, object]:
    """The long form; its record."""
    with tempfile.TemporaryDirectory() as name, (Path(name) / "log").open("w", encoding="utf-8") as stream:
        configure_logging(stream)
        record = soak(Path(name), seconds=SECONDS)
    return {
        "seconds": SECONDS,
        "histories": record.histories,
        "histories_a_second": round(record.histories / SECONDS, 1),
        "deadline_ms": DEADLINE_SECONDS * 1000,
        "answer_ms": summary(record.times_ms),
        "states": dict(sorted(record.states.items())),
        "memory_mib": [round(m, 1) for m in record.memory_mib[:: max(1, len(record.memory_mib) // 40)]],
        "memory_growth_mib_last_over_second_quarter": round(record.memory_growth_mib, 1),
        "most_tasks": record.most_tasks,
        "most_open_files": record.most_open_files,
        "tasks_left": record.tasks_left,
        "open_files_before_and_after": [record.open_files_before, record.open_files_after],
        "threads_before_and_after": [record.threads_before, record.threads_after],
    }


def soak(folder: Path, *, seconds: float, a_second: int = A_SECOND, seed: int = 11) -> SoakRecord:
    """Ask at a steady rate, whatever the sites do; everything is stopped at the end."""
    hospitals = simulate_hospitals(utc_now(), people=60, studies=300)
    servers = [DicomwebHospital(hospital) for hospital in hospitals]
    for server in servers:
        server.start()
    try:
        hub = build_hub(_settings(folder, servers), migrate=True)
        numbers = _register(hub, servers)
        record = SoakRecord()
        record.threads_before, record.open_files_before = threading.active_count(), _open_files()
        asyncio.run(_soak(hub, servers, numbers, record, seconds, a_second, random.Random(seed)))
        hub.engine.dispose()
        gc.collect()
        record.threads_after, record.open_files_after = threading.active_count(), _open_files()
        return record
    finally:
        for server in servers:
            server.set_fault(Fault.NONE)
            server.stop()


def _settings(folder: Path, servers: list[DicomwebHospital]) -> Settings:
    return Settings(
        store=StoreSettings(url=f"sqlite:///{folder / 'hub.db'}"),
        federation=FederationSettings(patience_ms=2_000, circuit_open_seconds=1.0),
        sites=tuple(
            SiteSettings(
                id=str(server.hospital.site_id),
                name=server.hospital.name,
                assigning_authority=server.hospital.authority,
                archive=DicomwebArchive(protocol="dicomweb", url=server.base_url),
            )
            for server in servers
        ),
    )


def _register(hub: Hub, servers: list[DicomwebHospital]) -> list[PatientIdentifier]:
    numbers = []
    with hub.units() as uow:
        for server in servers:
            for patient in server.hospital.patients:
                number = PatientIdentifier(server.hospital.authority, patient.local_patient_id)
                command = RegisterRecord(
                    site_id=str(server.hospital.site_id),
                    identifiers=(number,),
                    update=DemographicsUpdate(patient.demographics, frozenset()),
                    event_at=utc_now(),
                    source="bench",
                    own_authority=server.hospital.authority,
                )
                register_record(command, uow=uow, matcher=hub.matcher, clock=utc_now, new_id=new_id)
                numbers.append(number)
        uow.commit()
    return numbers


async def _soak(
    hub: Hub,
    servers: list[DicomwebHospital],
    numbers: list[PatientIdentifier],
    record: SoakRecord,
    seconds: float,
    a_second: int,
    chance: random.Random,
) -> None:
    own_tasks = len(asyncio.all_tasks())
    ends_at = time.monotonic() + seconds
    asking: set[asyncio.Task[None]] = set()
    next_at = next_look = next_fault = time.monotonic()
    while (now := time.monotonic()) < ends_at:
        task = asyncio.create_task(_ask(hub, chance.choice(numbers), record))
        asking.add(task)
        task.add_done_callback(asking.discard)
        if now >= next_fault:
            next_fault = now + 0.7
            await asyncio.to_thread(chance.choice(servers).set_fault, chance.choice((Fault.NONE, *_FAULTS)))
        if now >= next_look:
            next_look = now + max(0.5, seconds / 400)
            record.memory_mib.append(_memory_mib())
            record.most_tasks = max(record.most_tasks, len(asyncio.all_tasks()))
            record.most_open_files = max(record.most_open_files, _open_files())
        next_at += 1 / a_second
        await asyncio.sleep(max(0.0, next_at - time.monotonic()))
    if asking:
        await asyncio.wait(asking)
    for server in servers:
        await asyncio.to_thread(server.set_fault, Fault.NONE)
    await hub.directory.aclose()
    record.tasks_left = len(asyncio.all_tasks()) - own_tasks


async def _ask(hub: Hub, number: PatientIdentifier, record: SoakRecord) -> None:
    started = time.perf_counter()
    found = await imaging_history(
        number, read=hub.read, directory=hub.directory, procedure_of=hub.procedure_of,
        deadline_seconds=DEADLINE_SECONDS, clock=utc_now,
    )  # fmt: skip
    record.times_ms.append((time.perf_counter() - started) * 1000)
    record.histories += 1
    record.states.update(site.state.value for site in found.history.coverage.sites)


def _memory_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
