"""The listener over real sockets: noise, slow and parallel senders, lost acknowledgements, limits, a graceful end."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import shutil
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from adapters.hl7v2.framing import framed
from adapters.hl7v2.mllp import MllpListener, MllpSettings, send_messages
from adapters.store.engine import make_engine
from adapters.store.migrate import upgrade
from tests.builders import pid as identifier
from tests.hl7_door import Ack, Door, OpenStore, converse, memory_store, sql_store
from tests.servers.postgres import PostgresCluster, postgres_cluster  # noqa: F401


def message(control_id: str, number: str = "A", *, event: str = "A04", more: str = "") -> bytes:
    header = rf"MSH|^~\&|ADT|NGH|MPI|FED|20260301101500||ADT^{event}|{control_id}|P|2.5"
    return f"{header}\rPID|||{number}^^^NGH||HOLM^EDA||19710809|F\r{more}".encode()


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mllp") / "empty.db"
    engine = make_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgres"))])
def store(request: pytest.FixtureRequest, migrated: Path, tmp_path: Path) -> Iterator[OpenStore]:
    if request.param == "memory":
        yield memory_store()
        return
    if request.param == "postgresql":
        cluster: PostgresCluster = request.getfixturevalue("postgres_cluster")
        name = cluster.create_database()
        engine = make_engine(cluster.url(name))
        upgrade(engine)
        engine.dispose()
        with sql_store(cluster.url(name)) as opened:
            yield opened
        cluster.drop_database(name)
        return
    path = tmp_path / "priorlink.db"
    shutil.copyfile(migrated, path)
    with sql_store(f"sqlite:///{path}") as opened:
        yield opened


def history_rows(store: OpenStore, number: str) -> int:
    with store.units() as uow:
        return len(uow.history.of(identifier(f"NGH|{number}")))


def test_noise_and_glued_frames_are_answered_in_order(store: OpenStore) -> None:
    async def play() -> list[Ack]:
        async with Door(store.units).listening() as listener:
            data = b"\r\nnoise" + b"".join(b"xx" + framed(message(f"n-{i}", f"N{i}")) for i in range(20))
            return await converse(listener.port, data, answers=20)

    assert [(a.code, a.control_id) for a in asyncio.run(play())] == [("AA", f"n-{i}") for i in range(20)]


def test_a_mebibyte_in_small_writes_is_one_message(store: OpenStore) -> None:
    big = framed(message("big", more="OBX|1|TX|||" + "Stable. " * 140_000))
    assert len(big) > 1 << 20

    async def play() -> list[Ack]:
        async with Door(store.units).listening() as listener:
            return await converse(listener.port, big, chunks=[4_001] * 260, answers=1)

    assert [(a.code, a.control_id) for a in asyncio.run(play())] == [("AA", "big")]


def test_one_byte_a_write(store: OpenStore) -> None:
    async def play() -> list[Ack]:
        async with Door(store.units).listening() as listener:
            data = framed(message("slow"))
            return await converse(listener.port, data, chunks=[1] * len(data), answers=1)

    assert [a.code for a in asyncio.run(play())] == ["AA"]


def test_parallel_senders_of_one_message_have_one_effect_and_one_answer(store: OpenStore) -> None:
    async def play() -> list[list[bytes]]:
        async with Door(store.units).listening() as listener:
            senders = [send_messages("127.0.0.1", listener.port, [message("same", "P")]) for _ in range(8)]
            return await asyncio.gather(*senders)

    answers = {answer for answers in asyncio.run(play()) for answer in answers}
    assert [Ack.parse(a).code for a in answers] == ["AA"]
    assert history_rows(store, "P") == 1


def test_parallel_merges_both_ways_leave_no_loop(store: OpenStore) -> None:
    async def play() -> list[list[bytes]]:
        async with Door(store.units).listening() as listener:
            await send_messages("127.0.0.1", listener.port, [message("a", "A"), message("b", "B")])
            merges = [message(f"m-{i}", "AB"[i % 2], event="A40", more=f"MRG|{'BA'[i % 2]}^^^NGH\r") for i in range(8)]
            return await asyncio.gather(*(send_messages("127.0.0.1", listener.port, [m]) for m in merges))

    codes = [Ack.parse(answer).code for answers in asyncio.run(play()) for answer in answers]
    assert codes == ["AA"] * 8
    with store.units() as uow:
        records = [uow.records.get(identifier(f"NGH|{n}")) for n in "AB"]
        assert sorted(r.is_active for r in records if r is not None) == [False, True]


class Gate:
    """A handler that waits until it is let go, and tells when it was entered and left."""

    def __init__(self, handle: Callable[[bytes], bytes]) -> None:
        self._handle = handle
        self.entered, self.let_go, self.left = threading.Event(), threading.Event(), threading.Event()

    def __call__(self, data: bytes) -> bytes:
        self.entered.set()
        assert self.let_go.wait(20)
        answer = self._handle(data)
        self.left.set()
        return answer


def gated_listener(gate: Gate, door: Door, **settings: float) -> MllpListener:
    return MllpListener(
        gate,
        refuse_oversized=door.dispatcher.refuse_oversized,
        settings=MllpSettings(port=0, **settings),  # type: ignore[arg-type]
        observe=door.observe,
    )


def test_an_acknowledgement_that_got_lost_is_sent_again(store: OpenStore) -> None:
    door = Door(store.units)

    async def lose_then_repeat() -> bytes:
        gate = Gate(door.dispatcher.handle)
        async with gated_listener(gate, door) as listener:
            _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(framed(message("lost", "L")))
            await asyncio.to_thread(gate.entered.wait, 20)
            writer.transport.abort()  # the sender dies before it is answered
            gate.let_go.set()
            await asyncio.to_thread(gate.left.wait, 20)
            (again,) = await send_messages("127.0.0.1", listener.port, [message("lost", "L")])
            return again

    again = Ack.parse(asyncio.run(lose_then_repeat()))
    assert (again.code, again.control_id) == ("AA", "lost")
    assert history_rows(store, "L") == 1
    assert [event for event, _ in door.told].count("hl7_message_repeated") == 1


def test_stopping_finishes_the_message_in_hand(store: OpenStore) -> None:
    """The one behind it, already read, is neither carried out nor answered: its sender will send it again."""
    door = Door(store.units)

    async def play() -> tuple[bytes, bytes]:
        gate = Gate(door.dispatcher.handle)
        listener = gated_listener(gate, door)
        async with listener:
            idle_reader, idle_writer = await asyncio.open_connection("127.0.0.1", listener.port)
            busy_reader, busy_writer = await asyncio.open_connection("127.0.0.1", listener.port)
            busy_writer.write(framed(message("last", "Z")) + framed(message("behind", "Y")))
            await asyncio.to_thread(gate.entered.wait, 20)
            port = listener.port
            stopping = asyncio.create_task(listener.stop())
            idle_end = await idle_reader.read()
            gate.let_go.set()
            answers = await busy_reader.read()
            await stopping
            idle_writer.close()
            busy_writer.close()
            with pytest.raises(ConnectionError):
                await send_messages("127.0.0.1", port, [message("late")])
            return answers, idle_end

    answers, idle_end = asyncio.run(play())
    assert idle_end == b""
    assert answers.count(b"\x0b") == 1
    assert b"MSA|AA|last" in answers
    assert [history_rows(store, number) for number in "ZYA"] == [1, 0, 0]


def test_an_oversized_frame_is_refused_and_the_next_is_taken() -> None:
    door = Door(memory_store().units)

    async def play() -> list[Ack]:
        async with door.listening(max_frame_bytes=5_000) as listener:
            data = framed(message("huge", more="OBX|" + "x" * 300_000)) + framed(message("small"))
            return await converse(listener.port, data, answers=2)

    assert [(a.code, a.control_id) for a in asyncio.run(play())] == [("AR", "huge"), ("AA", "small")]


def test_idle_and_surplus_connections_are_closed() -> None:
    door = Door(memory_store().units)

    async def play() -> tuple[bytes, bytes]:
        async with door.listening(max_connections=1, idle_timeout_seconds=0.2) as listener:
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(framed(message("first")))
            answered = await reader.readuntil(b"\x1c\r")
            assert b"AA" in answered
            surplus, surplus_writer = await asyncio.open_connection("127.0.0.1", listener.port)
            ends = await surplus.read(), await reader.read()
            writer.close()
            surplus_writer.close()
            return ends

    assert asyncio.run(play()) == (b"", b"")
    told = [event for event, _ in door.told]
    assert told.count("mllp_connection_refused") == told.count("mllp_connection_closed") == 1


def self_signed(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Contexts of a server and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "listener")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
    )
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=pem)


def test_messages_over_tls(tmp_path: Path) -> None:
    door = Door(memory_store().units)
    server, client = self_signed(tmp_path)

    async def play() -> list[bytes]:
        async with MllpListener(
            door.dispatcher.handle,
            refuse_oversized=door.dispatcher.refuse_oversized,
            settings=MllpSettings(port=0),
            observe=door.observe,
            tls=server,
        ) as listener:
            with pytest.raises((ConnectionError, TimeoutError)):
                await send_messages("127.0.0.1", listener.port, [message("plain")], timeout_seconds=5)
            return await send_messages("127.0.0.1", listener.port, [message("secret")], tls=client)

    assert [Ack.parse(a).control_id for a in asyncio.run(play())] == ["secret"]


def test_client_says_when_no_answer_comes() -> None:
    async def play() -> None:
        async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        async with server:
            with pytest.raises(ConnectionError):
                await send_messages("127.0.0.1", server.sockets[0].getsockname()[1], [message("x")])

    asyncio.run(play())
