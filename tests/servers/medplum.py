"""A throw-away FHIR R4 server that is not ours: Medplum's router and in-memory repository, from npm."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from adapters.simulated.fhir_resources import imaging_study, patient_resource
from adapters.simulated.hospital import SimulatedHospital
from tests.servers.availability import free_port, unavailable
from tests.servers.binaries import find_program
from tests.servers.processes import ServerDidNotStart, running

_HERE = Path(__file__).parent / "medplum"
_MODULES = Path(__file__).resolve().parents[2] / "var" / "medplum"
_INSTALL_SECONDS = 90.0
_START_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Medplum:
    """A running instance."""

    base_url: str

    def load(self, hospital: SimulatedHospital, identifier_system: str) -> None:
        """Store a hospital's patients and studies; the server chooses the ids."""
        with httpx2.Client(trust_env=False) as client:
            ids = {
                patient.local_patient_id: self._create(client, patient_resource(patient, "-", identifier_system))
                for patient in hospital.patients
            }
            for study in hospital.studies:
                self._create(client, imaging_study(study, "-", ids[study.local_patient_id], is_r5=False))

    def _create(self, client: httpx2.Client, resource: dict[str, Any]) -> str:
        body = {name: value for name, value in resource.items() if name != "id"}
        answer = client.post(f"{self.base_url}/{resource['resourceType']}", json=body)
        answer.raise_for_status()
        return str(answer.json()["id"])


@contextmanager
def medplum(folder: Path) -> Iterator[Medplum]:
    """Start an instance; it is gone when the block ends. Its packages are fetched once, into ``var``."""
    node = find_program("node", "nodejs")
    _install(find_program("npm", "npm"))
    port = free_port()
    command = [node, str(_HERE / "server.mjs"), str(port)]
    environment = {**os.environ, "MODULES": str(_MODULES)}
    log = folder / "medplum.log"
    try:
        with running(command, port=port, log=log, timeout_seconds=_START_SECONDS, environment=environment):
            yield Medplum(f"http://127.0.0.1:{port}/fhir")
    except ServerDidNotStart as error:
        unavailable("Medplum's FHIR router", str(error))


def _install(npm: str) -> None:
    """``npm ci`` by the hashes of the lock file, unless just this was installed before."""
    lock, installed = _HERE / "package-lock.json", _MODULES / "installed-lock.json"
    if installed.is_file() and installed.read_bytes() == lock.read_bytes():
        return
    _MODULES.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(_HERE / name, _MODULES / name)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(
            command, cwd=_MODULES, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired:
        unavailable("Medplum's FHIR router", "npm ci took too long")
    if done.returncode != 0:
        unavailable("Medplum's FHIR router", f"npm ci: {done.stderr.strip()[-200:]}")
    shutil.copyfile(lock, installed)
