"""The FHIR source against servers that do what real ones do."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from adapters.fhir_imaging.settings import FhirSettings, PatientSearch
from adapters.fhir_imaging.source import FhirSource
from federation.errors import SourceError, SourceProtocolError, SourceTimedOut, SourceUnauthorised, SourceUnavailable
from federation.ports import SiteAnswer, SiteProbe
from federation.sites.site import Site, SiteId
from mpi.identity.identifiers import PatientIdentifier
from tests.servers.scripted_qido import Asked, Reply, ScriptedQido, scripted_qido

SECONDS = 5.0
SITE = Site(SiteId("LKM"), "Lindenkamp", "LKM", "Europe/Berlin")
ASKED = PatientIdentifier("LKM", "00412")
SYSTEM = "https://lkm.example/number"
ANA = {"resourceType": "Patient", "id": "p1", "identifier": [{"system": SYSTEM, "value": "00412"}]}
OTTO = {"resourceType": "Patient", "id": "p2", "identifier": [{"system": SYSTEM, "value": "00413"}]}
_JSON = {"content-type": "application/fhir+json"}
Answer = Callable[[Asked], Reply]


def reply(document: object, status: int = 200) -> Reply:
    return Reply(status, _JSON, json.dumps(document).encode())


def bundle(*resources: dict[str, Any], next_link: str | None = None, **more: Any) -> Reply:
    links = [] if next_link is None else [{"relation": "next", "url": next_link}]
    entries = [r if "resource" in r else {"resource": r} for r in resources]
    return reply({"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries, **more})


def study(uid: str, patient: str = "p1", **changed: Any) -> dict[str, Any]:
    return {
        "resourceType": "ImagingStudy",
        "status": "available",
        "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}],
        "subject": {"reference": f"Patient/{patient}"},
        "started": "2024-03-10T09:30:00+01:00",
        **changed,
    }


def outcome(severity: str) -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": "processing"}]}


def serving(*pages: Reply, patients: tuple[dict[str, Any], ...] = (ANA,)) -> Answer:
    """Patients as given; studies page after page, linked by ``page=N``."""

    def answer(asked: Asked) -> Reply:
        if asked.path == "/rs/Patient":
            return bundle(*patients)
        return pages[int(asked.query.get("page", ["0"])[0])]

    return answer


async def _run(server: ScriptedQido, settings: FhirSettings, timeout_seconds: float) -> SiteAnswer:
    source = FhirSource(SITE, settings)
    try:
        return await source.search_for_studies(ASKED, timeout_seconds=timeout_seconds)
    finally:
        await source.aclose()


def ask(answer: Answer, *, timeout_seconds: float = SECONDS, **changed: Any) -> tuple[SiteAnswer, list[Asked]]:
    with scripted_qido(answer) as server:
        settings = replace(FhirSettings(server.base_url, identifier_systems=(SYSTEM,)), **changed)
        return asyncio.run(_run(server, settings, timeout_seconds)), server.asked


def failure_of(answer: Answer, **changed: Any) -> SourceError:
    with pytest.raises(SourceError) as failure:
        ask(answer, **changed)
    return failure.value


def uids(answer: SiteAnswer) -> list[str]:
    return [found.study_instance_uid for found in answer.studies]


def header(asked: Asked, name: str) -> str:
    return {key.lower(): value for key, value in asked.headers.items()}[name]


def test_first_the_patient_then_the_studies() -> None:
    answer, asked = ask(serving(bundle(study("1.1"), study("1.2"))))
    assert uids(answer) == ["1.1", "1.2"]
    assert answer.is_complete
    assert asked[0].query["identifier"] == [f"{SYSTEM}|00412"]
    assert (asked[1].path, asked[1].query["patient"]) == ("/rs/ImagingStudy", ["Patient/p1"])
    assert asked[1].query["_include"] == ["ImagingStudy:endpoint"]


def test_a_person_filed_twice_is_asked_for_under_both_ids() -> None:
    twin = {**ANA, "id": "p7"}
    answer, asked = ask(serving(bundle(study("1.1"), study("1.2", "p7")), patients=(ANA, twin)))
    assert uids(answer) == ["1.1", "1.2"]
    assert asked[1].query["patient"] == ["Patient/p1,Patient/p7"]


def test_a_server_that_ignores_the_number_shows_nobody_elses_studies() -> None:
    answer, _ = ask(serving(bundle(study("1.1"), study("1.9", "p2")), patients=(OTTO, ANA)))
    assert uids(answer) == ["1.1"]
    assert (answer.dropped_count, answer.warnings) == (1, ("unrequested_patient",))


def test_nobody_with_the_number_means_that_nothing_is_asked_and_nothing_found() -> None:
    answer, asked = ask(serving(bundle(study("1.1")), patients=()))
    assert answer == SiteAnswer(())
    assert [a.path for a in asked] == ["/rs/Patient"]


@pytest.mark.parametrize(
    "link", ["?page=1", "ImagingStudy?page=1", "/rs/ImagingStudy?page=1", "http://127.0.0.1:{port}/rs?page=1"]
)
def test_links_are_followed_relative_to_the_base(link: str) -> None:
    def answer(asked: Asked) -> Reply:
        port = header(asked, "host").rpartition(":")[2]
        first = bundle(study("1.1"), next_link=link.format(port=port))
        return serving(first, bundle(study("1.2")))(asked)

    found, _ = ask(answer)
    assert uids(found) == ["1.1", "1.2"]
    assert found.is_complete


@pytest.mark.parametrize(
    "link",
    ["https://127.0.0.1/rs?page=1", "//other.invalid/x", "http://[broken", "http://u:p@127.0.0.1/rs", "", "ftp:x"],
)
def test_a_link_elsewhere_is_not_followed_and_the_list_is_cut(link: str) -> None:
    answer, asked = ask(serving(bundle(study("1.1"), next_link=link)), bearer_token="s3cret")
    assert uids(answer) == ["1.1"]
    assert not answer.is_complete
    assert answer.warnings == ("next_link_refused",)
    assert len(asked) == 2


def test_another_host_never_sees_a_request_or_the_token() -> None:
    with scripted_qido(lambda _: bundle(study("9.9"))) as stranger:
        answer, asked = ask(serving(bundle(study("1.1"), next_link=f"{stranger.base_url}/x")), bearer_token="s3cret")
        assert stranger.asked == []
    assert not answer.is_complete
    assert {header(a, "authorization") for a in asked} == {"Bearer s3cret"}


def test_links_in_a_ring_are_followed_once() -> None:
    ring = (bundle(study("1.1"), next_link="?page=1"), bundle(study("1.2"), next_link="?page=1"))
    answer, asked = ask(serving(*ring))
    assert uids(answer) == ["1.1", "1.2"]
    assert (answer.is_complete, answer.warnings) == (False, ("paging_ignored",))
    assert len(asked) == 3


def test_a_server_that_never_ends_is_cut() -> None:
    def answer(asked: Asked) -> Reply:
        number = int(asked.query.get("page", ["0"])[0])
        if asked.path == "/rs/Patient":
            return bundle(ANA)
        return bundle(study(f"1.2.{number}"), next_link=f"?page={number + 1}")

    found, asked = ask(answer, max_pages=4)
    assert len(found.studies) == 4
    assert (found.is_complete, found.warnings) == (False, ("too_many_pages",))
    assert len(asked) == 5


@pytest.mark.parametrize("second", [Reply(410), Reply(500), Reply(200, {}, b"<html>"), Reply(breaks_off=True)])
def test_a_later_page_that_fails_leaves_a_cut_list(second: Reply) -> None:
    answer, _ = ask(serving(bundle(study("1.1"), next_link="?page=1"), second))
    assert uids(answer) == ["1.1"]
    assert (answer.is_complete, answer.warnings) == (False, ("page_failed",))


def test_fewer_studies_than_announced_and_no_link_is_a_cut_list() -> None:
    answer, _ = ask(serving(bundle(study("1.1"), total=3)))
    assert (answer.is_complete, answer.warnings) == (False, ("fewer_than_total",))


def test_an_outcome_beside_matches_is_a_warning_and_a_bad_entry_loses_only_itself() -> None:
    answer, _ = ask(serving(bundle(study("1.1"), outcome("warning"), {"resource": None}, study("1.2"), total=3)))
    assert uids(answer) == ["1.1", "1.2"]
    assert answer.is_complete
    assert set(answer.warnings) == {"operation_outcome", "bad_row"}


@pytest.mark.parametrize("severity", ["error", "fatal"])
def test_an_error_without_matches_is_a_failure(severity: str) -> None:
    assert failure_of(serving(bundle(outcome(severity)))).reason == "operation_outcome"
    assert ask(serving(bundle(outcome("warning"))))[0].studies == ()


def test_a_study_comes_once_however_often_it_is_listed() -> None:
    included = {"resource": study("1.1"), "search": {"mode": "include"}}
    answer, _ = ask(serving(bundle(study("1.1"), included, study("1.2", description="A"), study("1.2"))))
    assert uids(answer) == ["1.1", "1.2", "1.2"]
    assert answer.warnings == ("repeated_study",)


@pytest.mark.parametrize(
    ("failed", "kind", "reason"),
    [
        (Reply(401), SourceUnauthorised, "http_401"),
        (Reply(403), SourceUnauthorised, "http_403"),
        (Reply(404), SourceUnavailable, "http_404"),
        (Reply(429), SourceUnavailable, "http_429"),
        (Reply(503), SourceUnavailable, "http_503"),
        (Reply(413), SourceProtocolError, "too_broad"),
        (Reply(422), SourceProtocolError, "http_422"),
        (Reply(302, {"location": "http://other-host.invalid/"}), SourceProtocolError, "redirect_refused"),
        (Reply(200, {}, b"<html>Sign in"), SourceProtocolError, "not_fhir_json"),
        (Reply(200, {}, b"<Bundle xmlns='http://hl7.org/fhir'/>"), SourceProtocolError, "not_fhir_json"),
        (Reply(200, _JSON, b"[]"), SourceProtocolError, "not_fhir_json"),
        (reply({"resourceType": "Observation"}), SourceProtocolError, "not_a_bundle"),
        (reply(outcome("error")), SourceProtocolError, "operation_outcome"),
        (Reply(breaks_off=True), SourceUnavailable, "connection_lost"),
    ],
)
@pytest.mark.parametrize("step", ["/rs/Patient", "/rs/ImagingStudy"])
def test_a_failure_is_never_an_empty_answer(step: str, failed: Reply, kind: type[SourceError], reason: str) -> None:
    failure = failure_of(lambda asked: failed if asked.path == step else serving(bundle())(asked))
    assert (type(failure), failure.reason) == (kind, reason)


def test_an_answer_without_end_is_refused() -> None:
    big = bundle(*(study(f"1.2.{number}") for number in range(1, 100)))
    assert failure_of(serving(big), max_answer_bytes=5000).reason == "answer_too_large"


def test_a_large_answer_is_read_whole() -> None:
    many = bundle(*(study(f"1.2.{number}") for number in range(1, 3001)))
    assert len(many.body) > 512 * 1024
    assert len(ask(serving(many))[0].studies) == 3000


def test_a_server_that_refuses_includes_and_our_media_type_is_asked_more_plainly() -> None:
    def answer(asked: Asked) -> Reply:
        if "fhir" in header(asked, "accept"):
            return Reply(406)
        return Reply(400) if "_include" in asked.query else serving(bundle(study("1.1")))(asked)

    assert uids(ask(answer)[0]) == ["1.1"]


def test_what_came_before_the_deadline_is_kept() -> None:
    released = threading.Event()

    def answer(asked: Asked) -> Reply:
        if "page" in asked.query:
            released.wait(SECONDS)
        return serving(bundle(study("1.1"), next_link="?page=1"), bundle())(asked)

    try:
        found, _ = ask(answer, timeout_seconds=0.3)
    finally:
        released.set()
    assert uids(found) == ["1.1"]
    assert (found.is_complete, found.warnings) == (False, ("deadline",))


CHAINED = {"patient_search": PatientSearch.CHAINED}


def test_a_chained_search_is_one_request_when_the_patient_is_included() -> None:
    included = {"resource": ANA, "search": {"mode": "include"}}
    answer, asked = ask(serving(bundle(study("1.1"), included, total=1)), **CHAINED)
    assert uids(answer) == ["1.1"]
    assert answer.is_complete
    assert len(asked) == 1
    assert asked[0].query["patient.identifier"] == [f"{SYSTEM}|00412"]
    assert "ImagingStudy:patient" in asked[0].query["_include"]


def test_a_chained_search_by_subject() -> None:
    _, asked = ask(serving(bundle()), **CHAINED, patient_parameter="subject")
    assert asked[0].query["subject:Patient.identifier"] == [f"{SYSTEM}|00412"]


def test_patients_that_a_chained_search_does_not_include_are_read() -> None:
    def answer(asked: Asked) -> Reply:
        read = {"/rs/Patient/p1": reply(ANA), "/rs/Patient/p2": reply(OTTO)}
        return read.get(asked.path) or serving(bundle(study("1.1"), study("1.2", "p2")))(asked)

    found, asked = ask(answer, **CHAINED)
    assert uids(found) == ["1.1"]
    assert (found.is_complete, found.dropped_count) == (True, 1)
    assert len(asked) == 3


@pytest.mark.parametrize("patient", ["p9", "../admin"])
def test_studies_that_cannot_be_proved_to_be_the_patients_are_not_shown(patient: str) -> None:
    def answer(asked: Asked) -> Reply:
        return Reply(404) if "ImagingStudy" not in asked.path else bundle(study("1.1", patient))

    found, asked = ask(answer, **CHAINED)
    assert found.studies == ()
    assert not found.is_complete
    assert "unverified_patient" in found.warnings
    assert all("admin" not in a.path for a in asked)


@pytest.mark.parametrize(
    ("answered", "ok", "reason"),
    [
        (reply({"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}), True, None),
        (reply({"resourceType": "Patient"}), False, "no_capability_statement"),
        (Reply(401), False, "http_401"),
        (Reply(200, {}, b"<html>"), False, "not_fhir_json"),
    ],
)
def test_a_check_reads_the_capability_statement(answered: Reply, ok: bool, reason: str | None) -> None:
    async def run(server: ScriptedQido) -> SiteProbe:
        source = FhirSource(SITE, FhirSettings(server.base_url))
        probe = await source.check(timeout_seconds=SECONDS)
        await source.aclose()
        return probe

    with scripted_qido(lambda _: answered) as server:
        probe = asyncio.run(run(server))
        assert (probe.ok, probe.reason) == (ok, reason)
        assert server.asked[0].path == "/rs/metadata"


def test_silence_is_a_time_out_and_secrets_do_not_show() -> None:
    assert "s3cret" not in repr(FhirSettings("http://archive.invalid", bearer_token="s3cret"))
    with pytest.raises(SourceTimedOut):
        ask(serving(bundle()), timeout_seconds=0.0)


def test_no_log_line_holds_the_id(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        ask(serving(bundle(study("1.1"))))
    assert "00412" not in caplog.text
