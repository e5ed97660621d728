"""A throw-away Redis on a free loopback port, keeping nothing on disk."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers.availability import free_port, unavailable
from tests.servers.processes import ServerDidNotStart, running


@contextmanager
def running_redis(directory: Path) -> Iterator[str]:
    """Start the server; gives its URL."""
    port = free_port()
    settings = {"port": port, "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": directory, "daemonize": "no"}
    command = ["redis-server", *(str(word) for name, value in settings.items() for word in (f"--{name}", value))]
    with running(command, port=port, log=directory / "log", timeout_seconds=10):
        yield f"redis://127.0.0.1:{port}/0"


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """URL of a Redis of this test run."""
    if shutil.which("redis-server") is None:
        unavailable("redis", "no redis-server on the path")
    with tempfile.TemporaryDirectory(prefix="priorlink-redis-") as directory:
        try:
            with running_redis(Path(directory)) as url:
                yield url
        except ServerDidNotStart as error:
            unavailable("redis", str(error))
