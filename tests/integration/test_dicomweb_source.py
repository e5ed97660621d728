"""QIDO-RS against servers that do what real ones do."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from adapters.dicom.dicomweb_source import DicomwebSource
from adapters.dicom.settings import DicomwebSettings
from federation.errors import (
    SourceError,
    SourceProtocolError,
    SourceUnauthorised,
    SourceUnavailable,
)
from federation.ports import SiteAnswer, SiteProbe
from mpi.identity.identifiers import PatientIdentifier
from tests.servers.scripted_qido import Asked, Reply, ScriptedQido, scripted_qido
from tests.unit.dicom.rows import ASKED, SITE, row

SECONDS = 5.0
_JSON = {"content-type": "application/dicom+json"}


def page(*uids: str, warning: str | None = None) -> Reply:
    body = json.dumps([row(StudyInstanceUID=uid) for uid in uids]).encode()
    return Reply(200, _JSON if warning is None else {**_JSON, "warning": warning}, body)


def by_offset(pages: dict[str, Reply]) -> Callable[[Asked], Reply]:
    return lambda asked: pages.get(asked.query["offset"][0], Reply(204))


async def _run(server: ScriptedQido, times: int, identifier: PatientIdentifier, settings: dict[str, Any]) -> SiteAnswer:
    source = DicomwebSource(SITE, dataclasses.replace(DicomwebSettings(server.base_url), **settings))
    try:
        for _ in range(times):
            answer = await source.search_for_studies(identifier, timeout_seconds=SECONDS)
        return answer
    finally:
        await source.aclose()


def ask(
    answer: Callable[[Asked], Reply], *, times: int = 1, identifier: PatientIdentifier = ASKED, **settings: Any
) -> tuple[SiteAnswer, list[Asked]]:
    with scripted_qido(answer) as server:
        return asyncio.run(_run(server, times, identifier, settings)), server.asked


def failure_of(answer: Callable[[Asked], Reply], **settings: Any) -> SourceError:
    with pytest.raises(SourceError) as failure:
        ask(answer, **settings)
    return failure.value


def header(asked: Asked, name: str) -> str:
    return {key.lower(): value for key, value in asked.headers.items()}[name]


def uids(answer: SiteAnswer) -> list[str]:
    return [study.study_instance_uid for study in answer.studies]


def test_a_question_names_its_fields_its_limit_and_both_media_types() -> None:
    _, asked = ask(by_offset({}), identifier=PatientIdentifier("NGH", "25/18 07&x=1"))
    assert asked[0].path == "/rs/studies"
    assert asked[0].query["PatientID"] == ["25/18 07&x=1"]
    assert asked[0].query["limit"] == ["200"]
    assert {"StudyDescription", "IssuerOfPatientID", "ModalitiesInStudy"} <= set(asked[0].query["includefield"])
    accepted = header(asked[0], "accept")
    assert "application/dicom+json" in accepted
    assert "application/json" in accepted


def test_a_short_page_is_not_the_end() -> None:
    answer, asked = ask(by_offset({"0": page("1.1", "1.2"), "2": page("1.3")}), page_size=10)
    assert uids(answer) == ["1.1", "1.2", "1.3"]
    assert answer.is_complete
    assert [a.query["offset"][0] for a in asked] == ["0", "2", "3"]


def test_the_same_page_again_and_again_is_a_cut_list() -> None:
    answer, asked = ask(lambda _: page("1.1", "1.2"))
    assert uids(answer) == ["1.1", "1.2"]
    assert not answer.is_complete
    assert answer.warnings == ("paging_ignored",)
    assert len(asked) == 2


def test_overlapping_pages_give_each_study_once() -> None:
    answer, _ = ask(by_offset({"0": page("1.1", "1.2"), "2": page("1.2", "1.3")}))
    assert uids(answer) == ["1.1", "1.2", "1.3"]
    assert answer.is_complete


@pytest.mark.parametrize("second", [Reply(500), Reply(200, {}, b"<html>"), Reply(breaks_off=True)])
def test_a_later_page_that_fails_leaves_a_cut_list(second: Reply) -> None:
    answer, _ = ask(by_offset({"0": page("1.1"), "1": second}))
    assert uids(answer) == ["1.1"]
    assert not answer.is_complete
    assert answer.warnings == ("page_failed",)


def test_an_archive_that_never_ends_is_cut() -> None:
    answer, asked = ask(lambda asked: page(f"1.2.{asked.query['offset'][0]}"), max_pages=4)
    assert len(answer.studies) == len(asked) == 4
    assert not answer.is_complete
    assert answer.warnings == ("too_many_pages",)


@pytest.mark.parametrize(
    ("warning", "is_complete"),
    [
        ('299 pacs "There are 12 additional results that can be requested"', False),
        ('299 pacs "The fuzzymatching parameter is not supported"', True),
    ],
)
def test_rows_that_are_announced_and_do_not_come_are_missed(warning: str, is_complete: bool) -> None:
    answer, _ = ask(by_offset({"0": page("1.1", warning=warning)}))
    assert answer.is_complete is is_complete


def test_rows_of_others_are_counted_once_and_count_for_paging() -> None:
    others = json.dumps([row(), row(StudyInstanceUID="9.9", PatientID="77777")]).encode()
    answer, asked = ask(by_offset({"0": Reply(200, _JSON, others)}))
    assert len(answer.studies) == 1
    assert (answer.dropped_count, answer.warnings) == (1, ("unrequested_patient",))
    assert asked[1].query["offset"] == ["2"]


def test_rows_of_one_study_that_differ_are_both_kept() -> None:
    body = json.dumps([row(StudyDescription="CT A"), row(StudyDescription="CT B"), row(StudyDescription="CT A")])
    answer, _ = ask(by_offset({"0": Reply(200, _JSON, body.encode())}))
    assert [study.description for study in answer.studies] == ["CT A", "CT B"]
    assert "repeated_study" in answer.warnings


@pytest.mark.parametrize(
    ("reply", "kind", "reason"),
    [
        (Reply(401), SourceUnauthorised, "http_401"),
        (Reply(403), SourceUnauthorised, "http_403"),
        (Reply(404), SourceUnavailable, "http_404"),
        (Reply(429), SourceUnavailable, "http_429"),
        (Reply(503), SourceUnavailable, "http_503"),
        (Reply(413), SourceProtocolError, "too_broad"),
        (Reply(422), SourceProtocolError, "http_422"),
        (Reply(302, {"location": "http://other-host.invalid/studies"}), SourceProtocolError, "redirect_refused"),
        (Reply(200, {"content-type": "text/html"}, b"<html>Sign in"), SourceProtocolError, "not_dicom_json"),
        (Reply(200, _JSON, b'{"error": 1}'), SourceProtocolError, "not_dicom_json"),
        (Reply(200, {**_JSON, "content-encoding": "gzip"}, b"no gzip"), SourceProtocolError, "unreadable_answer"),
        (Reply(breaks_off=True), SourceUnavailable, "connection_lost"),
    ],
)
def test_a_failure_is_never_an_empty_answer(reply: Reply, kind: type[SourceError], reason: str) -> None:
    failure = failure_of(lambda _: reply)
    assert (type(failure), failure.reason) == (kind, reason)


@pytest.mark.parametrize("reply", [Reply(204), Reply(200), Reply(200, _JSON, b"[]"), Reply(200, _JSON, b"[{}]")])
def test_every_way_to_say_that_nothing_was_found(reply: Reply) -> None:
    assert ask(lambda _: reply)[0] == SiteAnswer(())


def test_an_answer_without_end_is_refused() -> None:
    big = page(*(f"1.2.{number}" for number in range(1, 200)))
    assert failure_of(lambda _: big, max_answer_bytes=1000).reason == "answer_too_large"


def test_a_large_answer_is_read_whole() -> None:
    many = page(*(f"1.2.{number}" for number in range(1, 3001)))
    answer, _ = ask(by_offset({"0": many}))
    assert len(many.body) > 512 * 1024
    assert len(answer.studies) == 3000


def test_an_archive_that_refuses_field_lists_is_asked_without_and_remembered() -> None:
    def answer(asked: Asked) -> Reply:
        return Reply(400) if "includefield" in asked.query else by_offset({"0": page("1.1")})(asked)

    found, asked = ask(answer, times=2)
    assert uids(found) == ["1.1"]
    assert ["includefield" in a.query for a in asked] == [True, False, False, False, False]


def test_an_archive_that_only_knows_plain_json_is_asked_for_it() -> None:
    def answer(asked: Asked) -> Reply:
        return Reply(406) if "dicom" in header(asked, "accept") else by_offset({"0": page("1.1")})(asked)

    assert uids(ask(answer)[0]) == ["1.1"]


def test_credentials_go_in_the_header_and_nowhere_else() -> None:
    _, asked = ask(by_offset({}), basic_user="hub", basic_password="s3cret")
    assert {name.lower(): value for name, value in asked[0].headers.items()}[
        "authorization"
    ] == "Basic aHViOnMzY3JldA=="
    settings = DicomwebSettings("http://archive.invalid", basic_user="hub", basic_password="s3cret")
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    ("reply", "ok", "reason"),
    [
        (page("1.1"), True, None),
        (Reply(204), True, None),
        (Reply(413), True, None),
        (Reply(401), False, "http_401"),
        (Reply(200, {}, b"<html>"), False, "not_dicom_json"),
    ],
)
def test_a_check_asks_for_one_row_of_anything(reply: Reply, ok: bool, reason: str | None) -> None:
    async def run(server: ScriptedQido) -> SiteProbe:
        source = DicomwebSource(SITE, DicomwebSettings(server.base_url))
        probe = await source.check(timeout_seconds=SECONDS)
        await source.aclose()
        return probe

    with scripted_qido(lambda _: reply) as server:
        probe = asyncio.run(run(server))
        assert (probe.ok, probe.reason) == (ok, reason)
        assert "PatientID" not in server.asked[0].query
        assert server.asked[0].query["limit"] == ["1"]


def test_a_check_tells_what_the_archive_supports() -> None:
    async def run(server: ScriptedQido) -> SiteProbe:
        source = DicomwebSource(SITE, DicomwebSettings(server.base_url))
        probe = await source.check(timeout_seconds=SECONDS)
        await source.aclose()
        return probe

    def picky(asked: Asked) -> Reply:
        if "includefield" in asked.query or "fuzzymatching" in asked.query:
            return Reply(400)
        return page("1.1")

    with scripted_qido(picky) as server:
        told = dict(asyncio.run(run(server)).details)
    assert (told["include_field"], told["fuzzy_matching"]) == ("refused", "refused")
    assert (told["patient_id_filter"], told["offset"]) == ("ignored", "ignored")


def test_where_a_short_page_is_the_last_no_other_is_asked_for() -> None:
    answer, asked = ask(by_offset({"0": page("1.1", "1.2")}), short_page_is_last=True)
    assert (len(answer.studies), answer.is_complete, len(asked)) == (2, True, 1)
    answer, asked = ask(by_offset({"0": page("1.1", "1.2")}))
    assert (len(answer.studies), answer.is_complete, len(asked)) == (2, True, 2)


def test_a_full_page_or_a_warning_is_never_taken_for_the_last() -> None:
    pages = {"0": page("1.1", "1.2"), "2": page("1.3")}
    answer, asked = ask(by_offset(pages), short_page_is_last=True, page_size=2)
    assert (len(answer.studies), len(asked)) == (3, 2)
    more = '299 archive "there are 1 additional results that can be requested"'
    answer, asked = ask(by_offset({"0": page("1.1", warning=more), "1": page("1.2")}), short_page_is_last=True)
    assert (len(answer.studies), len(asked)) == (2, 2)


def test_fields_are_not_named_where_that_is_said() -> None:
    _, asked = ask(by_offset({"0": page("1.1")}), asks_for_fields=False)
    assert "includefield" not in asked[0].query


def test_no_log_line_holds_the_id_or_the_name(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        ask(by_offset({"0": page("1.1")}), identifier=PatientIdentifier("NGH", "CANARY-7"))
    assert "CANARY-7" not in caplog.text
    assert "LARK" not in caplog.text
