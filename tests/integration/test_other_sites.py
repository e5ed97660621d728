"""A token that names sites learns nothing of people whom only other sites know: every operation and door has a row."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from typing import Any

import pytest

from gateway.doors import DOORS, Knock
from gateway.permissions import POLICIES, ROLES_ALLOWED, Role, SiteRule
from gateway.settings import WebSettings
from mpi.identity.demographics import PartialDate, PersonName
from mpi.identity.review import ReviewKind
from mpi.usecases.open_review import open_review
from tests.access_calls import AccessWorld, Call
from tests.builders import person, pid
from tests.fhir_door import patient, placed_request
from tests.integration.hub_world import ANA, EVIDENCE, OPERATIONS, ORDER, Hub, answering, study
from tests.integration.stream_world import REVISIONS, serving
from tests.integration.test_pages_access import Browser

FAMILY, NUMBER, UID = "Zwetschkenbaum", "LKM|770077", "2.999.77.1"
AT_RDI = "RDI|880088"
THEIRS = {"assigningAuthority": "LKM", "localPatientId": "770077"}
DESCRIBED = {"family": FAMILY, "given": "Zora", "birthDate": "1969-07-20", "sex": "FEMALE"}
ON_FILM: dict[str, Any] = {"patient_name": PersonName(FAMILY, "Zora"), "birth_date": PartialDate(1969, 7, 20)}
HISTORY_UPDATES = "subscription($p: PatientRefInput) { imagingHistoryUpdates(patient: $p) { __typename } }"
BY_SOCKET = {"imagingHistoryUpdates": HISTORY_UPDATES, "alertRevisions": REVISIONS}
"""Subscriptions that such a token may open; of orders alone: ``test_consent``."""
MADE_TO_REACH_OVER = {"breakGlass"}
"""Gives a physician one person of whatever site, with a reason, on record, for a while: it names them."""
DO_NOT_TAKE_SUCH_TOKENS = {
    Knock.OPEN, Knock.CDS_CLIENT, Knock.SERVICE_CLIENT, Knock.EDGE_AGENT, Knock.SITE_SIGNATURE,
}  # fmt: skip
"""Doors that know their callers otherwise; each of those is bound to its own site by what it is."""


@dataclass(frozen=True, slots=True)
class Row:
    """A call about the stranger. ``shows``: it tells of them to a caller of their own site."""

    call: Call
    shows: bool = True


class OtherSite:
    """Ana at NGH. At LKM and RDI a stranger with a study, an alert, and a question whether she is Ana."""

    def __init__(self) -> None:
        mine, theirs = study("2.999.1", "NGH|0007", days_ago=40), replace(study(UID, AT_RDI, days_ago=3), **ON_FILM)
        sources = answering("NGH", [mine]), answering("LKM"), answering("RDI", [theirs])
        self.hub = hub = Hub(*sources, web=WebSettings(token_sign_in=True))
        hub.index.register("NGH|0007", as_=ANA)
        for number in (NUMBER, AT_RDI):
            hub.index.register(number, as_=person(FAMILY, "Zora", born="1969-07-20", sex="F", phone="202-555-0199"))
        order = ORDER | {"patient": THEIRS, "orderingSite": "LKM"}
        check = hub.run("CheckOrder", Role.PHYSICIAN, order=order)
        self.check_id, self.alert_id = check["checkId"], check["alertId"]
        assert self.alert_id is not None
        self.person_id = hub.index.person_of(NUMBER)
        with hub.units() as uow:
            self.item_id = open_review(
                ReviewKind.POSSIBLE_MATCH, pid("NGH|0007"), pid(NUMBER), source="test", uow=uow, clock=hub.index.clock,
                new_id=hub.index.new_id, evidence=EVIDENCE, score=5.0, match_probability=0.5, guards=(),
            )  # fmt: skip
            uow.commit()
        self.committed = hub.store.committed

    def traces(self, sent: str, said: str) -> list[str]:
        """What of the stranger is said that the caller did not say themselves."""
        telling = (FAMILY, "770077", "880088", UID, self.person_id, self.check_id, self.alert_id, self.item_id)
        return [word for word in telling if word.casefold() in said.casefold() and word not in sent]

    def rows(self) -> dict[str, Row]:
        """Operation to a call about the stranger, of all operations that such a token may use."""
        order = {**ORDER, "patient": THEIRS}
        subject = {"identifier": {"system": "LKM", "value": "770077"}}
        zora = patient(NUMBER, name=[{"family": FAMILY, "given": ["Zora"]}], birthDate="1969-07-20", telecom=None)
        issue = f"/fhir/DetectedIssue?_id={self.alert_id}"
        return {
            "imagingHistory": published("ImagingHistory", patient=THEIRS),
            "checkOrder": published("CheckOrder", order=order),
            "orderCheck": published("OrderCheck", checkId=self.check_id),
            "alerts": published("Alerts", checkId=self.check_id),
            "acceptAlert": published("AcceptAlert", shows=False, alertId=self.alert_id),
            "overrideAlert": published("OverrideAlert", shows=False, alertId=self.alert_id, reason="URGENT_NO_TIME"),
            "person": published("Person", patient=THEIRS),
            "searchPersons": published("SearchPersons", described=DESCRIBED),
            "crossReference": published("CrossReference", patient=THEIRS),
            "breakGlass": published("BreakGlass", shows=False, patient=THEIRS, reason="found unconscious"),
            "sites": published("Sites", shows=False),
            "fhir:match": Row(Call("POST", "/fhir/Patient/$match", zora)),
            "fhir:searchPatient": Row(Call("GET", "/fhir/Patient?identifier=LKM|770077", None)),
            "fhir:readPatient": Row(Call("GET", f"/fhir/Patient/{self.person_id}", None)),
            "fhir:ihePix": Row(Call("GET", "/fhir/Patient/$ihe-pix?sourceIdentifier=LKM|770077", None), shows=False),
            "fhir:feedOrder": Row(Call("POST", "/fhir/ServiceRequest", placed_request(subject=subject)), shows=False),
            "fhir:readIssue": Row(Call("GET", f"/fhir/DetectedIssue/{self.alert_id}", None)),
            "fhir:searchIssues": Row(Call("GET", issue, None)),
        }

    def says(self, operation: str, *sites: str) -> tuple[str, str]:
        """(what was sent, what was answered)."""
        self.hub.store.committed = self.committed
        call, claims = self.rows()[operation].call, self.hub.issuer.claims(*Role) | {"sites": sites}
        answer = call.send(self.hub, self.hub.issuer.sign(claims))
        assert answer.status_code < 500
        return json.dumps([call.path, call.body]), answer.text


def published(operation: str, *, shows: bool = True, **variables: Any) -> Row:
    query = (OPERATIONS / f"{operation}.graphql").read_text()
    return Row(Call("POST", "/graphql", {"query": query, "variables": variables}), shows)


@pytest.fixture(scope="module")
def world() -> OtherSite:
    return OtherSite()


OPEN_TO_SOME_SITES = {name for name, policy in POLICIES.items() if policy.sites is not SiteRule.WHOLE}
ROWS = sorted(OPEN_TO_SOME_SITES - BY_SOCKET.keys() - MADE_TO_REACH_OVER)


def test_every_operation_and_every_door_has_a_row(world: OtherSite) -> None:
    assert set(world.rows()) | BY_SOCKET.keys() == OPEN_TO_SOME_SITES
    for door, (knock, operation) in DOORS.items():
        known = operation in POLICIES or door.endswith(" /graphql") or knock in DO_NOT_TAKE_SUCH_TOKENS
        assert known, f"{door}: nobody looked what it tells a caller of some sites"


@pytest.mark.parametrize("operation", ROWS)
def test_nothing_of_another_site_is_in_the_answer(world: OtherSite, operation: str) -> None:
    assert world.traces(*world.says(operation, "NGH")) == []
    assert world.traces(*world.says(operation)) == []


@pytest.mark.parametrize("operation", ROWS)
def test_a_caller_of_that_site_is_told(world: OtherSite, operation: str) -> None:
    if world.rows()[operation].shows:
        assert world.traces(*world.says(operation, "LKM", "NGH"))


@pytest.mark.parametrize("operation", sorted(set(ROLES_ALLOWED) - OPEN_TO_SOME_SITES - {"reviewQueueChanges"}))
def test_what_reaches_over_all_sites_says_nothing_at_all(operation: str) -> None:
    world = AccessWorld()
    token = world.hub.issuer.sign(world.hub.issuer.claims(*Role) | {"sites": ["NGH"]})
    answer = world.calls()[operation].send(world.hub, token)
    assert answer.json()["data"] == {operation: {"__typename": "NotAllowed"}}


def test_what_is_counted_about_somebody_known_here_leaves_the_stranger_out(world: OtherSite) -> None:
    query = "query($p: PatientRefInput!) { person(patient: $p) { ... on Person { openReviewCount } } }"
    for sites, count in ((["NGH"], 0), (["NGH", "LKM"], 1)):
        token = world.hub.issuer.sign(world.hub.issuer.claims(Role.PHYSICIAN) | {"sites": sites})
        answer = world.hub.post(query, token=token, variables={"p": ORDER["patient"]})
        assert answer.json()["data"]["person"] == {"openReviewCount": count}


@pytest.mark.parametrize("operation", sorted(BY_SOCKET))
def test_a_subscriber_hears_nothing_of_another_site(operation: str) -> None:
    world = OtherSite()
    token = world.hub.issuer.sign(world.hub.issuer.claims(Role.PHYSICIAN) | {"sites": ["NGH"]})
    with serving(world.hub) as served, served.socket(token=token) as client:
        client.acknowledged().subscribe(BY_SOCKET[operation], p=THEIRS, s="LKM")
        heard = client.next()
    assert heard["__typename"] == "PatientNotFound"
    assert world.traces("", json.dumps(heard)) == []


PAGES = [door.split(" ") for door, (knock, _) in DOORS.items() if knock is Knock.SESSION]
FORM = {"authority": "LKM", "number": "770077", "family": FAMILY, "given": "Zora", "birthDate": "1969-07-20"}
FORM |= {"description": "CT ABDOMEN", "site": "NGH", "act": "accept", "version": "1", "decision": "SAME"}


def test_a_page_tells_a_caller_of_that_site() -> None:
    world = OtherSite()
    assert UID in shown(world, "POST", "/history", FORM, "LKM", "RDI")


@pytest.mark.parametrize(("method", "path"), PAGES, ids=str)
def test_no_page_tells_of_another_site(method: str, path: str) -> None:
    world = OtherSite()
    path = path.replace("{item_id}", world.item_id).replace("{launch_id}", "nothing")
    named = {"alert": world.alert_id, "enterpriseId": world.person_id, "survivor": world.person_id}
    form = FORM | named | {"subsumed": world.hub.index.person_of("NGH|0007")}
    assert world.traces(json.dumps([path, form]), shown(world, method, path, form, "NGH")) == []


def shown(world: OtherSite, method: str, path: str, form: dict[str, str], *sites: str) -> str:
    token = world.hub.issuer.sign(world.hub.issuer.claims(*Role) | {"sites": sites})

    async def walk() -> str:
        async with Browser(world.hub) as browser:
            await browser.sign_in(token)
            answer = await browser.request(method, path, **(form if method == "POST" else {}))
            assert answer.status_code < 500
            return answer.text

    return asyncio.run(walk())
