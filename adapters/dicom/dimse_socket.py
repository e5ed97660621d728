"""The socket under an association: quick on the wire, and closed whatever happens.

pynetdicom writes command and data set apart, and archives answer likewise: with Nagle and delayed acknowledgements
that costs 2 x 44 ms a query. TCP_NODELAY, and TCP_QUICKACK after each write and read (the kernel forgets it), take
it away.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from queue import Empty

from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.fsm import InvalidEventError, StateMachine
from pynetdicom.transport import T_CONNECT, AddressInformation, AssociationSocket

from adapters.dicom.dataset import UNREADABLE

_A_ABORT_PDU = b"\x07\x00\x00\x00\x00\x04\x00\x00\x00\x00"
_QUICKACK = getattr(socket, "TCP_QUICKACK", None)
_GATE_SECONDS = 1.0
_REST_SECONDS = 0.02
_BUSY_POLL_SECONDS = 0.001
_QUIET_POLL_SECONDS = 0.01
_QUIET_SECONDS = 1.0
_DONT_WAIT = getattr(socket, "MSG_DONTWAIT", 0)
_NEGOTIATION_BYTES = 1024 * 1024


class QuickSocket(AssociationSocket):
    """pynetdicom's socket with our options.

    Attributes:
        was_connected: stays true once the peer took the connection.
        tls_failure: what was wrong with the peer's TLS, or with ours.
        bytes_allowed: how much more may be read. A peer that announces more is cut off, and ``is_overfed`` is true.
    """

    was_connected = False
    tls_failure: ssl.SSLError | None = None
    bytes_allowed = _NEGOTIATION_BYTES
    is_overfed = False
    _last_traffic = 0.0

    @property
    def ready(self) -> bool:
        """Asked by the library's thread before each of its short sleeps; a quiet association gets longer ones."""
        is_quiet = time.monotonic() - self._last_traffic > _QUIET_SECONDS
        self.assoc.dul._run_loop_delay = _QUIET_POLL_SECONDS if is_quiet else _BUSY_POLL_SECONDS
        return super().ready

    def connect(self, primitive: T_CONNECT) -> None:
        super().connect(primitive)
        if self._is_connected:
            self.was_connected = True
            self._set_option(socket.TCP_NODELAY)

    def recv(self, nr_bytes: int) -> bytearray:
        if nr_bytes > self.bytes_allowed:
            self.is_overfed = True
            raise ConnectionAbortedError("the peer sends more than is read")
        self.bytes_allowed -= nr_bytes
        try:
            data = super().recv(nr_bytes)
        except ssl.SSLError as error:
            self.tls_failure = error
            raise
        self._acknowledge_at_once()
        return data

    def send(self, bytestream: bytes) -> None:
        super().send(bytestream)
        self._acknowledge_at_once()

    def sever(self) -> None:
        """Tell the peer that we abort and shut the socket, from any thread, without waiting for anybody."""
        raw = self.socket
        if raw is None:
            return
        with contextlib.suppress(OSError, ValueError):
            raw.send(_A_ABORT_PDU, _DONT_WAIT)
        with contextlib.suppress(OSError):
            # not TLS's own shutdown, which would pull the rug from the thread that reads
            socket.socket.shutdown(raw, socket.SHUT_RDWR)

    def discard(self) -> None:
        """Close what the library's thread left open when it ended by an error of its own."""
        raw = self.socket
        if raw is not None:
            raw.close()

    def _shutdown_socket(self) -> None:
        """pynetdicom leaves a socket open that was never connected, or that the peer reset."""
        raw = self.socket
        if isinstance(raw, WatchedTlsSocket):
            self.tls_failure = self.tls_failure or raw.failure
        super()._shutdown_socket()
        if raw is not None:
            raw.close()

    def _acknowledge_at_once(self) -> None:
        self._last_traffic = time.monotonic()
        if _QUICKACK is not None:
            self._set_option(_QUICKACK)

    def _set_option(self, option: int) -> None:
        if self.socket is not None:
            with contextlib.suppress(OSError):
                self.socket.setsockopt(socket.IPPROTO_TCP, option, 1)


class WatchedTlsSocket(ssl.SSLSocket):
    """Remembers why its handshake failed: the library only logs it."""

    failure: ssl.SSLError | None = None

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except ssl.SSLError as error:
            self.failure = error
            raise


class SteadyStateMachine(StateMachine):
    """Ends the connection when the peer's words cannot be made sense of; the library's thread would just die."""

    def do_action(self, event: str) -> None:
        try:
            super().do_action(event)
        except (*UNREADABLE, InvalidEventError, Empty):
            connection = self.dul.socket
            if connection is not None:
                connection.close()


class ReactorGate(threading.Event):
    """Keeps pynetdicom's background thread off the message queue while an exchange reads from it.

    The library waits for a flag that its thread also shows just before it goes on; the thread then takes a row for
    itself, and the answer that is left looks complete. Here ``clear`` returns only when the thread stands at the gate.
    """

    def __init__(self) -> None:
        super().__init__()
        self._moved = threading.Condition()
        self._is_open = True
        self._is_somebody_waiting = False

    def is_set(self) -> bool:
        return self._is_open

    def set(self) -> None:
        with self._moved:
            self._is_open = True
            self._moved.notify_all()

    def clear(self) -> None:
        """Close the gate behind which the thread waits.

        Raises:
            RuntimeError: the thread did not come; the association is of no use.
        """
        with self._moved:
            self._is_open = False
            if not self._moved.wait_for(lambda: self._is_somebody_waiting, _GATE_SECONDS):
                self._is_open = True
                raise RuntimeError("the association's thread does not pause")

    def wait(self, timeout: float | None = None) -> bool:
        """Called by the thread on each of its rounds, a thousand a second; it rests here a little, gate open or not."""
        with self._moved:
            self._is_somebody_waiting = True
            self._moved.notify_all()
            if self._is_open:
                self._moved.wait(_REST_SECONDS)
            passed = self._moved.wait_for(lambda: self._is_open, timeout)
            self._is_somebody_waiting = False
            return passed


class QuickEntity(AE):
    """An application entity whose associations use a ``QuickSocket`` and never keep the process alive.

    ``on_created`` is told of each association before it connects.
    """

    def __init__(self, ae_title: str, on_created: Callable[[Association], None]) -> None:
        super().__init__(ae_title)
        self._on_created = on_created

    def _create_socket(
        self, assoc: Association, address: AddressInformation, tls_args: tuple[ssl.SSLContext, str] | None
    ) -> AssociationSocket:
        assoc.dul.daemon = True
        assoc.dul.state_machine = SteadyStateMachine(assoc.dul)
        assoc._reactor_checkpoint = ReactorGate()
        made = QuickSocket(assoc, address=address)
        made.tls_args = tls_args
        self._on_created(assoc)
        return made


def socket_of(association: Association) -> QuickSocket | None:
    """The association's socket, ``None`` before it has one."""
    found = association.dul.socket
    return found if isinstance(found, QuickSocket) else None
