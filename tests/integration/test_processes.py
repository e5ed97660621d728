"""`serve`, `listen` and `work` as a hospital runs them: a ready line, real sockets, a clean end on SIGTERM."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
import sqlalchemy as sa

from adapters.hl7v2.mllp import send_messages
from adapters.store.engine import make_engine
from gateway.demo_issuer import DemoIssuer
from gateway.operations_files import operation
from gateway.permissions import Role

PRIORLINK = Path(sys.executable).with_name("priorlink")
A04 = (Path(__file__).resolve().parents[2] / "docs" / "examples" / "register.hl7").read_bytes()
PATIENCE_SECONDS = 30


class Hub:
    """A hub's folder: configuration, keys and store."""

    def __init__(self, folder: Path) -> None:
        self.issuer = DemoIssuer()
        self.config = folder / "priorlink.toml"
        self.store_url = f"sqlite:///{folder / 'hub.db'}"
        (folder / "jwks.json").write_text(json.dumps(self.issuer.jwks))
        self.config.write_text(
            f"""
            [store]
            url = "{self.store_url}"
            [http]
            port = 0
            [mllp]
            port = 0
            [auth]
            issuer = "{self.issuer.issuer}"
            jwks_file = "{folder / "jwks.json"}"
            [[sites]]
            id = "NGH"
            name = "North General Hospital"
            assigning_authority = "NGH"
            """
        )
        subprocess.run([PRIORLINK, "db", "upgrade", "--config", self.config], check=True, capture_output=True)

    @contextmanager
    def running(self, command: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, object]]]:
        """The process and its ready line; it must end with exit code 0 within seconds of SIGTERM."""
        arguments = [PRIORLINK, command, "--config", self.config]
        with subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
        ) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, process.stderr.read() if process.stderr else ""
            try:
                yield process, json.loads(line)
            finally:
                process.send_signal(signal.SIGTERM)
                _, errors = process.communicate(timeout=PATIENCE_SECONDS)
            assert process.returncode == 0, errors
            assert "Traceback" not in errors

    def waiting_in_outbox(self) -> int:
        engine = make_engine(self.store_url)
        with engine.connect() as connection:
            count: int = connection.execute(sa.text("select count(*) from outbox where done_at is null")).scalar_one()
        engine.dispose()
        return count


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path)


def register(port: object) -> bytes:
    (acknowledgement,) = asyncio.run(send_messages("127.0.0.1", int(str(port)), [A04]))
    return acknowledgement


def wait_until_drained(hub: Hub) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while hub.waiting_in_outbox():
        assert time.monotonic() < deadline, "the outbox was not drained"
        time.sleep(0.1)


def test_what_the_listener_takes_the_hub_knows(hub: Hub) -> None:
    with hub.running("listen") as (_, ready):
        assert b"\rMSA|AA|EX-1" in register(ready["mllp_port"])
    with hub.running("serve") as (_, ready):
        url = f"http://127.0.0.1:{ready['http_port']}"
        assert httpx2.get(f"{url}/readyz", trust_env=False).json() == {"status": "ready"}
        answer = httpx2.post(
            f"{url}/graphql",
            json={
                "query": operation("Person"),
                "variables": {"patient": {"assigningAuthority": "NGH", "localPatientId": "00412"}},
            },
            headers={"Authorization": f"Bearer {hub.issuer.token(Role.RECORDS)}"},
            trust_env=False,
        ).json()["data"]["person"]
        assert answer["goldenRecord"]["name"]["family"] == "ARROYO"
        wait_until_drained(hub)


def test_the_log_of_the_processes_names_nobody(hub: Hub) -> None:
    with hub.running("listen") as (process, ready):
        register(ready["mllp_port"])
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert "hl7_message_handled" in errors
    for value in ("ARROYO", "00412", "5550134", "Mill Road"):
        assert value.casefold() not in errors.casefold()


@pytest.mark.needs("redis")
def test_a_worker_elsewhere_takes_the_work_over_redis(hub: Hub, redis_url: str) -> None:
    broker = {"PRIORLINK_TASKS__BROKER_URL": redis_url}
    with hub.running("listen", **broker) as (_, ready):
        register(ready["mllp_port"])
    assert hub.waiting_in_outbox() > 0
    with hub.running("work", **broker):
        wait_until_drained(hub)


def test_a_port_that_is_taken_is_a_missing_service(hub: Hub) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for command, variable in (("serve", "PRIORLINK_HTTP__PORT"), ("listen", "PRIORLINK_MLLP__PORT")):
            done = subprocess.run(
                [PRIORLINK, command, "--config", hub.config],
                capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS,
                env={**os.environ, variable: port},
            )  # fmt: skip
            assert done.returncode == 4, done.stderr
            assert f"port {port}" in done.stderr
            assert "Traceback" not in done.stderr
