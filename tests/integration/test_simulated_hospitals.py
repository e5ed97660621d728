"""The demo hospitals: real servers whose trouble can be switched while they run, and the story they tell."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx2
import pytest

from adapters.dicom.dicomweb_source import DicomwebSource
from adapters.dicom.dimse_source import DimseSource
from adapters.dicom.settings import DicomwebSettings, DimseSettings
from adapters.fhir_imaging.settings import FhirSettings
from adapters.fhir_imaging.source import FhirSource
from adapters.simulated.adt_feed import adt_messages, merge_message
from adapters.simulated.dicomweb_hospital import DicomwebHospital
from adapters.simulated.dimse_hospital import DimseHospital
from adapters.simulated.faults import Fault
from adapters.simulated.fhir_hospital import FhirHospital
from adapters.simulated.hospital import Protocol, SimulatedHospital
from adapters.simulated.population import simulate_hospitals
from adapters.simulated.story import NATIONAL_AUTHORITY, STORY
from federation.errors import SourceError, SourceProtocolError, SourceTimedOut, SourceUnauthorised, SourceUnavailable
from federation.imaging.studies import ReportStatus
from federation.ports import PriorSource, SiteAnswer
from mpi.identity.identifiers import AssigningAuthority, AuthorityRegistry, PatientIdentifier
from mpi.identity.records import SourceRecord
from tests.contract.archives import ANA, HOSPITAL
from tests.hl7_door import Door, OpenStore, memory_store

NOW = dt.datetime(2026, 3, 20, 8, 0, tzinfo=dt.UTC)
SECONDS = 5.0
LATER_THAN_ASKED = 0.3


@dataclass(frozen=True, slots=True)
class Played:
    """A running demo hospital and a source that asks it."""

    server: DicomwebHospital | DimseHospital | FhirHospital
    make_source: Callable[[], PriorSource]

    @property
    def is_web(self) -> bool:
        return isinstance(self.server, DicomwebHospital | FhirHospital)


@pytest.fixture(params=["dicomweb", "dimse", "fhir"])
def played(request: pytest.FixtureRequest) -> Iterator[Played]:
    played = {"dicomweb": _play_web, "dimse": _play_dimse, "fhir": _play_fhir}[request.param]()
    try:
        yield played
    finally:
        played.server.stop()


def _play_web(hospital: SimulatedHospital = HOSPITAL) -> Played:
    server = DicomwebHospital(hospital)
    server.start()
    return Played(server, lambda: DicomwebSource(hospital.site, DicomwebSettings(server.base_url)))


def _play_dimse(hospital: SimulatedHospital = HOSPITAL) -> Played:
    server = DimseHospital(hospital)
    port = server.start()
    return Played(server, lambda: DimseSource(hospital.site, DimseSettings("127.0.0.1", port, server.ae_title)))


def _play_fhir(hospital: SimulatedHospital = HOSPITAL) -> Played:
    server = FhirHospital(hospital)
    server.start()
    settings = FhirSettings(server.base_url, identifier_systems=(server.identifier_system,))
    return Played(server, lambda: FhirSource(hospital.site, settings))


def ask(played: Played, *, timeout_seconds: float = SECONDS) -> SiteAnswer:
    return asyncio.run(_ask(played, timeout_seconds))


async def _ask(played: Played, timeout_seconds: float) -> SiteAnswer:
    source = played.make_source()
    try:
        return await source.search_for_studies(ANA, timeout_seconds=timeout_seconds)
    finally:
        await source.aclose()


def failure_of(played: Played, *, timeout_seconds: float = SECONDS) -> SourceError:
    with pytest.raises(SourceError) as failure:
        ask(played, timeout_seconds=timeout_seconds)
    return failure.value


def test_latency_delays_a_whole_answer(played: Played) -> None:
    played.server.set_fault(Fault.NONE, latency_ms=150)
    started = time.monotonic()
    assert len(ask(played).studies) == 3
    assert time.monotonic() - started >= 0.15


def test_a_hanging_hospital_times_out_and_answers_again_later(played: Played) -> None:
    played.server.set_fault(Fault.HANG)
    started = time.monotonic()
    failure = failure_of(played, timeout_seconds=0.4)
    assert time.monotonic() - started < 0.4 + LATER_THAN_ASKED
    assert isinstance(failure, SourceTimedOut)
    played.server.set_fault(Fault.NONE)
    assert len(ask(played).studies) == 3


def test_a_hospital_that_is_gone_refuses_and_comes_back_on_its_port(played: Played) -> None:
    port = played.server.port
    played.server.set_fault(Fault.REFUSE)
    failure = failure_of(played)
    assert isinstance(failure, SourceUnavailable)
    assert failure.reason == "connection_refused"
    played.server.set_fault(Fault.NONE)
    assert played.server.port == port
    assert len(ask(played).studies) == 3


def test_a_kept_connection_survives_a_restart_of_the_hospital(played: Played) -> None:
    async def run() -> list[int]:
        source = played.make_source()
        counts = []
        for fault in (Fault.NONE, Fault.REFUSE, Fault.NONE):
            await asyncio.to_thread(played.server.set_fault, fault)
            if fault is Fault.NONE:
                counts.append(len((await source.search_for_studies(ANA, timeout_seconds=SECONDS)).studies))
        await source.aclose()
        return counts

    assert asyncio.run(run()) == [3, 3]


def test_an_unwell_hospital_is_unavailable(played: Played) -> None:
    played.server.set_fault(Fault.SERVER_ERROR)
    failure = failure_of(played)
    assert isinstance(failure, SourceUnavailable)
    assert failure.reason == ("http_500" if played.is_web else "out_of_resources")


def test_a_login_page_is_no_empty_answer(played: Played) -> None:
    played.server.set_fault(Fault.LOGIN_PAGE)
    failure = failure_of(played)
    assert isinstance(failure, SourceProtocolError)
    assert not failure.retryable
    reasons = {DicomwebHospital: "not_dicom_json", FhirHospital: "not_fhir_json", DimseHospital: "status_0001"}
    assert failure.reason == reasons[type(played.server)]


def test_a_dripping_answer_is_cut_at_the_deadline(played: Played) -> None:
    """Rows of C-FIND stand alone, so those that came are kept; half a JSON document is nothing."""
    played.server.set_fault(Fault.SLOW_DRIP)
    started = time.monotonic()
    if played.is_web:
        assert isinstance(failure_of(played, timeout_seconds=0.5), SourceTimedOut)
    else:
        answer = ask(played, timeout_seconds=0.3)
        assert 1 <= len(answer.studies) < 3
        assert not answer.is_complete
        assert "deadline" in answer.warnings
    assert time.monotonic() - started < 0.5 + LATER_THAN_ASKED


def test_an_answer_that_breaks_off_is_never_complete(played: Played) -> None:
    played.server.set_fault(Fault.ABORT)
    if played.is_web:
        failure = failure_of(played)
        assert isinstance(failure, SourceUnavailable)
        assert failure.reason == "connection_lost"
    else:
        answer = ask(played)
        assert len(answer.studies) == 1
        assert not answer.is_complete
        assert answer.warnings == ("association_lost",)


def test_a_cancelled_question_leaves_nothing_behind(played: Played) -> None:
    played.server.set_fault(Fault.HANG)
    before = set(threading.enumerate())

    async def run() -> float:
        source = played.make_source()
        task = asyncio.create_task(source.search_for_studies(ANA, timeout_seconds=60))
        await asyncio.sleep(0.2)
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await source.aclose()
        return time.monotonic() - started

    assert asyncio.run(run()) < 2.0
    played.server.stop()
    left = [thread.name for thread in set(threading.enumerate()) - before if thread.is_alive()]
    assert [name for name in left if "dimse" in name or "Requestor" in name] == []


def test_stopping_twice_is_stopping_once_and_frees_the_port(played: Played) -> None:
    port = played.server.port
    played.server.stop()
    played.server.stop()
    assert played.server.start() == port
    assert len(ask(played).studies) == 3


def test_a_hospital_that_wants_a_token_does_not_know_us_without() -> None:
    server = DicomwebHospital(HOSPITAL, bearer_token="open sesame")
    server.start()
    try:
        stranger = Played(server, lambda: DicomwebSource(HOSPITAL.site, DicomwebSettings(server.base_url)))
        failure = failure_of(stranger)
        assert isinstance(failure, SourceUnauthorised)
        settings = DicomwebSettings(server.base_url, bearer_token="open sesame")
        assert "sesame" not in repr(settings)
        assert len(ask(Played(server, lambda: DicomwebSource(HOSPITAL.site, settings))).studies) == 3
    finally:
        server.stop()


def test_the_web_hospital_takes_a_star_as_a_wildcard_as_archives_do() -> None:
    played = _play_web()
    assert isinstance(played.server, DicomwebHospital)
    try:
        answer = httpx2.get(f"{played.server.base_url}/studies", params={"PatientID": "0041*"}, trust_env=False)
        assert len(answer.json()) == 4
    finally:
        played.server.stop()


@pytest.fixture(scope="module")
def hospitals() -> tuple[SimulatedHospital, ...]:
    return simulate_hospitals(NOW)


def test_the_population_is_the_same_for_the_same_seed(hospitals: tuple[SimulatedHospital, ...]) -> None:
    assert simulate_hospitals(NOW) == hospitals
    assert simulate_hospitals(NOW, seed=1) != hospitals


def test_the_population_has_the_size_and_the_trouble_it_should(hospitals: tuple[SimulatedHospital, ...]) -> None:
    studies = [study for hospital in hospitals for study in hospital.studies]
    assert len(hospitals) == 4
    assert {hospital.protocol for hospital in hospitals} == set(Protocol)
    assert 1500 <= len(studies) <= 1520
    assert len({study.study_instance_uid for study in studies}) == len(studies)
    assert all(study.started_at < NOW for study in studies)
    for hospital in hospitals:
        known = [patient.local_patient_id for patient in hospital.patients]
        assert len(set(known)) == len(known)
        assert {study.local_patient_id for study in hospital.studies} <= set(known)
    people = [patient.demographics for hospital in hospitals for patient in hospital.patients]
    assert any(person.birth_date is None for person in people)
    assert any(person.aliases for person in people)
    assert {"Jr", "Sr"} <= {person.name.suffix for person in people}


def test_numbers_of_two_hospitals_collide(hospitals: tuple[SimulatedHospital, ...]) -> None:
    numbers = Counter(patient.local_patient_id for hospital in hospitals for patient in hospital.patients)
    assert sum(1 for count in numbers.values() if count > 1) > 50


def test_the_storys_scan_is_found_at_the_other_hospital(hospitals: tuple[SimulatedHospital, ...]) -> None:
    hospital = next(h for h in hospitals if h.authority == STORY.marta_elsewhere.assigning_authority)
    played = _play_dimse(hospital)

    async def run() -> SiteAnswer:
        source = played.make_source()
        answer = await source.search_for_studies(STORY.marta_elsewhere, timeout_seconds=SECONDS)
        await source.aclose()
        return answer

    try:
        answer = asyncio.run(run())
    finally:
        played.server.stop()
    scan = next(study for study in answer.studies if study.study_instance_uid == STORY.marta_ct)
    assert scan.started is not None
    assert scan.started.instant == NOW - dt.timedelta(days=3)
    assert scan.modalities == ("CT", "SR")
    assert scan.report_status is ReportStatus.FINAL
    assert scan.images_available


@pytest.fixture(scope="module")
def registered(hospitals: tuple[SimulatedHospital, ...]) -> tuple[OpenStore, Door]:
    """Every hospital's registrations through the HL7 door."""
    store = memory_store()
    names = [AssigningAuthority(hospital.authority) for hospital in hospitals]
    authorities = AuthorityRegistry.of(*names, AssigningAuthority(NATIONAL_AUTHORITY, strong=True))
    door = Door(store.units, authorities=authorities)
    for hospital in hospitals:
        for message in adt_messages(hospital, NOW):
            assert door.send(message).code == "AA"
    return store, door


def _records(store: OpenStore) -> dict[PatientIdentifier, SourceRecord]:
    return {record.identifier: record for record in store.all_records()}


def test_the_storys_people_are_who_they_should_be(registered: tuple[OpenStore, Door]) -> None:
    store, _ = registered
    person = {identifier: record.enterprise_id for identifier, record in _records(store).items()}
    assert person[STORY.marta_here] == person[STORY.marta_elsewhere]
    assert person[STORY.maria_here] == person[STORY.maria_elsewhere]
    assert person[STORY.marta_here] != person[STORY.maria_here]
    assert person[STORY.tomasz_here] != person[STORY.tomasz_elsewhere]
    assert person[STORY.irene_here] == person[STORY.irene_elsewhere]


def test_tomasz_is_a_question_for_records_staff(registered: tuple[OpenStore, Door]) -> None:
    store, _ = registered
    with store.units() as uow:
        page = uow.reviews.open_page(kinds=None, offset=0, limit=1000)
    assert {STORY.tomasz_here, STORY.tomasz_elsewhere} in [{item.left, item.right} for item in page.items]


def test_nurias_two_numbers_become_one(
    registered: tuple[OpenStore, Door], hospitals: tuple[SimulatedHospital, ...]
) -> None:
    store, door = registered
    hospital = next(h for h in hospitals if h.authority == STORY.nuria_surviving.assigning_authority)
    assert door.send(merge_message(hospital, STORY.nuria_surviving, STORY.nuria_subsumed, NOW)).code == "AA"
    records = _records(store)
    assert not records[STORY.nuria_subsumed].is_active
    assert records[STORY.nuria_subsumed].surviving_identifier == STORY.nuria_surviving
