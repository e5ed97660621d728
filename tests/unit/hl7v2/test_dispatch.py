"""What is answered, kept, undone and told when things go well and when they do not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from types import TracebackType
from typing import Any

import pytest

from mpi.audit import AuditOutcome
from mpi.ports import UnitOfWork
from tests.builders import newest_events
from tests.builders import pid as identifier
from tests.hl7_door import RECEIVED_AT, Ack, Door, OpenStore, memory_store


def message(control_id: str = "1", *, event: str = "ADT^A04", pid: str = "PID|||A^^^NGH||HOLM^EDA||19710809|F") -> str:
    return rf"MSH|^~\&|ADT|NGH|MPI|FED|20260301101500||{event}|{control_id}|P|2.5" + f"\rEVN||20260301101500\r{pid}\r"


@pytest.fixture
def store() -> OpenStore:
    return memory_store()


@pytest.fixture
def door(store: OpenStore) -> Door:
    return Door(store.units)


def test_acknowledgement_swaps_copies_and_has_its_own_id(door: Door) -> None:
    raw = door.dispatcher.handle(message("S-1", event="ADT^A04^ADT_A01").encode())
    assert raw == b"MSH|^~\\&|MPI|FED|ADT|NGH|20260320080000+0000||ACK^A04^ACK|id00002|P|2.5\rMSA|AA|S-1\r"


def test_error_of_an_old_version_is_also_written_its_way(door: Door) -> None:
    ack = door.send(message(pid="PID|||").replace("|P|2.5", "|P|2.3"))
    assert ack.get("ERR-1") == "PID^1^3^101&Required field missing&HL70357"
    assert (ack.get("ERR-2"), ack.get("ERR-3"), ack.get("ERR-4")) == (
        "PID^1^3",
        "101^Required field missing^HL70357",
        "E",
    )


@pytest.mark.parametrize(
    ("declared", "codec"), [("8859/1", "latin-1"), ("UNICODE UTF-8", "utf-8"), ("", "utf-8"), ("", "cp1252")]
)
def test_acknowledgement_is_in_the_messages_character_set(door: Door, declared: str, codec: str) -> None:
    text = message().replace("|ADT|NGH|", "|AÜF|NGH|").replace("|P|2.5", f"|P|2.5||||||{declared}")
    raw = door.dispatcher.handle(text.encode(codec))
    assert "|AÜF|NGH|" in raw.decode(codec)
    header = raw.decode(codec).split("\r")[0].split("|")
    assert (header[17] if len(header) > 17 else "") == declared


@pytest.mark.parametrize(
    ("event", "code"), [("ADT^A99", "201"), ("ADT^A36", "201"), ("ADT", "201"), ("MDM^T02", "200"), ("XYZ", "200")]
)
def test_unsupported_kinds_are_refused_and_nothing_is_kept(door: Door, store: OpenStore, event: str, code: str) -> None:
    ack = door.send(message(event=event))
    assert (ack.code, ack.error, ack.control_id) == ("AR", f"MSH^1^9 / {code}", "1")
    assert store.all_records() == []
    with store.units() as uow:
        assert list(newest_events(uow, limit=5)) == []


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        (message(event=""), "MSH^1^9 / 101"),
        (message(""), "MSH^1^10 / 101"),
        (message('""'), "MSH^1^10 / 101"),
        ("hello", "MSH^1 / 100"),
        ("", "MSH^1 / 100"),
        (message(pid=""), "PID^1^3 / 101"),
    ],
)
def test_what_cannot_be_used_is_refused_by_place(door: Door, store: OpenStore, broken: str, error: str) -> None:
    ack = door.send(broken)
    assert ack.error == error
    assert ack.code in ("AE", "AR")
    assert store.all_records() == []


def test_undecodable_text_is_refused_with_its_control_id(door: Door) -> None:
    ack = door.send(message("S-9").encode().replace(b"EDA", b"\x81\xff"))
    assert (ack.code, ack.error, ack.control_id) == ("AE", "MSH^1^18 / 102", "S-9")


def test_effect_history_audit_and_answer_are_kept_together(door: Door, store: OpenStore) -> None:
    door.send(message("S-1"))
    with store.units() as uow:
        record = uow.records.get(identifier("NGH|A"))
        (entry,) = uow.history.of(identifier("NGH|A"))
        (audited,) = newest_events(uow, limit=5)
    assert record is not None
    assert (entry.source, entry.at) == (
        "hl7:A04 ADT|NGH S-1",
        dt.datetime(2026, 3, 1, 10, 15, tzinfo=dt.UTC),
    )
    assert (audited.action, audited.actor, audited.subject, audited.correlation_id, audited.outcome, audited.at) == (
        "hl7:A04",
        "ADT|NGH",
        record.enterprise_id,
        "S-1",
        AuditOutcome.SUCCESS,
        RECEIVED_AT,
    )


def test_refused_merge_is_audited_and_names_sender_and_control_id(door: Door, store: OpenStore) -> None:
    merge = message("S-7", event="ADT^A40") + "MRG|L1^^^LKM\r"
    assert door.send(merge).code == "AE"
    assert door.send(merge).get("MSH-10") == "id00002"
    with store.units() as uow:
        (item,) = uow.reviews.open_page(kinds=None, offset=0, limit=9).items
        (audited,) = newest_events(uow, limit=5)
    assert (str(item.left), str(item.right), item.source) == ("NGH|A", "LKM|L1", "hl7:A40 ADT|NGH S-7")
    assert (audited.outcome, audited.detail) == (AuditOutcome.FAILED, "204 MRG^1^1")


def test_a_repeat_gets_the_first_acknowledgement_byte_for_byte(door: Door) -> None:
    first, again = (door.dispatcher.handle(m.encode()) for m in (message(), "\r\n " + message() + "\r"))
    assert first == again
    assert [event for event, _ in door.told] == ["hl7_message_handled", "hl7_message_repeated"]


class FailingUnit:
    """A unit of work whose ``commit`` fails (``times`` times for all units of one store together)."""

    def __init__(self, inner: UnitOfWork, failures: list[str]) -> None:
        self._inner = inner
        self._failures = failures

    def __enter__(self) -> FailingUnit:
        self._inner.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inner.__exit__(kind, error, trace)

    def commit(self) -> None:
        match self._failures.pop(0) if self._failures else "":
            case "before":
                raise OSError("connection lost for HOLM")
            case "after":
                self._inner.commit()
                raise OSError("connection lost for HOLM")
            case _:
                self._inner.commit()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def failing(units: Callable[[], UnitOfWork], *failures: str) -> Callable[[], Any]:
    remaining = list(failures)
    return lambda: FailingUnit(units(), remaining)


def test_a_failure_is_tried_once_more(store: OpenStore) -> None:
    door = Door(failing(store.units, "before"))
    assert door.send(message()).code == "AA"
    assert [event for event, _ in door.told] == ["hl7_attempt_failed", "hl7_message_handled"]


def test_a_commit_whose_answer_was_lost_counts_once(store: OpenStore) -> None:
    door = Door(failing(store.units, "after"))
    assert door.send(message()).code == "AA"
    with store.units() as uow:
        assert len(uow.history.of(identifier("NGH|A"))) == 1


def test_a_failing_store_is_a_temporary_refusal_that_keeps_nothing(store: OpenStore) -> None:
    door = Door(failing(store.units, "before", "before"))
    ack = door.send(message())
    assert (ack.code, ack.get("ERR-3.1"), ack.control_id) == ("AE", "207", "1")
    assert store.all_records() == []
    assert door.send(message()).code == "AA"
    assert "HOLM" not in repr(door.told)


def test_nothing_of_a_person_is_told_or_answered(store: OpenStore) -> None:
    door = Door(store.units)
    canary = "KANARIENVOGEL"
    pid = f"PID|||{canary}1^^^NGH||{canary}^{canary}||{canary}|F|||{canary}||{canary}"
    sent = [
        message("1", pid=pid),
        message("2", pid=pid, event="ADT^A40") + f"MRG|{canary}^^^LKM\r",
        message("3", pid=f"PID|||||{canary}"),
        message("4", pid=pid, event=f"{canary}^{canary}"),
        message("5", pid=f"PID|||1||{canary}\ufffd"),
        f"MSH|^~\\&|ADT|{canary}|||||ADT^A04|{canary} {canary}|P|2.5\r{pid}",
        f"hello {canary}",
    ]
    acks = [door.dispatcher.handle(m.encode()) for m in sent]
    assert [Ack.parse(a).code for a in acks] == ["AA", "AE", "AE", "AR", "AE", "AA", "AR"]
    assert canary not in repr(door.told)
    assert not any(canary.encode() in ack for ack in (*acks[:5], acks[6]))


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        (message("x" * 200), "MSH^1^10 / 102"),
        (message(pid=f"PID|||{'9' * 600}||HOLM^EDA"), "PID^1^3 / 102"),
        (message(event="ADT^A40") + f"MRG|{'9' * 600}\r", "MRG^1^1 / 102"),
    ],
)
def test_ids_longer_than_any_version_allows_are_refused(door: Door, store: OpenStore, broken: str, error: str) -> None:
    assert (door.send(broken).code, door.send(broken).error) == ("AE", error)
    assert store.all_records() == []
