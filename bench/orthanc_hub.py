"""One Orthanc asked directly by QIDO-RS against the same question through the hub, one at a time, in one run.

The hub has one site. ``use_case`` is identity, question and merging without HTTP; ``hub`` is `imagingHistory` over
GraphQL with token, audit entry and index. The profile says where the time of one answer goes.
"""

from __future__ import annotations

import asyncio
import cProfile
import datetime as dt
import json
import os
import pstats
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from bench.timings import summary
from federation.usecases.imaging_history import imaging_history
from gateway.archive_settings import DicomwebArchive
from gateway.bootstrap import Hub, build_hub
from gateway.cli.serving import bind
from gateway.clock import new_id, utc_now
from gateway.demo.people import Person, patient_ref
from gateway.demo_issuer import DemoIssuer
from gateway.long_lived import set_long_lived_aside
from gateway.observability import configure_logging
from gateway.permissions import Role
from gateway.serving import HubServer, ServerThread
from gateway.settings import AuthSettings, HttpSettings, Settings, SiteSettings, StoreSettings
from mpi.identity.demographics import Demographics, PartialDate, PersonName
from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.updates import DemographicsUpdate
from mpi.usecases.register_record import RegisterRecord, register_record
from tests.servers.orthanc import orthanc

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "200"))
STUDIES = int(os.environ.get("BENCH_STUDIES", "1000"))
STUDIES_EACH = 4
SITE = "ORTHANC"


def run() -> dict[str, object]:
    """Measure; milliseconds throughout."""
    with tempfile.TemporaryDirectory() as name, (Path(name) / "log").open("w", encoding="utf-8") as stream:
        configure_logging(stream)
        folder = Path(name)
        (folder / "orthanc").mkdir()
        with orthanc(folder / "orthanc") as archive:
            archive.load(_instances())
            issuer = DemoIssuer(issuer="http://127.0.0.1/bench")
            (folder / "jwks.json").write_text(json.dumps(issuer.jwks), encoding="utf-8")
            settings = _settings(folder, archive.dicomweb_url, issuer.issuer)
            hub = build_hub(settings, migrate=True)
            _register(hub)
            server = HubServer(hub, bind("127.0.0.1", 0))
            with ServerThread(server):
                set_long_lived_aside()  # as a served hub does
                physician = Person(f"http://127.0.0.1:{server.port}", issuer.token(Role.PHYSICIAN))
                figures = _side_by_side(archive.dicomweb_url, physician)
            inside = build_hub(settings)
            profile = asyncio.run(_profile(inside))
            inside.engine.dispose()
    return {**figures, **profile, "studies": STUDIES, "rounds": ROUNDS}


def _side_by_side(archive_url: str, physician: Person) -> dict[str, object]:
    """Turn and turn about, so that whatever else the machine does hits both."""
    client = httpx2.Client(trust_env=False)
    query = {"PatientID": _NUMBER.local_patient_id, "limit": "100"}
    ask_directly: Callable[[], object] = lambda: client.get(f"{archive_url}/studies", params=query).raise_for_status()  # noqa: E731
    variables = {"patient": patient_ref(_NUMBER), "first": 50}
    direct, through = [], []
    for number in range(ROUNDS + 10):
        started = time.perf_counter()
        ask_directly()
        between = time.perf_counter()
        reply = physician.ask("ImagingHistory", variables)
        ended = time.perf_counter()
        if len(reply.field("imagingHistory")["studies"]["edges"]) != STUDIES_EACH:
            raise AssertionError("expected the patient's studies")
        if number >= 10:
            direct.append((between - started) * 1000)
            through.append((ended - between) * 1000)
    client.close()
    physician.client.close()
    allowed = 1.25 * statistics.median(direct) + 5
    return {
        "direct": summary(direct),
        "hub": summary(through),
        "allowed_p50": round(allowed, 1),
        "holds": statistics.median(through) <= allowed,
    }


async def _profile(hub: Hub) -> dict[str, object]:
    """The use case alone, and which functions of ours take its time."""

    async def ask() -> None:
        await imaging_history(
            _NUMBER, read=hub.read, directory=hub.directory, procedure_of=hub.procedure_of, deadline_seconds=4.0,
            clock=utc_now,
        )  # fmt: skip

    for _ in range(10):
        await ask()
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        await ask()
        times.append((time.perf_counter() - started) * 1000)
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(50):
        await ask()
    profiler.disable()
    await hub.directory.aclose()
    return {"use_case": summary(times), "profile_ms_a_question": _largest(profiler)}


def _largest(profiler: cProfile.Profile) -> dict[str, float]:
    stats = pstats.Stats(profiler)
    own: dict[str, float] = {}
    for (file, _, function), (_, _, _, cumulative, _) in stats.stats.items():  # type: ignore[attr-defined]
        for package in ("/federation/", "/adapters/", "/mpi/"):
            if package in file:
                own[f"{package[1:]}{file.partition(package)[2]}:{function}"] = cumulative / 50 * 1000
    largest = sorted(own.items(), key=lambda item: -item[1])[:15]
    return {name: round(ms, 2) for name, ms in largest}


_NUMBER = PatientIdentifier(SITE, "PID00007")


def _settings(folder: Path, url: str, issuer: str) -> Settings:
    return Settings(
        store=StoreSettings(url=f"sqlite:///{folder / 'hub.db'}"),
        http=HttpSettings(port=0),
        auth=AuthSettings(issuer=issuer, jwks_file=folder / "jwks.json"),
        sites=(
            SiteSettings(
                id=SITE,
                name="One Orthanc",
                assigning_authority=SITE,
                archive=DicomwebArchive(
                    protocol="dicomweb", url=url, short_page_is_last=True
                ),  # as docs/hospital-it.md says
            ),
        ),
    )


def _register(hub: Hub) -> None:
    who = Demographics(name=PersonName("INVENTED", "P7"), birth_date=PartialDate(1970, 1, 8))
    command = RegisterRecord(
        site_id=SITE, identifiers=(_NUMBER,), update=DemographicsUpdate(who, frozenset()), event_at=utc_now(),
        source="bench", own_authority=SITE,
    )  # fmt: skip
    with hub.units() as uow:
        register_record(command, uow=uow, matcher=hub.matcher, clock=utc_now, new_id=new_id)
        uow.commit()


def _instances() -> list[Dataset]:
    """One header-only instance a study."""
    return [_instance(number) for number in range(STUDIES)]


def _instance(number: int) -> Dataset:
    patient, uid = number // STUDIES_EACH, f"2.999.4.{number}"
    file = Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    file.file_meta.MediaStorageSOPInstanceUID = f"{uid}.1.1"
    file.SOPClassUID, file.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", f"{uid}.1.1"
    file.StudyInstanceUID, file.SeriesInstanceUID = uid, f"{uid}.1"
    file.PatientID, file.PatientName = f"PID{patient:05d}", f"INVENTED^P{patient}"
    file.PatientBirthDate = (dt.date(1970, 1, 1) + dt.timedelta(days=patient)).strftime("%Y%m%d")
    file.StudyDate = (dt.date(2020, 1, 1) + dt.timedelta(days=number)).strftime("%Y%m%d")
    file.StudyTime, file.Modality, file.StudyDescription = "093000", "CT", "CT CHEST WO CONTRAST"
    file.AccessionNumber = f"A{number}"
    return file
