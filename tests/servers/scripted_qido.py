"""A real HTTP server that answers a query (QIDO-RS, FHIR) with exactly what a case says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived; ``target`` is path and query as sent."""

    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    target: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. ``breaks_off`` closes the connection instead of answering."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    breaks_off: bool = False


@dataclass(slots=True)
class ScriptedQido:
    """The running server: where it is, and what it was asked."""

    base_url: str
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def scripted_qido(answer: Callable[[Asked], Reply]) -> Iterator[ScriptedQido]:
    """Serve on a free loopback port until the block ends."""
    running = ScriptedQido("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = Asked(
                parts.path, parse_qs(parts.query, keep_blank_values=True), dict(self.headers.items()), self.path
            )
            running.asked.append(asked)
            reply = answer(asked)
            if reply.breaks_off:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                if name.lower() != "content-length":
                    self.send_header(name, value)
            if reply.status != 204:
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if reply.status != 204:
                self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    running.base_url = f"http://127.0.0.1:{server.server_address[1]}/rs"
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
