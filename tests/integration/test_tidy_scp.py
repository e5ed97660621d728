"""Servers of the demo and the tests end clean, also when their peers do not; so do our own associations."""

from __future__ import annotations

import gc
import socket
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import pytest
from pynetdicom.association import Association

from adapters.dicom.dimse_association import VERIFICATION, dispose
from adapters.dicom.dimse_socket import QuickEntity, socket_of
from adapters.dicom.quiet_libraries import silence_pynetdicom
from adapters.simulated.tidy_scp import TidyEntity

_A_ABORT = b"\x07\x00\x00\x00\x00\x04\x00\x00\x00\x00"
_RESET = struct.pack("ii", 1, 0)


@contextmanager
def no_socket_left() -> Iterator[None]:
    """Nothing that the block opened is found unclosed by the garbage collector."""
    gc.collect()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always", ResourceWarning)
        yield
        gc.collect()
    assert [str(warning.message) for warning in seen] == []


def let_the_library_fail(association: Association) -> None:
    """The library's thread ends by an error of its own and leaves the socket to us."""
    unknown: Any = object()
    association.dul.to_provider_queue.put(unknown)
    association.dul.join(5)
    dispose(association, politely=False)


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread is not threading.current_thread()}


@pytest.fixture
def scp() -> Iterator[tuple[TidyEntity, int]]:
    silence_pynetdicom()
    entity = TidyEntity(ae_title="TIDY")
    entity.add_supported_context(VERIFICATION)
    yield entity, entity.listen([])
    entity.shutdown()


def associate(port: int) -> Association:
    entity = QuickEntity("GUEST", lambda _: None)
    entity.add_requested_context(VERIFICATION)
    association = entity.associate("127.0.0.1", port, ae_title="TIDY")
    assert association.is_established
    return association


def abort_and_reset(association: Association) -> None:
    """Say A-ABORT and reset the connection at once: the server cannot shut down what is gone."""
    connection = socket_of(association)
    assert connection is not None
    assert connection.socket is not None
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    connection.socket.send(_A_ABORT)
    connection.socket.close()
    association.kill()
    association.join()


def release(association: Association) -> None:
    association.release()


def stay(_: Association) -> None:
    """Keep the association open while the server stops."""


@pytest.mark.parametrize("leave", [abort_and_reset, let_the_library_fail, release, stay])
def test_whatever_a_peer_does_nothing_is_left_after_the_end(
    scp: tuple[TidyEntity, int], leave: Callable[[Association], None]
) -> None:
    entity, port = scp
    before = threads()
    with no_socket_left():
        guests = [associate(port) for _ in range(8)]
        for guest in guests:
            leave(guest)
        entity.shutdown()
        for guest in guests:
            guest.join(5)
        guests.clear()
        del guest
    assert not threads() - before


@pytest.mark.parametrize("said", [b"", b"\x01\x00\x00", b"\x01\x00\x00\x00\x00\xffhalf a request"])
def test_a_peer_in_mid_sentence_does_not_hold_up_the_end(scp: tuple[TidyEntity, int], said: bytes) -> None:
    entity, port = scp
    with no_socket_left(), closing(socket.create_connection(("127.0.0.1", port))) as guest:
        guest.sendall(said)
        entity.shutdown()
        guest.settimeout(5)
        with suppress(ConnectionResetError):
            assert guest.recv(64) == b""


def test_connections_that_come_while_the_server_ends_are_closed_too(scp: tuple[TidyEntity, int]) -> None:
    entity, port = scp
    stop = threading.Event()

    def knock() -> None:
        while not stop.is_set():
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
            except OSError:
                return

    with no_socket_left():
        guests = [threading.Thread(target=knock) for _ in range(4)]
        for guest in guests:
            guest.start()
        entity.shutdown()
        stop.set()
        for guest in guests:
            guest.join(10)
