"""C-FIND by TLS: whom we believe, whom the archive believes, and what is said when somebody is not believed."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.connection.tls import TlsFiles
from adapters.dicom.dimse_source import DimseSource
from adapters.dicom.settings import DimseSettings
from adapters.simulated.dimse_hospital import DimseHospital
from federation.errors import SourceError, SourceProtocolError, SourceUnauthorised, SourceUnavailable
from federation.ports import SiteAnswer
from tests.contract.archives import ANA, ANA_STUDIES, HOSPITAL
from tests.servers.certificates import ServerCertificate, make_certificates, make_wrong_certificates

SECONDS = 10.0


@contextmanager
def hospital(context: ssl.SSLContext | None) -> Iterator[DimseHospital]:
    server = DimseHospital(HOSPITAL, tls_context=context)
    server.start()
    try:
        yield server
    finally:
        server.stop()


async def _ask(settings: DimseSettings, times: int) -> SiteAnswer:
    source = DimseSource(HOSPITAL.site, settings)
    try:
        for _ in range(times):
            answer = await source.search_for_studies(ANA, timeout_seconds=SECONDS)
        return answer
    finally:
        await source.aclose()


def ask(port: int, files: TlsFiles | None, *, server_name: str | None = None, times: int = 1) -> SiteAnswer:
    settings = DimseSettings("127.0.0.1", port, str(HOSPITAL.site_id), tls=files, server_name=server_name)
    return asyncio.run(_ask(settings, times))


def failure(port: int, files: TlsFiles | None) -> SourceError:
    with pytest.raises(SourceError) as raised:
        ask(port, files)
    return raised.value


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, ServerCertificate]]:
    return make_wrong_certificates(tmp_path_factory.mktemp("certificates"))


def test_an_archive_that_is_believed_answers_over_one_association(
    shown: tuple[Path, dict[str, ServerCertificate]],
) -> None:
    authority, certificates = shown
    with hospital(certificates["good"].context()) as server:
        answer = ask(server.port, TlsFiles(authority), times=3)
        assert {study.study_instance_uid for study in answer.studies} == ANA_STUDIES
        assert server.association_count == 1


@pytest.mark.parametrize("wrong", ["expired", "other_host", "unknown_authority"])
def test_an_archive_that_is_not_believed_is_not_asked(
    shown: tuple[Path, dict[str, ServerCertificate]], wrong: str
) -> None:
    authority, certificates = shown
    with hospital(certificates[wrong].context()) as server:
        refused = failure(server.port, TlsFiles(authority))
        assert (type(refused), refused.reason) == (SourceUnauthorised, "certificate_refused")
        assert server.association_count == 0


def test_a_certificate_may_be_of_another_name_if_we_are_told_so(
    shown: tuple[Path, dict[str, ServerCertificate]],
) -> None:
    authority, certificates = shown
    with hospital(certificates["other_host"].context()) as server:
        answer = ask(server.port, TlsFiles(authority), server_name="pacs.elsewhere.example")
        assert len(answer.studies) == 3


def test_an_archive_that_asks_for_our_certificate_gets_it(tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=made.authority)
    context.load_cert_chain(made.server, made.server_key)
    context.verify_mode = ssl.CERT_REQUIRED
    with hospital(context) as server:
        assert len(ask(server.port, TlsFiles(made.authority, made.client, made.client_key)).studies) == 3
        nameless = failure(server.port, TlsFiles(made.authority))
        assert isinstance(nameless, SourceUnauthorised | SourceUnavailable)
        assert nameless.reason in {"own_certificate_refused", "association_aborted", "connection_lost"}
        assert server.association_count == 1


def test_an_archive_without_tls_is_not_asked_in_clear(
    shown: tuple[Path, dict[str, ServerCertificate]],
) -> None:
    with hospital(None) as server:
        refused = failure(server.port, TlsFiles(shown[0]))
        assert isinstance(refused, SourceError)
        assert refused.reason in {"tls_failed", "connection_lost", "association_timeout", "connect_timeout"}


def test_who_speaks_in_clear_to_an_archive_with_tls_is_told_that_it_is_lost(
    shown: tuple[Path, dict[str, ServerCertificate]],
) -> None:
    with hospital(shown[1]["good"].context()) as server:
        assert isinstance(failure(server.port, None), SourceUnavailable)


@pytest.mark.parametrize(
    "files",
    [
        lambda folder: TlsFiles(folder / "nowhere.pem"),
        lambda folder: TlsFiles(None, folder / "nowhere.pem", folder / "nowhere.pem"),
    ],
)
def test_files_that_cannot_be_used_are_a_matter_of_trust(files: Callable[[Path], TlsFiles], tmp_path: Path) -> None:
    refused = failure(1, files(tmp_path))
    assert (type(refused), refused.reason) == (SourceUnauthorised, "certificate_files")


def test_a_peer_that_answers_a_handshake_with_nonsense_speaks_no_tls() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with listener:

        async def run() -> SourceError:
            loop = asyncio.get_running_loop()
            asked = loop.run_in_executor(None, failure, listener.getsockname()[1], TlsFiles())
            connection, _ = await loop.run_in_executor(None, listener.accept)
            with connection:
                connection.sendall(b"220 not a PACS\r\n")
                return await asked

        refused = asyncio.run(run())
    assert (type(refused), refused.reason) == (SourceProtocolError, "tls_failed")
