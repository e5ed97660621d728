"""CDS Hooks: what must hold of every card and every refusal, whichever hook it answers."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cds_world import HISTORY, ORDERS, PATIENT, Ehr, bundle, forged, issues, service_request
from tests.integration.hub_world import FakeSource, answering, hub_of_ana, study

HOOKS = ("patient-view", "order-select", "order-sign", "order-dispatch")
CARD_FIELDS = {
    "uuid", "summary", "detail", "indicator", "source", "suggestions", "selectionBehavior", "overrideReasons", "links",
}  # fmt: skip


def hub_with_viewers(*sources: FakeSource) -> Any:
    hub = hub_of_ana(*sources)
    sites: Any = hub.resources.directory.sites
    for site_id, site in list(sites.items()):
        url = f"https://{site_id}.example/view?study={{study_instance_uid}}"
        sites[site_id] = type(site)(site.site_id, site.name, site.assigning_authority, viewer_url_template=url)
    return hub


def calls(ehr: Ehr, hook: str, *orders: dict[str, Any]) -> dict[str, Any]:
    body = ehr.body(hook, *orders)
    if hook == "order-dispatch":
        names = [f"ServiceRequest/{order['id']}" for order in orders]
        body["context"] = {"patientId": "p1", "dispatchedOrders": names, "performer": "Organization/o1"}
        body["prefetch"] = {"patient": PATIENT, "orders": bundle(*orders)}
    return body


def require_legal(card: Mapping[str, Any], drafts: set[str]) -> None:
    """The specification's table of card attributes and its invariants."""
    assert set(card) <= CARD_FIELDS
    assert uuid.UUID(card["uuid"])
    assert 0 < len(card["summary"]) < 140
    assert "\n" not in card["summary"]
    assert card["indicator"] in {"info", "warning", "critical"}
    assert card["source"]["label"]
    assert {"code", "system"} <= set(card["source"]["topic"])
    assert ("suggestions" in card) is ("selectionBehavior" in card)
    assert card.get("selectionBehavior", "any") in {"at-most-one", "any"}
    for suggestion in card.get("suggestions", ()):
        assert suggestion["label"]
        for action in suggestion["actions"]:
            assert (action["type"], bool(action["description"])) == ("delete", True)
            assert action["resourceId"] in drafts
    for reason in card.get("overrideReasons", ()):
        assert reason["display"]
        assert {"code", "system"} <= set(reason)
    for link in card.get("links", ()):
        assert (link["type"], bool(link["label"]), "appContext" in link) == ("absolute", True, False)
        assert link["url"].startswith("https://")


@pytest.mark.parametrize("days_ago", [3, 20, 75, None])
@pytest.mark.parametrize("hook", HOOKS)
def test_every_card_of_every_hook_is_legal(hook: str, days_ago: float | None, tmp_path: Path) -> None:
    rows = [study("2.999.2", "LKM|55", days_ago=days_ago), study("2.999.3", "LKM|55", days_ago=80)]
    ehr = Ehr(hub_with_viewers(answering("LKM", rows)), tmp_path)
    orders = [service_request(), service_request(identity="sr2", priority="stat")]
    answer = ehr.call(HISTORY if hook == "patient-view" else ORDERS, calls(ehr, hook, *orders))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json()["cards"]
    for card in answer.json()["cards"]:
        require_legal(card, {"ServiceRequest/sr1", "ServiceRequest/sr2"} if hook == "order-sign" else set())


@pytest.mark.parametrize("first", ["patient-view", "order-select"])
def test_the_hooks_before_signing_warm_the_archives(first: str, tmp_path: Path) -> None:
    source = answering("LKM", [study("2.999.2", "LKM|55")])
    ehr = Ehr(hub_of_ana(source), tmp_path)
    ehr.cards(first, *([] if first == "patient-view" else [service_request()]))
    assert len(source.asked) == 1
    assert len(ehr.cards("order-sign", service_request())) == 1
    assert len(source.asked) == 1


def test_every_refusal_is_an_outcome_in_fhirs_own_media_type(tmp_path: Path) -> None:
    ehr = Ehr(hub_of_ana(), tmp_path)
    body = ehr.body("order-sign", service_request())
    refusals = [
        (400, ehr.call(ORDERS, {**body, "hook": "order-review"})),
        (400, ehr.call(ORDERS, {**body, "hookInstance": None})),
        (401, ehr.call(ORDERS, body, token=forged(ehr, ORDERS, "none"))),
        (404, ehr.call("/cds-services/elsewhere", body)),
        (404, ehr.call("/cds-services/elsewhere/feedback", {"feedback": []})),
        (412, ehr.call(ORDERS, {**body, "prefetch": {}})),
    ]
    for status, answer in refusals:
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/fhir+json")
        assert all(issues(answer))
        assert {issue["severity"] for issue in answer.json()["issue"]} == {"error"}


def test_a_client_that_prefetches_only_what_it_likes_is_served(tmp_path: Path) -> None:
    """Templates that it could not fill come as null, and it may add others."""
    ehr = Ehr(hub_of_ana(), tmp_path)
    prefetch = {"patient": PATIENT, "encounter": None, "conditions": {"resourceType": "Bundle", "entry": []}}
    assert len(ehr.cards("order-sign", service_request(), prefetch=prefetch)) == 1
