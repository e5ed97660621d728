"""Alerts through the GraphQL door: raised once, answered once, revised when the facts change."""

from __future__ import annotations

import asyncio
import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from federation.imaging.alerts import ALERT_LIFETIME, AlertState
from federation.imaging.placed_orders import OrderStatus, PlacedOrder
from federation.usecases.expire_alerts import expire_alerts
from federation.usecases.reassess_alerts import reassess_alerts
from gateway.permissions import Role
from tests.builders import NOON
from tests.integration.hub_world import (
    ANAS,
    ORDER,
    FakeSource,
    Hub,
    answering,
    hanging,
    hub_of_ana,
    refusing,
    study,
)

CHECK = "mutation($o: ImagingOrderInput!) { checkOrder(order: $o) { ... on OrderCheck { tier alertId checkId rules "
CHECK += "reasons best { studyInstanceUid } } } }"
ALERT = "alertId state tier priorId otherPriorIds placerOrderNumber overrideReason comment history { state by detail }"
FIND = "query($p: PatientRefInput, $c: ID, $s: AlertState) { alerts(patient: $p, checkId: $c, state: $s) { __typename "
FIND += f"... on AlertList {{ alerts {{ {ALERT} }} }} ... on Refusal {{ code }} }} }}"
ANSWER = f"__typename ... on AlertAnswered {{ alert {{ {ALERT} }} }} ... on Refusal {{ code }} "
ANSWER += f"... on AlertNotOpen {{ current {{ {ALERT} }} }}"
ACCEPT = f"mutation($a: ID!) {{ acceptAlert(alertId: $a) {{ {ANSWER} }} }}"
OVERRIDE = 'mutation($a: ID!, $r: OverrideReason!, $t: String! = "") '
OVERRIDE += f"{{ overrideAlert(alertId: $a, reason: $r, comment: $t) {{ {ANSWER} }} }}"


def check(hub: Hub, **changes: Any) -> dict[str, Any]:
    answer: dict[str, Any] = hub.ask(CHECK, Role.PHYSICIAN, o={**ORDER, **changes})["checkOrder"]
    return answer


def find(hub: Hub, **how: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = hub.ask(FIND, Role.PHYSICIAN, **how)["alerts"]["alerts"]
    return found


def override(hub: Hub, alert_id: str, reason: str = "DIFFERENT_QUESTION", comment: str = "") -> dict[str, Any]:
    answer: dict[str, Any] = hub.ask(OVERRIDE, Role.PHYSICIAN, a=alert_id, r=reason, t=comment)["overrideAlert"]
    return answer


def reassess(hub: Hub, *check_ids: str) -> int:
    resources = hub.resources
    return asyncio.run(
        reassess_alerts(
            [hub.index.resolve("NGH|0007").enterprise_id],
            units=hub.units,
            read=hub.units,
            directory=resources.directory,
            procedure_of=resources.procedure_of,
            rules=resources.rules,
            deadline_seconds=0.3,
            clock=resources.clock,
            check_ids=check_ids,
        )
    )


def test_a_check_raises_one_alert_about_the_best_prior_and_shows_it() -> None:
    hub = hub_of_ana(
        answering("LKM", [study("2.999.2", "LKM|55", days_ago=3), study("2.999.4", "LKM|55", days_ago=20)])
    )
    first, again = check(hub, placerOrderNumber="P-1"), check(hub, placerOrderNumber="P-1")
    assert first["tier"] == "INTERRUPTIVE"
    assert first["alertId"] == again["alertId"]
    (alert,) = find(hub, p=ANAS)
    assert (alert["state"], alert["priorId"], alert["otherPriorIds"]) == ("SHOWN", "2.999.2", ["2.999.4"])
    assert [event["state"] for event in alert["history"]] == ["RAISED", "SHOWN"]
    assert find(hub, c=again["checkId"]) == []
    assert [a["alertId"] for a in find(hub, c=first["checkId"])] == [first["alertId"]]
    assert find(hub, s="OVERRIDDEN") == []


def test_no_repeat_no_alert() -> None:
    hub = hub_of_ana(answering("LKM"))
    assert check(hub)["alertId"] is None
    assert find(hub, p=ANAS) == []


def test_an_overridden_pair_never_alerts_for_the_order_again() -> None:
    hub = hub_of_ana(
        answering("LKM", [study("2.999.2", "LKM|55", days_ago=3), study("2.999.4", "LKM|55", days_ago=20)])
    )
    alert_id = check(hub)["alertId"]
    answered = override(hub, alert_id, comment="another question")["alert"]
    assert (answered["state"], answered["overrideReason"]) == ("OVERRIDDEN", "DIFFERENT_QUESTION")
    assert answered["comment"] == "another question"
    again = check(hub)
    assert (again["tier"], again["best"]["studyInstanceUid"]) == ("WARNING", "2.999.4")
    override(hub, again["alertId"])
    assert (check(hub)["tier"], check(hub, placerOrderNumber="P-1")["tier"]) == ("NONE", "NONE")
    # the same answer again changes nothing, another one is refused
    assert len(override(hub, alert_id)["alert"]["history"]) == 3
    refused = override(hub, alert_id, "URGENT_NO_TIME")
    assert (refused["__typename"], refused["code"]) == ("AlertNotOpen", "alert_not_open")
    assert refused["current"]["overrideReason"] == "DIFFERENT_QUESTION"


def test_another_order_number_is_another_order() -> None:
    hub = hub_of_ana()
    override(hub, check(hub, placerOrderNumber="P-1")["alertId"])
    assert check(hub, placerOrderNumber="P-2")["tier"] == "INTERRUPTIVE"


def test_accepting_is_audited_with_role_and_person_in_its_own_transaction() -> None:
    hub = hub_of_ana()
    alert_id = check(hub)["alertId"]
    answer = hub.ask(ACCEPT, Role.PHYSICIAN, a=alert_id)["acceptAlert"]
    assert answer["alert"]["state"] == "ACCEPTED"
    event = hub.audit()[-1]
    assert (event.action, event.role, event.subject) == ("acceptAlert", "physician", hub.index.person_of("NGH|0007"))
    assert [e.action for e in hub.audit()].count("acceptAlert") == 1


def test_what_cannot_be_answered() -> None:
    hub = hub_of_ana()
    assert hub.ask(ACCEPT, Role.PHYSICIAN, a="nothing")["acceptAlert"]["code"] == "alert_not_found"
    assert hub.ask(FIND, Role.PHYSICIAN)["alerts"]["code"] == "one_way_needed"
    nobody = {"assigningAuthority": "NGH", "localPatientId": "nobody"}
    assert hub.ask(FIND, Role.PHYSICIAN, p=nobody)["alerts"]["code"] == "patient_not_found"
    assert override(hub, "x", comment="c" * 501)["code"] == "too_long"


def test_a_withdrawn_study_takes_its_alert_along() -> None:
    rows = [study("2.999.2", "LKM|55", days_ago=3)]

    async def answer(identifier: Any) -> Any:
        from federation.ports import SiteAnswer

        return SiteAnswer(tuple(row for row in rows if row.patient_identifier == identifier))

    hub = hub_of_ana(FakeSource("LKM", answer))
    check(hub)
    rows.clear()
    assert reassess(hub) == 1
    (alert,) = find(hub, p=ANAS)
    assert (alert["state"], alert["history"][-1]["detail"]) == ("SUPERSEDED", "no_repeat_any_more")
    assert reassess(hub) == 0


@pytest.mark.parametrize("down", [refusing, hanging])
def test_a_site_that_is_down_withdraws_nothing(down: Any) -> None:
    hub = hub_of_ana()
    check(hub)
    hub.resources.directory.sources["LKM"] = down("LKM")  # type: ignore[index]
    again = check(hub)
    assert again["tier"] == "NONE"
    (alert,) = find(hub, p=ANAS)
    assert alert["state"] == "SHOWN"
    assert again["alertId"] == alert["alertId"]


def test_a_late_site_raises_the_alert_afterwards_and_it_waits_to_be_told() -> None:
    hub = hub_of_ana(hanging("LKM"))
    late = check(hub)
    assert (late["tier"], late["alertId"]) == ("NONE", None)
    with hub.units() as uow:
        kinds = {row.kind: row.body for row in uow.outbox.due(limit=99, now=NOON, retry_after_seconds=1)}
    assert kinds["order_check_incomplete"] == {"check_ids": [late["checkId"]]}
    hub.resources.directory.sources["LKM"] = answering("LKM", [study("2.999.2", "LKM|55")])  # type: ignore[index]
    assert reassess(hub, late["checkId"]) == 1
    (alert,) = find(hub, p=ANAS)
    assert alert["state"] == "RAISED"
    with hub.units() as uow:
        told = [row.body for row in uow.outbox.due(limit=99, now=NOON, retry_after_seconds=1)]
    assert {"alert_id": alert["alertId"], "sequence": 1} in told


def test_a_better_prior_supersedes_the_alert() -> None:
    hub = hub_of_ana(answering("LKM", [study("2.999.4", "LKM|55", days_ago=20)]))
    check(hub)
    hub.resources.directory.sources["LKM"] = answering(  # type: ignore[index]
        "LKM", [study("2.999.4", "LKM|55", days_ago=20), study("2.999.2", "LKM|55", days_ago=3)]
    )
    assert reassess(hub) == 1
    states = {alert["priorId"]: (alert["state"], alert["history"][-1]["detail"]) for alert in find(hub, p=ANAS)}
    assert states == {"2.999.4": ("SUPERSEDED", "better_prior"), "2.999.2": ("RAISED", "")}


def test_nobody_answers() -> None:
    hub = hub_of_ana()
    check(hub)
    with hub.units() as uow:
        assert expire_alerts(uow=uow, clock=lambda: NOON + ALERT_LIFETIME - dt.timedelta(seconds=1)) == 0
        assert expire_alerts(uow=uow, clock=lambda: NOON + ALERT_LIFETIME) == 1
        assert expire_alerts(uow=uow, clock=lambda: NOON + ALERT_LIFETIME) == 0
        uow.commit()
    assert [alert["state"] for alert in find(hub, p=ANAS)] == ["EXPIRED"]


def test_two_equal_checks_at_once_raise_one_alert() -> None:
    hub = hub_of_ana()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: check(hub, placerOrderNumber="P-1"), range(4)))
    assert {answer["tier"] for answer in answers} == {"INTERRUPTIVE"}
    (alert,) = find(hub, p=ANAS)
    assert {answer["alertId"] for answer in answers} == {alert["alertId"]}
    assert [event["state"] for event in alert["history"]] == ["RAISED", "SHOWN"]


def place(hub: Hub, patient: str, number: str, *, status: OrderStatus = OrderStatus.NEW) -> None:
    """A site placed the order of ``ORDER``."""
    from federation.imaging.orders import ImagingOrder
    from federation.sites.site import SiteId
    from tests.builders import pid
    from tests.integration.hub_world import CT_ABDOMEN

    site = SiteId(patient.partition("|")[0])
    order = ImagingOrder(pid(patient), site, NOON, CT_ABDOMEN, "CT ABDOMEN", placer_order_number=number)
    with hub.units() as uow:
        uow.placed_orders.save(PlacedOrder(f"{site}|{number}", status, order, NOON, number))
        uow.commit()


def test_an_equal_order_just_placed_elsewhere_is_seen() -> None:
    hub = hub_of_ana(answering("LKM"))
    place(hub, "LKM|55", "L-1")
    checked = check(hub)
    assert (checked["tier"], checked["best"]["studyInstanceUid"]) == ("WARNING", "order:LKM|L-1")


def test_own_cancelled_and_carried_out_orders_are_no_repeat() -> None:
    scan = replace(study("2.999.2", "LKM|55", days_ago=0), accession_number="L-2")
    hub = hub_of_ana(answering("LKM", [scan]))
    place(hub, "NGH|0007", "P-1")
    place(hub, "LKM|55", "L-1", status=OrderStatus.CANCELLED)
    place(hub, "LKM|55", "L-2")
    checked = check(hub, placerOrderNumber="P-1")
    assert checked["best"]["studyInstanceUid"] == "2.999.2"
    with hub.units() as uow:
        (alert,) = uow.alerts.find(states=[AlertState.SHOWN], limit=9)
    assert alert.other_prior_ids == ()


def test_context_is_part_of_the_explanation() -> None:
    checked = check(hub_of_ana(), flags=["ED_CONTEXT"])
    assert checked["tier"] == "WARNING"
    assert checked["rules"][-2:] == ["C7", "CONTEXT"]
    assert checked["reasons"][-1] == "ed_context: given with the order"
