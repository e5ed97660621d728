"""Every adapter with a bad line between it and a healthy archive."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.connection.tls import TlsFiles
from adapters.dicom.dicomweb_source import DicomwebSource
from adapters.dicom.dimse_source import DimseSource
from adapters.dicom.settings import DicomwebSettings, DimseSettings
from adapters.edge.https_channel import EdgeSettings, HttpsChannel
from adapters.edge.source import EdgeSource
from adapters.fhir_imaging.settings import FhirSettings
from adapters.fhir_imaging.source import FhirSource
from adapters.simulated.bad_line import LOOPBACK, BadLine
from adapters.simulated.dicomweb_hospital import DicomwebHospital
from adapters.simulated.dimse_hospital import DimseHospital
from adapters.simulated.fhir_hospital import FhirHospital
from federation.ports import PriorSource
from tests.contract.archives import HOSPITAL
from tests.servers.edge_agent import edge_agent

SITE = HOSPITAL.site
FHIR_SYSTEM = "https://ngh.example/patient-number"


@dataclass(frozen=True, slots=True)
class Reach:
    """How a source gets to the line: under which name, by TLS or not."""

    host: str = LOOPBACK
    ca_file: Path | None = None

    @property
    def scheme(self) -> str:
        return "http" if self.ca_file is None else "https"


@dataclass(frozen=True, slots=True)
class World:
    """An adapter, and the line that it asks through.

    ``reason_prefix`` stands before the reasons of an archive that an agent asks. ``agent_pid`` is the agent's.
    """

    line: BadLine
    make_source: Callable[[Reach], PriorSource]
    reason_prefix: str = ""
    agent_pid: int | None = None


@contextmanager
def _line(port: int) -> Iterator[BadLine]:
    line = BadLine(port)
    line.start()
    try:
        yield line
    finally:
        line.stop()


@dataclass(slots=True)
class Worlds:
    """Made when they are first asked for; gone when ``stack`` closes."""

    folder: Path
    stack: ExitStack = field(default_factory=ExitStack)
    _made: dict[str, World] = field(default_factory=dict)

    def get(self, kind: str) -> World:
        if kind not in self._made:
            self._made[kind] = _MAKE[kind](self)
        return self._made[kind]

    def line_before(self, server: Any) -> BadLine:
        """Start the server; a line in front of it."""
        server.start()
        self.stack.callback(server.stop)
        return self.stack.enter_context(_line(server.port))

    def own_folder(self, name: str) -> Path:
        made = self.folder / name
        made.mkdir()
        return made


def _dicomweb(worlds: Worlds) -> World:
    line = worlds.line_before(DicomwebHospital(HOSPITAL))

    def make(reach: Reach) -> PriorSource:
        url = f"{reach.scheme}://{reach.host}:{line.port}/dicom-web"
        return DicomwebSource(SITE, DicomwebSettings(url, ca_file=reach.ca_file))

    return World(line, make)


def _fhir(worlds: Worlds) -> World:
    line = worlds.line_before(FhirHospital(HOSPITAL, identifier_system=FHIR_SYSTEM))

    def make(reach: Reach) -> PriorSource:
        url = f"{reach.scheme}://{reach.host}:{line.port}/fhir"
        return FhirSource(SITE, FhirSettings(url, identifier_systems=(FHIR_SYSTEM,), ca_file=reach.ca_file))

    return World(line, make)


def _dimse(worlds: Worlds) -> World:
    hospital = DimseHospital(HOSPITAL)
    line = worlds.line_before(hospital)

    def make(reach: Reach) -> PriorSource:
        tls = None if reach.ca_file is None else TlsFiles(reach.ca_file)
        return DimseSource(SITE, DimseSettings(reach.host, line.port, hospital.ae_title, tls=tls))

    return World(line, make)


def _edge(worlds: Worlds) -> World:
    """The line is between the hub and the agent."""
    hospital = DicomwebHospital(HOSPITAL)
    hospital.start()
    worlds.stack.callback(hospital.stop)
    archive: Mapping[str, object] = {"protocol": "dicomweb", "url": hospital.base_url}
    agent = worlds.stack.enter_context(edge_agent(worlds.own_folder("edge"), SITE, archive))
    assert agent.port is not None
    line = worlds.stack.enter_context(_line(agent.port))

    def make(reach: Reach) -> PriorSource:
        url = f"{reach.scheme}://{reach.host}:{line.port}"
        return EdgeSource(SITE, HttpsChannel(EdgeSettings(url, agent.signer(), ca_file=reach.ca_file)))

    return World(line, make, agent_pid=agent.pid)


def _edge_archive(worlds: Worlds) -> World:
    """The line is between the agent and its archive."""
    line = worlds.line_before(DicomwebHospital(HOSPITAL))
    archive = {"protocol": "dicomweb", "url": f"http://{LOOPBACK}:{line.port}/dicom-web"}
    agent = worlds.stack.enter_context(edge_agent(worlds.own_folder("edge_archive"), SITE, archive))
    return World(line, lambda _: agent.source(), reason_prefix="archive_", agent_pid=agent.pid)


_MAKE: dict[str, Callable[[Worlds], World]] = {
    "dicomweb": _dicomweb,
    "fhir": _fhir,
    "dimse": _dimse,
    "edge": _edge,
    "edge_archive": _edge_archive,
}
HTTP = ("dicomweb", "fhir", "edge", "edge_archive")
