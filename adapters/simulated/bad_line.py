"""A bad line in front of a server: a TCP relay whose trouble is switched while it runs, for any protocol.

It stands before a healthy server, so that what follows a trouble (does anything of one question get into the answer
to the next?) can be seen on the same source.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable

LOOPBACK = "127.0.0.1"
_CHUNK = 65_536
_RESET = struct.pack("ii", 1, 0)
_DRIP_SECONDS = 0.02
_HANDSHAKE_SECONDS = 5.0

Cut = Callable[[bytes], int | None]
"""How many of the bytes that the server has sent may pass; ``None``: all of them so far."""


class Visit:
    """One connection to the line."""

    def __init__(self, guest: socket.socket, upstream_port: int, over: threading.Event) -> None:
        self.guest = guest
        self.over = over
        self._upstream_port = upstream_port
        self._upstream: socket.socket | None = None
        self._pump: threading.Thread | None = None

    def call_upstream(self) -> socket.socket:
        """Connect to the server and pass on to it whatever the guest says."""
        upstream = socket.create_connection((LOOPBACK, self._upstream_port), timeout=10)
        upstream.settimeout(None)
        upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._upstream = upstream
        self._pump = threading.Thread(target=self._pass_guests_words, args=(upstream,), name="bad-line-pump")
        self._pump.start()
        return upstream

    def reset(self) -> None:
        """End the connection so that the guest sees it reset."""
        with contextlib.suppress(OSError):
            self.guest.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)

    def wait_for_the_guest_to_leave(self) -> None:
        """Say nothing; what the guest says is not heard."""
        with contextlib.suppress(OSError):
            while self._upstream is None and self.guest.recv(_CHUNK):
                continue
        if self._pump is not None:
            self._pump.join()

    def hang_up(self) -> None:
        """Wake every thread of this visit."""
        self.over.set()
        for connection in (self.guest, self._upstream):
            if connection is not None:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def close(self) -> None:
        if self._upstream is not None:
            with contextlib.suppress(OSError):
                self._upstream.shutdown(socket.SHUT_RDWR)
        if self._pump is not None:
            with contextlib.suppress(OSError):
                self.guest.shutdown(socket.SHUT_RD)
            self._pump.join()
        self.guest.close()
        if self._upstream is not None:
            self._upstream.close()

    def _pass_guests_words(self, upstream: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := self.guest.recv(_CHUNK):
                upstream.sendall(chunk)
            upstream.shutdown(socket.SHUT_WR)


Trouble = Callable[[Visit], None]


def none(visit: Visit) -> None:
    """No trouble: everything passes."""
    upstream = visit.call_upstream()
    while chunk := upstream.recv(_CHUNK):
        visit.guest.sendall(chunk)


def silent(visit: Visit) -> None:
    """The connection is taken and nothing is ever said."""
    visit.wait_for_the_guest_to_leave()


def cut_after(cut: Cut, then: Trouble) -> Trouble:
    """The server's words pass up to a point; what happens there is another trouble (without words of its own)."""

    def trouble(visit: Visit) -> None:
        upstream = visit.call_upstream()
        seen = bytearray()
        while chunk := upstream.recv(_CHUNK):
            passed = len(seen)
            seen += chunk
            limit = cut(bytes(seen))
            visit.guest.sendall(bytes(seen[passed:limit]))
            if limit is not None:
                then(visit)
                return

    return trouble


def rewritten(old: bytes, new: bytes) -> Trouble:
    """Everything passes, with other words here and there."""

    def trouble(visit: Visit) -> None:
        upstream = visit.call_upstream()
        while chunk := upstream.recv(_CHUNK):
            visit.guest.sendall(chunk.replace(old, new))

    return trouble


def reset(visit: Visit) -> None:
    """The connection is reset."""
    visit.reset()


def closed(_: Visit) -> None:
    """The connection is closed, in order."""


def drip(visit: Visit) -> None:
    """The server's answer comes a byte at a time."""
    upstream = visit.call_upstream()
    while chunk := upstream.recv(_CHUNK):
        for byte in chunk:
            visit.guest.sendall(bytes((byte,)))
            if visit.over.wait(_DRIP_SECONDS):
                return


def says(hear: Callable[[socket.socket], bool], words: Callable[[], Iterable[bytes]]) -> Trouble:
    """Each question (``hear`` reads one; false: the guest left) is answered with these words; nobody else is asked."""

    def trouble(visit: Visit) -> None:
        while hear(visit.guest):
            for chunk in words():
                visit.guest.sendall(chunk)

    return trouble


class BadLine:
    """Listens on loopback. ``set`` ends the connections that are there and decides how the next ones fare."""

    def __init__(self, upstream_port: int = 0, *, tls: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self.visit_count = 0
        self._upstream_port = upstream_port
        self._trouble: Trouble = none
        self._tls = tls
        self._listener: socket.socket | None = None
        self._threads: list[threading.Thread] = []
        self._visits: set[Visit] = set()
        self._lock = threading.Lock()

    def set(self, trouble: Trouble | None, *, tls: ssl.SSLContext | None = None) -> None:
        """Switch; ``None`` refuses connections."""
        self.stop()
        self._tls = tls
        self.visit_count = 0
        if trouble is not None:
            self._trouble = trouble
            self.start()

    def start(self) -> int:
        """Listen (any free port; the same again after a stop). Returns the port."""
        listener = socket.create_server((LOOPBACK, self.port))
        self.port = listener.getsockname()[1]
        self._listener = listener
        thread = threading.Thread(target=self._accept, args=(listener,), name="bad-line")
        self._threads = [thread]
        thread.start()
        return self.port

    def stop(self) -> None:
        """Stop listening, end every connection and wait for the threads. Idempotent."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            self._threads[0].join()
            listener.close()
        with self._lock:
            for visit in self._visits:
                visit.hang_up()
        for thread in self._threads[1:]:
            thread.join()
        self._threads = []

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                guest, _ = listener.accept()
            except OSError:
                return
            self.visit_count += 1
            thread = threading.Thread(target=self._serve, args=(guest, self._trouble, self._tls), name="bad-line-visit")
            self._threads.append(thread)
            thread.start()

    def _serve(self, guest: socket.socket, trouble: Trouble, tls: ssl.SSLContext | None) -> None:
        guest.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            guest = tls.wrap_socket(guest, server_side=True, do_handshake_on_connect=False)
        visit = Visit(guest, self._upstream_port, threading.Event())
        with self._lock:
            self._visits.add(visit)
            if self._listener is None:
                visit.hang_up()
        try:
            with contextlib.suppress(OSError):
                _shake_hands(guest)
                trouble(visit)
        finally:
            with self._lock:
                self._visits.discard(visit)
            visit.close()


def _shake_hands(guest: socket.socket) -> None:
    if isinstance(guest, ssl.SSLSocket):
        guest.settimeout(_HANDSHAKE_SECONDS)
        guest.do_handshake()
        guest.settimeout(None)
