"""Who may ask what. The table is compared with the schema, so that no new field is open (or shut) by accident."""

from __future__ import annotations

import pytest

from gateway.permissions import ROLES_ALLOWED, Role, role_used
from gateway.schema.build import build_schema
from gateway.schema.guard import Guarded
from gateway.schema.stream_guard import GuardedStream

EVERYBODY = set(Role)
ORDERING = {Role.PHYSICIAN, Role.PLUGIN}

EXPECTED = {
    "imagingHistory": ORDERING,
    "checkOrder": ORDERING,
    "orderCheck": ORDERING,
    "alerts": ORDERING,
    "acceptAlert": ORDERING,
    "overrideAlert": ORDERING,
    "person": ORDERING | {Role.RECORDS},
    "searchPersons": ORDERING | {Role.RECORDS},
    "crossReference": ORDERING | {Role.RECORDS},
    "reviewQueue": {Role.RECORDS},
    "reviewItem": {Role.RECORDS},
    "decideReviewItem": {Role.RECORDS},
    "fieldHistory": {Role.RECORDS},
    "lastSeenStudies": {Role.RECORDS},
    "reviewQueueSummary": {Role.RECORDS},
    "reviewQuality": {Role.RECORDS, Role.ADMIN},
    "imagingHistoryUpdates": ORDERING,
    "alertRevisions": ORDERING,
    "reviewQueueChanges": {Role.RECORDS},
    "claimReviewItem": {Role.RECORDS},
    "releaseReviewItem": {Role.RECORDS},
    "escalateReviewItem": {Role.RECORDS},
    "takeBackEscalation": {Role.RECORDS},
    "linkRecords": {Role.RECORDS},
    "unlinkRecord": {Role.RECORDS},
    "heldRecords": {Role.RECORDS},
    "releaseHeldRecord": {Role.RECORDS},
    "sayDifferent": {Role.RECORDS},
    "mergePersons": {Role.RECORDS},
    "splitPerson": {Role.RECORDS},
    "undoDecision": {Role.RECORDS},
    "identityDecisions": {Role.RECORDS},
    "consents": {Role.RECORDS, Role.PRIVACY_OFFICER},
    "recordConsent": {Role.RECORDS, Role.PRIVACY_OFFICER},
    "breakGlass": {Role.PHYSICIAN},
    "brokenGlasses": {Role.PRIVACY_OFFICER},
    "revokeTokens": {Role.ADMIN, Role.PRIVACY_OFFICER},
    "sites": EVERYBODY,
    "alertReport": {Role.ADMIN},
    "hubStatus": {Role.ADMIN},
    "auditEvents": {Role.ADMIN, Role.PRIVACY_OFFICER},
    "accessReport": {Role.ADMIN, Role.PRIVACY_OFFICER},
}


def test_the_table_is_the_one_agreed_on() -> None:
    assert {operation: set(roles) for operation, roles in ROLES_ALLOWED.items()} == EXPECTED


def test_every_root_field_of_the_schema_is_in_the_table_and_guarded_under_its_own_name() -> None:
    schema = build_schema()
    guarded: set[str] = set()
    for root, guard_type in (("Query", Guarded), ("Mutation", Guarded), ("Subscription", GuardedStream)):
        definition = schema.get_type_by_name(root)
        for field in definition.fields:  # type: ignore[union-attr]
            name = schema.config.name_converter.get_graphql_name(field)
            guards = [extension for extension in field.extensions if isinstance(extension, guard_type)]
            assert [guard.operation for guard in guards] == [name]
            guarded.add(name)
    assert guarded == set(ROLES_ALLOWED)


@pytest.mark.parametrize("operation", ["dropEverything", "", "__schema"])
def test_what_is_not_in_the_table_is_open_to_nobody(operation: str) -> None:
    assert role_used(operation, frozenset(Role)) is None


def test_a_caller_without_roles_may_do_nothing() -> None:
    assert {role_used(operation, frozenset()) for operation in ROLES_ALLOWED} == {None}


def test_of_several_roles_always_the_same_one_is_named() -> None:
    assert role_used("person", [Role.RECORDS, Role.PHYSICIAN]) is Role.PHYSICIAN
    assert role_used("person", [Role.ADMIN, Role.RECORDS]) is Role.RECORDS
