"""A history that fills in as sites answer, over a real websocket."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from federation.ports import SiteAnswer
from gateway.operations_files import operation
from gateway.permissions import ROLES_ALLOWED, Role
from mpi.audit import AuditOutcome
from mpi.identity.identifiers import PatientIdentifier
from tests.integration.hub_world import ANAS, FakeSource, answering, hanging, hub_of_ana, states, study, uids
from tests.integration.stream_world import serving, until

UPDATES = operation("ImagingHistoryUpdates")


def gated(site_id: str, gate: threading.Event) -> FakeSource:
    """An archive that answers once the gate is open."""

    async def answer(identifier: PatientIdentifier) -> SiteAnswer:
        while not gate.is_set():
            await asyncio.sleep(0.01)
        return SiteAnswer((study("2.999.2", "LKM|55"),))

    return FakeSource(site_id, answer)


def test_the_history_is_told_again_when_a_late_site_answers_and_then_it_completes() -> None:
    gate = threading.Event()
    hub = hub_of_ana(answering("NGH", [study("2.999.1", "NGH|0007")]), gated("LKM", gate), answering("RDI"))
    with serving(hub) as served, served.socket(Role.PHYSICIAN) as client:
        client.acknowledged().subscribe(UPDATES, patient=ANAS, deadlineMs=20_000)
        update = client.next()
        while states(update["history"])["NGH"] != "ANSWERED":
            assert not update["history"]["complete"]
            update = client.next()
        assert uids(update["history"]) == ["2.999.1"]
        assert states(update["history"])["LKM"] == "TIMED_OUT"
        gate.set()
        last = client.next()
        while not last["history"]["complete"]:
            last = client.next()
        assert last["number"] > update["number"]
        assert sorted(uids(last["history"])) == ["2.999.1", "2.999.2"]
        client.completed()
        until(lambda: served.streams.open_streams.open_count == 0)
    person = str(hub.index.person_of("NGH|0007"))
    kept = [event for event in hub.audit() if event.action == "imagingHistoryUpdates"]
    assert (kept[0].subject, kept[-1].subject, kept[-1].outcome) == (None, person, AuditOutcome.SUCCESS)


def test_it_completes_at_its_deadline_whatever_hangs() -> None:
    hub = hub_of_ana(answering("NGH", [study("2.999.1", "NGH|0007")]), hanging("LKM"), answering("RDI"))
    with serving(hub) as served, served.socket(Role.PLUGIN) as client:
        client.acknowledged().subscribe(UPDATES, patient=ANAS, deadlineMs=300)
        told: list[dict[str, Any]] = []
        while (message := client.hear())["type"] == "next":
            told.append(message["payload"]["data"]["imagingHistoryUpdates"])
        assert message == {"type": "complete", "id": "1"}
        assert states(told[-1]["history"])["LKM"] == "TIMED_OUT"
        assert not told[-1]["history"]["complete"]


@pytest.mark.parametrize("role", [role for role in Role if role not in ROLES_ALLOWED["imagingHistoryUpdates"]])
def test_other_roles_are_refused(role: Role) -> None:
    with serving(hub_of_ana()) as served, served.socket(role) as client:
        client.acknowledged().subscribe(UPDATES, patient=ANAS)
        assert client.next()["__typename"] == "NotAllowed"
        client.completed()


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"enterpriseId": "nobody"}, "patient_not_found"),
        ({}, "one_way_needed"),
        ({"patient": ANAS, "deadlineMs": 5}, "out_of_range"),
        ({"patient": ANAS, "first": 0}, "out_of_range"),
    ],
)
def test_what_cannot_be_asked_is_a_typed_answer(variables: dict[str, Any], code: str) -> None:
    with serving(hub_of_ana()) as served, served.socket(Role.PHYSICIAN) as client:
        client.acknowledged().subscribe(UPDATES, **variables)
        assert client.next()["code"] == code
        client.completed()
