"""The agent's process: an HTTPS server, lines to the hub, or both, until SIGTERM."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from adapters.long_lived import set_long_lived_aside
from edge.agent import Agent
from edge.errors import ConfigurationError, ServiceMissing
from edge.http_app import create_app
from edge.outbound import OutboundLines
from edge.settings import HttpSettings

GRACE_SECONDS = 10


async def serve(agent: Agent) -> None:
    """Serve until SIGTERM or SIGINT; one line of JSON on stdout tells the port once the agent is ready.

    Raises:
        ConfigurationError: a certificate or key cannot be used.
        ServiceMissing: the port is taken or may not be used.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        await _run(agent, stopped)
    finally:
        await agent.aclose()


async def _run(agent: Agent, stopped: asyncio.Event) -> None:
    http, outbound = agent.settings.http, agent.settings.outbound
    lines = None if outbound is None else OutboundLines(agent, outbound)
    server = None if http is None else _server(agent, http)
    listening = None if http is None else _bind(http.host, http.port)
    async with asyncio.TaskGroup() as tasks:
        if server is not None and listening is not None:
            tasks.create_task(server.serve(sockets=[listening]))
            while not server.started and not server.should_exit:
                await asyncio.sleep(0.01)
        dialling = None if lines is None else tasks.create_task(lines.run())
        _tell_ready(agent, listening)
        await stopped.wait()
        if server is not None:
            server.should_exit = True
        if dialling is not None:
            dialling.cancel()


def _tell_ready(agent: Agent, listening: socket.socket | None) -> None:
    port = None if listening is None else listening.getsockname()[1]
    ready = {
        "ready": "edge",
        "site": agent.settings.site.id,
        "http_port": port,
        "outbound": agent.settings.outbound is not None,
    }
    set_long_lived_aside()
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()


class _Server(uvicorn.Server):
    """Signals are the process's own business: it has more to end than this server."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _server(agent: Agent, http: HttpSettings) -> uvicorn.Server:
    app = create_app(agent, max_request_bytes=http.max_request_bytes)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        loop="asyncio",
        http="httptools",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ssl_certfile=http.certificate_file,
        ssl_keyfile=http.key_file,
        ssl_ca_certs=None if http.client_ca_file is None else str(http.client_ca_file),
        ssl_cert_reqs=ssl.CERT_NONE if http.client_ca_file is None else ssl.CERT_REQUIRED,
    )
    try:
        config.load()
    except OSError as error:
        raise ConfigurationError("http: certificate_file, key_file or client_ca_file cannot be used") from error
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return _Server(config)


def _bind(host: str, port: int) -> socket.socket:
    # made with its protocol named: only such a socket gets TCP_NODELAY from asyncio
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise ServiceMissing(f"http: cannot listen on port {port}: {error.strerror}") from error
    return listening
