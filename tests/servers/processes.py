"""Starting a server as a child process, waiting until it listens, and ending it for certain."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


class ServerDidNotStart(Exception):
    """The server ended, or did not listen in time."""


@contextmanager
def running(
    command: Sequence[str],
    *,
    port: int,
    log: Path,
    timeout_seconds: float,
    environment: Mapping[str, str] | None = None,
) -> Iterator[int]:
    """Run the command in a process group of its own until the block ends; gives its process id.

    Raises:
        ServerDidNotStart: the text is the end of its output.
    """
    with log.open("wb") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            start_new_session=True,
        )
    try:
        if not _listens(port, child, timeout_seconds):
            raise ServerDidNotStart(log.read_text(errors="replace")[-400:] or "no output")
        yield child.pid
    finally:
        _end_group(child)


def _listens(port: int, child: subprocess.Popen[bytes], timeout_seconds: float) -> bool:
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline and child.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            time.sleep(0.02)
    return False


def _end_group(child: subprocess.Popen[bytes]) -> None:
    for how, patience_seconds in ((signal.SIGTERM, 15), (signal.SIGKILL, 5)):
        try:
            os.killpg(child.pid, how)
        except ProcessLookupError:
            break
        try:
            child.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            continue
    child.wait(5)
