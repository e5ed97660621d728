"""What ``priorlink sites check`` finds out of archives, over real sockets; no number of a patient in any of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.dicom.dicomweb_source import DicomwebSource
from adapters.dicom.dimse_source import DimseSource
from adapters.dicom.folder.settings import FolderSettings
from adapters.dicom.folder.source import FolderSource
from adapters.dicom.settings import DicomwebSettings, DimseSettings
from adapters.fhir_imaging.settings import FhirSettings
from adapters.fhir_imaging.source import FhirSource
from adapters.simulated.dicomweb_hospital import DicomwebHospital
from adapters.simulated.dimse_hospital import DimseHospital
from adapters.simulated.fhir_hospital import FhirHospital, FhirVersion
from federation.ports import PriorSource, SiteProbe
from tests.contract.archives import ANA, HOSPITAL, instances
from tests.servers import dcmtk, orthanc, qrscp
from tests.servers.scripted_qido import Asked, Reply, scripted_qido

SECONDS = 20.0
SITE = HOSPITAL.site
TEST_PATIENT = ANA.local_patient_id
FHIR_SYSTEM = "https://ngh.example/patient-number"


def probe_of(source: PriorSource) -> SiteProbe:
    async def run() -> SiteProbe:
        try:
            return await source.check(timeout_seconds=SECONDS)
        finally:
            await source.aclose()

    return asyncio.run(run())


def found(source: PriorSource) -> dict[str, str]:
    probe = probe_of(source)
    assert probe.ok, probe.reason
    told = dict(probe.details)
    assert len(told) == len(probe.details), "each capability once"
    values = {TEST_PATIENT, *(str(i.PatientName) for i in instances()), *(i.StudyInstanceUID for i in instances())}
    assert not values & set(told.values())
    return told


def dimse(port: int, ae_title: str, test_patient: str | None = TEST_PATIENT) -> PriorSource:
    return DimseSource(SITE, DimseSettings("127.0.0.1", port, ae_title, test_patient_id=test_patient))


def test_a_dimse_archive_with_and_without_a_test_patient() -> None:
    server = DimseHospital(HOSPITAL)
    server.start()
    try:
        told = found(dimse(server.port, server.ae_title))
        without = found(dimse(server.port, server.ae_title, None))
    finally:
        server.stop()
    assert told["find_models_taken"] == "study_root"
    assert (told["patient_id_filter"], told["optional_keys"], told["test_patient"]) == ("honoured", "taken", "found")
    assert (told["wildcards"], told["leading_zeros"], told["issuer_filter"]) == ("matched", "significant", "ignored")
    assert told["character_set"] == "declared"
    assert without.keys() < told.keys()
    assert "test_patient" not in without


@contextmanager
def real_dimse(kind: str, folder: Path) -> Iterator[tuple[int, str]]:
    if kind == "orthanc":
        with orthanc.orthanc(folder) as running:
            running.load(instances())
            yield running.dicom_port, orthanc.AE_TITLE
    elif kind == "dcmqrscp":
        with dcmtk.dcmqrscp(folder) as store:
            store.load(instances())
            yield store.port, dcmtk.AE_TITLE
    else:
        with qrscp.qrscp(folder) as scp:
            scp.load(instances())
            yield scp.port, qrscp.AE_TITLE


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("orthanc", marks=pytest.mark.needs("orthanc")),
        pytest.param("dcmqrscp", marks=pytest.mark.needs("dcmtk")),
        "qrscp",
    ],
)
def test_real_dimse_archives_look_at_the_number_and_take_wildcards(tmp_path: Path, kind: str) -> None:
    with real_dimse(kind, tmp_path) as (port, ae_title):
        told = found(dimse(port, ae_title))
    assert (told["patient_id_filter"], told["test_patient"]) == ("honoured", "found")
    assert (told["wildcards"], told["leading_zeros"]) == ("matched", "significant")
    assert "study_root" in told["find_models_taken"]


@pytest.mark.needs("orthanc")
def test_orthanc_by_dicomweb(tmp_path: Path) -> None:
    with orthanc.orthanc(tmp_path) as running:
        running.load(instances())
        told = found(DicomwebSource(SITE, DicomwebSettings(running.dicomweb_url, test_patient_id=TEST_PATIENT)))
    assert (told["test_patient"], told["leading_zeros"]) == ("found", "significant")
    # some versions do not decode %2A and look for it as it stands
    assert told["wildcards"] in ("matched", "literal")


def test_dicomweb_without_a_test_patient_asks_for_nobody_s_number() -> None:
    server = DicomwebHospital(HOSPITAL)
    server.start()
    try:
        told = found(DicomwebSource(SITE, DicomwebSettings(server.base_url)))
    finally:
        server.stop()
    assert "leading_zeros" not in told


@pytest.mark.parametrize("version", [FhirVersion.R4, FhirVersion.R5])
def test_a_fhir_server(version: FhirVersion) -> None:
    server = FhirHospital(HOSPITAL, version=version, identifier_system=FHIR_SYSTEM, page_size=50)
    server.start()
    settings = FhirSettings(server.base_url, identifier_systems=(FHIR_SYSTEM,), test_patient_id=TEST_PATIENT)
    try:
        told = found(FhirSource(SITE, settings))
    finally:
        server.stop()
    assert told["fhir_release"] == version.name
    assert (told["identifier_search"], told["patient_search"]) == ("honoured", "honoured")
    assert (told["include"], told["test_patient"], told["page_size"]) == ("taken", "found", "honoured")
    assert (told["chained_search"], told["next_link"], told["total"]) == ("works", "sent", "sent")


def test_a_fhir_server_that_ignores_what_it_is_asked_and_refuses_the_rest() -> None:
    def answer(asked: Asked) -> Reply:
        headers = {"Content-Type": "application/fhir+json"}
        if asked.path.endswith("/metadata"):
            return Reply(headers=headers, body=b'{"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}')
        if "_include" in asked.query:
            return Reply(400, headers)
        body = b'{"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": {"resourceType": "%s"}}]}'
        return Reply(headers=headers, body=body % asked.path.rpartition("/")[2].encode())

    with scripted_qido(answer) as server:
        told = found(FhirSource(SITE, FhirSettings(server.base_url)))
        asked_for = [value for asked in server.asked for values in asked.query.values() for value in values]
    assert told == {
        "fhir_version": "4.0.1",
        "fhir_release": "R4",
        "identifier_search": "ignored",
        "patient_search": "ignored",
        "include": "refused",
    }
    assert all("PRIORLINK-PROBE-0" in value for value in asked_for if value not in ("1", "ImagingStudy:endpoint"))


def test_a_folder_and_its_index(tmp_path: Path) -> None:
    for file in instances():
        file.save_as(tmp_path / f"{file.SOPInstanceUID}.dcm", enforce_file_format=True)
    (tmp_path / "notes.txt").write_text("not an image")

    async def run() -> tuple[SiteProbe, SiteProbe]:
        source = FolderSource(SITE, FolderSettings(tmp_path))
        try:
            before = await source.check(timeout_seconds=SECONDS)
            await source.search_for_studies(ANA, timeout_seconds=SECONDS)
            return before, await source.check(timeout_seconds=SECONDS)
        finally:
            await source.aclose()

    before, after = (dict(probe.details) for probe in asyncio.run(run()))
    assert (before["index_age_seconds"], before["indexed"]) == ("never", "0")
    assert (after["files"], after["of_a_study"]) == ("5", "4")
    assert int(after["index_age_seconds"]) >= 0
    assert [name for name in after if name.startswith("problem_")]
    assert not any("notes" in text for pair in after.items() for text in pair)
