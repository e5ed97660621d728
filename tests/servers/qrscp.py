"""A throw-away qrscp, the Query/Retrieve SCP that comes with pynetdicom: few keys, and strict about them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from tests.servers.availability import free_port
from tests.servers.dcmtk import store
from tests.servers.processes import running

AE_TITLE = "PYQR"
_START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Qrscp:
    """A running instance."""

    port: int

    def load(self, files: Iterable[Dataset]) -> None:
        """Store instances by C-STORE."""
        store(files, self.port, AE_TITLE)


@contextmanager
def qrscp(folder: Path) -> Iterator[Qrscp]:
    """Start an instance in ``folder``; it is gone when the block ends."""
    started = Qrscp(free_port())
    configuration = folder / "qrscp.ini"
    configuration.write_text(
        f"[DEFAULT]\nae_title: {AE_TITLE}\nport: {started.port}\nbind_address: 127.0.0.1\nmax_pdu: 16382\n"
        "acse_timeout: 30\ndimse_timeout: 30\nnetwork_timeout: 30\nlog_identifier: False\n"
        f"instance_location: {folder / 'instances'}\ndatabase_location: {folder / 'instances.sqlite'}\n"
    )
    command = [sys.executable, "-m", "pynetdicom", "qrscp", "-c", str(configuration), "-q"]
    with running(command, port=started.port, log=folder / "qrscp.log", timeout_seconds=_START_SECONDS):
        yield started
