"""A slow archive at the deadline: what it has sent so far is shown, as a part; the rest revises it when it comes."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from pydicom.dataset import Dataset

from adapters.dicom.dicomweb_source import DicomwebSource
from adapters.dicom.dimse_source import DimseSource
from adapters.dicom.settings import DicomwebSettings, DimseSettings
from adapters.fhir_imaging.settings import FhirSettings, PatientSearch
from adapters.fhir_imaging.source import FhirSource
from federation.ports import HearsInParts, PriorSource
from federation.sites.coverage import CoverageState
from federation.sites.site import SiteId
from gateway.warm_sources import WarmSource
from tests.builders import NOON, pid
from tests.late_world import LateWorld, coverage, study, uids, world_of_ana
from tests.servers.scripted_cfind import AE_TITLE, FindReply, scripted_cfind
from tests.servers.scripted_qido import Asked, Reply, scripted_qido

LKM = SiteId("LKM")
NUMBER = pid("LKM|9")
SYSTEM = "https://lkm.example/number"
WAIT_SECONDS = 30.0

HERS, STRANGER, OTHER_NUMBER, LAST = "2.999.1", "2.999.3", "2.999.4", "2.999.2"
BEFORE = "2.999.9"
FIRST_PART = ((HERS, "9", False), (STRANGER, "9", True), (OTHER_NUMBER, "99", False))
"""(study, patient id, whether name and birth date are those of somebody else)."""

Served = Callable[[threading.Event], AbstractContextManager[PriorSource]]


def dataset(uid: str, number: str, is_stranger: bool) -> Dataset:
    row = Dataset()
    row.StudyInstanceUID, row.PatientID, row.StudyDate = uid, number, "20260110"
    if is_stranger:
        row.PatientName, row.PatientBirthDate, row.PatientSex = "OKAFOR^BAYO", "19611130", "M"
    return row


class InTwoParts(list[FindReply]):
    """Everything but the last two replies; those when the gate opens."""

    def __init__(self, gate: threading.Event, *replies: FindReply) -> None:
        super().__init__(replies)
        self._gate = gate

    def __iter__(self) -> Iterator[FindReply]:
        replies = list(super().__iter__())
        yield from replies[:-2]
        self._gate.wait(WAIT_SECONDS)
        yield from replies[-2:]


@contextmanager
def dimse(gate: threading.Event) -> Iterator[PriorSource]:
    rows = [dataset(*row) for row in (*FIRST_PART, (LAST, "9", False))]
    replies = InTwoParts(gate, *(FindReply(0xFF00, row) for row in rows), FindReply(0x0000))
    with scripted_cfind(replies) as server:
        yield DimseSource(LateWorld().directory.sites[LKM], DimseSettings("127.0.0.1", server.port, AE_TITLE))


@contextmanager
def dicomweb(gate: threading.Event) -> Iterator[PriorSource]:
    def answer(asked: Asked) -> Reply:
        offset = int(asked.query["offset"][0])
        rows = FIRST_PART if offset == 0 else ((LAST, "9", False),) if offset == len(FIRST_PART) else ()
        if offset:
            gate.wait(WAIT_SECONDS)
        body = "[" + ",".join(dataset(*row).to_json() for row in rows) + "]"
        return Reply(headers={"Content-Type": "application/dicom+json"}, body=body.encode())

    with scripted_qido(answer) as server:
        settings = DicomwebSettings(server.base_url, page_size=len(FIRST_PART))
        yield DicomwebSource(LateWorld().directory.sites[LKM], settings)


def bundle(*resources: dict[str, Any], following: str | None = None) -> Reply:
    found: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset"}
    found["entry"] = [{"resource": resource, "search": {"mode": "match"}} for resource in resources]
    found["link"] = [{"relation": "next", "url": following}] if following else []
    return Reply(headers={"Content-Type": "application/fhir+json"}, body=json.dumps(found).encode())


def imaging_study(uid: str, patient: str) -> dict[str, Any]:
    return {
        "resourceType": "ImagingStudy",
        "id": uid.replace(".", "-"),
        "status": "available",
        "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}],
        "subject": {"reference": f"Patient/{patient}"},
        "started": "2026-01-10",
    }


def patient(number: str, name: str, *, family: str, given: str, born: str, sex: str) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": name,
        "identifier": [{"system": SYSTEM, "value": number}],
        "name": [{"family": family, "given": [given]}],
        "birthDate": born,
        "gender": sex,
    }


ANA = patient("9", "ana", family="Arroyo", given="Ana", born="1984-03-12", sex="female")
BAYO = patient("9", "bayo", family="Okafor", given="Bayo", born="1961-11-30", sex="male")


def fhir(search: PatientSearch) -> Served:
    @contextmanager
    def serve(gate: threading.Event) -> Iterator[PriorSource]:
        def answer(asked: Asked) -> Reply:
            if asked.path.endswith("/Patient"):
                return bundle(ANA, BAYO)
            if "page" not in asked.query:
                first = [imaging_study(HERS, "ana"), imaging_study(STRANGER, "bayo"), imaging_study(OTHER_NUMBER, "x")]
                known = [ANA, BAYO] if search is PatientSearch.CHAINED else []
                return bundle(*first, *known, following="ImagingStudy?page=2")
            gate.wait(WAIT_SECONDS)
            return bundle(imaging_study(LAST, "ana"))

        with scripted_qido(answer) as server:
            settings = FhirSettings(server.base_url, identifier_systems=(SYSTEM,), patient_search=search)
            yield FhirSource(LateWorld().directory.sites[LKM], settings)

    return serve


SERVED: dict[str, Served] = {
    "DIMSE": dimse,
    "DICOMweb": dicomweb,
    "FHIR": fhir(PatientSearch.TWO_STEP),
    "FHIR-chained": fhir(PatientSearch.CHAINED),
}


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not holds():
            await asyncio.sleep(0.01)


def play(served: Served, story: Callable[[LateWorld, PriorSource, threading.Event], Awaitable[None]]) -> None:
    gate = threading.Event()

    async def run(source: PriorSource) -> None:
        world = world_of_ana(study(BEFORE, "LKM|9", days_ago=300))
        await world.history("NGH|1")
        await world.asking.settle()
        world.directory = replace(world.directory, sources={**world.directory.sources, LKM: source})
        try:
            await story(world, source, gate)
        finally:
            gate.set()
            await world.directory.aclose()

    with served(gate) as source:
        asyncio.run(run(source))


async def first_part(world: LateWorld, source: PriorSource) -> None:
    """The question is on its way and something of it has come; who asks now joins it."""
    assert isinstance(source, HearsInParts)
    world.asking.ask(source, NUMBER, clock=world.clock, at_least_seconds=WAIT_SECONDS)
    await until(lambda: source.said_so_far(NUMBER) is not None)
    # pages come whole; of rows the others are on the wire right behind the first
    await until(lambda: len((source.said_so_far(NUMBER) or pytest.fail("gone")).studies) == 2)


@pytest.mark.parametrize("kind", SERVED)
def test_what_has_come_is_shown_as_a_part_and_revised_later(kind: str) -> None:
    async def story(world: LateWorld, source: PriorSource, gate: threading.Event) -> None:
        await first_part(world, source)
        world.now += dt.timedelta(hours=1)
        found = await world.history("NGH|1")
        entry = coverage(found, "LKM")
        assert (entry.state, entry.reason) == (CoverageState.PARTIAL, "deadline")
        assert entry.as_of == NOON, "the oldest of what is shown"
        assert sorted(uids(found)) == [HERS, BEFORE]
        assert (entry.set_apart_count, entry.study_count) == (1, 2)
        assert "filled_from_index" in entry.warnings
        assert not found.history.coverage.is_complete
        kept = world.entry("LKM", "LKM|9")
        assert kept is not None
        assert [each.study_instance_uid for each in kept.studies] == [BEFORE]

        gate.set()
        await world.asking.settle()
        kept = world.entry("LKM", "LKM|9")
        assert kept is not None
        assert {HERS, LAST} <= {each.study_instance_uid for each in kept.studies}
        assert OTHER_NUMBER not in {each.study_instance_uid for each in kept.studies}

    play(SERVED[kind], story)


def test_an_order_is_judged_on_the_part_and_again_when_the_rest_comes() -> None:
    async def story(world: LateWorld, source: PriorSource, gate: threading.Event) -> None:
        await first_part(world, source)
        checked = await world.check("NGH|1")
        assert coverage(checked, "LKM").state is CoverageState.PARTIAL
        assert HERS in uids(checked)
        world.empty_outbox()
        gate.set()
        await world.asking.settle()
        assert "priors_changed" in world.outbox()

    play(dicomweb, story)


def test_without_an_index_the_part_stands_alone_and_says_when() -> None:
    async def story(world: LateWorld, source: PriorSource, gate: threading.Event) -> None:
        world.index_is_down = True
        await first_part(world, source)
        found = await world.history("NGH|1")
        entry = coverage(found, "LKM")
        assert (entry.state, entry.as_of, entry.study_count) == (CoverageState.PARTIAL, NOON, 1)
        assert uids(found) == [HERS]

    play(dicomweb, story)


def test_a_part_that_holds_nothing_of_the_patients_is_no_part() -> None:
    def answer(asked: Asked) -> Reply:
        if asked.query["offset"] != ["0"]:
            gate.wait(WAIT_SECONDS)
        body = f"[{dataset(OTHER_NUMBER, '99', False).to_json()}]"
        return Reply(headers={"Content-Type": "application/dicom+json"}, body=body.encode())

    gate = threading.Event()

    async def run(base_url: str, asked: list[Asked]) -> None:
        source = DicomwebSource(LateWorld().directory.sites[LKM], DicomwebSettings(base_url))
        world = world_of_ana()
        world.directory = replace(world.directory, sources={**world.directory.sources, LKM: source})
        world.asking.ask(source, NUMBER, clock=world.clock, at_least_seconds=WAIT_SECONDS)
        await until(lambda: len(asked) == 2)
        found = await world.history("NGH|1")
        assert coverage(found, "LKM").state is CoverageState.TIMED_OUT
        gate.set()
        await world.directory.aclose()

    with scripted_qido(answer) as server:
        asyncio.run(run(server.base_url, server.asked))


def test_a_source_that_keeps_answers_warm_passes_the_part_on() -> None:
    async def story(world: LateWorld, source: PriorSource, gate: threading.Event) -> None:
        warm = WarmSource(source, keep_seconds=5.0, patience_seconds=WAIT_SECONDS)
        await first_part(world, warm)
        world.directory = replace(world.directory, sources={**world.directory.sources, LKM: warm})
        assert HERS in uids(await world.history("NGH|1"))

    play(dicomweb, story)
