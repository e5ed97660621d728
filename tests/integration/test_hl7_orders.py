"""Orders as HL7 messages: kept, checked in the background, one alert whatever is repeated, told to the receiver."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from adapters.webhook.signed_delivery import DeliveryFailed, SignedDelivery, signature
from federation.imaging.alerts import AlertState
from federation.imaging.orders import ClinicalFlag
from federation.imaging.placed_orders import OrderStatus
from federation.imaging.procedures import Modality
from gateway.settings import Settings
from mpi.identity.review import ReviewKind
from tests.builders import NOON, pid
from tests.integration.hub_world import answering, hub_of_ana, study
from tests.integration.order_world import OrderDoor, new_order, outbox_work


def door_of_ana(**how: Any) -> OrderDoor:
    return OrderDoor(hub_of_ana(), **how)


def test_an_order_is_kept_checked_in_the_background_and_alerts_once() -> None:
    door = door_of_ana()
    assert door.order(new_order()).code == "AA"
    placed = door.placed("NGH|P-1")
    assert (placed.status, placed.order.code, placed.order.code_system) == (OrderStatus.NEW, "74177", "C4")
    assert placed.order.procedure.modality is Modality.CT
    assert door.alerts() == []
    assert "order_received" in door.work()
    (alert,) = door.alerts()
    assert (alert.state, alert.prior_id, alert.placer_order_number) == (AlertState.RAISED, "2.999.2", "P-1")


def test_repeats_and_retries_give_one_alert() -> None:
    door = door_of_ana()
    door.order(new_order(), control_id="SAME")
    door.order(new_order(), control_id="SAME")
    door.order(new_order(), control_id="OTHER")
    rows = door._due()
    assert [row.kind for row in rows].count("order_received") == 1
    handle = outbox_work(door.hub)
    for _ in range(2):
        for row in rows:
            handle(row.outbox_id)
    assert door.work() == ["alert_raised"]
    (alert,) = door.alerts()
    assert alert.sequence == 1


def test_a_check_that_is_done_twice_tells_once() -> None:
    door = door_of_ana()
    door.order(new_order())
    first = [kind for kind in door.work() if kind == "alert_raised"]
    with door.hub.units() as uow:
        uow.outbox.add("order_received", {"order_key": "NGH|P-1"}, at=NOON)
        uow.commit()
    second = door.work()
    assert (first, second) == (["alert_raised"], ["order_received"])
    assert len(door.alerts()) == 1


def test_a_change_replaces_the_code_and_the_alert_follows() -> None:
    door = door_of_ana()
    door.order(new_order())
    door.work()
    door.order(new_order(control="XO", obr4="73560^XR KNEE LEFT 2 VIEWS^C4"), at="20260310121000+0000")
    placed = door.placed("NGH|P-1")
    assert (placed.order.code, placed.version) == ("73560", 2)
    door.work()
    (alert,) = door.alerts()
    assert (alert.state, alert.detail) == (AlertState.SUPERSEDED, "no_repeat_any_more")


def test_an_old_change_that_comes_late_changes_nothing() -> None:
    door = door_of_ana()
    door.order(new_order(), at="20260310120500+0000")
    late = door.order(new_order(control="XO", obr4="73560^XR KNEE^C4"), at="20260310120000+0000")
    assert late.code == "AA"
    assert door.placed("NGH|P-1").order.code == "74177"


@pytest.mark.parametrize("control", ["CA", "OC", "DC"])
def test_cancelling_closes_the_alert_and_nothing_opens_the_number_again(control: str) -> None:
    door = door_of_ana()
    door.order(new_order())
    door.work()
    assert door.order(f"ORC|{control}|P-1^CPOE|||CA").code == "AA"
    (alert,) = door.alerts()
    assert (alert.state, alert.detail) == (AlertState.SUPERSEDED, "order_cancelled")
    assert door.order(new_order(), at="20260310130000+0000").code == "AA"
    assert door.placed("NGH|P-1").status is OrderStatus.CANCELLED
    assert "order_received" not in door.work()
    assert [a.state for a in door.alerts()] == [AlertState.SUPERSEDED]


def test_an_order_that_is_cancelled_while_it_is_checked_gets_no_alert() -> None:
    door = door_of_ana()
    door.order(new_order())
    (received,) = [row for row in door._due() if row.kind == "order_received"]
    door.order("ORC|CA|P-1^CPOE|||CA")
    outbox_work(door.hub)(received.outbox_id)
    assert door.alerts() == []


def test_cancelling_what_was_never_seen_is_remembered() -> None:
    door = door_of_ana()
    assert door.order("ORC|CA|P-8^CPOE|||CA").code == "AA"
    door.order(new_order("P-8"))
    assert door.placed("NGH|P-8").status is OrderStatus.CANCELLED
    assert "order_received" not in door.work()


def test_a_change_of_what_was_never_seen_opens_it() -> None:
    door = door_of_ana()
    assert door.order(new_order("P-7", control="XO")).code == "AA"
    assert door.placed("NGH|P-7").status is OrderStatus.NEW


@pytest.mark.parametrize(("result", "status"), [("F", "final"), ("C", "final"), ("P", "new"), ("", "new")])
def test_a_final_result_ends_the_order_by_either_number(result: str, status: str) -> None:
    door = door_of_ana()
    door.order("ORC|NW|P-1^CPOE|F-1^RIS||SC\nOBR|1|P-1^CPOE|F-1^RIS|74177^CT ABD/PELVIS W CONTRAST^C4")
    door.work()
    answer = door.order(f"OBR|1||F-1^RIS|74177^CT^C4{'|' * 21}{result}", kind="ORU^R01")
    assert answer.code == "AA"
    assert door.placed("NGH|P-1").status.value == status
    (alert,) = door.alerts()
    assert alert.is_open is (status == "new")


def test_a_result_without_an_order_registers_its_patient_only() -> None:
    door = door_of_ana()
    assert door.order("OBR|1|||74177^CT^C4", kind="ORU^R01", patient="99^^^NGH").code == "AA"
    assert door.hub.index.resolve("NGH|99")


def test_each_group_is_an_order_and_all_are_taken_or_none() -> None:
    door = door_of_ana()
    assert door.order(new_order("P-1"), new_order("P-2", obr4="K1^XR KNEE LEFT^L"), kind="OMI^O23").code == "AA"
    assert door.placed("NGH|P-2").order.description == "XR KNEE LEFT"
    refused = door.order(new_order("P-3"), "ORC|NW|\nOBR|1|||74177^CT^C4")
    assert (refused.code, refused.error) == ("AE", "ORC^2^2 / 101")
    with door.hub.units() as uow:
        assert uow.placed_orders.get("NGH|P-3") is None


@pytest.mark.parametrize(
    ("group", "error"),
    [
        ("", "ORC^1 / 101"),
        ("ORC|NW\nOBR|1|||X^CT^L", "ORC^1^2 / 101"),
        ("ORC|QQ|P-1\nOBR|1|P-1||X^CT^L", "ORC^1^1 / 103"),
    ],
)
def test_what_is_wrong_is_named(group: str, error: str) -> None:
    answer = door_of_ana().order(*([group] if group else []))
    assert (answer.code, answer.error) == ("AE", error)


def test_another_patients_order_number_moves_nothing() -> None:
    door = door_of_ana()
    door.order(new_order())
    other = door.order(new_order(), patient="4711^^^NGH", name="OKAFOR^BAYO||19511130|M")
    assert (other.code, other.get("ERR-3.1")) == ("AE", "205")
    assert str(door.placed("NGH|P-1").order.patient_identifier) == "NGH|0007"
    with door.hub.units() as uow:
        assert uow.records.get(pid("NGH|4711")) is None


def test_an_order_for_somebody_else_under_a_known_number_is_not_judged_by_the_first_persons_history() -> None:
    door = door_of_ana()
    stranger = "OKONKWO^BERNARD||19510722|M"
    sent = door.order(new_order(), name=stranger)
    assert sent.code == "AA"
    assert "order_received" not in door.work()
    assert door.alerts() == []
    with door.hub.units() as uow:
        assert uow.placed_orders.get("NGH|P-1") is None
        assert [item.kind for item in uow.reviews.open_page(kinds=None, offset=0, limit=9).items] == [
            ReviewKind.SUSPECTED_REUSE
        ]
    door.order(new_order())
    assert "order_received" in door.work()
    assert len(door.alerts()) == 1
    door.order(new_order(control="CA"), name=stranger)
    assert door.placed("NGH|P-1").status is OrderStatus.CANCELLED


def test_events_of_orders_that_are_not_handled() -> None:
    answer = door_of_ana().order(new_order(), kind="ORM^O99")
    assert (answer.code, answer.get("ERR-3.1")) == ("AR", "201")


@pytest.mark.parametrize(
    ("obr4", "code", "system", "local"),
    [
        ("X2^Thorax^LOCAL^71046^XR CHEST 2 VIEWS^C4", "71046", "C4", "X2"),
        ("71046^XR CHEST 2 VIEWS^C4^X2^Thorax^LOCAL", "71046", "C4", "X2"),
        ("36643-5^XR Chest 2 Views^LN^X2^Thorax^99NGH", "36643-5", "LN", "X2"),
        ("X2^Thorax 2 Ebenen^LOCAL", "X2", "LOCAL", "X2"),
        ("71046^XR CHEST^C4", "71046", "C4", None),
        ("^CT Thorax", None, None, None),
    ],
)
def test_a_standard_code_wins_in_either_triplet_and_the_local_one_is_kept(
    obr4: str, code: str | None, system: str | None, local: str | None
) -> None:
    door = door_of_ana()
    door.order(new_order(obr4=obr4))
    placed = door.placed("NGH|P-1")
    assert (placed.order.code, placed.order.code_system, placed.local_code) == (code, system, local)
    assert "CHEST" in placed.order.procedure.regions


@pytest.mark.parametrize(
    ("rest", "pv1", "flags"),
    [
        ("|S", "", {ClinicalFlag.ED_CONTEXT}),
        ("|R", "", set()),
        ("", "PV1||E", {ClinicalFlag.ED_CONTEXT}),
        ("", "PV1||I", set()),
        ("|" * 27 + "Z51.0^Radiotherapy^I10", "", {ClinicalFlag.RT_PLANNING}),
        ("|" * 27 + "restaging^^PRIORLINK~oncology_restaging^^PRIORLINK", "", {ClinicalFlag.ONCOLOGY_RESTAGING}),
        ("|" * 9 + "no acute change, restaging", "", {ClinicalFlag.ONCOLOGY_RESTAGING}),
    ],
)
def test_context_is_read_from_priority_setting_and_reasons(rest: str, pv1: str, flags: set[ClinicalFlag]) -> None:
    door = door_of_ana()
    door.order(new_order(rest=rest), pv1=pv1)
    order = door.placed("NGH|P-1").order
    assert order.flags == flags
    assert {evidence.flag for evidence in order.context} == flags


def test_an_emergency_order_is_capped_and_says_why() -> None:
    door = door_of_ana()
    door.order(new_order(rest="|S"))
    door.work()
    (alert,) = door.alerts()
    assert alert.tier.name == "WARNING"
    with door.hub.units() as uow:
        check = uow.order_checks.newest(alert.check_id)
    assert check is not None
    assert [rule.reason for rule in check.assessment.context] == ["ed_context: priority s"]


def test_two_equal_orders_at_once_at_two_sites_do_not_miss_each_other() -> None:
    door = OrderDoor(hub_of_ana(answering("NGH"), answering("LKM"), answering("RDI")))
    door.order(new_order("P-1"))
    door.order(new_order("L-1"), patient="55^^^LKM", site="LKM")
    door.work()
    assert {(alert.placer_order_number, alert.prior_id) for alert in door.alerts()} == {
        ("P-1", "order:LKM|L-1"),
        ("L-1", "order:NGH|P-1"),
    }


# Telling the receiver

SECRET = b"a secret of sixteen"


@contextmanager
def receiver(*answers: int) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """A server that answers with these codes, then with 204."""
    codes, taken = list(answers), []

    class Receive(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append((dict(self.headers.items()), body))
            code = codes.pop(0) if codes else 204
            self.send_response(code)
            if code == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return None

    server = HTTPServer(("127.0.0.1", 0), Receive)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/alerts", taken
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_receiver_is_told_once_signed_and_without_a_name() -> None:
    door = door_of_ana()
    door.order(new_order())
    with receiver() as (url, taken):
        delivery = SignedDelivery(url, SECRET)
        door.work(outbox_work(door.hub, deliver=delivery))
        delivery.close()
    ((headers, body),) = taken
    lower = {name.lower(): value for name, value in headers.items()}
    assert lower["x-priorlink-signature"] == signature(SECRET, lower["x-priorlink-timestamp"], body)
    assert lower["x-priorlink-timestamp"] == str(int(NOON.timestamp()))
    assert b"P-1" in body
    assert b"2.999.2" in body
    for said in (b"Quill", b"QUILL", b"0007", b"1984"):
        assert said not in body


@pytest.mark.parametrize("code", [500, 404, 302])
def test_a_receiver_that_does_not_take_it_is_told_again(code: int) -> None:
    door = door_of_ana()
    door.order(new_order())
    with receiver(code) as (url, taken):
        delivery = SignedDelivery(url, SECRET)
        handle = outbox_work(door.hub, deliver=delivery)
        with pytest.raises(DeliveryFailed, match=f"http_{code}"):
            door.work(handle)
        door.work(handle)
        delivery.close()
    assert len(taken) == 2
    assert taken[0][1] == taken[1][1]
    ids = [{k.lower(): v for k, v in headers.items()}["x-priorlink-delivery"] for headers, _ in taken]
    assert ids[0] == ids[1]


def test_what_nobody_takes_is_given_up_in_the_end_and_a_closed_alert_is_not_told() -> None:
    class Refusing:
        def __init__(self) -> None:
            self.tried = 0

        def send(self, document: dict[str, object], *, delivery_id: str, at: dt.datetime) -> None:
            self.tried += 1
            raise DeliveryFailed("refused")

    door, refusing = door_of_ana(), Refusing()
    door.order(new_order())
    with pytest.raises(DeliveryFailed):
        door.work(outbox_work(door.hub, deliver=refusing))
    (row,) = door._due()
    for _ in range(3):
        with door.hub.units() as uow:
            uow.outbox.mark_enqueued([row.outbox_id], at=NOON)
            uow.commit()
    outbox_work(door.hub, deliver=refusing, max_deliveries=2)(row.outbox_id)
    assert (refusing.tried, door._due()) == (1, ())
    door.order(new_order("P-2"))
    with pytest.raises(DeliveryFailed):
        door.work(outbox_work(door.hub, deliver=refusing))
    door.order("ORC|CA|P-2^CPOE|||CA")
    door.work(outbox_work(door.hub, deliver=refusing))
    assert refusing.tried == 2


def test_the_address_comes_with_its_secret_from_the_settings_only() -> None:
    with pytest.raises(ValueError, match="needed together"):
        Settings(alerts={"webhook_url": "https://receiver.example/alerts"})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="webhook_url"):
        Settings(alerts={"webhook_url": "file:///etc/passwd", "webhook_secret": "x" * 16})  # type: ignore[arg-type]


def test_a_site_that_is_not_registered_has_its_order_kept_but_not_checked() -> None:
    door = door_of_ana()
    assert door.order(new_order(), site="ELSEWHERE").code == "AA"
    door.work()
    assert door.placed("ELSEWHERE|P-1").status is OrderStatus.NEW
    assert door.alerts() == []


def test_studies_of_the_order_itself_are_no_pending_repeat() -> None:
    done = study("2.999.2", "LKM|55", days_ago=0)
    door = OrderDoor(hub_of_ana(answering("LKM", [done])))
    door.order(new_order(str(done.accession_number)), patient="55^^^LKM", site="LKM")
    door.order(new_order("P-1"))
    door.work()
    (alert,) = [a for a in door.alerts() if a.ordering_site == "NGH"]
    assert (alert.prior_id, alert.other_prior_ids) == ("2.999.2", ())
