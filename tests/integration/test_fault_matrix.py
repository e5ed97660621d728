"""Every trouble times every adapter: the right kind of failure, in time, in bounded memory, nobody else's studies.

How close to the deadline an answer comes is measured by ``bench/fault_deadlines.py``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.dicom.folder.settings import FolderSettings
from adapters.dicom.folder.source import FolderSource
from adapters.simulated import bad_line
from federation.errors import SourceError, SourceProtocolError, SourceUnavailable
from federation.ports import PriorSource, SiteAnswer
from mpi.identity.identifiers import PatientIdentifier
from tests.contract.archives import ANA, ANA_STUDIES, LONGER_ID, UNKNOWN, instances
from tests.integration.fault_troubles import (
    ANSWER_SECONDS,
    DIMSE_CASES,
    ENCRYPTED_CASES,
    HTTP_CASES,
    Case,
    Outcome,
)
from tests.integration.fault_worlds import HTTP, SITE, Reach, Worlds
from tests.servers.certificates import ServerCertificate, make_wrong_certificates

LATER_THAN_ASKED_SECONDS = 1.0
MOST_MEMORY_BYTES = 110 * 1024 * 1024
"""An answer may be 32 MB; growing buffers, a copy, and one expanded block of a zipped one come on top."""
AGENT_MEMORY_KB = 120 * 1024

_CASES = [
    *(("dimse", name, case) for name, case in {**DIMSE_CASES, **ENCRYPTED_CASES}.items()),
    *((kind, name, case) for kind in HTTP for name, case in HTTP_CASES.items()),
    *((kind, name, case) for kind in HTTP[:-1] for name, case in ENCRYPTED_CASES.items()),
]


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    made = Worlds(tmp_path_factory.mktemp("worlds"))
    with made.stack:
        yield made


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, ServerCertificate]]:
    return make_wrong_certificates(tmp_path_factory.mktemp("shown"))


def uids(answer: SiteAnswer) -> set[str]:
    return {study.study_instance_uid for study in answer.studies}


async def tried(source: PriorSource, identifier: PatientIdentifier, seconds: float) -> SiteAnswer | SourceError:
    try:
        return await source.search_for_studies(identifier, timeout_seconds=seconds)
    except SourceError as error:
        return error


def check_outcome(case: Case, got: SiteAnswer | SourceError, prefix: str) -> None:
    wanted = case.outcome
    if isinstance(got, SiteAnswer):
        assert wanted.kind is None or wanted.may_be_partial, got.warnings
        assert got.is_complete is (wanted.kind is None)
        assert uids(got) <= ANA_STUDIES
        assert got.is_complete <= (uids(got) == ANA_STUDIES)
        return
    assert wanted.kind is not None, got.reason
    assert isinstance(got, wanted.kind), got.reason
    reasons = {*wanted.reasons, *(f"{prefix}{reason}" for reason in wanted.reasons)}
    assert not wanted.reasons or got.reason in reasons, got.reason
    assert ANA.local_patient_id not in f"{got} {got!r} {got.reason}"


async def check_that_nothing_stays(source: PriorSource) -> None:
    """The archive is well again: the same source gives everybody exactly their own."""
    found = await asyncio.gather(*(tried(source, i, 30.0) for i in (LONGER_ID, ANA, UNKNOWN, LONGER_ID)))
    answers = [answer for answer in found if isinstance(answer, SiteAnswer)]
    assert len(answers) == len(found), found
    assert [uids(answer) for answer in answers] == [{"2.999.71.4"}, ANA_STUDIES, set(), {"2.999.71.4"}]
    assert all(answer.is_complete and answer.dropped_count == 0 for answer in answers)


@contextlib.contextmanager
def watched_memory(is_large: bool) -> Iterator[None]:
    if not is_large:
        yield
        return
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
        assert peak < MOST_MEMORY_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("kind", "name", "case"), _CASES, ids=[f"{kind}-{name}" for kind, name, _ in _CASES])
def test_trouble(
    worlds: Worlds, shown: tuple[Path, dict[str, ServerCertificate]], kind: str, name: str, case: Case
) -> None:
    world, (authority, certificates) = worlds.get(kind), shown
    is_encrypted = case.certificate is not None
    reach = Reach(case.host or Reach().host, authority if is_encrypted else None)

    async def run() -> None:
        source = world.make_source(reach)
        try:
            started = time.monotonic()
            with watched_memory(case.is_large):
                got = await tried(source, ANA, case.seconds)
            seconds = time.monotonic() - started
            check_outcome(case, got, world.reason_prefix)
            assert seconds < case.seconds + LATER_THAN_ASKED_SECONDS
            if case.most_visits is not None:
                assert world.line.visit_count <= case.most_visits
            if case.host is None:
                world.line.set(bad_line.none, tls=certificates["good"].context() if is_encrypted else None)
                await check_that_nothing_stays(source)
        finally:
            await source.aclose()

    world.line.set(case.trouble, tls=certificates[case.certificate].context() if case.certificate else None)
    asyncio.run(run())
    if case.is_large and world.agent_pid is not None:
        assert peak_memory_kb(world.agent_pid) < AGENT_MEMORY_KB


def peak_memory_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found: dict[str, Any] = {name: text.split() for name, _, text in (line.partition(":") for line in lines)}
    return int(found["VmHWM"][0])


def _vanishes(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))


def _becomes_a_file(folder: Path) -> None:
    _vanishes(folder)
    folder.write_bytes(b"")


def _is_emptied(folder: Path) -> None:
    _vanishes(folder)
    folder.mkdir()


def _is_all_damaged(folder: Path) -> None:
    for file in folder.iterdir():
        file.write_bytes(file.read_bytes()[:200])


def _has_a_damaged_file(folder: Path) -> None:
    file = folder / "2.999.71.4.1.1.dcm"
    file.write_bytes(file.read_bytes()[:200])


def _has_odd_entries(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "ring").symlink_to(folder / "ring")
    (folder / "out").symlink_to("/etc/hostname")


def _is_refilled(folder: Path) -> None:
    """The folder as it was."""
    elsewhere = folder.with_name("elsewhere")
    for path in (folder, elsewhere):
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
    folder.mkdir()
    for file in instances():
        file.save_as(folder / f"{file.SOPInstanceUID}.dcm", enforce_file_format=True)


_PARTIAL = Outcome(SourceError, may_be_partial=True)
_FOLDER_CASES = {
    _vanishes: Outcome(SourceUnavailable, ("folder_missing",)),
    _becomes_a_file: Outcome(SourceUnavailable, ("folder_missing",)),
    _is_emptied: Outcome(SourceUnavailable, ("folder_emptied",)),
    _is_all_damaged: Outcome(SourceProtocolError, ("no_readable_file",)),
    _has_a_damaged_file: _PARTIAL,
    _has_odd_entries: _PARTIAL,
}


@pytest.mark.parametrize("damage", _FOLDER_CASES, ids=[damage.__name__.strip("_") for damage in _FOLDER_CASES])
def test_trouble_of_a_folder(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    folder = tmp_path / "images"
    _is_refilled(folder)

    async def run() -> None:
        source = FolderSource(SITE, FolderSettings(folder, poll_seconds=0.0))
        try:
            assert uids(await source.search_for_studies(ANA, timeout_seconds=30.0)) == ANA_STUDIES
            damage(folder)
            started = time.monotonic()
            got = await tried(source, ANA, ANSWER_SECONDS)
            assert time.monotonic() - started < ANSWER_SECONDS + LATER_THAN_ASKED_SECONDS
            check_outcome(Case(None, _FOLDER_CASES[damage]), got, "")
            _is_refilled(folder)
            await check_that_nothing_stays(source)
        finally:
            await source.aclose()

    asyncio.run(run())
