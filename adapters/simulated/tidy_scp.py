"""An SCP that leaves no socket and no thread behind, whatever its peers do.

pynetdicom forgets a socket unclosed when the peer reset the connection first, and does not wait for associations that
were accepted while the server was stopping.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import Any

from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

_LOOPBACK = "127.0.0.1"
_HANDSHAKE_SECONDS = 5.0


class TidyEntity(AE):
    """An application entity whose servers end clean: after ``shutdown`` no connection is open, no thread at work."""

    def make_server(self, *args: Any, **options: Any) -> Any:
        """As the library's; ``start_server`` comes here too and asks for the library's own kind of server."""
        return super().make_server(*args, **{**options, "server_class": _TidyServer})

    def listen(self, handlers: list[Any], *, port: int = 0, **options: Any) -> int:
        """Serve on loopback until ``shutdown`` (any free port if none is given). Returns the port."""
        server: Any = self.start_server((_LOOPBACK, port), block=False, evt_handlers=handlers, **options)
        return int(server.server_address[1])

    def shutdown(self) -> None:
        """Stop listening, hang up on everybody and wait until all is over; a peer in mid-sentence cannot hold it up."""
        for server in tuple(self._servers):
            server.shutdown()


class _TidyServer(ThreadedAssociationServer):
    """Knows its open connections; closing it ends them and waits for their threads."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_closing = False
        super().__init__(*args, **{**options, "request_handler": _TidyHandler})

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept only: a peer that dawdles over its handshake must not keep the others waiting."""
        connection, address = self.socket.accept()  # type: ignore[union-attr]
        if self.ssl_context is None:
            return connection, address
        return self.ssl_context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def took(self, connection: socket.socket) -> None:
        """A connection begins to be served."""
        with self._lock:
            self._connections.add(connection)
            if self._is_closing:
                _hang_up(connection)

    def gave_up(self, connection: socket.socket) -> None:
        """A connection is over."""
        with self._lock:
            self._connections.discard(connection)
            connection.close()

    def server_close(self) -> None:
        with self._lock:
            self._is_closing = True
            for connection in self._connections:
                _hang_up(connection)
        super().server_close()


class _TidyHandler(RequestHandler):
    """Serves one connection in a thread that lives as long as the association, and closes it."""

    server: _TidyServer
    _association: Association | None = None

    def setup(self) -> None:
        self.server.took(self.request)

    def handle(self) -> None:
        if _shake_hands(self.request):
            super().handle()

    def _create_association(self) -> Association:
        self._association = super()._create_association()
        return self._association

    def finish(self) -> None:
        association = self._association
        if association is not None and association.ident is not None:
            association._dul_ready.wait()
            association.dul.join()
            if association.requestor.primitive is not None:  # else it waits for a request that cannot come any more
                association.join()
        self.server.gave_up(self.request)


def _shake_hands(connection: socket.socket) -> bool:
    """False when a TLS handshake came to nothing."""
    if not isinstance(connection, ssl.SSLSocket):
        return True
    try:
        connection.settimeout(_HANDSHAKE_SECONDS)
        connection.do_handshake()
        connection.settimeout(None)
    except OSError:
        return False
    return True


def _hang_up(connection: socket.socket) -> None:
    """Wake whoever reads from a connection. Not by its own ``shutdown``: under TLS that pulls the rug from readers."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
