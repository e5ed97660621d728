"""C-FIND by patient id on a real Orthanc with 1,000 studies: through our pool, and as pynetdicom does it by itself.

All four ways take turns in one run, so that a busy moment of the machine hits them alike.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.association import Association

from adapters.dicom.dimse_association import STUDY_ROOT_FIND
from adapters.dicom.dimse_query import study_query
from adapters.dicom.dimse_source import DimseSource
from adapters.dicom.settings import DimseSettings
from adapters.simulated.hospital import SimulatedStudy
from bench.timings import summary
from mpi.identity.demographics import Demographics, PersonName
from mpi.identity.identifiers import PatientIdentifier
from tests.contract.archives import HOSPITAL, instance
from tests.servers.orthanc import AE_TITLE, Orthanc, orthanc

STUDIES = 1_000
STUDIES_A_PATIENT = 4
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "200"))
GOAL_P50_MS = 10.0
_EXAMS = (("CT", "CT ABDOMEN W CONTRAST"), ("MR", "MRI BRAIN WO"), ("CR", "CHEST PA/LAT"), ("US", "US ABDOMEN"))
_BEGIN = dt.datetime(2015, 1, 1, 8, tzinfo=dt.UTC)


def run() -> dict[str, object]:
    """Measure; milliseconds throughout."""
    with tempfile.TemporaryDirectory() as name, orthanc(Path(name)) as server:
        server.load(_instances())
        return asyncio.run(_measure(server))


def _instances() -> Iterator[Dataset]:
    for number in range(STUDIES):
        patient = number // STUDIES_A_PATIENT
        modality, description = _EXAMS[number % len(_EXAMS)]
        study = SimulatedStudy(
            f"2.999.88.{number + 1}", f"P{patient:05d}", _BEGIN + dt.timedelta(days=number), (modality,), description,
            "CHEST", f"A{number:07d}", 1, 1,
        )  # fmt: skip
        yield instance(study, Demographics(name=PersonName(f"Family{patient}", "Given")))


async def _measure(server: Orthanc) -> dict[str, object]:
    settings = DimseSettings("127.0.0.1", server.dicom_port, AE_TITLE)
    pooled = DimseSource(HOSPITAL.site, settings)
    with _plain_association(server) as association:
        ways: dict[str, Callable[[str], Awaitable[int]]] = {
            "ours_pooled": lambda number: _ask(pooled, number),
            "ours_new_association": lambda number: _ask_anew(settings, number),
            "pynetdicom_reused": lambda number: asyncio.to_thread(_find, association, number),
            "pynetdicom_new_association": lambda number: asyncio.to_thread(_find_anew, server, number),
        }
        times: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(ROUNDS + 1):
            for name, ask in ways.items():
                started = time.perf_counter()
                count = await ask(f"P{turn * 7 % (STUDIES // STUDIES_A_PATIENT):05d}")
                if turn:
                    times[name].append((time.perf_counter() - started) * 1000)
                assert count == STUDIES_A_PATIENT
    await pooled.aclose()
    medians = {name: statistics.median(found) for name, found in times.items()}
    return {
        **{name: summary(found) for name, found in times.items()},
        "goal_p50_ms": GOAL_P50_MS,
        "goal_met": medians["ours_pooled"] <= GOAL_P50_MS,
        "times_faster_than_pynetdicom_reused": round(medians["pynetdicom_reused"] / medians["ours_pooled"], 1),
        "studies": STUDIES,
        "rounds": ROUNDS,
    }


async def _ask(source: DimseSource, number: str) -> int:
    identifier = PatientIdentifier(HOSPITAL.authority, number)
    return len((await source.search_for_studies(identifier, timeout_seconds=10)).studies)


async def _ask_anew(settings: DimseSettings, number: str) -> int:
    source = DimseSource(HOSPITAL.site, settings)
    try:
        return await _ask(source, number)
    finally:
        await source.aclose()


@contextmanager
def _plain_association(server: Orthanc) -> Iterator[Association]:
    """An association as the library makes it."""
    entity = AE()
    entity.add_requested_context(STUDY_ROOT_FIND)
    association = entity.associate("127.0.0.1", server.dicom_port, ae_title=AE_TITLE)
    assert association.is_established
    try:
        yield association
    finally:
        association.release()


def _find(association: Association, number: str) -> int:
    rows = association.send_c_find(study_query(number, with_optional_keys=True), STUDY_ROOT_FIND)
    return sum(row is not None for _, row in rows)


def _find_anew(server: Orthanc, number: str) -> int:
    with _plain_association(server) as association:
        return _find(association, number)
