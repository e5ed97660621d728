"""Every look and every change is in the audit log, whichever door it came through; and a person's own report of it."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from federation.imaging.alerts import ALERT_LIFETIME
from federation.usecases.expire_alerts import expire_alerts
from gateway.audit_heads import HeadFile, HeadKeeper
from gateway.errors import InputRefused
from gateway.permissions import Role
from mpi.audit import AuditOutcome
from mpi.audit_chain import EMPTY_CHAIN, AuditHead
from mpi.usecases.verify_audit import verify_audit
from tests.builders import NOON, person
from tests.integration.hub_world import ANA, ANAS, ORDER, SURNAME, Hub, hub_of_ana
from tests.integration.order_world import OrderDoor, new_order, outbox_work

BO = person("Nakamura", "Bo", born="1961-07-14", sex="M")
BOS = {"assigningAuthority": "RDI", "localPatientId": "B-1"}


def entries(hub: Hub) -> list[tuple[str, str, str | None, AuditOutcome]]:
    return [(event.actor, event.action, event.subject, event.outcome) for event in hub.audit()]


class Receiver:
    """Takes what it is told."""

    def __init__(self) -> None:
        self.told: list[dict[str, object]] = []

    def send(self, document: dict[str, object], *, delivery_id: str, at: dt.datetime) -> None:
        self.told.append(document)


# Background work


def test_the_worker_says_what_it_judged_and_whom_it_told() -> None:
    door, receiver = OrderDoor(hub_of_ana()), Receiver()
    door.order(new_order())
    before = len(door.hub.audit())
    door.work(outbox_work(door.hub, deliver=receiver))
    ana = door.hub.index.person_of("NGH|0007")
    assert len(receiver.told) == 1
    assert entries(door.hub)[before:] == [
        ("priorlink", "order_received", ana, AuditOutcome.SUCCESS),
        ("priorlink", "alert_raised", ana, AuditOutcome.SUCCESS),
    ]


def test_each_check_that_is_judged_again_is_remembered_even_when_nothing_changed() -> None:
    hub = hub_of_ana()
    hub.run("CheckOrder", Role.PHYSICIAN, order=ORDER)
    hub.index.register("RDI|77", as_=ANA)
    before = len(hub.audit())
    OrderDoor(hub).work()
    again = [(event.action, event.detail) for event in hub.audit()[before:]]
    assert again
    assert set(again) == {("reassess", "as_before")}


def test_an_alert_that_ends_by_itself_is_remembered() -> None:
    hub = hub_of_ana()
    hub.run("CheckOrder", Role.PHYSICIAN, order=ORDER)
    with hub.units() as uow:
        assert expire_alerts(uow=uow, clock=lambda: NOON + ALERT_LIFETIME + dt.timedelta(days=1)) == 1
        uow.commit()
    assert hub.audit()[-1].action == "alert_expired"
    assert hub.audit()[-1].subject == hub.index.person_of("NGH|0007")


def test_the_entries_of_all_doors_are_one_chain() -> None:
    door = OrderDoor(hub_of_ana())
    door.order(new_order())
    door.hub.run("ImagingHistory", Role.PHYSICIAN, patient=ANAS)
    door.hub.post("{ sites { __typename } }", token="nonsense")
    door.hub.request("GET", "/fhir/Patient?identifier=x|y")
    door.work()
    with door.hub.units() as uow:
        report = verify_audit(uow.audit_chain)
    assert report.problem is None
    assert report.row_count == len(door.hub.audit()) > 4


# A person's own report


def report(hub: Hub, **asked: Any) -> Any:
    return hub.run("AccessReport", Role.ADMIN, **asked)


def test_who_looked_at_this_patient_is_one_question() -> None:
    hub = hub_of_ana()
    ana = hub.index.person_of("NGH|0007")
    hub.index.register("RDI|B-1", as_=BO)
    hub.run("ImagingHistory", Role.PHYSICIAN, patient=ANAS)
    hub.run("Person", Role.RECORDS, patient=BOS)
    hub.run("Person", Role.PLUGIN, patient=ANAS)
    found = report(hub, patient=ANAS)
    assert found["enterpriseId"] == ana
    assert [(e["node"]["action"], e["node"]["actor"], e["node"]["subject"]) for e in found["edges"]] == [
        ("person", "demo-plugin", ana),
        ("imagingHistory", "demo-physician", ana),
    ]
    assert SURNAME not in str(found)
    again = report(hub, enterpriseId=ana)["edges"]
    assert [e["node"]["action"] for e in again] == ["accessReport", "person", "imagingHistory"]


def test_looks_under_an_earlier_enterprise_id_are_in_the_report() -> None:
    hub = hub_of_ana()
    hub.index.register("RDI|B-1", as_=BO)
    before = hub.index.person_of("RDI|B-1")
    hub.run("Person", Role.PHYSICIAN, patient=BOS)
    hub.index.register("NGH|B-2", as_=person("Nakamura", "Bo"))
    now = hub.index.person_of("NGH|B-2")
    assert now != before
    hub.index.merge_persons("NGH|B-2", "RDI|B-1")
    assert hub.index.person_of("RDI|B-1") == now
    for asked in ({"enterpriseId": now}, {"enterpriseId": before}, {"patient": BOS}):
        found = report(hub, **asked)
        assert (found["enterpriseId"], found["earlierEnterpriseIds"]) == (now, [before])
        assert ("person", before) in [(edge["node"]["action"], edge["node"]["subject"]) for edge in found["edges"]]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_pages_of_any_size_give_each_entry_once(size: int) -> None:
    hub = hub_of_ana()
    for _ in range(7):
        hub.run("Person", Role.PHYSICIAN, patient=ANAS)
    seen: list[str] = []
    after, more = None, True
    while more:
        page = hub.ask(
            "query($n: Int!, $after: String, $p: PatientRefInput) { accessReport(patient: $p, first: $n, after: $after)"
            " { ... on AccessReport { edges { cursor node { action } } pageInfo { hasNextPage endCursor } } } }",
            Role.ADMIN, n=size, after=after, p=ANAS,
        )["accessReport"]  # fmt: skip
        seen += [edge["cursor"] for edge in page["edges"] if edge["node"]["action"] == "person"]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert len(seen) == len(set(seen)) == 7


def test_a_cursor_of_another_list_and_nobody_are_refused() -> None:
    hub = hub_of_ana()
    history = hub.ask(
        "query($p: PatientRefInput) { imagingHistory(patient: $p) { ... on ImagingHistory { studies { edges { cursor "
        "} } } } }", Role.PHYSICIAN, p=ANAS,
    )  # fmt: skip
    foreign = history["imagingHistory"]["studies"]["edges"][0]["cursor"]
    assert report(hub, patient=ANAS, after=foreign)["code"] == "invalid_cursor"
    assert report(hub, enterpriseId="nobody")["message"] == "no active record is behind this identifier"


# Heads that are kept outside


def test_heads_are_kept_while_serving_and_at_the_end(tmp_path: Path) -> None:
    hub, file = hub_of_ana(), HeadFile(tmp_path / "heads.jsonl")
    hub.run("Person", Role.PHYSICIAN, patient=ANAS)
    keeper = HeadKeeper(file, hub.units, lambda: NOON, every_seconds=3600)

    async def serve_for_a_while() -> None:
        task = asyncio.create_task(keeper.run())
        async with asyncio.timeout(10):
            while not await asyncio.to_thread(file.heads):
                await asyncio.sleep(0.01)
        await asyncio.to_thread(add_an_entry, hub)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(serve_for_a_while())
    assert [head.number for head in file.heads()] == [1, 2]
    with hub.units() as uow:
        assert verify_audit(uow.audit_chain, kept_heads=file.heads()).problem is None


def add_an_entry(hub: Hub) -> None:
    event = hub.audit()[-1]
    with hub.units() as uow:
        uow.audit.append(event)
        uow.commit()


def test_a_head_is_added_once_and_an_empty_chain_has_none(tmp_path: Path) -> None:
    file = HeadFile(tmp_path / "heads.jsonl")
    assert not file.add(EMPTY_CHAIN, lambda: NOON)
    head = AuditHead(3, b"x" * 32)
    assert file.add(head, lambda: NOON)
    assert not file.add(head, lambda: NOON)
    assert file.heads() == (head,)


def test_a_head_that_cannot_be_kept_does_not_stop_the_hub(tmp_path: Path) -> None:
    keeper = HeadKeeper(HeadFile(tmp_path), hub_with_an_entry().units, lambda: NOON, every_seconds=1)
    asyncio.run(keeper.keep())
    assert not list(tmp_path.iterdir())


def hub_with_an_entry() -> Hub:
    hub = hub_of_ana()
    hub.run("Person", Role.PHYSICIAN, patient=ANAS)
    return hub


@pytest.mark.parametrize("line", [b"{", b"[]", b'{"number": "x"}', b'{"number": 1, "chain_hash": "zz"}', b"\xff"])
def test_a_file_that_holds_no_heads_is_refused_with_its_line(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "heads.jsonl"
    path.write_bytes(b'{"number": 1, "chain_hash": "00"}\n' + line + b"\n")
    with pytest.raises(InputRefused, match="line 2"):
        HeadFile(path).heads()
