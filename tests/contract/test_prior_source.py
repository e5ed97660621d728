"""What every ``PriorSource`` must do, over our demo hospitals and over real archives."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.dicom.dicomweb_source import DicomwebSource
from adapters.dicom.dimse_source import DimseSource
from adapters.dicom.folder.settings import FolderSettings
from adapters.dicom.folder.source import FolderSource
from adapters.dicom.settings import DicomwebSettings, DimseSettings
from adapters.edge.https_channel import EdgeSettings, HttpsChannel
from adapters.edge.source import EdgeSource
from adapters.fhir_imaging.settings import FhirSettings, PatientSearch
from adapters.fhir_imaging.source import FhirSource
from adapters.simulated.dicomweb_hospital import DicomwebHospital
from adapters.simulated.dimse_hospital import DimseHospital
from adapters.simulated.fhir_hospital import FhirHospital, FhirVersion
from federation.errors import QueryRefused, SourceError, SourceTimedOut, SourceUnavailable
from federation.ports import PriorSource, SiteAnswer
from mpi.identity.identifiers import PatientIdentifier
from tests.contract.archives import ANA, ANA_STUDIES, HOSPITAL, LONGER_ID, UNKNOWN, Archive, instances
from tests.servers import dcmtk, medplum, qrscp
from tests.servers import orthanc as orthanc_server
from tests.servers.availability import free_port
from tests.servers.edge_agent import edge_agent

SECONDS = 5.0
LATER_THAN_ASKED = 0.3
SITE = HOSPITAL.site
FHIR_SYSTEM = "https://ngh.example/patient-number"


def _web(url: str) -> PriorSource:
    # A busy machine may drop the first try of a connection; the next one comes a second later, and then three.
    return DicomwebSource(SITE, DicomwebSettings(url, connect_timeout_seconds=SECONDS))


def _dimse(port: int, ae_title: str) -> PriorSource:
    return DimseSource(SITE, DimseSettings("127.0.0.1", port, ae_title))


def _fhir(url: str, search: PatientSearch = PatientSearch.TWO_STEP) -> PriorSource:
    return FhirSource(SITE, FhirSettings(url, patient_search=search, identifier_systems=(FHIR_SYSTEM,)))


@contextmanager
def _simulated_dicomweb(_: Path) -> Iterator[Archive]:
    server = DicomwebHospital(HOSPITAL)
    server.start()
    try:
        yield Archive(
            lambda: _web(server.base_url),
            lambda: _web(f"http://127.0.0.1:{free_port()}/rs"),
            connection_count=lambda: len(server.connections),
        )
    finally:
        server.stop()


@contextmanager
def _simulated_dimse(_: Path) -> Iterator[Archive]:
    server = DimseHospital(HOSPITAL)
    server.start()
    try:
        yield Archive(
            lambda: _dimse(server.port, server.ae_title),
            lambda: _dimse(free_port(), server.ae_title),
            connection_count=lambda: server.association_count,
        )
    finally:
        server.stop()


@contextmanager
def _orthanc_dicomweb(folder: Path) -> Iterator[Archive]:
    with orthanc_server.orthanc(folder) as server:
        server.load(instances())
        yield Archive(lambda: _web(server.dicomweb_url), lambda: _web(f"http://127.0.0.1:{free_port()}/rs"))


@contextmanager
def _orthanc_dimse(folder: Path) -> Iterator[Archive]:
    with orthanc_server.orthanc(folder) as server:
        server.load(instances())
        yield Archive(
            lambda: _dimse(server.dicom_port, orthanc_server.AE_TITLE),
            lambda: _dimse(free_port(), orthanc_server.AE_TITLE),
        )


@contextmanager
def _dcmqrscp(folder: Path) -> Iterator[Archive]:
    with dcmtk.dcmqrscp(folder) as server:
        server.load(instances())
        yield Archive(lambda: _dimse(server.port, dcmtk.AE_TITLE), lambda: _dimse(free_port(), dcmtk.AE_TITLE))


@contextmanager
def _qrscp(folder: Path) -> Iterator[Archive]:
    with qrscp.qrscp(folder) as server:
        server.load(instances())
        yield Archive(
            lambda: _dimse(server.port, qrscp.AE_TITLE),
            lambda: _dimse(free_port(), qrscp.AE_TITLE),
            tells_description=False,
        )


@contextmanager
def _simulated_fhir(version: FhirVersion, search: PatientSearch) -> Iterator[Archive]:
    server = FhirHospital(HOSPITAL, version=version, identifier_system=FHIR_SYSTEM, page_size=2)
    server.start()
    try:
        yield Archive(
            lambda: _fhir(server.base_url, search),
            lambda: _fhir(f"http://127.0.0.1:{free_port()}/fhir", search),
            connection_count=lambda: len(server.connections),
        )
    finally:
        server.stop()


@contextmanager
def _edge_before(archive: Mapping[str, object], folder: Path) -> Iterator[Archive]:
    with edge_agent(folder, SITE, archive) as agent:
        nowhere = EdgeSettings(f"http://127.0.0.1:{free_port()}", agent.signer())
        yield Archive(agent.source, lambda: EdgeSource(SITE, HttpsChannel(nowhere)))


@contextmanager
def _edge_simulated(folder: Path) -> Iterator[Archive]:
    server = DicomwebHospital(HOSPITAL)
    server.start()
    try:
        with _edge_before({"protocol": "dicomweb", "url": server.base_url}, folder) as archive:
            yield archive
    finally:
        server.stop()


@contextmanager
def _folder(folder: Path) -> Iterator[Archive]:
    for file in instances():
        file.save_as(folder / f"{file.SOPInstanceUID}.dcm", enforce_file_format=True)
    yield Archive(
        lambda: FolderSource(SITE, FolderSettings(folder)),
        lambda: FolderSource(SITE, FolderSettings(folder / "nowhere")),
        nowhere_reason="folder_missing",
    )


@contextmanager
def _medplum_fhir(folder: Path) -> Iterator[Archive]:
    with medplum.medplum(folder) as server:
        server.load(HOSPITAL, FHIR_SYSTEM)
        yield Archive(lambda: _fhir(server.base_url), lambda: _fhir(f"http://127.0.0.1:{free_port()}/fhir"))


@contextmanager
def _edge_orthanc_dicomweb(folder: Path) -> Iterator[Archive]:
    with orthanc_server.orthanc(folder) as server:
        server.load(instances())
        with _edge_before({"protocol": "dicomweb", "url": server.dicomweb_url}, folder) as archive:
            yield archive


@contextmanager
def _edge_orthanc_dimse(folder: Path) -> Iterator[Archive]:
    with orthanc_server.orthanc(folder) as server:
        server.load(instances())
        asked = {"protocol": "dimse", "host": "127.0.0.1", "port": server.dicom_port}
        with _edge_before({**asked, "called_ae_title": orthanc_server.AE_TITLE}, folder) as archive:
            yield archive


_KINDS: dict[str, Callable[[Path], Any]] = {
    "simulated_dicomweb": _simulated_dicomweb,
    "simulated_dimse": _simulated_dimse,
    "orthanc_dicomweb": _orthanc_dicomweb,
    "orthanc_dimse": _orthanc_dimse,
    "dcmqrscp": _dcmqrscp,
    "pynetdicom_qrscp": _qrscp,
    "simulated_fhir_r4": lambda _: _simulated_fhir(FhirVersion.R4, PatientSearch.TWO_STEP),
    "simulated_fhir_r5_chained": lambda _: _simulated_fhir(FhirVersion.R5, PatientSearch.CHAINED),
    "medplum_fhir": _medplum_fhir,
    "folder": _folder,
    "edge_simulated": _edge_simulated,
    "edge_orthanc_dicomweb": _edge_orthanc_dicomweb,
    "edge_orthanc_dimse": _edge_orthanc_dimse,
}
_NEEDS = {
    "orthanc_dicomweb": [pytest.mark.needs("orthanc")],
    "orthanc_dimse": [pytest.mark.needs("orthanc")],
    "dcmqrscp": [pytest.mark.needs("dcmtk")],
    "medplum_fhir": [pytest.mark.needs("medplum")],
    "edge_orthanc_dicomweb": [pytest.mark.needs("orthanc")],
    "edge_orthanc_dimse": [pytest.mark.needs("orthanc")],
}


@contextmanager
def _running(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    with _KINDS[kind](tmp_path_factory.mktemp(kind)) as archive:
        yield archive


@pytest.fixture(scope="module", params=[pytest.param(kind, marks=_NEEDS.get(kind, ()), id=kind) for kind in _KINDS])
def archive(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    with _running(request.param, tmp_path_factory) as archive:
        yield archive


@pytest.fixture(scope="module", params=["simulated_dicomweb", "simulated_dimse", "simulated_fhir_r4"])
def counting_archive(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """An archive of ours: it tells how many connections were made to it."""
    with _running(request.param, tmp_path_factory) as archive:
        yield archive


def ask(make_source: Callable[[], PriorSource], identifier: PatientIdentifier) -> SiteAnswer:
    async def run() -> SiteAnswer:
        source = make_source()
        try:
            return await source.search_for_studies(identifier, timeout_seconds=SECONDS)
        finally:
            await source.aclose()

    return asyncio.run(run())


def test_finds_exactly_the_patients_studies(archive: Archive) -> None:
    answer = ask(archive.make_source, ANA)
    assert {study.study_instance_uid for study in answer.studies} == ANA_STUDIES
    assert len(answer.studies) == 3
    assert answer.is_complete
    assert answer.dropped_count == 0
    assert {study.patient_identifier for study in answer.studies} == {ANA}
    assert {study.site_id for study in answer.studies} == {SITE.site_id}


def test_reads_what_the_archive_says(archive: Archive) -> None:
    answer = ask(archive.make_source, ANA)
    brain = next(study for study in answer.studies if study.study_instance_uid == "2.999.71.2")
    assert brain.started is not None
    assert brain.started.local_date.isoformat() == "2023-01-02"
    assert brain.accession_number == "A2"
    assert brain.patient_name is not None
    assert (brain.patient_name.family, brain.patient_name.given) == ("Lärk", "Ana")
    assert brain.description == ("MRT Schädel" if archive.tells_description else None)


def test_an_unknown_patient_has_no_studies_and_that_is_a_complete_answer(archive: Archive) -> None:
    answer = ask(archive.make_source, UNKNOWN)
    assert answer == SiteAnswer(())


def test_an_id_that_begins_alike_is_somebody_else(archive: Archive) -> None:
    answer = ask(archive.make_source, LONGER_ID)
    assert {study.study_instance_uid for study in answer.studies} == {"2.999.71.4"}


@pytest.mark.parametrize("number", ["0041*", "0041?", "00412\\004123"])
def test_an_id_that_is_a_pattern_is_never_asked_for(archive: Archive, number: str) -> None:
    with pytest.raises(QueryRefused) as refusal:
        ask(archive.make_source, PatientIdentifier("NGH", number))
    assert refusal.value.reason == "wildcard_in_identifier"
    assert number not in str(refusal.value)


def test_queries_at_once_do_not_mix(archive: Archive) -> None:
    async def run() -> list[SiteAnswer]:
        source = archive.make_source()
        try:
            asked = [ANA, LONGER_ID, UNKNOWN] * 5
            return await asyncio.gather(*(source.search_for_studies(i, timeout_seconds=SECONDS) for i in asked))
        finally:
            await source.aclose()

    counts = [len(answer.studies) for answer in asyncio.run(run())]
    assert counts == [3, 1, 0] * 5


def test_repeated_queries_share_a_connection(counting_archive: Archive) -> None:
    assert counting_archive.connection_count is not None
    before = counting_archive.connection_count()

    async def run() -> None:
        source = counting_archive.make_source()
        for _ in range(4):
            await source.search_for_studies(ANA, timeout_seconds=SECONDS)
        await source.aclose()

    asyncio.run(run())
    assert counting_archive.connection_count() - before == 1


def test_the_check_says_that_the_archive_is_there(archive: Archive) -> None:
    async def run() -> None:
        source = archive.make_source()
        probe = await source.check(timeout_seconds=SECONDS)
        await source.aclose()
        assert (probe.ok, probe.reason, probe.site_id) == (True, None, SITE.site_id)
        assert probe.details

    asyncio.run(run())


def test_nobody_there_is_unavailable_and_never_an_empty_answer(archive: Archive) -> None:
    with pytest.raises(SourceUnavailable) as failure:
        ask(archive.make_source_to_nowhere, ANA)
    assert failure.value.reason == archive.nowhere_reason
    assert failure.value.retryable


def test_the_check_of_nobody_is_a_result(archive: Archive) -> None:
    async def run() -> None:
        source = archive.make_source_to_nowhere()
        probe = await source.check(timeout_seconds=SECONDS)
        await source.aclose()
        assert (probe.ok, probe.reason) == (False, archive.nowhere_reason)

    asyncio.run(run())


def test_closing_twice_is_closing_once_and_a_closed_source_does_not_answer(archive: Archive) -> None:
    async def run() -> None:
        source = archive.make_source()
        await source.search_for_studies(ANA, timeout_seconds=SECONDS)
        await source.aclose()
        await source.aclose()
        with pytest.raises(SourceUnavailable):
            await source.search_for_studies(ANA, timeout_seconds=SECONDS)

    asyncio.run(run())


def _at(kind: str, port: int) -> PriorSource:
    url = f"http://127.0.0.1:{port}/rs"
    return {"dicomweb": lambda: _web(url), "dimse": lambda: _dimse(port, "ANY"), "fhir": lambda: _fhir(url)}[kind]()


@pytest.mark.parametrize("kind", ["dicomweb", "dimse", "fhir"])
def test_silence_ends_inside_the_budget(kind: str) -> None:
    """A listener that takes the connection and says nothing, ever."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        source = _at(kind, port)

        async def run() -> float:
            started = time.monotonic()
            with pytest.raises(SourceTimedOut):
                await source.search_for_studies(ANA, timeout_seconds=0.5)
            seconds = time.monotonic() - started
            probe = await source.check(timeout_seconds=0.2)
            assert not probe.ok
            await source.aclose()
            return seconds

        assert asyncio.run(run()) < 0.5 + LATER_THAN_ASKED


@pytest.mark.parametrize("kind", ["dicomweb", "dimse", "fhir"])
def test_no_text_of_an_error_names_the_patient(kind: str) -> None:
    source = _at(kind, free_port())

    async def run() -> str:
        try:
            await source.search_for_studies(PatientIdentifier("NGH", "SECRET-77"), timeout_seconds=SECONDS)
        except SourceError as error:
            return f"{error} {error!r} {error.reason}"
        finally:
            await source.aclose()
        return "SECRET-77"

    assert "SECRET-77" not in asyncio.run(run())
