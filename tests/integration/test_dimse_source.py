"""C-FIND against peers that do what real ones do."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom.dsutils import encode

from adapters.dicom.dimse_association import STUDY_ROOT_FIND
from adapters.dicom.dimse_socket import QuickEntity, ReactorGate
from adapters.dicom.dimse_source import DimseSource
from adapters.dicom.settings import DimseSettings
from adapters.simulated.dimse_hospital import DimseHospital
from adapters.simulated.tidy_scp import TidyEntity
from federation.errors import SourceError, SourceProtocolError, SourceUnauthorised, SourceUnavailable
from federation.ports import SiteAnswer
from mpi.identity.identifiers import PatientIdentifier
from tests.contract.archives import ANA, ANA_STUDIES, HOSPITAL
from tests.servers.scripted_cfind import (
    AE_TITLE,
    PATIENT_ROOT_FIND,
    FindReply,
    ScriptedCfind,
    scripted_cfind,
)
from tests.unit.dicom.rows import ASKED, SITE

SECONDS = 5.0
DONE = FindReply(0x0000)


def found(uid: str, *, status: int = 0xFF00) -> FindReply:
    dataset = Dataset()
    dataset.StudyInstanceUID, dataset.PatientID, dataset.StudyDate = uid, "00412", "20240310"
    return FindReply(status, dataset)


async def _run(server: ScriptedCfind, times: int, settings: dict[str, Any]) -> SiteAnswer:
    source = DimseSource(SITE, DimseSettings("127.0.0.1", server.port, AE_TITLE, **settings))
    try:
        for _ in range(times):
            answer = await source.search_for_studies(ASKED, timeout_seconds=SECONDS)
        return answer
    finally:
        await source.aclose()


def ask(*scripts: Sequence[FindReply], times: int = 1, **settings: Any) -> tuple[SiteAnswer, ScriptedCfind]:
    with scripted_cfind(*scripts) as server:
        return asyncio.run(_run(server, times, settings)), server


def failure_of(*script: FindReply) -> SourceError:
    with pytest.raises(SourceError) as failure:
        ask(script)
    return failure.value


def uids(answer: SiteAnswer) -> list[str]:
    return [study.study_instance_uid for study in answer.studies]


def test_a_question_is_at_study_level_with_the_id_and_empty_return_keys() -> None:
    _, server = ask([DONE])
    query = server.queries[0]
    assert query.QueryRetrieveLevel == "STUDY"
    assert query.PatientID == "00412"
    assert "SpecificCharacterSet" not in query
    filled = {element.keyword for element in query if element.value}
    assert filled == {"QueryRetrieveLevel", "PatientID"}
    assert {"StudyInstanceUID", "StudyDescription", "IssuerOfPatientID", "ModalitiesInStudy"} <= set(query.dir())


def test_both_pending_statuses_bring_rows() -> None:
    answer, _ = ask([found("1.1"), found("1.2", status=0xFF01), DONE])
    assert uids(answer) == ["1.1", "1.2"]
    assert answer.is_complete


@pytest.mark.parametrize("rows", [0, 2])
@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (0xA700, SourceUnavailable, "out_of_resources"),
        (0xC001, SourceUnavailable, "unable_to_process"),
        (0x0122, SourceProtocolError, "find_not_supported"),
        (0x0124, SourceUnauthorised, "not_authorised"),
        (0x0110, SourceProtocolError, "status_0110"),
    ],
)
def test_a_failure_status_is_an_error_also_after_rows(
    rows: int, status: int, kind: type[SourceError], reason: str
) -> None:
    failure = failure_of(*(found(f"1.{number}") for number in range(rows)), FindReply(status))
    assert (type(failure), failure.reason) == (kind, reason)


def test_an_abort_after_rows_is_a_cut_list() -> None:
    answer, _ = ask([found("1.1"), FindReply(None)])
    assert uids(answer) == ["1.1"]
    assert not answer.is_complete
    assert answer.warnings == ("association_lost",)


def test_an_abort_before_rows_is_unavailable() -> None:
    failure = failure_of(FindReply(None))
    assert (type(failure), failure.reason) == (SourceUnavailable, "association_lost")


@pytest.mark.parametrize(("status", "warning"), [(0xFE00, "cancelled"), (0xB000, "site_warning")])
def test_a_list_that_ends_with_a_reservation_is_a_cut_list(status: int, warning: str) -> None:
    answer, _ = ask([found("1.1"), FindReply(status)])
    assert uids(answer) == ["1.1"]
    assert not answer.is_complete
    assert answer.warnings == (warning,)


def test_an_archive_that_refuses_unknown_keys_is_asked_with_the_required_ones() -> None:
    answer, server = ask([FindReply(0xA900)], [found("1.1"), DONE], times=2)
    assert uids(answer) == ["1.1"]
    assert ["StudyDescription" in query for query in server.queries] == [True, False, False]


def test_a_kept_association_that_broke_is_opened_again_once() -> None:
    answer, server = ask([found("1.1"), DONE], times=3)
    assert uids(answer) == ["1.1"]
    assert server.association_count == 3


def test_rows_without_end_are_cut() -> None:
    answer, _ = ask([*(found(f"1.{number}") for number in range(20)), DONE], max_rows=5)
    assert len(answer.studies) == 5
    assert not answer.is_complete
    assert answer.warnings == ("too_many_rows",)


def test_a_row_that_is_no_dataset_loses_only_itself() -> None:
    answer, _ = ask([FindReply(0xFF00, b"\x08\x00\x05\x00\xff\xff\xff\x7fgarbage"), found("1.2"), DONE])
    assert uids(answer) == ["1.2"]
    assert answer.is_complete


@pytest.mark.parametrize(("is_implicit", "is_little_endian"), [(False, True), (True, False), (False, False)])
def test_a_row_in_another_syntax_than_agreed_is_read_rightly_or_not_at_all(
    is_implicit: bool, is_little_endian: bool
) -> None:
    """Implicit little endian was agreed. No empty list without a word, and nothing is made up."""
    dataset = found("1.1").identifier
    assert isinstance(dataset, Dataset)
    script = [FindReply(0xFF00, encode(dataset, is_implicit, is_little_endian)), DONE]
    with scripted_cfind(script) as server:
        outcome = asyncio.run(_tried(server))
    if isinstance(outcome, SourceError):
        assert outcome.reason == "unreadable_rows"
    else:
        assert uids(outcome) == ["1.1"] or (uids(outcome), outcome.dropped_count) == ([], 1)


async def _tried(server: ScriptedCfind) -> SiteAnswer | SourceError:
    try:
        return await _run(server, 1, {})
    except SourceError as error:
        return error


def test_names_without_a_declared_set_are_read_with_the_sites() -> None:
    dataset = Dataset()
    dataset.StudyInstanceUID, dataset.PatientID = "1.2", "00412"
    raw = b"\x10\x00\x10\x00\x0c\x00\x00\x00M\xdcLLER^J\xd6RG " + (encode(dataset, True, True) or b"")
    answer, _ = ask([FindReply(0xFF00, raw), DONE])
    name = answer.studies[0].patient_name
    assert name is not None
    assert (name.family, name.given) == ("MÜLLER", "JÖRG")
    assert "charset_assumed" in answer.warnings


def test_a_peer_that_knows_only_the_patient_root_is_asked_there() -> None:
    with scripted_cfind([found("1.1"), DONE], models=(PATIENT_ROOT_FIND,)) as server:
        assert uids(asyncio.run(_run(server, 1, {}))) == ["1.1"]


def test_a_peer_that_takes_no_queries_is_a_matter_of_protocol() -> None:
    with scripted_cfind([DONE], models=()) as server, pytest.raises(SourceProtocolError) as failure:
        asyncio.run(_run(server, 1, {}))
    assert failure.value.reason == "find_not_supported"


@pytest.fixture
def hospital() -> Iterator[DimseHospital]:
    server = DimseHospital(HOSPITAL)
    server.start()
    yield server
    server.stop()


def test_a_peer_that_does_not_know_the_title_does_not_accept_us(hospital: DimseHospital) -> None:
    async def run() -> None:
        source = DimseSource(SITE, DimseSettings("127.0.0.1", hospital.port, "SOMEBODY"))
        with pytest.raises(SourceUnauthorised) as failure:
            await source.search_for_studies(ANA, timeout_seconds=SECONDS)
        assert failure.value.reason == "called_ae_title_not_recognised"
        probe = await source.check(timeout_seconds=SECONDS)
        assert (probe.ok, probe.reason) == (False, "called_ae_title_not_recognised")
        await source.aclose()

    asyncio.run(run())


def test_a_peer_without_room_is_asked_again_once_and_is_then_unavailable() -> None:
    entity = TidyEntity(ae_title=AE_TITLE)
    entity.maximum_associations = 1
    entity.add_supported_context(STUDY_ROOT_FIND)
    port = entity.listen([])
    guest = QuickEntity("GUEST", lambda _: None)
    guest.add_requested_context(STUDY_ROOT_FIND)
    held = guest.associate("127.0.0.1", port, ae_title=AE_TITLE)

    async def run() -> None:
        source = DimseSource(SITE, DimseSettings("127.0.0.1", port, AE_TITLE))
        with pytest.raises(SourceUnavailable) as failure:
            await source.search_for_studies(ASKED, timeout_seconds=SECONDS)
        assert failure.value.reason == "association_limit"
        await source.aclose()

    try:
        assert held.is_established
        asyncio.run(run())
    finally:
        held.release()
        entity.shutdown()


def test_more_questions_than_associations_wait_their_turn(hospital: DimseHospital) -> None:
    async def run() -> list[SiteAnswer]:
        settings = DimseSettings("127.0.0.1", hospital.port, hospital.ae_title, max_associations=2)
        source = DimseSource(HOSPITAL.site, settings)
        asked = [source.search_for_studies(ANA, timeout_seconds=30) for _ in range(60)]
        answers = await asyncio.gather(*asked)
        await source.aclose()
        return answers

    answers = asyncio.run(run())
    assert [{study.study_instance_uid for study in answer.studies} for answer in answers] == [ANA_STUDIES] * 60
    assert hospital.association_count == 2


def test_an_archive_that_restarted_is_asked_again_within_the_bound(hospital: DimseHospital) -> None:
    async def run() -> list[SiteAnswer]:
        settings = DimseSettings("127.0.0.1", hospital.port, hospital.ae_title, max_associations=3)
        source = DimseSource(HOSPITAL.site, settings)
        answers: list[SiteAnswer] = []
        for _ in range(3):
            answers += await asyncio.gather(*(source.search_for_studies(ANA, timeout_seconds=30) for _ in range(12)))
            await asyncio.to_thread(hospital.stop)
            await asyncio.to_thread(hospital.start)
        await source.aclose()
        return answers

    answers = asyncio.run(run())
    assert [{study.study_instance_uid for study in answer.studies} for answer in answers] == [ANA_STUDIES] * 36
    assert hospital.association_count <= 9


def test_the_event_loop_never_waits_for_a_peer() -> None:
    """While a peer keeps silent, the loop goes on ticking."""

    async def run() -> float:
        source = DimseSource(SITE, DimseSettings("127.0.0.1", listener.getsockname()[1], "SILENT"))
        task = asyncio.create_task(source.search_for_studies(ASKED, timeout_seconds=0.5))
        longest, last = 0.0, time.monotonic()
        while not task.done():
            await asyncio.sleep(0.005)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        assert isinstance(task.exception(), SourceError)
        await source.aclose()
        return longest

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        assert asyncio.run(run()) < 0.4


def test_no_thread_is_left_after_closing(hospital: DimseHospital) -> None:
    async def run() -> None:
        source = DimseSource(HOSPITAL.site, DimseSettings("127.0.0.1", hospital.port, hospital.ae_title))
        await asyncio.gather(*(source.search_for_studies(ANA, timeout_seconds=SECONDS) for _ in range(8)))
        await source.aclose()
        names = [thread.name for thread in threading.enumerate()]
        assert [name for name in names if name.startswith(("dimse-", "RequestorThread"))] == []

    asyncio.run(run())


def test_no_log_line_holds_the_id_or_the_name(caplog: pytest.LogCaptureFixture, hospital: DimseHospital) -> None:
    async def run() -> None:
        source = DimseSource(HOSPITAL.site, DimseSettings("127.0.0.1", hospital.port, hospital.ae_title))
        await source.search_for_studies(ANA, timeout_seconds=SECONDS)
        await source.search_for_studies(PatientIdentifier("NGH", "CANARY-7"), timeout_seconds=SECONDS)
        await source.aclose()

    with caplog.at_level(logging.DEBUG):
        asyncio.run(run())
    assert "CANARY-7" not in caplog.text
    assert "Lärk" not in caplog.text


def test_the_gate_closes_only_when_the_thread_stands_before_it() -> None:
    """Otherwise the library's thread takes a row for itself, and the rest looks like a complete answer."""
    gate = ReactorGate()
    is_reading = threading.Event()
    overlaps: list[int] = []
    stop = threading.Event()

    def reactor() -> None:
        while not stop.is_set():
            gate.wait()
            if is_reading.is_set():
                overlaps.append(1)

    thread = threading.Thread(target=reactor)
    thread.start()
    for _ in range(500):
        gate.clear()
        is_reading.set()
        is_reading.clear()
        gate.set()
    stop.set()
    gate.set()
    thread.join(5)
    assert overlaps == []


def test_a_gate_nobody_comes_to_is_an_error() -> None:
    with pytest.raises(RuntimeError):
        ReactorGate().clear()
