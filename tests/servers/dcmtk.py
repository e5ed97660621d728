"""A throw-away dcmqrscp of DCMTK: a strict classic Query/Retrieve SCP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from adapters.dicom.dimse_socket import QuickEntity
from adapters.dicom.quiet_libraries import silence_pynetdicom
from tests.servers.availability import free_port
from tests.servers.binaries import find_program
from tests.servers.processes import running

AE_TITLE = "QRSCP"
_START_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Dcmqrscp:
    """A running instance."""

    port: int

    def load(self, files: Iterable[Dataset]) -> None:
        """Store instances by C-STORE."""
        store(files, self.port, AE_TITLE)


def store(files: Iterable[Dataset], port: int, ae_title: str) -> None:
    """Send instances to a storage SCP on loopback."""
    silence_pynetdicom()
    instances = list(files)
    entity = QuickEntity("LOADER", lambda _: None)
    for sop_class in {file.SOPClassUID for file in instances}:
        entity.add_requested_context(sop_class, ExplicitVRLittleEndian)
    association = entity.associate("127.0.0.1", port, ae_title=ae_title)
    assert association.is_established
    for file in instances:
        assert association.send_c_store(file).Status == 0
    association.release()


@contextmanager
def dcmqrscp(folder: Path) -> Iterator[Dcmqrscp]:
    """Start an instance in ``folder``; it is gone when the block ends."""
    program = find_program("dcmqrscp", "dcmtk")
    started = Dcmqrscp(free_port())
    (folder / "qrdb").mkdir()
    configuration = folder / "dcmqrscp.cfg"
    configuration.write_text(
        f"NetworkTCPPort = {started.port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
        "HostTable BEGIN\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\n{AE_TITLE} {folder / 'qrdb'} RW (100, 64mb) ANY\nAETable END\n"
    )
    command = [program, "-c", str(configuration)]
    with running(command, port=started.port, log=folder / "dcmqrscp.log", timeout_seconds=_START_SECONDS):
        yield started
