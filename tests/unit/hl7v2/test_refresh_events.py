"""Which messages have a patient's archives asked in the background."""

from __future__ import annotations

import pytest

from adapters.hl7v2.settings import Hl7Settings
from tests.builders import NOON
from tests.hl7_door import Door, memory_store

EVENTS = frozenset({"A01", "A04", "R01"})
PID = "PID|1||0007^^^NGH^MR||QUILLFEATHER^ANA||19840312|F"
RESULT = "ORC|RE|P-1|F-1\rOBR|1|P-1|F-1|74177^CT ABD PELVIS^C4|||20260310|||||||||||||||||||F"


def message(kind: str, number: int = 1) -> str:
    more = f"\r{RESULT}" if kind.startswith("ORU") else ""
    return f"MSH|^~\\&|ADT|NGH|HUB|HUB|20260310120000+0000||{kind}|M-{number}|P|2.5.1\r{PID}{more}\r"


def asked_after(kind: str, events: frozenset[str] = EVENTS) -> list[dict[str, object]]:
    store = memory_store()
    door = Door(store.units, settings=Hl7Settings(refresh_events=events))
    assert door.send(message(kind)).code == "AA"
    with store.units() as uow:
        due = uow.outbox.due(limit=10, now=NOON, retry_after_seconds=0)
    return [dict(row.body) for row in due if row.kind == "refresh_priors"]


@pytest.mark.parametrize(("kind", "site"), [("ADT^A01", None), ("ADT^A04", None), ("ORU^R01", "NGH")])
def test_an_admission_asks_everywhere_and_a_result_at_its_own_site(kind: str, site: str | None) -> None:
    (body,) = asked_after(kind)
    assert body["site_id"] == site
    assert len(body["enterprise_ids"]) == 1  # type: ignore[arg-type]


def test_other_events_and_other_settings_ask_nobody() -> None:
    assert asked_after("ADT^A08") == []
    assert asked_after("ADT^A04", frozenset()) == []
    assert asked_after("ORU^R01", frozenset({"A04"})) == []


def test_a_message_sent_again_asks_once() -> None:
    store = memory_store()
    door = Door(store.units, settings=Hl7Settings(refresh_events=EVENTS))
    for _ in range(2):
        assert door.send(message("ADT^A04")).code == "AA"
    with store.units() as uow:
        kinds = [row.kind for row in uow.outbox.due(limit=10, now=NOON, retry_after_seconds=0)]
    assert kinds.count("refresh_priors") == 1
