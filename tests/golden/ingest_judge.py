"""Ingest cases through the real doors: files through ``priorlink mpi load``, Patients through the HTTP application."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2

from adapters.fhir.identifier_systems import IdentifierSystems
from adapters.store.engine import make_engine
from adapters.store.migrate import upgrade
from gateway.asgi import create_app
from gateway.fhir.routes import fhir_routes
from gateway.permissions import Role
from gateway.settings import Settings
from mpi.identity.identifiers import AssigningAuthority, AuthorityRegistry
from mpi.matching.match_model import default_model
from mpi.usecases.matcher import Matcher
from tests.golden.hl7_judge import judge
from tests.hl7_door import OpenStore, memory_store, sql_store
from tests.integration.hub_world import Hub, answering

PRIORLINK = Path(sys.executable).with_name("priorlink")
TRIGGERS = ("=", "+", "-", "@")
OWN_KEYS = frozenset({"accepted", "error", "export_escapes", "error_or_stored", "note", "one_of", "statuses"})


@dataclass(frozen=True, slots=True)
class Result:
    """What the door said: rows taken, whether it refused with a reason, cells of files that were written."""

    accepted: int
    reason: str
    store: OpenStore
    written: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()

    @property
    def is_error(self) -> bool:
        return bool(self.reason)


def differences(expect: Mapping[str, Any], result: Result) -> list[str]:
    """What is not as expected, one line each."""
    if "one_of" in expect:
        tried = [differences(state, result) for state in expect["one_of"]]
        return [] if [] in tried else [line for lines in tried for line in lines]
    lines = judge({k: v for k, v in expect.items() if k not in OWN_KEYS}, result.store, [])
    if expect.get("accepted", result.accepted) != result.accepted:
        lines.append(f"{result.accepted} accepted, expected {expect['accepted']}")
    if expect.get("error", result.is_error) != result.is_error:
        lines.append(f"reason {result.reason!r}, expected error {expect['error']}")
    if expect.get("export_escapes"):
        lines += [f"a written cell runs: {c}" for c in result.written if c.startswith(TRIGGERS) and not _is_number(c)]
        lines += [] if any(c.startswith("'=") for c in result.written) else ["nothing to escape was written"]
    if expect.get("error_or_stored") and not result.is_error and not result.accepted:
        lines.append("neither refused nor stored")
    if list(expect.get("statuses", result.statuses)) != list(result.statuses):
        lines.append(f"statuses {result.statuses}, expected {expect['statuses']}")
    return lines


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def load_file(source: Path, authorities: Mapping[str, str], folder: Path, *, write_rejects: bool = False) -> Result:
    """``priorlink mpi load`` of the file, twice: a second run changes nothing. ``write_rejects``: a third run writes
    rejected rows to a file."""
    url = f"sqlite:///{folder / 'store.db'}"
    config = folder / "priorlink.toml"
    blocks = [f'[[authorities]]\nname = "{name}"\noid = "{oid}"\n' for name, oid in authorities.items()]
    config.write_text("\n".join([f'[store]\nurl = "{url}"\n', *blocks]))
    upgrade(engine := make_engine(url))
    engine.dispose()
    rejects = folder / "rejects.csv"
    done = _run("mpi", "load", source, "--config", config, "--json", "--rejects", rejects)
    again = _run("mpi", "load", source, "--config", config, "--json")
    assert done.returncode == again.returncode
    assert "Traceback" not in done.stderr
    with sql_store(url) as store:
        if done.returncode not in (0, 1):
            return Result(0, done.stderr.strip(), store)
        document = json.loads(done.stdout)
        assert json.loads(again.stdout)["effects"]["unchanged"] == document["accepted"]
        cells = _rejected_cells(source, config, folder) if write_rejects else ()
        problems = "; ".join(problem["problem"] for problem in document["rejected"])
        return Result(document["accepted"], problems, store, cells)


def _rejected_cells(source: Path, config: Path, folder: Path) -> tuple[str, ...]:
    """Every row again without its number: all are rejected, and written for people to look at."""
    with source.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    if not rows:
        return ()
    broken = folder / "broken.csv"
    with broken.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "mrn": ""} for row in rows)
    rejects = folder / "rejects-broken.csv"
    _run("mpi", "load", broken, "--config", config, "--rejects", rejects)
    with rejects.open(encoding="utf-8", newline="") as stream:
        return tuple(cell for row in csv.reader(stream) for cell in row)


def _run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PRIORLINK, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=90)


def post_resources(resources: list[Any], authorities: Mapping[str, str]) -> Result:
    """Each resource posted in turn: bundles to ``$process-message``, everything else to ``Patient``."""
    store = memory_store()
    hub = Hub(answering("NGH"), units=store.units)  # type: ignore[arg-type]
    registry = AuthorityRegistry.of(*(AssigningAuthority(name, oid) for name, oid in authorities.items()))
    matcher = Matcher(default_model(), registry)
    parts = replace(hub.resources, matcher=matcher)
    hub.app = create_app(parts, Settings(), routes=fhir_routes(parts, hub.metrics, IdentifierSystems(registry)))
    answers = [_post(hub, resource) for resource in resources]
    assert all(a.status_code < 500 for a in answers)
    refused = [a.json()["issue"][0]["details"]["text"] for a in answers if a.status_code >= 400]
    accepted = sum(a.status_code < 400 for a in answers)
    return Result(accepted, "; ".join(refused), store, statuses=tuple(a.status_code for a in answers))


def _post(hub: Hub, resource: Any) -> httpx2.Response:
    is_bundle = isinstance(resource, dict) and resource.get("resourceType") == "Bundle"
    headers = {"Authorization": f"Bearer {hub.issuer.token(Role.RECORDS)}"}
    path = "/fhir/$process-message" if is_bundle else "/fhir/Patient"
    return hub.request("POST", path, json=resource, headers=headers)
