"""MLLP over TLS as the settings say: real sockets, wrong certificates, senders that speak plain text."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from adapters.hl7v2.framing import framed
from adapters.hl7v2.mllp import send_messages
from gateway.bootstrap import Hub, build_hub
from gateway.errors import ConfigurationError
from gateway.listener import make_listener, tls_context
from gateway.settings import MllpSettings, Settings, SiteSettings, StoreSettings
from mpi.identity.identifiers import PatientIdentifier
from tests.hl7_door import Ack
from tests.servers.certificates import Certificates, make_certificates

REFUSALS = (ConnectionError, ssl.SSLError, TimeoutError)


def message(control_id: str) -> bytes:
    header = rf"MSH|^~\&|ADT|NGH|MPI|FED|20260301101500||ADT^A04|{control_id}|P|2.5"
    return f"{header}\rPID|||{control_id}^^^NGH||HOLM^EDA||19710809|F\r".encode()


@pytest.fixture(scope="module")
def believed(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("believed"))


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Of another authority."""
    return make_certificates(tmp_path_factory.mktemp("strange"))


@contextmanager
def hub_with(folder: Path, **mllp: object) -> Iterator[Hub]:
    settings = Settings(
        store=StoreSettings(url=f"sqlite:///{folder / 'hub.db'}"),
        mllp=MllpSettings(port=0, **mllp),  # type: ignore[arg-type]
        sites=(SiteSettings(id="NGH", name="North General", assigning_authority="NGH"),),
    )
    hub = build_hub(settings, migrate=True)
    try:
        yield hub
    finally:
        asyncio.run(hub.aclose())


def client(authority: Certificates, shown: Certificates | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.authority)
    if shown is not None:
        context.load_cert_chain(shown.client, shown.client_key)
    return context


def known(hub: Hub, control_id: str) -> bool:
    with hub.read() as uow:
        return uow.records.get(PatientIdentifier("NGH", control_id)) is not None


async def sent(port: int, control_id: str, tls: ssl.SSLContext | None) -> str | type[Exception]:
    """The acknowledgement code, or how it failed."""
    try:
        (answer,) = await send_messages("127.0.0.1", port, [message(control_id)], tls=tls, timeout_seconds=20)
    except REFUSALS as error:
        return type(error)
    return Ack.parse(answer).code


def test_a_sender_that_believes_the_certificate_is_answered(believed: Certificates, tmp_path: Path) -> None:
    with hub_with(tmp_path, certificate_file=believed.server, key_file=believed.server_key) as hub:

        async def play() -> object:
            async with make_listener(hub) as listener:
                return await sent(listener.port, "ok", client(believed))

        assert asyncio.run(play()) == "AA"
        assert known(hub, "ok")


def test_a_sender_that_believes_another_authority_does_not_send(
    believed: Certificates, strange: Certificates, tmp_path: Path
) -> None:
    with hub_with(tmp_path, certificate_file=believed.server, key_file=believed.server_key) as hub:

        async def play() -> tuple[object, object]:
            async with make_listener(hub) as listener:
                refused = await sent(listener.port, "never", client(strange))
                return refused, await sent(listener.port, "next", client(believed))

        assert asyncio.run(play()) == (ssl.SSLCertVerificationError, "AA")
        assert not known(hub, "never")


def test_plain_text_is_not_taken_and_not_answered(believed: Certificates, tmp_path: Path) -> None:
    with hub_with(tmp_path, certificate_file=believed.server, key_file=believed.server_key) as hub:

        async def play() -> tuple[bytes, object]:
            async with make_listener(hub) as listener:
                reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
                writer.write(framed(message("plain")))
                async with asyncio.timeout(20):
                    answer = await _read_to_the_end(reader)
                writer.close()
                return answer, await sent(listener.port, "next", client(believed))

        answer, after = asyncio.run(play())
        assert b"MSA" not in answer
        assert after == "AA"
        assert not known(hub, "plain")


async def _read_to_the_end(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""


def test_tls_is_not_spoken_without_a_certificate(believed: Certificates, tmp_path: Path) -> None:
    with hub_with(tmp_path, idle_timeout_seconds=5.0) as hub:

        async def play() -> tuple[object, object]:
            async with make_listener(hub) as listener:
                return await sent(listener.port, "never", client(believed)), await sent(listener.port, "plain", None)

        refused, plain = asyncio.run(play())
        assert refused in REFUSALS or issubclass(refused, REFUSALS)  # type: ignore[arg-type]
        assert plain == "AA"


def test_only_senders_with_a_certificate_of_the_authority_are_taken(
    believed: Certificates, strange: Certificates, tmp_path: Path
) -> None:
    files = {"certificate_file": believed.server, "key_file": believed.server_key}
    with hub_with(tmp_path, **files, client_ca_file=believed.authority) as hub:

        async def play() -> dict[str, object]:
            async with make_listener(hub) as listener:
                shown = {"none": None, "strange": strange, "good": believed}
                return {name: await sent(listener.port, name, client(believed, who)) for name, who in shown.items()}

        answers = asyncio.run(play())
        assert answers.pop("good") == "AA"
        assert "AA" not in answers.values()
        assert [known(hub, name) for name in ("none", "strange", "good")] == [False, False, True]


def test_an_old_protocol_is_refused(believed: Certificates) -> None:
    context = tls_context(MllpSettings(certificate_file=believed.server, key_file=believed.server_key))
    assert context is not None
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("spoiled", "how"),
    [(file, how) for file in ("certificate_file", "key_file") for how in ("missing", "no_pem", "of_another")]
    + [("client_ca_file", "missing"), ("client_ca_file", "no_pem")],
)
def test_a_file_that_cannot_be_used_is_named(
    believed: Certificates, strange: Certificates, tmp_path: Path, spoiled: str, how: str
) -> None:
    files = {
        "certificate_file": believed.server,
        "key_file": believed.server_key,
        "client_ca_file": believed.authority,
    }
    other = {"certificate_file": strange.server, "key_file": strange.server_key}
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("no PEM")
    files[spoiled] = (
        other[spoiled] if how == "of_another" else nonsense if how == "no_pem" else tmp_path / "nowhere.pem"
    )
    with pytest.raises(ConfigurationError, match=f"mllp.*{spoiled}"):
        tls_context(MllpSettings(**files))  # type: ignore[arg-type]


def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_a_password(believed: Certificates, tmp_path: Path) -> None:
    key = serialization.load_pem_private_key(believed.server_key.read_bytes(), None)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"invented"),
        )
    )
    with pytest.raises(ConfigurationError, match="key_file"):
        tls_context(MllpSettings(certificate_file=believed.server, key_file=locked))


@pytest.mark.parametrize("given", [{"certificate_file"}, {"key_file"}, {"client_ca_file"}])
def test_half_a_certificate_is_refused_by_the_settings(given: set[str]) -> None:
    with pytest.raises(ValueError, match="certificate_file"):
        MllpSettings(**dict.fromkeys(given, Path("x.pem")))  # type: ignore[arg-type]
