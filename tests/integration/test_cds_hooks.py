"""CDS Hooks: every line of the conformance list, and what a physician's hospital relies on beside it."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import time
import uuid
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from adapters.simulated.memory_store import MemoryStore, MemoryUnitOfWork
from adapters.store.engine import make_engine
from adapters.store.migrate import upgrade
from adapters.store.unit_of_work import unit_of_work_factory
from federation.imaging.alerts import AlertState, OverrideReason
from gateway.asgi import create_app
from gateway.cds_hooks.cards import cut, escaped
from gateway.cds_hooks.client_auth import LEEWAY_SECONDS, LONGEST_LIFE_SECONDS, CdsClient, ClientVerifier
from gateway.cds_hooks.door import cds_routes
from gateway.cds_hooks.models import Card, Source, Suggestion
from gateway.errors import ConfigurationError, NotAuthenticated
from gateway.settings import CdsHooksSettings, Settings
from gateway.signing_keys import FixedKeys, UrlKeys
from gateway.used_tokens import KEPT_FOR, remember_used
from tests.builders import NOON
from tests.integration.cds_world import (
    BASE,
    HISTORY,
    ISSUER,
    NOW,
    ORDERS,
    PATIENT,
    SYSTEM,
    Ehr,
    bundle,
    forged,
    issues,
    rsa_key,
    service_request,
)
from tests.integration.hub_world import (
    SURNAME,
    FakeSource,
    Hub,
    answering,
    exploding,
    hanging,
    hub_of_ana,
    study,
)

FEEDBACK = f"{ORDERS}/feedback"


@pytest.fixture
def ehr(tmp_path: Path) -> Ehr:
    return Ehr(hub_of_ana(), tmp_path)


# Discovery


def test_discovery_lists_what_is_there(ehr: Ehr) -> None:
    answer = ehr.call("/cds-services", method="GET")
    assert answer.status_code == 200
    services = answer.json()["services"]
    assert {(s["id"], s["hook"]) for s in services} == {
        ("imaging-history", "patient-view"),
        ("duplicate-imaging", "order-select"),
        ("duplicate-imaging", "order-sign"),
        ("duplicate-imaging", "order-dispatch"),
    }
    for service in services:
        assert service["description"]
        assert service["title"]
        assert service["prefetch"]["patient"] == "Patient/{{context.patientId}}"
        assert all(isinstance(template, str) for template in service["prefetch"].values())
        assert set(service) <= {"hook", "id", "title", "description", "prefetch", "usageRequirements", "version"}


def test_without_a_public_address_there_are_no_services(ehr: Ehr) -> None:
    assert ehr.hub.request("GET", "/cds-services").status_code == 404


def test_a_client_of_an_unknown_site_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="site is registered"):
        Ehr(hub_of_ana(), tmp_path, client={"site": "NOWHERE"})


# Requests


@pytest.mark.parametrize(
    ("path", "hook", "status"),
    [(ORDERS, "order-review", 400), (HISTORY, "order-sign", 400), ("/cds-services/x", "order-sign", 404)],
)
def test_unknown_hooks_and_services_are_refused(ehr: Ehr, path: str, hook: str, status: int) -> None:
    answer = ehr.call(path, ehr.body(hook, service_request()))
    assert answer.status_code == status
    assert issues(answer)


@pytest.mark.parametrize("missing", ["hook", "hookInstance", "context"])
def test_a_missing_field_is_named(ehr: Ehr, missing: str) -> None:
    body = ehr.body("order-sign", service_request())
    del body[missing]
    answer = ehr.call(ORDERS, body)
    assert (answer.status_code, issues(answer)) == (400, [f"{missing}: Field required"])


@pytest.mark.parametrize(
    ("hook", "missing"),
    [
        ("order-sign", "patientId"),
        ("order-sign", "userId"),
        ("order-sign", "draftOrders"),
        ("order-select", "selections"),
        ("patient-view", "userId"),
    ],
)
def test_a_missing_field_of_the_context_is_named(ehr: Ehr, hook: str, missing: str) -> None:
    body = ehr.body(hook, service_request())
    del body["context"][missing]
    answer = ehr.call(HISTORY if hook == "patient-view" else ORDERS, body)
    assert (answer.status_code, issues(answer)) == (400, [f"context.{missing}: Field required"])


@pytest.mark.parametrize("body", [[], "x", None, {"hookInstance": "no uuid", "hook": "order-sign", "context": {}}])
def test_what_is_no_hook_call_is_refused(ehr: Ehr, body: Any) -> None:
    answer = ehr.call(ORDERS, body)
    assert answer.status_code == 400
    assert issues(answer)


def test_a_token_for_a_server_needs_the_server(ehr: Ehr) -> None:
    body = ehr.body("order-sign", service_request(), fhirAuthorization={"access_token": "t", "token_type": "Bearer"})
    answer = ehr.call(ORDERS, body)
    assert answer.status_code == 400
    assert "fhirServer is required" in next(iter(issues(answer)))


def test_extensions_are_ignored(ehr: Ehr) -> None:
    body = ehr.body("order-sign", service_request(), extension={"com.example.x": {"deep": [1]}})
    body["context"]["extension"] = {"y": 1}
    assert len(ehr.call(ORDERS, body).json()["cards"]) == 1


@pytest.mark.parametrize(
    "orders",
    [
        [],
        [{"resourceType": "MedicationRequest", "id": "m1", "status": "draft"}],
        [service_request("Haemoglobin A1c", code={"text": "Haemoglobin A1c"})],
        [service_request(status="entered-in-error")],
        [service_request(doNotPerform=True)],
        [service_request(subject={"reference": "Patient/another"})],
    ],
)
def test_nothing_to_say_is_an_empty_list(tmp_path: Path, orders: list[dict[str, Any]]) -> None:
    from adapters.hl7v2.order_effect import without_code_maps

    hub = hub_of_ana()
    object.__setattr__(hub.resources, "normalize_order", without_code_maps)
    assert Ehr(hub, tmp_path).cards("order-sign", *orders) == []


# Cards


@pytest.mark.parametrize(("length", "shown"), [(139, 139), (140, 139), (141, 139)])
def test_a_summary_is_shorter_than_140_characters(length: int, shown: int) -> None:
    summary = cut("x" * length)
    assert len(summary) == shown
    assert (summary[-1] == "…") is (length > 139)
    with pytest.raises(ValueError, match="summary"):
        Card(uuid="u", summary="x" * 140, indicator="info", source=Source(label="s"))


def test_a_long_description_is_cut_on_the_card(tmp_path: Path) -> None:
    long = study("2.999.2", "LKM|55", description="CT ABD/PELVIS " + "VERY " * 60)
    (card,) = Ehr(hub_of_ana(answering("LKM", [long])), tmp_path).cards("order-sign", service_request())
    assert len(card["summary"]) == 139


def test_no_suggestion_without_a_selection_behaviour() -> None:
    suggestion = Suggestion(label="l", uuid="u", actions=())
    for how in ({"suggestions": (suggestion,)}, {"selection_behavior": "any"}):
        with pytest.raises(ValueError, match="come together"):
            Card(uuid="u", summary="x", indicator="info", source=Source(label="s"), **how)  # type: ignore[arg-type]


def test_the_card_of_an_order_about_to_be_signed(ehr: Ehr) -> None:
    (card,) = ehr.cards("order-sign", service_request())
    assert card["indicator"] == "critical"
    assert card["summary"].startswith("Likely repeat: CT ABD/PELVIS W CONTRAST, 3 d ago at LKM Hospital, report final")
    assert card["source"]["label"] == "Priorlink"
    assert card["source"]["topic"]["code"] == "duplicate-imaging"
    assert card["selectionBehavior"] == "at-most-one"
    ((action,),) = [suggestion["actions"] for suggestion in card["suggestions"]]
    assert (action["type"], action["resourceId"]) == ("delete", "ServiceRequest/sr1")
    assert action["description"]
    assert {reason["code"] for reason in card["overrideReasons"]} == {reason.value for reason in OverrideReason}
    assert all(reason["display"] and reason["system"] for reason in card["overrideReasons"])
    assert len(card["overrideReasons"]) <= 8
    assert uuid.UUID(card["uuid"])
    assert "2026\\-03\\-07" in card["detail"]
    assert SURNAME.casefold() not in json.dumps(card).casefold()


def test_the_delete_action_names_an_order_that_is_a_draft(ehr: Ehr) -> None:
    orders = [service_request(), service_request("XR KNEE", identity="sr2")]
    cards = ehr.cards("order-sign", *orders)
    named = [a["resourceId"] for card in cards for s in card["suggestions"] for a in s["actions"]]
    assert named == ["ServiceRequest/sr1"]
    assert set(named) <= {f"ServiceRequest/{order['id']}" for order in orders}


def test_before_signing_everything_is_information_and_the_card_is_the_same_one(ehr: Ehr) -> None:
    (early,) = ehr.cards("order-select", service_request())
    (final,) = ehr.cards("order-sign", service_request())
    assert early["indicator"] == "info"
    assert "suggestions" not in early
    assert "overrideReasons" not in early
    assert early["uuid"] == final["uuid"]


def test_links_open_the_images(tmp_path: Path) -> None:
    hub = hub_of_ana()
    sites = hub.resources.directory.sites
    for site_id, site in list(sites.items()):
        sites[site_id] = type(site)(  # type: ignore[index]
            site.site_id, site.name, site.assigning_authority,
            viewer_url_template=f"https://{site_id}.example/view?study={{study_instance_uid}}",
        )  # fmt: skip
    (card,) = Ehr(hub, tmp_path).cards("order-sign", service_request())
    assert card["links"] == [
        {"label": "Open images (LKM Hospital)", "url": "https://LKM.example/view?study=2.999.2", "type": "absolute"}
    ]


def test_one_card_for_an_order_about_the_best_prior_the_others_in_its_text(tmp_path: Path) -> None:
    rows = [study("2.999.2", "LKM|55", days_ago=3), study("2.999.4", "LKM|55", days_ago=20)]
    (card,) = Ehr(hub_of_ana(answering("LKM", rows)), tmp_path).cards("order-sign", service_request())
    assert "3 d ago" in card["summary"]
    assert "Other priors" in card["detail"]
    assert "2026\\-02\\-18" in card["detail"]


def test_what_archives_say_is_no_markup(tmp_path: Path) -> None:
    nasty = study("2.999.2", "LKM|55", description="CT <b>[x](https://evil.example)</b> `*_")
    (card,) = Ehr(hub_of_ana(answering("LKM", [nasty])), tmp_path).cards("order-sign", service_request())
    assert "](https" not in card["detail"]
    assert "<b>" not in card["detail"].replace("\\<", "")
    assert escaped("[a](b)\n# c") == "\\[a\\]\\(b\\) \\# c"


def test_context_and_silent_sites_are_said(tmp_path: Path) -> None:
    hub = hub_of_ana(answering("LKM", [study("2.999.2", "LKM|55")]), hanging("RDI"))
    (card,) = Ehr(hub, tmp_path, deadline_ms=150).cards("order-sign", service_request(priority="stat"))
    assert card["indicator"] == "warning"
    assert "ed\\_context: priority stat" in card["detail"]
    assert "RDI Hospital did not answer in time" in card["detail"]


def test_an_emergency_encounter_is_context(ehr: Ehr) -> None:
    encounter = {"resourceType": "Encounter", "id": "e1", "class": {"code": "EMER"}}
    prefetch = {"patient": PATIENT, "encounter": encounter}
    (card,) = ehr.cards("order-sign", service_request(), prefetch=prefetch)
    assert (card["indicator"], "care setting emer" in card["detail"]) == ("warning", True)


def test_dispatch_finds_its_orders_in_the_prefetch_and_offers_no_deletion(ehr: Ehr) -> None:
    body = ehr.body("order-dispatch", prefetch={"patient": PATIENT, "orders": bundle(service_request())})
    for name in ("dispatchedOrders", "dispatched-orders"):
        body["context"] = {"patientId": "p1", name: ["ServiceRequest/sr1"], "performer": "Organization/o1"}
        (card,) = ehr.call(ORDERS, body).json()["cards"]
        assert card["indicator"] == "critical"
        assert "suggestions" not in card
    body["prefetch"] = {"patient": PATIENT}
    assert ehr.call(ORDERS, body).status_code == 412


def test_patient_view_shows_one_card_about_other_hospitals(ehr: Ehr, tmp_path: Path) -> None:
    (card,) = ehr.cards("patient-view")
    assert card["indicator"] == "info"
    assert card["summary"].startswith("Imaging elsewhere: 1 examination in 90 days")
    own = Ehr(hub_of_ana(answering("NGH", [study("2.999.1", "NGH|0007", days_ago=4)])), tmp_path)
    assert own.cards("patient-view") == []


# The patient


@pytest.mark.parametrize("prefetch", [None, {}, {"patient": None}])
def test_without_the_patient_the_client_is_asked_for_it(ehr: Ehr, prefetch: Any) -> None:
    answer = ehr.call(ORDERS, ehr.body("order-sign", service_request(), prefetch=prefetch))
    assert answer.status_code == 412
    assert issues(answer)


def test_the_orders_themselves_may_name_the_patient(ehr: Ehr) -> None:
    named = {"reference": "Patient/p1", "identifier": {"system": SYSTEM, "value": "0007"}}
    assert len(ehr.cards("order-sign", service_request(subject=named), prefetch=None)) == 1


def fhir_server(asked: list[httpx2.Request]) -> httpx2.AsyncClient:
    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(200, json=PATIENT)

    return httpx2.AsyncClient(transport=httpx2.MockTransport(answer))


def test_a_listed_server_is_asked_for_the_patient_and_no_other(tmp_path: Path) -> None:
    asked: list[httpx2.Request] = []
    ehr = Ehr(hub_of_ana(), tmp_path, http=fhir_server(asked), client={"fhir_servers": ("https://ehr.example/fhir",)})
    how = {"prefetch": None, "fhirAuthorization": {"access_token": "secret", "token_type": "Bearer"}}
    assert len(ehr.cards("order-sign", service_request(), fhirServer="https://ehr.example/fhir/", **how)) == 1
    assert [str(request.url) for request in asked] == ["https://ehr.example/fhir/Patient/p1"]
    assert asked[0].headers["authorization"] == "Bearer secret"
    body = ehr.body("order-sign", service_request(), fhirServer="https://elsewhere.example", **how)
    assert ehr.call(ORDERS, body).status_code == 412
    body = ehr.body("order-sign", service_request(), fhirServer="https://ehr.example/fhir", **how)
    body["context"]["patientId"] = "../admin"
    body["context"]["draftOrders"]["entry"][0]["resource"].pop("subject")
    assert ehr.call(ORDERS, body).status_code == 412
    assert len(asked) == 1


def test_another_patients_resource_is_refused(ehr: Ehr) -> None:
    body = ehr.body("order-sign", service_request(), prefetch={"patient": {**PATIENT, "id": "p2"}})
    answer = ehr.call(ORDERS, body)
    assert (answer.status_code, issues(answer)) == (400, ["prefetch.patient: another patient than the hook's"])


@pytest.mark.parametrize(
    "identifier",
    [
        {"system": SYSTEM, "value": "nobody"},
        {"system": "https://other.example", "value": "0007"},
        {"system": SYSTEM, "value": "0007", "use": "old"},
        {"value": "0007"},
    ],
)
def test_a_patient_the_index_does_not_know_gets_no_card(ehr: Ehr, identifier: dict[str, str]) -> None:
    patient = {**PATIENT, "identifier": [identifier]}
    assert ehr.cards("order-sign", service_request(), prefetch={"patient": patient}) == []
    assert ehr.cards("patient-view", prefetch={"patient": patient}) == []


def test_an_oid_needs_no_entry(tmp_path: Path) -> None:
    hub = hub_of_ana()
    hub.index.register("NGH|0007", "NATID|N7", as_=hub.index.resolve("NGH|0007").records[0].demographics)
    patient = {**PATIENT, "identifier": [{"system": "urn:oid:2.999.1.9", "value": "N7"}]}
    assert len(Ehr(hub, tmp_path).cards("order-sign", service_request(), prefetch={"patient": patient})) == 1


# Never in the way of an order


def test_an_archive_that_breaks_is_said_and_nothing_is_blocked(tmp_path: Path) -> None:
    hub = hub_of_ana(answering("LKM", [study("2.999.2", "LKM|55")]), exploding("RDI"))
    (card,) = Ehr(hub, tmp_path).cards("order-sign", service_request())
    assert "RDI Hospital did not answer" in card["detail"]


def test_an_error_of_ours_is_an_information_card(tmp_path: Path) -> None:
    hub = hub_of_ana()

    def broken(**_: Any) -> Any:
        raise RuntimeError(f"cannot read {SURNAME}")

    object.__setattr__(hub.resources, "normalize_order", broken)
    (card,) = Ehr(hub, tmp_path).cards("order-sign", service_request())
    assert (card["indicator"], "could not be checked" in card["summary"]) == ("info", True)
    assert hub.audit()[-1].detail == "internal_error"


def test_what_came_late_for_one_hook_is_there_for_the_next(tmp_path: Path) -> None:
    arrived = asyncio.Event()
    rows = [study("2.999.2", "LKM|55")]

    async def late(identifier: Any) -> Any:
        from federation.ports import SiteAnswer

        await arrived.wait()
        return SiteAnswer(tuple(row for row in rows if row.patient_identifier == identifier))

    source = FakeSource("LKM", late)
    ehr = Ehr(hub_of_ana(source), tmp_path, deadline_ms=150)

    async def play() -> tuple[Any, Any, Any]:
        first = await ehr.call_async(ORDERS, ehr.body("order-select", service_request()))
        arrived.set()
        await asyncio.sleep(0)
        second = await ehr.call_async(ORDERS, ehr.body("order-sign", service_request()))
        third = await ehr.call_async(ORDERS, ehr.body("order-sign", service_request()))
        return first.json(), second.json(), third.json()

    first, second, third = asyncio.run(play())
    assert (first["cards"], len(second["cards"]), len(third["cards"])) == ([], 1, 1)
    assert len(source.asked) == 1


def test_one_hanging_site_of_four_delays_no_answer_beyond_the_deadline(tmp_path: Path) -> None:
    """How quick the answers are is measured by ``bench/order_sign.py``."""
    from federation.sites.site import Site, SiteId

    hub = hub_of_ana(answering("NGH"), answering("LKM", [study("2.999.2", "LKM|55")]), hanging("RDI"), answering("FAR"))
    hub.resources.directory.sites[SiteId("FAR")] = Site(SiteId("FAR"), "Far Hospital", "FAR")  # type: ignore[index]
    ehr = Ehr(hub, tmp_path, deadline_ms=1_500)

    async def play() -> None:
        for number in range(3):
            started = time.monotonic()
            answer = await ehr.call_async(ORDERS, ehr.body("order-sign", service_request(identity=f"sr{number}")))
            assert time.monotonic() - started < 10  # nobody waits for the site, which would take for ever
            assert len(answer.json()["cards"]) == 1

    asyncio.run(play())


# Feedback


def answered(ehr: Ehr, card: str, outcome: str = "overridden", **more: Any) -> httpx2.Response:
    one = {"card": card, "outcome": outcome, "outcomeTimestamp": "2026-03-10T12:01:00Z", **more}
    return ehr.call(FEEDBACK, {"feedback": [one]})


def alert_of(hub: Hub, card: str) -> Any:
    with hub.units() as uow:
        return uow.alerts.history(card)


def test_feedback_twice_is_one_record(ehr: Ehr) -> None:
    (card,) = ehr.cards("order-sign", service_request())
    reason = {"reason": {"code": "urgent-no-time", "system": "x"}, "userComment": "bleeding"}
    for _ in range(2):
        assert answered(ehr, card["uuid"], overrideReason=reason).status_code == 200
    events = alert_of(ehr.hub, card["uuid"])
    assert [event.state for event in events] == [AlertState.RAISED, AlertState.SHOWN, AlertState.OVERRIDDEN]
    assert (events[-1].override_reason, events[-1].comment) == (OverrideReason.URGENT_NO_TIME, "bleeding")
    assert [event.action for event in ehr.hub.audit()].count("cds:feedback") == 1
    # the pair is never shown again
    assert ehr.cards("order-sign", service_request()) == []


def test_an_override_without_a_coded_reason_counts(ehr: Ehr) -> None:
    (card,) = ehr.cards("order-sign", service_request())
    assert answered(ehr, card["uuid"]).status_code == 200
    assert alert_of(ehr.hub, card["uuid"])[-1].override_reason is None
    assert ehr.cards("order-sign", service_request()) == []


def test_accepting_and_a_later_word(ehr: Ehr) -> None:
    (card,) = ehr.cards("order-sign", service_request())
    suggestion = card["suggestions"][0]["uuid"]
    assert answered(ehr, card["uuid"], "accepted", acceptedSuggestions=[{"id": suggestion}]).status_code == 200
    assert answered(ehr, card["uuid"], "overridden").status_code == 200
    assert alert_of(ehr.hub, card["uuid"])[-1].state is AlertState.ACCEPTED


def test_feedback_on_a_card_about_no_alert_is_taken(ehr: Ehr) -> None:
    (card,) = ehr.cards("patient-view")
    path = f"{HISTORY}/feedback"
    assert ehr.call(path, {"feedback": [{"card": card["uuid"], "outcome": "accepted"}]}).status_code == 200


@pytest.mark.parametrize("body", [{}, {"feedback": [{"card": "x"}]}, {"feedback": [{"card": "x", "outcome": "seen"}]}])
def test_feedback_that_says_nothing_is_refused(ehr: Ehr, body: Any) -> None:
    answer = ehr.call(FEEDBACK, body)
    assert answer.status_code == 400
    assert issues(answer)


def test_another_sites_client_answers_no_alert_of_ours(ehr: Ehr, tmp_path: Path) -> None:
    (card,) = ehr.cards("order-sign", service_request())
    stranger = Ehr(ehr.hub, tmp_path, client={"site": "LKM"})
    assert answered(stranger, card["uuid"]).status_code == 200
    assert alert_of(ehr.hub, card["uuid"])[-1].state is AlertState.SHOWN


# Who calls


@pytest.mark.parametrize(("path", "method"), [("/cds-services", "GET"), (ORDERS, "POST"), (FEEDBACK, "POST")])
def test_nobody_gets_in_without_a_token(ehr: Ehr, path: str, method: str) -> None:
    answer = ehr.call(path, {}, token="", method=method)
    assert answer.status_code == 401
    assert issues(answer) == ["a valid token is needed: no_token"]
    event = ehr.hub.audit()[-1]
    assert (event.actor, event.detail) == ("anonymous", "no_token")


@pytest.mark.parametrize("algorithm", ["none", "HS256", "HS384"])
def test_algorithms_that_prove_nothing_are_refused(ehr: Ehr, algorithm: str) -> None:
    answer = ehr.call(ORDERS, {}, token=forged(ehr, ORDERS, algorithm))
    assert issues(answer) == ["a valid token is needed: algorithm_not_allowed"]


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": BASE}, "claim_aud"),
        ({"aud": f"{BASE}{FEEDBACK}"}, "claim_aud"),
        ({"aud": None}, "claim_aud"),
        ({"exp": NOW - 3600}, "token_expired"),
        ({"exp": NOW + 90_000}, "claim_exp"),
        ({"exp": None}, "claim_exp"),
        ({"iat": NOW + 3600}, "claim_iat"),
        ({"iat": None}, "claim_iat"),
        ({"jti": None}, "claim_jti"),
        ({"jti": ""}, "claim_jti"),
        ({"iss": "https://stranger.example"}, "claim_iss"),
        ({"iss": None}, "claim_iss"),
    ],
)
def test_claims_that_do_not_fit(ehr: Ehr, claims: dict[str, Any], reason: str) -> None:
    answer = ehr.call(ORDERS, {}, token=ehr.token(ORDERS, **claims))
    assert (answer.status_code, issues(answer)) == (401, [f"a valid token is needed: {reason}"])


def test_a_token_is_used_once(ehr: Ehr) -> None:
    token = ehr.token(ORDERS)
    body = ehr.body("order-sign", service_request())
    assert ehr.call(ORDERS, body, token=token).status_code == 200
    assert issues(ehr.call(ORDERS, body, token=token)) == ["a valid token is needed: token_replayed"]


@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_a_token_is_used_once_whichever_process_it_was_shown_to(store: str, tmp_path: Path) -> None:
    engines = []
    memory = MemoryStore()

    def units_of_a_process() -> Any:
        if store == "memory":
            return lambda: MemoryUnitOfWork(memory)
        engines.append(make_engine(f"sqlite:///{tmp_path / 'hub.db'}"))
        upgrade(engines[-1])
        return unit_of_work_factory(engines[-1])

    one, other = (remember_used(units_of_a_process(), lambda: NOON) for _ in range(2))
    try:
        assert one(ISSUER, "a\x00|b")
        assert not other(ISSUER, "a\x00|b")
        assert not one(ISSUER, "a\x00|b")
        assert other(ISSUER, "c")
        assert other("https://another.example", "c")
    finally:
        for engine in engines:
            engine.dispose()


def test_a_used_token_is_forgotten_once_no_such_token_can_be_good() -> None:
    store, now = MemoryStore(), [NOON]
    use = remember_used(partial(MemoryUnitOfWork, store), lambda: now[0])
    assert use(ISSUER, "a")
    now[0] += dt.timedelta(seconds=LONGEST_LIFE_SECONDS + 2 * LEEWAY_SECONDS)
    assert not use(ISSUER, "a")
    now[0] = NOON + KEPT_FOR + dt.timedelta(seconds=1)
    assert use(ISSUER, "b")
    assert len(store.committed.answered) == 1


def test_the_hooks_ask_the_store(ehr: Ehr, tmp_path: Path) -> None:
    body, token = ehr.body("order-sign", service_request()), ehr.token(ORDERS)
    assert ehr.call(ORDERS, body, token=token).status_code == 200
    restarted = create_app(ehr.hub.resources, Settings(), routes=cds_routes(ehr.hub.resources, ehr.settings))
    ehr.app = restarted
    assert issues(ehr.call(ORDERS, body, token=token)) == ["a valid token is needed: token_replayed"]


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"jku": "https://evil.example/keys"}, "jku_not_listed"),
        ({"kid": "another"}, "unknown_key"),
        ({"kid": None}, "unknown_key"),
    ],
)
def test_keys_that_are_not_listed(ehr: Ehr, header: dict[str, Any], reason: str) -> None:
    if header.get("kid", "") is None:
        from joserfc import jwt

        claims = {"iss": ISSUER, "aud": BASE + ORDERS, "iat": NOW, "exp": NOW + 9, "jti": "j"}
        token = jwt.encode({"alg": "ES384"}, claims, ehr.key, algorithms=["ES384"])
    else:
        token = ehr.token(ORDERS, header=header)
    assert issues(ehr.call(ORDERS, {}, token=token)) == [f"a valid token is needed: {reason}"]


def test_a_stranger_with_a_listed_key_id_is_refused(ehr: Ehr, tmp_path: Path) -> None:
    other = Ehr(ehr.hub, tmp_path)
    answer = ehr.call(ORDERS, {}, token=other.token(ORDERS, header={"kid": ehr.key.kid}))
    assert answer.status_code == 401


def verifier(handler: Any, *, rsa: Any = None) -> ClientVerifier:
    listed = "https://ehr.example/keys"
    keys: Any = UrlKeys(listed, client=httpx2.Client(transport=httpx2.MockTransport(handler)))
    if rsa is not None:
        keys = FixedKeys({"keys": [rsa.as_dict(private=False)]})
    units = partial(MemoryUnitOfWork, MemoryStore())
    use_token = remember_used(units, lambda: NOON)
    return ClientVerifier({ISSUER: CdsClient(ISSUER, "NGH", keys, listed)}, lambda: NOON, use_token)


def test_the_listed_jku_is_fetched_and_an_unlisted_one_never(ehr: Ehr) -> None:
    fetched: list[str] = []

    def keys(request: httpx2.Request) -> httpx2.Response:
        fetched.append(str(request.url))
        return httpx2.Response(200, json={"keys": [ehr.key.as_dict(private=False)]})

    check = verifier(keys)
    with pytest.raises(NotAuthenticated, match="jku_not_listed"):
        check(f"Bearer {ehr.token(ORDERS, header={'jku': 'https://evil.example/keys'})}", BASE + ORDERS)
    assert fetched == []
    listed = ehr.token(ORDERS, header={"jku": "https://ehr.example/keys"})
    assert check(f"Bearer {listed}", BASE + ORDERS).site_id == "NGH"
    assert fetched == ["https://ehr.example/keys"]


def test_rs384_is_taken(ehr: Ehr) -> None:
    key = rsa_key()
    token = ehr.token(ORDERS, key=key, header={"alg": "RS384", "kid": key.kid})
    assert verifier(None, rsa=key)(f"Bearer {token}", BASE + ORDERS).issuer == ISSUER


def test_settings_name_one_source_of_keys() -> None:
    for how in ({}, {"jwks_file": "a", "jwks_url": "https://b.example"}):
        with pytest.raises(ValueError, match="exactly one of"):
            CdsHooksSettings(clients=({"issuer": ISSUER, "site": "NGH", **how},))  # type: ignore[arg-type]


def test_a_call_is_audited_with_whom_it_was_about(ehr: Ehr) -> None:
    ehr.cards("order-sign", service_request())
    event = ehr.hub.audit()[-1]
    assert (event.actor, event.role, event.action, event.detail) == (ISSUER, "cds-client", "cds:order-sign", "cards:1")
    assert event.subject == ehr.hub.index.person_of("NGH|0007")
