"""A token that somebody renews while we run: read again when the archive says 401, once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.dicom.dicomweb_source import DicomwebSource
from adapters.dicom.settings import DicomwebSettings
from adapters.fhir_imaging.settings import FhirSettings
from adapters.fhir_imaging.source import FhirSource
from federation.errors import SourceError, SourceUnauthorised
from federation.ports import PriorSource, SiteAnswer
from tests.contract.archives import HOSPITAL, UNKNOWN
from tests.servers.scripted_qido import Asked, Reply, ScriptedQido, scripted_qido

SITE = HOSPITAL.site
MakeSource = Callable[[str, Path], PriorSource]


def _dicomweb(url: str, file: Path) -> PriorSource:
    return DicomwebSource(SITE, DicomwebSettings(url, token_file=file))


def _fhir(url: str, file: Path) -> PriorSource:
    return FhirSource(SITE, FhirSettings(url, token_file=file))


class Gate:
    """Lets in who brings the token of the hour; there is nothing behind it."""

    def __init__(self) -> None:
        self.token = "first"

    def __call__(self, asked: Asked) -> Reply:
        headers = {name.lower(): value for name, value in asked.headers.items()}
        return Reply(200 if headers.get("authorization") == f"Bearer {self.token}" else 401)


def ask(source: PriorSource, between: Callable[[], None] = lambda: None) -> list[SiteAnswer | SourceError]:
    async def once() -> SiteAnswer | SourceError:
        try:
            return await source.search_for_studies(UNKNOWN, timeout_seconds=10)
        except SourceError as error:
            return error

    async def run() -> list[SiteAnswer | SourceError]:
        try:
            first = await once()
            between()
            return [first, await once()]
        finally:
            await source.aclose()

    return asyncio.run(run())


def tokens(server: ScriptedQido) -> list[str]:
    return [asked.headers.get("Authorization", "").removeprefix("Bearer ") for asked in server.asked]


@pytest.mark.parametrize("make_source", [_dicomweb, _fhir])
def test_a_renewed_token_is_read_after_a_401(make_source: MakeSource, tmp_path: Path) -> None:
    gate, file = Gate(), tmp_path / "token"
    file.write_text("first\n")

    def renew() -> None:
        gate.token = "second"
        file.write_text("second\n")

    with scripted_qido(gate) as server:
        answers = ask(make_source(server.base_url, file), renew)
        assert answers == [SiteAnswer(()), SiteAnswer(())]
        assert tokens(server) == ["first", "first", "second"]


@pytest.mark.parametrize("make_source", [_dicomweb, _fhir])
def test_a_token_that_nobody_renewed_is_not_tried_twice(make_source: MakeSource, tmp_path: Path) -> None:
    gate, file = Gate(), tmp_path / "token"
    file.write_text("stale")
    with scripted_qido(gate) as server:
        first, second = ask(make_source(server.base_url, file))
        assert isinstance(first, SourceUnauthorised)
        assert isinstance(second, SourceUnauthorised)
        assert (first.reason, second.reason) == ("http_401", "http_401")
        assert tokens(server) == ["stale", "stale"]


@pytest.mark.parametrize("make_source", [_dicomweb, _fhir])
@pytest.mark.parametrize("content", [None, b"two words", b"\xff\xfe\xff"])
def test_a_file_without_a_token_is_said_and_nobody_is_asked(
    make_source: MakeSource, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with scripted_qido(Gate()) as server:
        failure, _ = ask(make_source(server.base_url, file))
        assert isinstance(failure, SourceUnauthorised)
        assert failure.reason == "token_file"
        assert "two words" not in repr(failure)
        assert not server.asked
