"""A throw-away RabbitMQ: own node name, own directory, own port mapper, loopback only, no plugins."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers.availability import free_port, unavailable
from tests.servers.processes import ServerDidNotStart, running

_START_SCRIPTS = Path("/usr/lib/rabbitmq/bin")
"""Debian keeps the scripts here that run as whoever calls them (those on the path change to user rabbitmq)."""


@contextmanager
def running_rabbitmq(directory: Path, server: str) -> Iterator[str]:
    """Start port mapper and server; gives the server's URL."""
    mapper_port, port = free_port(), free_port()
    environment = _environment(directory, port=port, mapper_port=mapper_port)
    mapper = [shutil.which("epmd") or "epmd", "-port", str(mapper_port), "-address", "127.0.0.1"]
    with (
        running(mapper, port=mapper_port, log=directory / "mapper.log", timeout_seconds=10),
        running([server], port=port, log=directory / "log", timeout_seconds=60, environment=environment),
    ):
        yield f"amqp://guest:guest@127.0.0.1:{port}/"


def _environment(directory: Path, *, port: int, mapper_port: int) -> dict[str, str]:
    plugins = directory / "enabled_plugins"
    plugins.write_text("[].\n")
    return os.environ | {
        "HOME": str(directory),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(mapper_port),
        "RABBITMQ_NODENAME": f"priorlink-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_CONFIG_FILE": str(directory / "none"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(directory / "none.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
        "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
        "RABBITMQ_LOG_BASE": str(directory),
        "RABBITMQ_PID_FILE": str(directory / "pid"),
    }


@pytest.fixture(scope="session")
def rabbitmq_url() -> Iterator[str]:
    """URL of a RabbitMQ of this test run. It takes some seconds to start."""
    server = shutil.which("rabbitmq-server", path=_START_SCRIPTS) or shutil.which("rabbitmq-server")
    if server is None:
        unavailable("rabbitmq", "no rabbitmq-server on the path")
    with tempfile.TemporaryDirectory(prefix="priorlink-rabbitmq-", ignore_cleanup_errors=True) as directory:
        try:
            with running_rabbitmq(Path(directory), server) as url:
                yield url
        except ServerDidNotStart as error:
            unavailable("rabbitmq", str(error))
