"""The examples of the pages on CDS Hooks and orders, as a reader would run them."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.hl7v2.dispatch import Dispatcher
from adapters.simulated.story import STORY
from adapters.webhook.signed_delivery import DeliveryFailed, SignedDelivery, signature
from federation.imaging.orders import ClinicalFlag
from federation.imaging.placed_orders import OrderStatus
from gateway.demo.ehr import IDENTIFIER_SYSTEM, ISSUER
from gateway.demo.world import DemoWorld, demo_world, feed
from gateway.outbox_work import alert_document
from gateway.settings import Settings
from tests.builders import person
from tests.integration.hub_world import answering, hub_of_ana, study
from tests.integration.order_world import OrderDoor, new_order

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLES = DOCS / "examples"
SECRET = "a secret of sixteen"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoWorld]:
    with demo_world(tmp_path_factory.mktemp("demo"), people=20, studies=40) as world:
        assert asyncio.run(feed(world, lambda _: None)) == 0
        yield world


def cds_card(world: DemoWorld, *more: str, issuer: str = ISSUER) -> subprocess.CompletedProcess[str]:
    number = STORY.marta_here.local_patient_id
    arguments = [world.url, issuer, str(world.ehr.key_file), IDENTIFIER_SYSTEM, number, *more]
    return subprocess.run(
        [sys.executable, EXAMPLES / "cds_card.py", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def test_the_card_is_shown_until_it_is_overridden(world: DemoWorld) -> None:
    first = cds_card(world, "clinical-change")
    assert first.returncode == 0, first.stderr
    shown, offered, told = first.stdout.splitlines()
    assert shown.startswith("[critical] Likely repeat: ")
    assert (offered, told) == ("  Cancel this order: ServiceRequest/order-1", "told: overridden, clinical-change")
    assert cds_card(world).stdout == "no card\n"


def test_a_client_that_is_not_listed_is_told_why(world: DemoWorld) -> None:
    done = cds_card(world, issuer="https://stranger.example")
    assert (done.returncode, done.stderr) == (1, "401: a valid token is needed: claim_iss\n")


@contextmanager
def example_receiver() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    with subprocess.Popen(
        [sys.executable, EXAMPLES / "receive_alerts.py", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "RECEIVER_SECRET": SECRET},
    ) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().rpartition(" ")[2].strip()
            yield f"http://127.0.0.1:{port}/alerts", process
        finally:
            process.terminate()


def test_the_example_receiver_takes_what_is_genuine_once() -> None:
    alert = {"tier": "INTERRUPTIVE", "placerOrderNumber": "P-1", "priorId": "2.999.2"}
    now = dt.datetime.fromtimestamp(time.time(), dt.UTC)
    with example_receiver() as (url, process):
        hub, stranger = SignedDelivery(url, SECRET.encode()), SignedDelivery(url, b"another secret of theirs")
        for refused, at in ((stranger, now), (hub, now - dt.timedelta(minutes=6))):
            with pytest.raises(DeliveryFailed, match="http_401"):
                refused.send(alert, delivery_id="7", at=at)
        for _ in range(2):
            hub.send(alert, delivery_id="8", at=now)
        hub.send({**alert, "tier": "INFO"}, delivery_id="9", at=now)
        hub.close()
        stranger.close()
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(2)]
    assert lines == ["INTERRUPTIVE P-1 repeats 2.999.2", "INFO P-1 repeats 2.999.2"]


def test_the_example_order_alerts_and_its_cancellation_closes_the_alert() -> None:
    door = OrderDoor(hub_of_ana(answering("LKM", [study("2.999.2", "LKM|77")])))
    arroyo = person("Arroyo", "Ana", middle="Luz", born="1984-03-12", sex="F", phone="202-555-0134", ssn_last4="4821")
    for identifier in ("NGH|00412", "LKM|77"):
        door.hub.index.register(identifier, as_=arroyo)
    dispatcher: Dispatcher = door.door.dispatcher
    assert b"MSA|AA|" in dispatcher.handle((EXAMPLES / "order.hl7").read_bytes())
    placed = door.placed("NGH|P-1001")
    assert (placed.order.code, placed.local_code, placed.context_is_known) == ("74177", "CTAP", True)
    door.work()
    (alert,) = door.alerts()
    assert (alert.is_open, alert.prior_id) == (True, "2.999.2")
    assert b"MSA|AA|" in dispatcher.handle((EXAMPLES / "cancel_order.hl7").read_bytes())
    assert door.placed("NGH|P-1001").status is OrderStatus.CANCELLED
    assert not door.alerts()[0].is_open


@pytest.mark.parametrize("page", ["cds-hooks.md", "orders.md"])
def test_the_settings_on_the_page_are_settings(page: str) -> None:
    (block,) = re.findall(r"^```toml\n(.*?)^```", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)
    told = Settings(**tomllib.loads(block))
    assert told.cds_hooks.clients or told.alerts.webhook_url


def test_the_pages_verification_is_the_receivers_and_the_hubs() -> None:
    timestamp, body, secret = "1773144000", b'{"tier":"INFO"}', SECRET.encode()
    (block,) = re.findall(r"^```python\n(.*?)^```", (DOCS / "orders.md").read_text(), re.MULTILINE | re.DOTALL)
    for sent, genuine in ((signature(secret, timestamp, body), True), ("sha256=00", False)):
        clock = SimpleNamespace(time=lambda: 1773144299.0)
        names: dict[str, Any] = {
            "hmac": hmac,
            "hashlib": hashlib,
            "time": clock,
            "secret": secret,
            "timestamp": timestamp,
        }
        names |= {"body": body, "signature": sent}
        exec(block, names)
        assert names["genuine"] is genuine


def test_the_pages_document_is_what_is_sent() -> None:
    (block,) = re.findall(r"^```json\n(.*?)^```", (DOCS / "orders.md").read_text(), re.MULTILINE | re.DOTALL)
    door = OrderDoor(hub_of_ana(answering("LKM", [study("2.999.2", "LKM|55")])))
    door.order(new_order())
    door.work()
    assert set(json.loads(block)) == set(alert_document(door.alerts()[0]))


def test_every_flag_is_on_the_page() -> None:
    page = (DOCS / "cds-hooks.md").read_text()
    assert [flag.value for flag in ClinicalFlag if f"`{flag.value}`" not in page] == []
