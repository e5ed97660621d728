"""Who may ask what, and what the audit log remembers of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from adapters.simulated.memory_store import MemoryStore, MemoryUnitOfWork
from federation.ports import UnitOfWork
from gateway.asgi import create_app
from gateway.permissions import ROLES_ALLOWED, Role
from gateway.settings import Settings
from mpi.audit import AuditOutcome
from mpi.identity.review import ReviewStatus
from tests.builders import NOON
from tests.integration.hub_world import (
    ANAS,
    OPERATIONS,
    SURNAME,
    Hub,
    answering,
    hub_of_ana,
    hub_with_questions,
)

# Who may, and what is remembered

ALL_DENIED = "scope: EVERYTHING, effect: DENY"
NOBODY = '{assigningAuthority: "NGH", localPatientId: "nobody"}'
SEEN = 'expectedVersions: ["x"]'
CALLS: dict[str, str] = {
    "imagingHistory": '{ imagingHistory(enterpriseId: "nobody") { __typename } }',
    "checkOrder": 'mutation { checkOrder(order: {patient: {assigningAuthority: "NGH", localPatientId: "0007"}, '
    'orderingSite: "NGH", description: "CT"}) { __typename } }',
    "orderCheck": '{ orderCheck(checkId: "nothing") { __typename } }',
    "alerts": "{ alerts(state: SHOWN) { __typename } }",
    "acceptAlert": 'mutation { acceptAlert(alertId: "nothing") { __typename } }',
    "overrideAlert": 'mutation { overrideAlert(alertId: "x", reason: URGENT_NO_TIME) { __typename } }',
    "person": '{ person(enterpriseId: "nobody") { __typename } }',
    "searchPersons": "{ searchPersons(identifiers: []) { __typename } }",
    "crossReference": '{ crossReference(enterpriseId: "nobody") { __typename } }',
    "reviewQueue": "{ reviewQueue { __typename } }",
    "reviewQuality": "{ reviewQuality { __typename } }",
    "hubStatus": "{ hubStatus { __typename } }",
    "fieldHistory": f"{{ fieldHistory(numbers: [{NOBODY}]) {{ __typename }} }}",
    "lastSeenStudies": f"{{ lastSeenStudies(numbers: [{NOBODY}]) {{ __typename }} }}",
    "reviewQueueSummary": "{ reviewQueueSummary { __typename } }",
    "reviewItem": '{ reviewItem(id: "nothing") { __typename } }',
    "decideReviewItem": 'mutation { decideReviewItem(id: "x", expectedVersion: 1, decision: SAME) { __typename } }',
    "claimReviewItem": 'mutation { claimReviewItem(id: "x") { __typename } }',
    "escalateReviewItem": 'mutation { escalateReviewItem(id: "x", expectedVersion: 1, reason: "y") { __typename } }',
    "takeBackEscalation": 'mutation { takeBackEscalation(id: "x", expectedVersion: 1) { __typename } }',
    "releaseReviewItem": 'mutation { releaseReviewItem(id: "x") { __typename } }',
    "linkRecords": f"mutation {{ linkRecords(left: {NOBODY}, right: {NOBODY}, {SEEN}) {{ __typename }} }}",
    "unlinkRecord": f"mutation {{ unlinkRecord(identifier: {NOBODY}, {SEEN}) {{ __typename }} }}",
    "heldRecords": "{ heldRecords { __typename } }",
    "releaseHeldRecord": f"mutation {{ releaseHeldRecord(identifier: {NOBODY}, {SEEN}) {{ __typename }} }}",
    "sayDifferent": f"mutation {{ sayDifferent(left: {NOBODY}, right: {NOBODY}, {SEEN}) {{ __typename }} }}",
    "mergePersons": f'mutation {{ mergePersons(survivor: "x", subsumed: "y", {SEEN}) {{ __typename }} }}',
    "splitPerson": f'mutation {{ splitPerson(enterpriseId: "x", leaving: [{NOBODY}], {SEEN}) {{ __typename }} }}',
    "undoDecision": 'mutation { undoDecision(decisionId: "x") { __typename } }',
    "identityDecisions": '{ identityDecisions(enterpriseId: "nobody") { __typename } }',
    "consents": '{ consents(patient: {enterpriseId: "nobody"}) { __typename } }',
    "recordConsent": f"mutation {{ recordConsent(patient: {NOBODY}, {ALL_DENIED}) {{ __typename }} }}",
    "breakGlass": f'mutation {{ breakGlass(patient: {NOBODY}, reason: "found unconscious") {{ __typename }} }}',
    "brokenGlasses": "{ brokenGlasses { __typename } }",
    "revokeTokens": 'mutation { revokeTokens(tokenId: "x") { __typename } }',
    "sites": "{ sites { __typename } }",
    "alertReport": "{ alertReport { __typename } }",
    "auditEvents": "{ auditEvents { __typename } }",
    "accessReport": '{ accessReport(enterpriseId: "nobody") { __typename } }',
}


SUBSCRIPTIONS = {"imagingHistoryUpdates", "alertRevisions", "reviewQueueChanges"}
"""Played in ``test_subscriptions``: they are not had by a plain POST."""


def test_there_is_a_call_for_every_operation() -> None:
    assert set(CALLS) | SUBSCRIPTIONS == set(ROLES_ALLOWED)


@pytest.mark.parametrize("operation", CALLS)
def test_each_role_may_what_the_table_says_and_every_attempt_is_audited(operation: str) -> None:
    hub = hub_of_ana()
    for role in Role:
        answer = hub.ask(CALLS[operation], role)
        may = role in ROLES_ALLOWED[operation]
        assert (answer[operation]["__typename"] == "NotAllowed") is not may
        event = hub.audit()[-1]
        assert (event.action, event.actor) == (operation, f"demo-{role.value}")
        assert (event.outcome is AuditOutcome.REFUSED) is not may
        assert event.role == (role.value if may else "")
        assert event.purpose_of_use == "TREAT"
        if not may:
            assert event.detail == "role_not_allowed"
    assert len(hub.audit()) == len(Role)


@pytest.mark.parametrize("operation", CALLS)
def test_a_caller_without_a_role_that_we_know_may_nothing(operation: str) -> None:
    hub = hub_of_ana()
    assert hub.ask(CALLS[operation])[operation]["__typename"] == "NotAllowed"
    assert hub.audit()[-1].outcome is AuditOutcome.REFUSED


def test_a_look_up_is_remembered_with_whom_it_was_about() -> None:
    hub = hub_of_ana()
    answer = hub.post(
        "query($p: PatientRefInput) { imagingHistory(patient: $p) { __typename } }", Role.PHYSICIAN,
        variables={"p": ANAS},
    )  # fmt: skip
    (event,) = hub.audit()
    assert event.subject == hub.index.person_of("NGH|0007")
    assert (event.action, event.role, event.outcome) == ("imagingHistory", "physician", AuditOutcome.SUCCESS)
    assert event.correlation_id == answer.headers["x-correlation-id"]


def test_each_person_shown_in_the_queue_is_remembered() -> None:
    hub = hub_with_questions()
    hub.run("ReviewQueue", Role.RECORDS)
    persons = {hub.index.person_of("NGH|0"), hub.index.person_of("LKM|0")}
    assert {event.subject for event in hub.audit() if event.action == "reviewQueue"} == persons


def test_administrators_read_the_audit_log_newest_first() -> None:
    hub = hub_of_ana()
    hub.run("Person", Role.PHYSICIAN, patient=ANAS)
    hub.run("ReviewQueue", Role.PLUGIN)
    events = hub.run("AuditEvents", Role.ADMIN, first=10)["events"]
    assert [(e["action"], e["outcome"], e["actor"]) for e in events] == [
        ("reviewQueue", "REFUSED", "demo-plugin"),
        ("person", "SUCCESS", "demo-physician"),
    ]
    assert events[1]["subject"] == hub.index.person_of("NGH|0007")
    assert SURNAME not in json.dumps(events)


def test_the_audit_log_is_searched_page_by_page() -> None:
    hub = hub_of_ana()
    for _ in range(3):
        hub.run("Person", Role.PHYSICIAN, patient=ANAS)
    hub.run("ReviewQueue", Role.PLUGIN)
    wanted = {"actor": "PHYS", "action": "person", "outcome": "SUCCESS", "since": NOON.isoformat()}
    page = hub.run("AuditEvents", Role.ADMIN, first=2, filter=wanted)
    assert [(e["action"], e["actor"]) for e in page["events"]] == [("person", "demo-physician")] * 2
    assert page["pageInfo"]["hasNextPage"]
    rest = hub.run("AuditEvents", Role.ADMIN, first=2, filter=wanted, after=page["pageInfo"]["endCursor"])
    assert (len(rest["events"]), rest["pageInfo"]["hasNextPage"]) == (1, False)
    assert hub.run("AuditEvents", Role.ADMIN, filter={"until": NOON.isoformat()})["events"] == []
    refused = [
        hub.run("AuditEvents", Role.ADMIN, after="nonsense"),
        hub.run("AuditEvents", Role.ADMIN, filter={"since": "2026-03-10T00:00:00"}),
    ]
    assert [(one["code"], one["field"]) for one in refused] == [
        ("invalid_cursor", "after"),
        ("invalid_date", "filter.since"),
    ]


class NoAudit:
    """A unit of work whose audit log cannot be written."""

    def __init__(self, inner: MemoryUnitOfWork) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        if name == "audit":
            raise OSError(f"disk full while writing about {SURNAME}")
        return getattr(self._inner, name)

    def __enter__(self) -> NoAudit:
        self._inner.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._inner.__exit__(*error)


def test_what_cannot_be_audited_is_not_answered() -> None:
    store = MemoryStore()
    units: Callable[[], UnitOfWork] = lambda: NoAudit(MemoryUnitOfWork(store))  # type: ignore[assignment,return-value]  # noqa: E731
    hub = Hub(answering("NGH"), units=units)
    answer = hub.post(CALLS["sites"], Role.ADMIN)
    assert answer.json()["data"] is None
    assert answer.json()["errors"][0]["message"] == "internal error"
    assert SURNAME not in answer.text
    assert hub.post(CALLS["sites"], token="nonsense").status_code == 500


def test_a_decision_that_cannot_be_audited_is_not_carried_out() -> None:
    hub = hub_with_questions()
    item = hub.run("ReviewQueue", Role.RECORDS)["edges"][0]["node"]
    units = hub.units
    failing: Callable[[], UnitOfWork] = lambda: NoAudit(units())  # type: ignore[assignment,arg-type,return-value]  # noqa: E731
    hub.app = create_app(replace(hub.resources, units=failing), Settings())
    decision = {"id": item["id"], "expectedVersion": 1, "decision": "SAME"}
    answer = hub.post((OPERATIONS / "DecideReviewItem.graphql").read_text(), Role.RECORDS, variables=decision)
    assert answer.json()["data"] is None
    with units() as uow:
        stored = uow.reviews.get(item["id"])
    assert stored is not None
    assert stored.status is ReviewStatus.OPEN
    assert hub.index.person_of("NGH|0") != hub.index.person_of("LKM|0")


# Without a token


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "no_token"),
        ({"Authorization": "Bearer nonsense"}, "malformed_token"),
        ({"Authorization": "Basic eA=="}, "not_a_bearer_token"),
    ],
)
def test_without_a_good_token_nothing_is_answered_and_the_attempt_is_audited(
    headers: dict[str, str], reason: str
) -> None:
    hub = hub_of_ana()
    answer = hub.request("POST", "/graphql", json={"query": CALLS["person"]}, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert error["extensions"]["reason"] == reason
    (event,) = hub.audit()
    assert (event.actor, event.action, event.outcome) == ("anonymous", "person", AuditOutcome.REFUSED)
    assert event.detail == reason


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"query": 5}', b'{"query": "{ dropEverything }"}', b"\xff"])
def test_an_anonymous_request_that_makes_no_sense_is_audited_as_such(body: bytes) -> None:
    hub = hub_of_ana()
    assert hub.request("POST", "/graphql", content=body).status_code == 401
    assert [event.action for event in hub.audit()] == ["graphql"]
