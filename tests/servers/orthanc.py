"""A throw-away Orthanc with DICOMweb. It listens on all interfaces, but answers loopback only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import httpx2
from pydicom.dataset import Dataset

from tests.servers.availability import free_port, unavailable
from tests.servers.binaries import find_program
from tests.servers.processes import running

_PLUGIN_PLACES = ("/usr/share/orthanc/plugins", "/usr/lib/orthanc", "/usr/local/share/orthanc/plugins")
AE_TITLE = "ORTHANC"
_START_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Orthanc:
    """A running instance."""

    http_port: int
    dicom_port: int

    @property
    def dicomweb_url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}/dicom-web"

    def load(self, files: Iterable[Dataset]) -> None:
        """Store instances through the REST interface."""
        with httpx2.Client(trust_env=False) as client:
            for file in files:
                buffer = BytesIO()
                file.save_as(buffer, enforce_file_format=True)
                answer = client.post(f"http://127.0.0.1:{self.http_port}/instances", content=buffer.getvalue())
                answer.raise_for_status()


@contextmanager
def orthanc(folder: Path) -> Iterator[Orthanc]:
    """Start an instance in ``folder``; it is gone when the block ends."""
    program = find_program("Orthanc", "orthanc")
    started = Orthanc(free_port(), free_port())
    configuration = folder / "orthanc.json"
    configuration.write_text(json.dumps(_configuration(started, folder)))
    log = folder / "orthanc.log"
    with running([program, str(configuration)], port=started.http_port, log=log, timeout_seconds=_START_SECONDS):
        yield started


def _configuration(started: Orthanc, folder: Path) -> dict[str, object]:
    return {
        "Name": "TEST",
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "Plugins": [str(_dicomweb_plugin())],
        "HttpPort": started.http_port,
        "DicomPort": started.dicom_port,
        "DicomAet": AE_TITLE,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowStore": True,
        "DefaultEncoding": "Utf8",
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "Host": "127.0.0.1", "Ssl": False},
    }


def _dicomweb_plugin() -> Path:
    found = [plugin for place in _PLUGIN_PLACES for plugin in Path(place).glob("libOrthancDicomWeb.so*")]
    return found[0] if found else unavailable("Orthanc's DICOMweb plugin", "not installed (package orthanc-dicomweb)")
