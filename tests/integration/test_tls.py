"""The hub with a certificate: TLS 1.2 and newer, and browsers are told to come by TLS only."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from pydantic import ValidationError

from gateway.bootstrap import build_hub
from gateway.cli.serving import bind
from gateway.serving import HubServer, ServerThread
from gateway.settings import HttpSettings, Settings, StoreSettings
from tests.servers.certificates import Certificates, make_certificates


@pytest.fixture
def files(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path)


@pytest.fixture
def address(tmp_path: Path, files: Certificates) -> Iterator[str]:
    settings = Settings(
        store=StoreSettings(url=f"sqlite:///{tmp_path / 'hub.db'}"),
        http=HttpSettings(tls_certificate_file=files.server, tls_key_file=files.server_key),
    )
    server = HubServer(build_hub(settings, migrate=True), bind("127.0.0.1", 0))
    with ServerThread(server):
        yield f"https://127.0.0.1:{server.port}"


def get(address: str, files: Certificates, newest: ssl.TLSVersion | None = None) -> httpx2.Response:
    context = ssl.create_default_context(cafile=files.authority)
    if newest is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.maximum_version = newest
        context.set_ciphers("ALL:@SECLEVEL=0")
    with httpx2.Client(verify=context, trust_env=False, timeout=30) as client:
        return client.get(f"{address}/healthz")


def test_tls_is_spoken_and_asked_for_from_then_on(address: str, files: Certificates) -> None:
    answer = get(address, files)
    assert answer.status_code == 200
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert get(address, files, ssl.TLSVersion.TLSv1_2).status_code == 200
    with pytest.raises(httpx2.ConnectError):
        get(address, files, ssl.TLSVersion.TLSv1_1)


def test_without_tls_nothing_is_said_of_it() -> None:
    with pytest.raises(ValidationError, match="together"):
        HttpSettings(tls_certificate_file=Path("x.pem"))
