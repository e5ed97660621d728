"""``priorlink serve | listen | work | demo``: the processes. All end cleanly on SIGTERM and SIGINT."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from adapters.long_lived import set_long_lived_aside
from gateway.cli.output import ConfigOption, JsonOption, emit
from gateway.errors import ServiceMissing
from gateway.observability import configure_logging
from gateway.settings import load_settings

if TYPE_CHECKING:
    from gateway.bootstrap import Hub


def add_commands(app: typer.Typer) -> None:
    """Hang the commands on the root."""
    app.command("serve")(serve)
    app.command("listen")(listen)
    app.command("work")(work)
    app.command("demo")(demo)


def serve(config: ConfigOption = None) -> int:
    """Run the HTTP hub; one line of JSON on stdout tells the port once it is ready.

    Without a broker the background worker runs in this process, too.
    """
    from gateway.bootstrap import build_hub
    from gateway.serving import HubServer

    settings = load_settings(config)
    configure_logging(sys.stderr)
    hub = build_hub(settings)
    server = HubServer(hub, bind(settings.http.host, settings.http.port))
    with _worker_inside(hub):
        server.run(on_ready=lambda port: tell_ready("serve", http_port=port))
    return 0


@contextmanager
def _worker_inside(hub: Hub) -> Iterator[None]:
    settings = hub.settings
    if settings.tasks.broker_url is not None:
        yield
        return
    from gateway.bootstrap import build_hub
    from gateway.worker import running_worker

    with running_worker(build_hub(settings, mailbox=hub.mailbox)):
        yield


def listen(config: ConfigOption = None) -> int:
    """Run the MLLP listener; one line of JSON on stdout tells the port once it is ready."""
    from gateway.bootstrap import build_hub
    from gateway.listener import make_listener

    hub = build_hub(load_settings(config))
    configure_logging(sys.stderr)

    async def run() -> None:
        stopped = _stop_event()
        try:
            async with make_listener(hub) as listener:
                tell_ready("listen", mllp_port=listener.port)
                await stopped.wait()
        except OSError as error:
            raise ServiceMissing(f"mllp: cannot listen on port {hub.settings.mllp.port}: {error.strerror}") from error

    asyncio.run(run())
    hub.engine.dispose()
    return 0


def work(config: ConfigOption = None) -> int:
    """Run the background worker with the broker of the settings."""
    from gateway.bootstrap import build_hub
    from gateway.worker import running_worker

    hub = build_hub(load_settings(config))
    configure_logging(sys.stderr)

    async def wait() -> None:
        stopped = _stop_event()
        tell_ready("work")
        await stopped.wait()

    with running_worker(hub):
        asyncio.run(wait())
    hub.engine.dispose()
    return 0


def demo(
    check: Annotated[
        bool, typer.Option("--check", help="play the story, print what each user sees, exit 0 or 1")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Run the hub and four demo hospitals on loopback, with an embedded store."""
    from gateway.demo.command import run_demo

    return run_demo(check=check, as_json=as_json)


def tell_ready(process: str, **ports: int) -> None:
    """Say on stdout that a process is up; what it has made until now stays for as long as it runs."""
    set_long_lived_aside()
    emit({"ready": process, **ports})


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 is any free one.

    Raises:
        ServiceMissing: the port is taken or may not be used.
    """
    listening = socket.socket(
        socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
    )
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise ServiceMissing(f"http: cannot listen on port {port}: {error.strerror}") from error
    return listening


def _stop_event() -> asyncio.Event:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    return stopped
