"""Which role may ask what: one table. What is not in it is refused to everybody."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum
from types import MappingProxyType


class Role(Enum):
    """What a caller is to us, as the token's ``roles`` claim says."""

    PHYSICIAN = "physician"
    PLUGIN = "plugin"
    RECORDS = "records"
    ADMIN = "admin"


_ORDERING = frozenset({Role.PHYSICIAN, Role.PLUGIN})
_RECORDS = frozenset({Role.RECORDS})

ROLES_ALLOWED: Mapping[str, frozenset[Role]] = MappingProxyType(
    {
        "imagingHistory": _ORDERING,
        "checkOrder": _ORDERING,
        "orderCheck": _ORDERING,
        "alerts": _ORDERING,
        "acceptAlert": _ORDERING,
        "overrideAlert": _ORDERING,
        "person": _ORDERING | _RECORDS,
        "reviewQueue": _RECORDS,
        "reviewItem": _RECORDS,
        "decideReviewItem": _RECORDS,
        "alertRevisions": _ORDERING,
        "reviewQueueChanges": _RECORDS,
        "claimReviewItem": _RECORDS,
        "releaseReviewItem": _RECORDS,
        "linkRecords": _RECORDS,
        "unlinkRecord": _RECORDS,
        "sayDifferent": _RECORDS,
        "mergePersons": _RECORDS,
        "splitPerson": _RECORDS,
        "undoDecision": _RECORDS,
        "identityDecisions": _RECORDS,
        "sites": frozenset(Role),
        "alertReport": frozenset({Role.ADMIN}),
        "auditEvents": frozenset({Role.ADMIN}),
        "accessReport": frozenset({Role.ADMIN}),
    }
)
"""Operation (a field of one of the roots, as it is written in the schema) to the roles that may use it."""

FHIR_ROLES_ALLOWED: Mapping[str, frozenset[Role]] = MappingProxyType(
    {
        "fhir:feedPatient": _RECORDS | {Role.PLUGIN},
        "fhir:processMessage": _RECORDS | {Role.PLUGIN},
        "fhir:match": _ORDERING | _RECORDS,
        "fhir:searchPatient": _ORDERING | _RECORDS,
        "fhir:readPatient": _ORDERING | _RECORDS,
        "fhir:ihePix": _ORDERING | _RECORDS,
    }
)
"""The same for the FHIR doors."""


def role_used(operation: str, roles: Collection[Role]) -> Role | None:
    """The role that opens the operation to a caller, ``None`` when none does.

    Of several that do, the first in the order of ``Role``, so that the audit log always names the same one.
    """
    allowed = ROLES_ALLOWED.get(operation) or FHIR_ROLES_ALLOWED.get(operation, frozenset())
    return next((role for role in Role if role in allowed and role in roles), None)
