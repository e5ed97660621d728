"""What is hidden leaves no trace: the hub answers as one in which it never was."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import re
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from federation.sites.consent import ANYBODY, ConsentPolicy, StudyClass, Viewer
from federation.usecases.see_person import NOT_KNOWN_BEAT_SECONDS, seconds_to_beat
from gateway.asgi import create_app
from gateway.permissions import FHIR_ROLES_ALLOWED, ROLES_ALLOWED, Role
from gateway.settings import Settings
from mpi.audit import AuditOutcome
from tests.access_calls import AccessWorld, was_refused
from tests.contract.conftest import migrated_postgres, migrated_sqlite, store  # noqa: F401
from tests.contract.stores import Store
from tests.integration.cds_world import Ehr, service_request
from tests.integration.hub_world import (
    ANA,
    ANAS,
    ORDER,
    SURNAME,
    FakeSource,
    Hub,
    answering,
    hub_of_ana,
    states,
    study,
    uids,
)
from tests.integration.order_world import OrderDoor, new_order, outbox_work
from tests.integration.stream_world import REVISIONS, serving

SENSITIVE = ConsentPolicy((StudyClass("fetal", words=frozenset({"fetal"})),))
NOBODY = {"assigningAuthority": "NGH", "localPatientId": "nobody"}
HERE, THERE = study("2.999.1", "NGH|0007", days_ago=400), study("2.999.2", "LKM|55", days_ago=3)
FETAL = study("2.999.8", "LKM|55", days_ago=2, description="CT ABD FETAL")


def archives(*rows: Any) -> list[FakeSource]:
    return [answering(site, [r for r in rows if r.site_id == site]) for site in ("NGH", "LKM", "RDI")]


def known_at(hub: Hub, *identifiers: str) -> Hub:
    for identifier in identifiers:
        hub.index.register(identifier, as_=ANA)
    return hub


def record(hub: Hub, scope: str = "EVERYTHING", target: str = "", effect: str = "DENY") -> dict[str, Any]:
    """Said a second after whatever was before; a second passes after it, too."""
    hub.now += dt.timedelta(seconds=1)
    answer: dict[str, Any] = hub.run(
        "RecordConsent", Role.PRIVACY_OFFICER, patient=ANAS, scope=scope, effect=effect, target=target
    )
    hub.now += dt.timedelta(seconds=1)
    assert answer["__typename"] == "ConsentRecorded", answer
    return answer


def history(hub: Hub, named: dict[str, str] = ANAS, **claims: Any) -> dict[str, Any]:
    query = "query($p: PatientRefInput) { imagingHistory(patient: $p) { __typename ... on ImagingHistory { complete "
    query += "person { enterpriseId records { identifier { localPatientId } } } identityUnderReview "
    query += "coverage { site state studyCount setApartCount reason warnings } "
    query += "studies { totalCount edges { cursor node { studyInstanceUid description locations { site } } } } } } }"
    token = hub.issuer.sign(hub.issuer.claims(Role.PHYSICIAN, subject="dr-1") | claims)
    answer = hub.post(query, variables={"p": named}, token=token).json()
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["imagingHistory"]
    return found


def scrubbed(answer: object) -> Any:
    """Without what differs between any two hubs: ids that were given, and how long a site took."""
    text = re.sub(r"id-\d+", "ID", json.dumps(answer, sort_keys=True))
    text = re.sub(r'"latencyMs": \d+', '"latencyMs": 0', text)
    return json.loads(re.sub(r'"(\w*[aA]t|asOf|ageDays)": ("[^"]*"|[\d.]+)', r'"\1": ""', text))


def test_a_hidden_study_is_as_one_that_was_never_made() -> None:
    """Counts, cursors, coverage, warnings, verdicts: nothing is left of it."""
    hidden = known_at(Hub(*archives(HERE, THERE, FETAL), consent=SENSITIVE), "NGH|0007", "LKM|55")
    never = known_at(Hub(*archives(HERE, THERE), consent=SENSITIVE), "NGH|0007", "LKM|55")
    assert scrubbed(history(hidden)) == scrubbed(history(never))
    for operation, variables in (("ImagingHistory", {"patient": ANAS}), ("CheckOrder", {"order": ORDER})):
        answers = [hub.run(operation, Role.PHYSICIAN, **variables) for hub in (hidden, never)]
        assert scrubbed(answers[0]) == scrubbed(answers[1])
        assert "2.999.8" not in json.dumps(answers[0])
    assert [s.asked for s in archives_of(hidden)] == [s.asked for s in archives_of(never)]
    record(hidden, "STUDY_CLASS", "fetal", "PERMIT")
    assert "2.999.8" in uids(history(hidden))


def archives_of(hub: Hub) -> list[Any]:
    return list(hub.resources.directory.sources.values())


def test_a_site_that_shares_nothing_is_as_one_that_never_saw_the_person() -> None:
    hidden = known_at(Hub(*archives(HERE, THERE)), "NGH|0007", "LKM|55")
    record(hidden, "SITE", "LKM")
    never = known_at(Hub(*archives(HERE)), "NGH|0007")
    never.now = hidden.now
    assert scrubbed(history(hidden)) == scrubbed(history(never))
    assert states(history(hidden)) == {"NGH": "ANSWERED", "LKM": "SKIPPED", "RDI": "SKIPPED"}
    orders = [hub.run("CheckOrder", Role.PHYSICIAN, order=ORDER) for hub in (hidden, never)]
    assert scrubbed(orders[0]) == scrubbed(orders[1])
    by_its_number = {"assigningAuthority": "LKM", "localPatientId": "55"}
    assert history(hidden, by_its_number) == {"__typename": "PatientNotFound"}
    assert uids(history(hidden, by_its_number, sites=["LKM"])) == ["2.999.2", "2.999.1"]


def test_somebody_who_opted_out_is_as_unknown_as_somebody_who_never_was() -> None:
    hub = hub_of_ana()
    person = hub.index.person_of("NGH|0007")
    record(hub)
    for operation in ("ImagingHistory", "Person"):
        hidden, unknown = (hub.run(operation, Role.PHYSICIAN, patient=p) for p in (ANAS, NOBODY))
        assert hidden == unknown
        assert hidden["__typename"] == "PatientNotFound"
        by_id = hub.run(operation, Role.PHYSICIAN, patient={"enterpriseId": person})
        assert by_id == unknown
    hidden, unknown = (hub.run("CheckOrder", Role.PLUGIN, order=ORDER | {"patient": p}) for p in (ANAS, NOBODY))
    assert hidden == unknown
    assert all(source.asked == [] for source in archives_of(hub))
    with hub.units() as uow:
        assert uow.alerts.find(limit=9) == ()
    withheld = [e for e in hub.audit() if e.detail == "withheld"]
    assert {(e.outcome, e.subject) for e in withheld} == {(AuditOutcome.FAILED, person)}
    record(hub, effect="PERMIT")
    assert history(hub)["__typename"] == "ImagingHistory"


def test_through_the_fhir_doors_too() -> None:
    hub = hub_of_ana()
    person = hub.index.person_of("NGH|0007")
    record(hub)

    def get(path: str, role: Role) -> tuple[int, str]:
        answer = hub.request("GET", f"/fhir{path}", headers={"Authorization": f"Bearer {hub.issuer.token(role)}"})
        return answer.status_code, re.sub(r"[0-9a-f]{32}", "", answer.text)

    for hidden, unknown in (
        (f"/Patient/{person}", "/Patient/nobody"),
        ("/Patient?identifier=NGH|0007", "/Patient?identifier=NGH|nobody"),
        ("/Patient/$ihe-pix?sourceIdentifier=NGH|0007", "/Patient/$ihe-pix?sourceIdentifier=NGH|nobody"),
    ):
        assert get(hidden, Role.PHYSICIAN) == get(unknown, Role.PHYSICIAN)
        assert SURNAME not in get(hidden, Role.PLUGIN)[1]
        assert person in get(hidden, Role.RECORDS)[1]


def test_the_clock_does_not_tell_somebody_hidden_from_somebody_unknown() -> None:
    """Both on the same beat; the bench `access` measures how little is left between them."""
    hub = hub_of_ana()
    record(hub)
    spent: dict[str, list[float]] = {"0007": [], "nobody": []}
    for _ in range(15):
        for number, times in spent.items():
            started = time.monotonic()
            assert history(hub, ANAS | {"localPatientId": number}) == {"__typename": "PatientNotFound"}
            times.append(time.monotonic() - started)
    assert min(min(times) for times in spent.values()) >= NOT_KNOWN_BEAT_SECONDS * 0.95
    hidden, unknown = (statistics.median(times) for times in spent.values())
    assert abs(hidden - unknown) < NOT_KNOWN_BEAT_SECONDS


def test_only_those_from_whom_somebody_may_be_hidden_wait_for_the_beat() -> None:
    staff = Viewer(sees_hidden=True)
    assert staff.sees_everybody
    narrowed = (ANYBODY, replace(staff, related_to=frozenset({"NGH"})), replace(staff, only_patient="id-1"))
    assert not any(viewer.sees_everybody for viewer in narrowed)


def test_nobody_found_is_said_on_the_beat_at_the_fhir_door_too() -> None:
    hub = hub_of_ana()
    record(hub)
    spent = []
    for path in ("/Patient/nobody", "/Patient?identifier=NGH|0007", "/Patient?identifier=NGH|nobody"):
        started = time.monotonic()
        hub.request("GET", f"/fhir{path}", headers={"Authorization": f"Bearer {hub.issuer.token(Role.PHYSICIAN)}"})
        spent.append(time.monotonic() - started)
    assert min(spent) >= NOT_KNOWN_BEAT_SECONDS * 0.95


@pytest.mark.parametrize("spent", [0.0, 0.001, 0.0399, 0.041, 0.5])
def test_not_known_is_said_on_the_beat(spent: float) -> None:
    left = seconds_to_beat(time.monotonic() - spent)
    beats = (spent + left) / NOT_KNOWN_BEAT_SECONDS
    assert 0 <= left <= NOT_KNOWN_BEAT_SECONDS
    assert beats == pytest.approx(round(beats), abs=0.3)
    assert round(beats) >= 1


def test_a_search_finds_nobody_who_opted_out_and_no_number_of_a_site_that_shares_nothing() -> None:
    hub = hub_of_ana()
    person = hub.index.person_of("NGH|0007")
    described = {"family": SURNAME, "given": "Ana", "birthDate": "1984-03-12"}
    searches = ({"described": described}, {"identifiers": [ANAS]})
    record(hub, "SITE", "LKM")
    for search in searches:
        found = hub.run("SearchPersons", Role.PHYSICIAN, **search)
        assert (found["totalCount"], '"55"' in json.dumps(found["matches"])) == (1, False)
    known_as = hub.run("CrossReference", Role.PLUGIN, patient=ANAS)["identifiers"]
    assert {one["identifier"]["assigningAuthority"] for one in known_as} == {"NGH", "RDI"}
    by_hidden_number = {"assigningAuthority": "LKM", "localPatientId": "55"}
    assert hub.run("SearchPersons", Role.PHYSICIAN, identifiers=[by_hidden_number])["totalCount"] == 0
    record(hub)
    for search in searches:
        found = hub.run("SearchPersons", Role.PHYSICIAN, **search)
        assert (found["totalCount"], found["matches"]) == (0, [])
        assert person in json.dumps(hub.run("SearchPersons", Role.RECORDS, **search))
    assert hub.run("CrossReference", Role.PLUGIN, patient=ANAS)["__typename"] == "PatientNotFound"


# What was answered and kept before


def test_what_was_kept_before_is_shown_no_more_and_judged_again() -> None:
    world = AccessWorld(*archives(HERE, THERE))
    hub = world.hub
    hub.now += dt.timedelta(seconds=1)
    assert hub.run("OrderCheck", Role.PHYSICIAN, checkId=world.check_id)["tier"] != "NONE"
    record(hub, "SITE", "LKM")

    def kept() -> tuple[str, list[Any], str]:
        check = hub.run("OrderCheck", Role.PHYSICIAN, checkId=world.check_id)["__typename"]
        alerts = hub.run("Alerts", Role.PHYSICIAN, patient=ANAS)["alerts"]
        accept = hub.run("AcceptAlert", Role.PHYSICIAN, alertId=world.alert_id)["__typename"]
        return check, alerts, accept

    assert kept() == ("OrderCheckNotFound", [], "AlertNotFound")
    with hub.units() as uow:
        kept_alert = uow.alerts.newest(world.alert_id)
    assert kept_alert is not None
    assert kept_alert.is_open
    done = OrderDoor(hub).work(outbox_work(hub))
    assert "consent_changed" in done
    again = hub.run("OrderCheck", Role.PHYSICIAN, checkId=world.check_id)
    assert again["revision"] > 1
    assert "2.999.2" not in json.dumps(again)
    assert hub.run("Alerts", Role.PHYSICIAN, patient=ANAS)["alerts"] == []
    assert hub.run("Alerts", Role.PHYSICIAN, state="SUPERSEDED")["alerts"] == []


def test_alerts_of_somebody_who_opted_out_end() -> None:
    world = AccessWorld(*archives(HERE, THERE))
    record(world.hub)
    OrderDoor(world.hub).work(outbox_work(world.hub))
    with world.hub.units() as uow:
        alert = uow.alerts.newest(world.alert_id)
    assert alert is not None
    assert not alert.is_open
    for state in ("SHOWN", "SUPERSEDED"):
        assert world.hub.run("Alerts", Role.PHYSICIAN, state=state)["alerts"] == []


class Receiver:
    def __init__(self) -> None:
        self.sent: list[dict[str, object]] = []

    def send(self, document: dict[str, object], *, delivery_id: str, at: dt.datetime) -> None:
        self.sent.append(document)


@pytest.mark.parametrize("denied", [None, ("EVERYTHING", ""), ("SITE", "LKM")])
def test_an_order_received_as_a_message_tells_nobody_of_what_is_hidden(denied: tuple[str, str] | None) -> None:
    hub = known_at(Hub(*archives(THERE)), "NGH|0007", "LKM|55")
    if denied is not None:
        record(hub, *denied)
    door, receiver = OrderDoor(hub), Receiver()
    door.order(new_order())
    door.work(outbox_work(hub, deliver=receiver))
    assert bool(receiver.sent) is (denied is None)
    assert bool(door.alerts()) is (denied is None)


def test_an_alert_that_waits_to_be_told_is_not_told_after_a_denial() -> None:
    hub = known_at(Hub(*archives(THERE)), "NGH|0007", "LKM|55")
    door, receiver = OrderDoor(hub), Receiver()
    door.order(new_order())
    handler = outbox_work(hub, deliver=receiver)
    with hub.units() as uow:
        due = list(uow.outbox.due(limit=9, now=hub.now + dt.timedelta(days=1), retry_after_seconds=1))
    for row in due:
        handler(row.outbox_id)
    assert door.alerts()
    record(hub)
    door.work(handler)
    assert receiver.sent == []


def test_an_order_that_waits_at_a_site_that_shares_nothing_is_no_prior() -> None:
    hub = known_at(Hub(*archives()), "NGH|0007", "LKM|55")
    door = OrderDoor(hub)
    door.order(new_order(), patient="0007^^^NGH", site="LKM")
    assert hub.run("CheckOrder", Role.PHYSICIAN, order=ORDER)["tier"] != "NONE"
    record(hub, "SITE", "LKM")
    checked = hub.run("CheckOrder", Role.PHYSICIAN, order=ORDER | {"placerOrderNumber": "X-2"})
    assert (checked["tier"], checked["priors"]) == ("NONE", [])


def test_no_card_is_shown_of_what_is_hidden(tmp_path: Path) -> None:
    ehr = Ehr(known_at(Hub(*archives(THERE)), "NGH|0007", "LKM|55"), tmp_path, deadline_ms=5_000)
    assert ehr.cards("order-sign", service_request())
    assert ehr.cards("patient-view")
    record(ehr.hub, "SITE", "LKM")
    assert ehr.cards("order-sign", service_request(identity="sr2")) == []
    record(ehr.hub)
    assert ehr.cards("patient-view") == []
    assert ehr.cards("order-sign", service_request(identity="sr3")) == []


# Every operation x consent states: nobody is shown what is hidden, and nothing is done about it

NOT_FOR_CARE = frozenset(
    {"fhir:feedPatient", "fhir:processMessage", "fhir:recordConsent", "fhir:readConsent", "fhir:searchConsents"}
)
ABOUT_ANA_FOR_CARE = sorted(
    {"imagingHistory", "checkOrder", "orderCheck", "alerts", "acceptAlert", "overrideAlert", "person"}
    | {o for o in FHIR_ROLES_ALLOWED if o not in NOT_FOR_CARE}
)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("operation", ABOUT_ANA_FOR_CARE)
def test_each_operation_about_somebody_who_opted_out_finds_nobody(operation: str, role: Role) -> None:
    world = AccessWorld()
    calls = world.calls()
    person = world.hub.index.person_of("NGH|0007")
    record(world.hub)
    world.committed = world.hub.store.committed
    answer = calls[operation].send(world.hub, world.hub.issuer.token(role))
    allowed = {**ROLES_ALLOWED, **FHIR_ROLES_ALLOWED}[operation]
    assert was_refused(operation, answer) is (role not in allowed)
    assert world.effects() == {}
    keeps_identities = role is Role.RECORDS and operation in ("person", *FHIR_ROLES_ALLOWED)
    if not keeps_identities:
        assert person not in answer.text
        assert SURNAME not in answer.text


# Who records it


def test_what_is_recorded_says_who_when_and_from_where_and_is_kept_for_every_number() -> None:
    hub = hub_of_ana()
    record(hub, "SITE", "LKM")
    record(hub, "SITE", "LKM")
    kept = hub.run("Consents", Role.RECORDS, patient=ANAS)["directives"]
    assert [(d["identifier"]["assigningAuthority"], d["scope"], d["target"], d["effect"]) for d in kept] == [
        (site, "SITE", "LKM", "DENY") for site in ("LKM", "NGH", "RDI")
    ]
    assert {d["recordedBy"] for d in kept} == {"demo-privacy_officer"}
    assert {d["source"] for d in kept} == {"graphql"}
    events = [e for e in hub.audit() if e.action == "recordConsent"]
    assert {(e.detail, e.role, e.subject) for e in events} == {
        ("deny:site", "privacy_officer", hub.index.person_of("NGH|0007"))
    }


@pytest.mark.parametrize(
    ("scope", "target"), [("SITE", "XXX"), ("SITE", ""), ("STUDY_CLASS", "nothing"), ("EVERYTHING", "LKM")]
)
def test_a_target_that_nobody_registered_is_refused(scope: str, target: str) -> None:
    hub = hub_of_ana()
    answer = hub.run("RecordConsent", Role.RECORDS, patient=ANAS, scope=scope, effect="DENY", target=target)
    assert (answer["__typename"], answer["code"]) == ("InvalidInput", "unknown_target")
    assert hub.store.committed.consents == []


def test_a_denial_follows_the_person_through_a_merge_and_stays_with_both_when_they_are_parted() -> None:
    hub = hub_of_ana()
    record(hub)
    query = "query($p: PatientRefInput!) { person(patient: $p) { ... on Person { version } } }"
    version = hub.ask(query, Role.RECORDS, p=ANAS)["person"]["version"]
    elsewhere = {"assigningAuthority": "LKM", "localPatientId": "55"}
    parted = hub.run("UnlinkRecord", Role.RECORDS, identifier=elsewhere, expectedVersions=[version])
    assert parted["__typename"] == "IdentityDecided"
    assert hub.index.person_of("LKM|55") != hub.index.person_of("NGH|0007")
    assert history(hub, ANAS) == history(hub, elsewhere) == {"__typename": "PatientNotFound"}


# Past consent, in an emergency


def break_glass(hub: Hub, *, minutes: int = 15, patient: dict[str, str] = ANAS, subject: str = "dr-1") -> Any:
    query = (
        'mutation($p: PatientRefInput!, $m: Int!) { breakGlass(patient: $p, reason: "found unconscious", minutes: $m) '
    )
    query += "{ __typename ... on GlassBroken { glass { glassId expiresAt } } ... on Refusal { code } } }"
    token = hub.issuer.token(Role.PHYSICIAN, subject=subject)
    return hub.post(query, variables={"p": patient, "m": minutes}, token=token).json()["data"]["breakGlass"]


def test_a_broken_glass_opens_one_person_to_one_caller_for_a_while_and_each_use_is_on_record() -> None:
    hub = hub_of_ana()
    person = hub.index.person_of("NGH|0007")
    record(hub)
    assert history(hub)["__typename"] == "PatientNotFound"
    glass = break_glass(hub)["glass"]["glassId"]
    assert uids(history(hub)) == ["2.999.2", "2.999.1", "2.999.3"]
    use = hub.audit()[-1]
    assert (use.action, use.detail, use.subject) == ("imagingHistory", f"break_glass:{glass}", person)
    assert history(hub, sub="dr-2") == {"__typename": "PatientNotFound"}
    checked = hub.run("CheckOrder", Role.PHYSICIAN, order=ORDER)
    assert checked["__typename"] == "PatientNotFound"
    hub.now += dt.timedelta(minutes=15)
    assert history(hub) == {"__typename": "PatientNotFound"}


def test_a_broken_glass_never_reaches_another_person_nor_numbers_that_came_later() -> None:
    hub = hub_of_ana()
    record(hub)
    hub.index.register("NGH|90", as_=_otto())
    other = {"assigningAuthority": "NGH", "localPatientId": "90"}
    hub.run("RecordConsent", Role.RECORDS, patient=other, scope="EVERYTHING", effect="DENY")
    break_glass(hub)
    assert history(hub, other) == {"__typename": "PatientNotFound"}
    assert history(hub)["__typename"] == "ImagingHistory"


def _otto() -> Any:
    from tests.builders import person

    return person("Otterbein", "Otto", born="1950-01-02", sex="M")


def test_the_privacy_officer_is_told_and_sees_the_reason() -> None:
    hub, receiver = hub_of_ana(), Receiver()
    glass = break_glass(hub)["glass"]["glassId"]
    OrderDoor(hub).work(outbox_work(hub, deliver=receiver))
    told = [document for document in receiver.sent if document["type"] == "glass_broken"]
    assert [(d["glassId"], d["caller"]) for d in told] == [(glass, "dr-1")]
    assert "reason" not in told[0]
    (listed,) = hub.run("BrokenGlasses", Role.PRIVACY_OFFICER)["glasses"]
    assert (listed["caller"], listed["reason"]) == ("dr-1", "found unconscious")
    assert [(e.action, e.detail) for e in hub.audit() if e.action == "glass_broken"] == [("glass_broken", "told")]


@pytest.mark.parametrize(
    ("minutes", "patient", "code"),
    [(4, ANAS, "out_of_range"), (61, ANAS, "out_of_range"), (15, NOBODY, "patient_not_found")],
)
def test_a_glass_that_cannot_be_broken_stays_whole(minutes: int, patient: dict[str, str], code: str) -> None:
    hub = hub_of_ana()
    assert break_glass(hub, minutes=minutes, patient=patient)["code"] == code
    assert hub.store.committed.glasses == []


# Sites of a caller


def test_a_caller_of_some_sites_finds_whom_these_sites_know() -> None:
    hub = known_at(Hub(*archives(HERE)), "NGH|0007")
    assert history(hub, sites=["RDI"]) == {"__typename": "PatientNotFound"}
    assert history(hub, sites=[]) == {"__typename": "PatientNotFound"}
    assert history(hub, sites=["RDI", "NGH"])["__typename"] == "ImagingHistory"


def test_a_patient_launch_finds_its_patient_alone() -> None:
    hub = hub_of_ana()
    mine = hub.index.person_of("NGH|0007")
    assert history(hub, scope="patient/ImagingStudy.rs", patient=mine)["__typename"] == "ImagingHistory"
    assert history(hub, scope="patient/ImagingStudy.rs", patient="id-other") == {"__typename": "PatientNotFound"}


def test_a_subscriber_hears_what_their_sites_order_and_what_is_not_hidden() -> None:
    hub = known_at(Hub(*archives(study("2.999.5", "NGH|0007"), THERE)), "NGH|0007", "LKM|55")
    token = hub.issuer.sign(hub.issuer.claims(Role.PHYSICIAN) | {"sites": ["LKM"]})
    at_lkm = {"patient": {"assigningAuthority": "LKM", "localPatientId": "55"}, "orderingSite": "LKM"}
    with serving(hub) as served, served.socket(token=token) as client:
        client.acknowledged().subscribe(REVISIONS, p=ANAS)
        served.wait_for_listeners()
        numbered = ORDER | {"placerOrderNumber": "P-1"}
        assert hub.run("CheckOrder", Role.PLUGIN, order=numbered)["alertId"] is not None
        assert hub.run("CheckOrder", Role.PLUGIN, order=ORDER | at_lkm)["alertId"] is not None
        assert client.next()["alert"]["priorId"] == "2.999.5"
    with serving(hub) as served, served.socket(Role.PHYSICIAN) as client:
        client.acknowledged().subscribe(REVISIONS, s="NGH")
        client.subscribe(REVISIONS, "2", s="LKM")
        served.wait_for_listeners(2)
        record(hub, "SITE", "NGH")
        for number, where in (("P-1", {}), ("P-2", at_lkm)):
            hub.run("CheckOrder", Role.PLUGIN, order=ORDER | where | {"placerOrderNumber": number})
        record(hub, "SITE", "NGH", "PERMIT")
        hub.run("CheckOrder", Role.PLUGIN, order=ORDER | at_lkm | {"placerOrderNumber": "P-3"})
        assert client.next("2")["alert"]["priorId"] == "2.999.5"


# Two users at once


def test_callers_with_different_rights_at_the_same_time_never_see_each_others_rows(store: Store) -> None:  # noqa: F811
    """A hundred look-ups at once by four callers, over HTTP: each sees its own view every time, on every store."""
    hub = Hub(*archives(HERE, THERE, FETAL), consent=SENSITIVE, units=store.begin)
    hub.app = create_app(replace(hub.resources, read=store.begin_reading), Settings())
    known_at(hub, "NGH|0007", "LKM|55")
    record(hub, "SITE", "LKM")
    break_glass(hub, subject="dr-glass")
    expected = {
        "dr-ngh": (["NGH"], ["2.999.1"]),
        "dr-lkm": (["LKM"], ["2.999.2", "2.999.1"]),
        "dr-glass": (["NGH"], ["2.999.8", "2.999.2", "2.999.1"]),
        "dr-rdi": (["RDI"], None),
    }
    query = "query($p: PatientRefInput) { imagingHistory(patient: $p) { ... on ImagingHistory { studies { edges { node "
    query += "{ studyInstanceUid } } } } ... on Refusal { code } } }"

    async def look(subject: str) -> tuple[str, Any]:
        claims = hub.issuer.claims(Role.PHYSICIAN, subject=subject) | {"sites": expected[subject][0]}
        headers = {"Authorization": f"Bearer {hub.issuer.sign(claims)}"}
        body = {"query": query, "variables": {"p": ANAS}}
        answer = await hub._request("POST", "/graphql", {"json": body, "headers": headers})
        found = answer.json()["data"]["imagingHistory"]
        return subject, uids(found) if "studies" in found else None

    async def all_at_once() -> list[tuple[str, Any]]:
        return await asyncio.gather(*(look(subject) for _ in range(25) for subject in expected))

    answers = asyncio.run(all_at_once())
    assert len(answers) == 100
    assert [(subject, found) for subject, found in answers if found != expected[subject][1]] == []
