"""Every operation x every role over HTTP: who may, and that nothing at all happened when refused."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.permissions import (
    CARE_PURPOSES,
    FHIR_ROLES_ALLOWED,
    POLICIES,
    ROLES_ALLOWED,
    Role,
    SiteRule,
    decide_access,
)
from mpi.audit import AuditOutcome
from tests.access_calls import AccessWorld, Call, was_refused
from tests.integration.hub_world import ORDER, SURNAME, hub_of_ana
from tests.integration.stream_world import QUEUE, REVISIONS, serving, until

SUBSCRIPTIONS = {"alertRevisions": REVISIONS, "reviewQueueChanges": QUEUE}
HISTORY_UPDATES = "imagingHistoryUpdates"
"""Ends by itself: played in ``test_history_updates``."""
ALLOWED = {
    name: roles
    for name, roles in {**ROLES_ALLOWED, **FHIR_ROLES_ALLOWED}.items()
    if name not in {*SUBSCRIPTIONS, HISTORY_UPDATES}
}


@pytest.fixture(scope="module")
def shared() -> tuple[AccessWorld, dict[str, Call]]:
    world = AccessWorld()
    return world, world.calls()


@pytest.fixture
def world(shared: tuple[AccessWorld, dict[str, Call]]) -> AccessWorld:
    shared[0].reset()
    return shared[0]


@pytest.fixture
def calls(shared: tuple[AccessWorld, dict[str, Call]]) -> dict[str, Call]:
    return shared[1]


def token(world: AccessWorld, *roles: Role, **claims: Any) -> str:
    issuer = world.hub.issuer
    return issuer.sign(issuer.claims(*roles) | claims)


def test_there_is_a_call_for_every_operation(calls: dict[str, Call]) -> None:
    assert set(calls) == set(ALLOWED)
    assert set(calls) | {*SUBSCRIPTIONS, HISTORY_UPDATES} == set(POLICIES)


@pytest.mark.parametrize("subscription", sorted(SUBSCRIPTIONS))
def test_each_role_may_subscribe_as_the_table_says(subscription: str) -> None:
    is_whole = POLICIES[subscription].sites is SiteRule.WHOLE
    refusals = [
        *({"roles": [role.value]} for role in Role if role not in ROLES_ALLOWED[subscription]),
        *([{"roles": [role.value for role in Role], "sites": ["NGH"]}] if is_whole else []),
        {"roles": [role.value for role in Role], "scope": "system/Observation.rs"},
    ]
    with serving(hub_of_ana()) as served:
        for claims in refusals:
            bearer = served.hub.issuer.sign(served.hub.issuer.claims() | claims)
            with served.socket(token=bearer) as client:
                client.acknowledged().subscribe(SUBSCRIPTIONS[subscription], s="NGH")
                assert client.next()["__typename"] == "NotAllowed"
                client.completed()
            assert served.hub.audit()[-1].outcome is AuditOutcome.REFUSED
            assert served.streams.feed.listener_count == 0
        for role in ROLES_ALLOWED[subscription]:
            with served.socket(role) as client:
                client.acknowledged().subscribe(SUBSCRIPTIONS[subscription], s="NGH")
                served.wait_for_listeners()
            until(lambda: served.streams.feed.listener_count == 0)


@pytest.mark.parametrize("role", [None, *Role])
@pytest.mark.parametrize("operation", sorted(ALLOWED))
def test_each_role_may_what_the_table_says_and_a_refusal_has_no_effect(
    world: AccessWorld, calls: dict[str, Call], operation: str, role: Role | None
) -> None:
    call = calls[operation]
    answer = call.send(world.hub, token(world, *([] if role is None else [role])))
    may = role is not None and role in ALLOWED[operation]
    assert was_refused(operation, answer) is not may
    event = world.hub.audit()[-1]
    assert (event.outcome is AuditOutcome.REFUSED) is not may
    if may:
        assert bool(set(world.effects()) - {"asked"}) is call.changes
    else:
        assert world.effects() == {}
        assert SURNAME not in answer.text
        assert event.detail == "role_not_allowed"


@pytest.mark.parametrize("operation", sorted(ALLOWED))
def test_what_is_there_for_care_is_for_no_other_purpose(
    world: AccessWorld, calls: dict[str, Call], operation: str
) -> None:
    for purpose in ("TREAT", "ETREAT", "", "HMARKT"):
        world.reset()
        bearer = token(world, *ALLOWED[operation], purpose_of_use=purpose)
        refused = was_refused(operation, calls[operation].send(world.hub, bearer))
        assert refused is (purpose == "HMARKT" and POLICIES[operation].purposes == CARE_PURPOSES)
        if refused:
            assert world.effects() == {}
            assert world.hub.audit()[-1].detail == "purpose_not_allowed"


@pytest.mark.parametrize("operation", sorted(ALLOWED))
def test_a_token_with_scopes_needs_the_scope_besides_the_role(
    world: AccessWorld, calls: dict[str, Call], operation: str
) -> None:
    needs = POLICIES[operation].needs
    wanted = "system/Nothing.rs" if needs is None else f"user/{needs.resource}.{needs.rights}"
    for scope in (f"openid {wanted}", "system/*.cruds", "system/Observation.rs", "unheard-of", "openid profile"):
        world.reset()
        bearer = token(world, *ALLOWED[operation], scope=scope)
        refused = was_refused(operation, calls[operation].send(world.hub, bearer))
        opens = scope == "openid profile" or (needs is not None and scope.startswith(("openid user", "system/*")))
        assert refused is not opens
        if refused:
            assert world.effects() == {}
            assert world.hub.audit()[-1].detail == "scope_not_granted"
    world.reset()
    refused = was_refused(operation, calls[operation].send(world.hub, token(world, scope="system/*.cruds")))
    assert refused


@pytest.mark.parametrize("operation", sorted(ALLOWED))
def test_what_reaches_over_all_sites_is_closed_to_a_token_that_names_some(
    world: AccessWorld, calls: dict[str, Call], operation: str
) -> None:
    answer = calls[operation].send(world.hub, token(world, *ALLOWED[operation], sites=["NGH"]))
    assert was_refused(operation, answer) is (POLICIES[operation].sites is SiteRule.WHOLE)
    if POLICIES[operation].sites is SiteRule.WHOLE:
        assert world.effects() == {}


def test_an_order_of_a_site_that_the_token_does_not_name_is_not_checked(world: AccessWorld) -> None:
    query = "mutation($order: ImagingOrderInput!) { checkOrder(order: $order) { __typename ... on Refusal { code } } }"
    bearer = token(world, Role.PHYSICIAN, sites=["LKM"])
    answer = world.hub.post(query, variables={"order": ORDER}, token=bearer).json()["data"]["checkOrder"]
    assert answer == {"__typename": "NotAllowed", "code": "site_not_yours"}
    assert world.effects() == {}
    event = world.hub.audit()[-1]
    assert (event.outcome, event.detail) == (AuditOutcome.REFUSED, "site_not_yours")


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"sites": "NGH"}, "claim_sites"),
        ({"sites": [1]}, "claim_sites"),
        ({"scope": ["user/*.rs"]}, "claim_scope"),
        ({"scope": "x" * 5000}, "claim_scope"),
        ({"jti": 7}, "claim_jti"),
        ({"patient": ""}, "claim_patient"),
    ],
)
def test_a_claim_that_cannot_be_read_keeps_the_caller_out(
    world: AccessWorld, claims: dict[str, Any], reason: str
) -> None:
    answer = world.hub.post("{ sites { __typename } }", token=token(world, Role.ADMIN, **claims))
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["extensions"]["reason"] == reason


def test_what_is_in_no_table_is_refused_to_everybody(world: AccessWorld) -> None:
    claims = world.hub.resources.authenticate(f"Bearer {token(world, *Role)}").claims
    assert decide_access("dropEverything", claims).reason == "operation_not_registered"
