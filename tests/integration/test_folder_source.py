"""A folder of DICOM files: what is found, what is not read, and that nothing outside of it ever is."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.fileset import FileSet
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, SecondaryCaptureImageStorage

from adapters.dicom.folder.dicom_file import FileFacts, read_file
from adapters.dicom.folder.settings import FolderSettings
from adapters.dicom.folder.source import FolderSource
from federation.errors import SourceError, SourceProtocolError, SourceUnavailable
from federation.imaging.studies import SiteStudy
from federation.ports import SiteAnswer
from mpi.identity.identifiers import PatientIdentifier
from tests.contract.archives import ANA, HOSPITAL, LONGER_ID

SECONDS = 20.0
SITE = HOSPITAL.site
NOW = dt.datetime(2026, 3, 10, 12, tzinfo=dt.UTC)


def instance(uid: str = "2.999.1", number: int = 1, *, series: int = 1, **changed: Any) -> Dataset:
    file = Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    values = {
        "SpecificCharacterSet": "ISO_IR 192",
        "SOPClassUID": SecondaryCaptureImageStorage,
        "SOPInstanceUID": f"{uid}.{series}.{number}",
        "StudyInstanceUID": uid,
        "SeriesInstanceUID": f"{uid}.{series}",
        "StudyDate": "20240310",
        "StudyTime": "093000",
        "StudyID": "1",
        "AccessionNumber": "A1",
        "StudyDescription": "CT CHEST",
        "Modality": "CT",
        "PatientName": "Lärk^Ana",
        "PatientID": "00412",
        "SeriesNumber": series,
        "InstanceNumber": number,
        **changed,
    }
    for keyword, value in values.items():
        if value is not None:
            setattr(file, keyword, value)
    file.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    file.file_meta.MediaStorageSOPInstanceUID = file.SOPInstanceUID
    return file


def put(folder: Path, name: str, file: Dataset | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(file, bytes):
        path.write_bytes(file)
    else:
        file.save_as(path, enforce_file_format=True)
    return path


def settings(folder: Path, **changed: Any) -> FolderSettings:
    return replace(FolderSettings(folder, poll_seconds=0.0), **changed)


def ask(where: Path | FolderSettings, identifier: PatientIdentifier = ANA) -> SiteAnswer:
    async def run() -> SiteAnswer:
        source = FolderSource(SITE, where if isinstance(where, FolderSettings) else settings(where), clock=lambda: NOW)
        try:
            return await source.search_for_studies(identifier, timeout_seconds=SECONDS)
        finally:
            await source.aclose()

    return asyncio.run(run())


def uids(answer: SiteAnswer) -> list[str]:
    return [study.study_instance_uid for study in answer.studies]


def only(answer: SiteAnswer) -> SiteStudy:
    (study,) = answer.studies
    return study


def test_files_of_a_study_are_counted_together(tmp_path: Path) -> None:
    put(tmp_path, "a/1.dcm", instance(number=1, BodyPartExamined="CHEST"))
    put(tmp_path, "a/b/2", instance(number=2))
    put(tmp_path, "a/b/copy of 2", instance(number=2))
    put(tmp_path, "3.dcm", instance(series=2, Modality="SR"))
    study = only(ask(tmp_path))
    assert (study.series_count, study.instance_count) == (2, 3)
    assert study.modalities == ("CT", "SR")
    assert (study.description, study.accession_number, study.body_part_examined) == ("CT CHEST", "A1", "CHEST")
    assert study.images_available is True
    assert study.warnings == ()


def test_files_that_describe_a_study_differently_are_all_heard(tmp_path: Path) -> None:
    put(tmp_path, "1.dcm", instance(number=1))
    put(tmp_path, "2.dcm", instance(number=2, StudyDescription="THORAX"))
    answer = ask(tmp_path)
    assert {study.description for study in answer.studies} == {"CT CHEST", "THORAX"}
    assert {study.instance_count for study in answer.studies} == {2}
    assert answer.warnings == ("repeated_study",)


def test_files_of_other_issuers_and_longer_ids_are_somebody_elses(tmp_path: Path) -> None:
    put(tmp_path, "1.dcm", instance())
    put(tmp_path, "2.dcm", instance("2.999.2", IssuerOfPatientID="LKM"))
    put(tmp_path, "3.dcm", instance("2.999.3", PatientID="004123"))
    put(tmp_path, "4.dcm", instance("2.999.1", 9, IssuerOfPatientID="LKM"))
    answer = ask(tmp_path)
    assert uids(answer) == ["2.999.1"]
    assert only(answer).instance_count == 1
    assert "unrequested_patient" in answer.warnings
    assert uids(ask(tmp_path, LONGER_ID)) == ["2.999.3"]


def test_files_without_patient_are_listed_apart_and_joined_to_nobody(tmp_path: Path) -> None:
    put(tmp_path, "1.dcm", instance())
    for number in (1, 2):
        put(tmp_path, f"x{number}.dcm", instance(f"2.999.{number}", 7, PatientID=None))
    put(tmp_path, "x3.dcm", instance("2.999.2", 8, PatientID=""))
    source = FolderSource(SITE, settings(tmp_path))
    report = source.index_now()
    asyncio.run(source.aclose())
    assert report.unassigned == (("2.999.1", 1), ("2.999.2", 2))
    answer = ask(tmp_path)
    assert uids(answer) == ["2.999.1"]
    assert only(answer).instance_count == 1
    assert answer.is_complete


@pytest.mark.parametrize("name", ["README.txt", "Thumbs.db", ".hidden"])
def test_what_is_no_dicom_hides_nothing(tmp_path: Path, name: str) -> None:
    put(tmp_path, "1.dcm", instance())
    put(tmp_path, name, b"just some text that is long enough to be anything" * 5)
    put(tmp_path, "empty", b"")
    answer = ask(tmp_path)
    assert uids(answer) == ["2.999.1"]
    assert answer.is_complete


def cut_before_the_study_uid(folder: Path) -> bytes:
    whole = put(folder, "whole", instance()).read_bytes()
    (folder / "whole").unlink()
    return whole[: whole.index(b"\x20\x00\x0d\x00")]


def test_a_damaged_file_may_hide_a_study(tmp_path: Path) -> None:
    put(tmp_path, "1.dcm", instance())
    put(tmp_path, "2.dcm", cut_before_the_study_uid(tmp_path))
    answer = ask(tmp_path)
    assert uids(answer) == ["2.999.1"]
    assert (answer.is_complete, answer.warnings) == (False, ("unreadable_file",))


def test_nothing_readable_at_all_is_a_failure(tmp_path: Path) -> None:
    put(tmp_path, "2.dcm", cut_before_the_study_uid(tmp_path))
    with pytest.raises(SourceProtocolError) as failure:
        ask(tmp_path)
    assert failure.value.reason == "no_readable_file"


def test_an_empty_folder_has_no_studies(tmp_path: Path) -> None:
    assert ask(tmp_path) == SiteAnswer(())


def test_a_file_without_preamble_is_read(tmp_path: Path) -> None:
    file = instance()
    del file.file_meta
    file.save_as(tmp_path / "old", implicit_vr=True, little_endian=True)
    assert uids(ask(tmp_path)) == ["2.999.1"]


def test_text_without_character_set_is_read_with_the_sites(tmp_path: Path) -> None:
    file = instance(SpecificCharacterSet=None, PatientName=None, StudyDescription=None)
    file.PatientName = "M\xdcLLER^J\xd6RG".encode("latin-1")
    path = put(tmp_path, "1.dcm", file)
    assert "MÜLLER".encode("latin-1") in path.read_bytes()
    answer = ask(settings(tmp_path, fallback_charset="ISO_IR 100"))
    name = only(answer).patient_name
    assert name is not None
    assert (name.family, name.given) == ("MÜLLER", "JÖRG")
    assert answer.warnings == ("charset_assumed",)


def test_links_never_lead_out_of_the_folder(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    put(inside, "1.dcm", instance())
    put(outside, "2.dcm", instance("2.999.2"))
    (inside / "file").symlink_to(outside / "2.dcm")
    (inside / "folder").symlink_to(outside)
    (inside / "loop").symlink_to(inside)
    (inside / "same").symlink_to(inside / "1.dcm")
    source = FolderSource(SITE, settings(inside))
    report = source.index_now()
    asyncio.run(source.aclose())
    assert report.problems == {"file": "outside_root", "folder": "outside_root"}
    answer = ask(inside)
    assert uids(answer) == ["2.999.1"]
    assert only(answer).instance_count == 1
    assert not answer.is_complete


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    put(tmp_path, "1.dcm", instance())
    os.mkfifo(tmp_path / "pipe.dcm")
    assert uids(ask(tmp_path)) == ["2.999.1"]


def test_new_changed_and_deleted_files_are_noticed(tmp_path: Path) -> None:
    put(tmp_path, "1.dcm", instance())

    async def run() -> list[list[str]]:
        source = FolderSource(SITE, settings(tmp_path))
        seen = [uids(await source.search_for_studies(ANA, timeout_seconds=SECONDS))]
        put(tmp_path, "2.dcm", instance("2.999.2"))
        seen.append(uids(await source.search_for_studies(ANA, timeout_seconds=SECONDS)))
        put(tmp_path, "1.dcm", instance("2.999.33"))
        seen.append(uids(await source.search_for_studies(ANA, timeout_seconds=SECONDS)))
        (tmp_path / "2.dcm").unlink()
        seen.append(uids(await source.search_for_studies(ANA, timeout_seconds=SECONDS)))
        await source.aclose()
        return seen

    assert asyncio.run(run()) == [["2.999.1"], ["2.999.1", "2.999.2"], ["2.999.2", "2.999.33"], ["2.999.33"]]


def test_inside_the_poll_interval_the_folder_is_not_looked_at_again(tmp_path: Path) -> None:
    put(tmp_path, "1.dcm", instance())

    async def run() -> list[str]:
        source = FolderSource(SITE, settings(tmp_path, poll_seconds=3600.0))
        await source.search_for_studies(ANA, timeout_seconds=SECONDS)
        put(tmp_path, "2.dcm", instance("2.999.2"))
        found = uids(await source.search_for_studies(ANA, timeout_seconds=SECONDS))
        await source.aclose()
        return found

    assert asyncio.run(run()) == ["2.999.1"]


def test_an_index_file_saves_reading_and_is_private(tmp_path: Path) -> None:
    folder, index = tmp_path / "files", tmp_path / "index.db"
    for number in (1, 2, 3):
        put(folder, f"{number}.dcm", instance(number=number))
    kept = settings(folder, index_file=index)
    counts = []
    for where in (kept, kept, replace(kept, fallback_charset="ISO_IR 144")):
        source = FolderSource(SITE, where)
        progress: list[int] = []
        report = source.index_now(on_progress=progress.append)
        counts.append((report.file_count, report.read_count, len(progress)))
        asyncio.run(source.aclose())
    assert counts == [(3, 3, 3), (3, 0, 0), (3, 3, 3)]
    assert index.stat().st_mode & 0o077 == 0


def test_an_index_that_is_no_database_is_a_failure(tmp_path: Path) -> None:
    put(tmp_path / "files", "1.dcm", instance())
    (tmp_path / "index.db").write_bytes(b"this is no database, whatever its name says" * 40)
    with pytest.raises(SourceUnavailable) as failure:
        ask(settings(tmp_path / "files", index_file=tmp_path / "index.db"))
    assert failure.value.reason == "index_failed"


def test_a_share_that_is_gone_is_no_empty_archive(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    put(folder, "1.dcm", instance())
    kept = settings(folder, index_file=tmp_path / "index.db")
    assert uids(ask(kept)) == ["2.999.1"]
    (folder / "1.dcm").unlink()
    with pytest.raises(SourceUnavailable) as emptied:
        ask(kept)
    assert emptied.value.reason == "folder_emptied"
    shutil.rmtree(folder)
    with pytest.raises(SourceUnavailable) as missing:
        ask(kept)
    assert missing.value.reason == "folder_missing"


def test_while_the_index_is_behind_the_answer_says_so(tmp_path: Path) -> None:
    put(tmp_path, "1.dcm", instance())
    put(tmp_path, "2.dcm", instance("2.999.2"))
    reading, released = threading.Event(), threading.Event()

    def hold(_: int) -> None:
        reading.set()
        released.wait(SECONDS)

    async def run() -> SourceError:
        source = FolderSource(SITE, settings(tmp_path))
        look = asyncio.create_task(asyncio.to_thread(source.index_now, on_progress=hold))
        await asyncio.to_thread(reading.wait, SECONDS)
        try:
            with pytest.raises(SourceError) as failure:
                await source.search_for_studies(ANA, timeout_seconds=0.3)
        finally:
            released.set()
            await look
        assert len((await source.search_for_studies(ANA, timeout_seconds=SECONDS)).studies) == 2
        await source.aclose()
        return failure.value

    assert asyncio.run(run()).reason == "indexing"


def disc(folder: Path, *files: Dataset) -> None:
    """Write a disc with a DICOMDIR."""
    file_set = FileSet()
    for file in files:
        file_set.add(file)
    file_set.write(folder)
    file_set._stage["t"].cleanup()  # the library leaves it to the garbage collector, which warns


def test_a_disc_is_read_by_its_files(tmp_path: Path) -> None:
    disc(tmp_path, instance(), instance("2.999.2", PatientID="004123"))
    answer = ask(tmp_path)
    assert (uids(answer), answer.is_complete) == (["2.999.1"], True)


def test_a_study_whose_files_are_missing_is_listed_without_images(tmp_path: Path) -> None:
    disc(tmp_path, instance(), instance("2.999.2", StudyDescription="CT HEAD"))
    shutil.rmtree(sorted(p for p in tmp_path.iterdir() if p.is_dir())[0])
    put(tmp_path, "other/1.dcm", instance("2.999.3"))
    studies = {study.study_instance_uid: study for study in ask(tmp_path).studies}
    assert set(studies) == {"2.999.1", "2.999.2", "2.999.3"}
    assert studies["2.999.2"].images_available is False
    assert (studies["2.999.2"].description, studies["2.999.2"].modalities) == ("CT HEAD", ("CT",))
    assert studies["2.999.3"].images_available is True


def _with_reference(folder: Path, reference: list[str]) -> None:
    path = folder / "DICOMDIR"
    content = path.read_bytes()
    dataset = dcmread(path)
    for record in dataset.DirectoryRecordSequence:
        if "ReferencedFileID" in record:
            old = "\\".join(record.ReferencedFileID).encode()
            new = "\\".join(reference).encode().ljust(len(old))
            assert len(new) == len(old)
            content = content.replace(old, new)
    path.write_bytes(content)


def test_a_reference_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "disc"
    disc(folder, instance())
    put(tmp_path, "secret", instance("2.999.66", PatientID="00412"))
    _with_reference(folder, ["..", "secret"])
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
    put(folder, "1.dcm", instance("2.999.7"))
    answer = ask(folder)
    assert set(uids(answer)) == {"2.999.1", "2.999.7"}
    assert "2.999.66" not in uids(answer)
    assert not answer.is_complete


def test_case_and_extension_of_a_reference_are_forgiven(tmp_path: Path) -> None:
    disc(tmp_path, instance())
    (file,) = [p for p in tmp_path.rglob("*") if p.is_file() and p.name != "DICOMDIR"]
    file.rename(file.with_name(file.name.lower() + ".dcm"))
    study = only(ask(tmp_path))
    assert (study.images_available, study.instance_count) == (True, 1)


def test_a_broken_dicomdir_does_not_hide_the_files(tmp_path: Path) -> None:
    disc(tmp_path, instance())
    content = (tmp_path / "DICOMDIR").read_bytes()
    (tmp_path / "DICOMDIR").write_bytes(content[: len(content) // 2])
    answer = ask(tmp_path)
    assert uids(answer) == ["2.999.1"]
    assert not answer.is_complete


def test_a_file_name_that_is_not_utf8_is_as_good_as_any(tmp_path: Path) -> None:
    named = put(tmp_path, "1.dcm", instance())
    named.rename(tmp_path / os.fsdecode(b"R\xf6ntgen.dcm"))
    put(tmp_path, "2.dcm", instance(number=2))
    assert only(ask(tmp_path)).instance_count == 2


def test_only_needed_attributes_are_read(tmp_path: Path) -> None:
    file = instance()
    file.PixelData = b"\0" * 1_000_000
    file.Rows = file.Columns = 1000
    file.BitsAllocated = 8
    path = put(tmp_path, "big.dcm", file)
    with path.open("rb") as stream:
        facts = read_file(stream, fallback_charset="ISO_IR 100")
        assert stream.tell() < 100_000
    assert isinstance(facts, FileFacts)
    assert facts.study_uid == "2.999.1"
    assert str(ImplicitVRLittleEndian) not in repr(facts)
