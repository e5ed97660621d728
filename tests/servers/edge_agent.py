"""The edge agent as a process of its own, from its own environment, in front of an archive."""

from __future__ import annotations

import datetime as dt
import json
import os
import select
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc.jwk import ECKey

from adapters.edge.https_channel import EdgeSettings, HttpsChannel
from adapters.edge.keys import load_private_key, make_key_pair
from adapters.edge.source import EdgeSource
from adapters.edge.tokens import Signer
from federation.sites.site import Site
from tests.servers.availability import unavailable
from tests.servers.processes import ServerDidNotStart

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".venv-edge" / "bin" / "priorlink-edge"
HUB_ID = "priorlink-hub"
_START_SECONDS = 30.0


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True, slots=True)
class EdgeAgent:
    """A running agent."""

    site: Site
    port: int | None
    pid: int
    folder: Path
    hub_key: ECKey

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def audit_file(self) -> Path:
        return self.folder / "audit.jsonl"

    def signer(self, **changed: Any) -> Signer:
        """Makes the hub's tokens for this agent, or others that it must not take."""
        told = {"issuer": HUB_ID, "audience": str(self.site.site_id), "clock": utc_now, **changed}
        return Signer(told.pop("key", self.hub_key), **told)

    def source(self) -> EdgeSource:
        return EdgeSource(self.site, HttpsChannel(EdgeSettings(self.url, self.signer())))

    def audit(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.audit_file.read_text().splitlines()]


@contextmanager
def edge_agent(
    folder: Path, site: Site, archive: Mapping[str, object], *, more: str = "", http: str = "[http]\nport = 0\n"
) -> Iterator[EdgeAgent]:
    """Start an agent that keeps its files in ``folder``; it is gone when the block ends.

    ``more`` is further configuration (TOML tables).
    """
    if not PROGRAM.exists():
        unavailable("the edge agent", "there is no .venv-edge (run: make setup-edge)")
    if not (folder / "hub-key.json").exists():
        make_key_pair(folder / "hub-key.json", folder / "hub-jwks.json")
    config = folder / "priorlink-edge.toml"
    config.write_text(configuration(folder, site, archive) + http + more)
    log = folder / "agent.log"
    with log.open("ab") as errors:
        child = subprocess.Popen(
            [PROGRAM, "serve", "--config", config],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={"PATH": os.environ["PATH"]},
            start_new_session=True,
        )
    try:
        ready = _first_line(child, log)
        yield EdgeAgent(site, ready["http_port"], child.pid, folder, load_private_key(folder / "hub-key.json"))
    finally:
        _end(child)


def configuration(folder: Path, site: Site, archive: Mapping[str, object]) -> str:
    """The tables that every agent has."""
    lines = [
        "[site]",
        f'id = "{site.site_id}"',
        f'name = "{site.name}"',
        f'assigning_authority = "{site.assigning_authority}"',
        f'time_zone = "{site.time_zone}"',
        "[archive]",
        *(f"{name} = {json.dumps(value)}" for name, value in archive.items()),
        "[hub]",
        f'jwks_file = "{folder / "hub-jwks.json"}"',
        "[audit]",
        f'file = "{folder / "audit.jsonl"}"',
    ]
    return "\n".join(lines) + "\n"


def _first_line(child: subprocess.Popen[bytes], log: Path) -> dict[str, Any]:
    assert child.stdout is not None
    readable, _, _ = select.select([child.stdout], [], [], _START_SECONDS)
    line = child.stdout.readline() if readable else b""
    if not line:
        raise ServerDidNotStart(log.read_text(errors="replace")[-400:] or "no output")
    ready: dict[str, Any] = json.loads(line)
    return ready


def _end(child: subprocess.Popen[bytes]) -> None:
    assert child.stdout is not None
    child.stdout.close()
    for how, patience_seconds in ((signal.SIGTERM, 15), (signal.SIGKILL, 5)):
        if child.poll() is not None:
            return
        os.killpg(child.pid, how)
        try:
            child.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            continue
