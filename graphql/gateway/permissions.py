"""Who may ask what: pure tables and one decision. What is not in them is refused to everybody.

    role        the token's ``roles`` claim; ``ROLES_ALLOWED`` and ``FHIR_ROLES_ALLOWED``
    purpose     the declared purpose of use; ``POLICIES``: what is there for care is for no other purpose
    scopes      SMART scopes, where a token carries any: the role and a scope are needed
    sites       the sites a caller works for, where a token names them; ``SiteRule``
    patient     the one patient of a SMART launch, where patient scopes are all that opens the operation

Whether a person, a site's data or a study may be shown at all is consent: ``federation.sites.consent``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from gateway.smart_scopes import GrantedScopes, Needed, ScopeGrant


class Role(Enum):
    """What a caller is to us, as the token's ``roles`` claim says."""

    PHYSICIAN = "physician"
    PLUGIN = "plugin"
    RECORDS = "records"
    PRIVACY_OFFICER = "privacy_officer"
    SITE_ADMIN = "site_admin"
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
        "searchPersons": _ORDERING | _RECORDS,
        "crossReference": _ORDERING | _RECORDS,
        "reviewQueue": _RECORDS,
        "reviewItem": _RECORDS,
        "fieldHistory": _RECORDS,
        "lastSeenStudies": _RECORDS,
        "reviewQueueSummary": _RECORDS,
        "reviewQuality": _RECORDS | {Role.ADMIN},
        "decideReviewItem": _RECORDS,
        "imagingHistoryUpdates": _ORDERING,
        "alertRevisions": _ORDERING,
        "reviewQueueChanges": _RECORDS,
        "claimReviewItem": _RECORDS,
        "releaseReviewItem": _RECORDS,
        "escalateReviewItem": _RECORDS,
        "takeBackEscalation": _RECORDS,
        "linkRecords": _RECORDS,
        "unlinkRecord": _RECORDS,
        "heldRecords": _RECORDS,
        "releaseHeldRecord": _RECORDS,
        "sayDifferent": _RECORDS,
        "mergePersons": _RECORDS,
        "splitPerson": _RECORDS,
        "undoDecision": _RECORDS,
        "identityDecisions": _RECORDS,
        "consents": _RECORDS | {Role.PRIVACY_OFFICER},
        "recordConsent": _RECORDS | {Role.PRIVACY_OFFICER},
        "breakGlass": frozenset({Role.PHYSICIAN}),
        "brokenGlasses": frozenset({Role.PRIVACY_OFFICER}),
        "revokeTokens": frozenset({Role.ADMIN, Role.PRIVACY_OFFICER}),
        "sites": frozenset(Role),
        "alertReport": frozenset({Role.ADMIN}),
        "hubStatus": frozenset({Role.ADMIN}),
        "auditEvents": frozenset({Role.ADMIN, Role.PRIVACY_OFFICER}),
        "accessReport": frozenset({Role.ADMIN, Role.PRIVACY_OFFICER}),
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
        "fhir:feedOrder": _ORDERING,
        "fhir:readIssue": _ORDERING,
        "fhir:searchIssues": _ORDERING,
        "fhir:recordConsent": _RECORDS | {Role.PRIVACY_OFFICER},
        "fhir:readConsent": _RECORDS | {Role.PRIVACY_OFFICER},
        "fhir:searchConsents": _RECORDS | {Role.PRIVACY_OFFICER},
    }
)
"""The same for the FHIR doors."""


CARE_PURPOSES = frozenset({"TREAT", "ETREAT"})
"""Treatment and emergency treatment. Source: HL7 v3 PurposeOfUse."""


class SiteRule(Enum):
    """What a token that names ``sites`` narrows."""

    ANY = "any"
    """Says nothing of a person or of one site."""
    ACTING = "acting"
    """The order must be placed at one of the caller's sites."""
    RELATED = "related"
    """Whoever it is about must be known at one of the caller's sites; others are as unknown."""
    WHOLE = "whole"
    """Reaches over all sites: only callers whose token names no sites."""


@dataclass(frozen=True, slots=True)
class OperationPolicy:
    """What an operation asks of a caller besides the role.

    ``purposes`` empty: any. ``needs`` none: closed to tokens with SMART scopes.
    """

    sites: SiteRule
    needs: Needed | None = None
    purposes: frozenset[str] = frozenset()


def _care(sites: SiteRule, resource: str, rights: str) -> OperationPolicy:
    return OperationPolicy(sites, Needed(resource, rights), CARE_PURPOSES)


def _whole(resource: str | None = None, rights: str = "") -> OperationPolicy:
    return OperationPolicy(SiteRule.WHOLE, None if resource is None else Needed(resource, rights))


POLICIES: Mapping[str, OperationPolicy] = MappingProxyType(
    {
        "imagingHistory": _care(SiteRule.RELATED, "ImagingStudy", "rs"),
        "checkOrder": _care(SiteRule.ACTING, "ImagingStudy", "rs"),
        "orderCheck": _care(SiteRule.ACTING, "DetectedIssue", "r"),
        "alerts": _care(SiteRule.ACTING, "DetectedIssue", "rs"),
        "acceptAlert": _care(SiteRule.ACTING, "DetectedIssue", "u"),
        "overrideAlert": _care(SiteRule.ACTING, "DetectedIssue", "u"),
        "imagingHistoryUpdates": _care(SiteRule.RELATED, "ImagingStudy", "rs"),
        "alertRevisions": _care(SiteRule.ACTING, "DetectedIssue", "rs"),
        "reviewQueueChanges": _whole("Linkage", "rs"),
        "person": OperationPolicy(SiteRule.RELATED, Needed("Patient", "rs")),
        "searchPersons": OperationPolicy(SiteRule.RELATED, Needed("Patient", "s")),
        "crossReference": OperationPolicy(SiteRule.RELATED, Needed("Patient", "rs")),
        "reviewQueue": _whole("Linkage", "rs"),
        "reviewItem": _whole("Linkage", "rs"),
        "fieldHistory": _whole("Linkage", "rs"),
        "lastSeenStudies": _whole("Linkage", "rs"),
        "reviewQueueSummary": _whole("Linkage", "rs"),
        "reviewQuality": _whole("Linkage", "rs"),
        "decideReviewItem": _whole("Linkage", "u"),
        "claimReviewItem": _whole("Linkage", "u"),
        "releaseReviewItem": _whole("Linkage", "u"),
        "escalateReviewItem": _whole("Linkage", "u"),
        "takeBackEscalation": _whole("Linkage", "u"),
        "linkRecords": _whole("Linkage", "cu"),
        "unlinkRecord": _whole("Linkage", "cu"),
        "heldRecords": _whole("Linkage", "rs"),
        "releaseHeldRecord": _whole("Linkage", "cu"),
        "sayDifferent": _whole("Linkage", "cu"),
        "mergePersons": _whole("Linkage", "cu"),
        "splitPerson": _whole("Linkage", "cu"),
        "undoDecision": _whole("Linkage", "cu"),
        "identityDecisions": _whole("Linkage", "rs"),
        "consents": _whole("Consent", "rs"),
        "recordConsent": _whole("Consent", "c"),
        "breakGlass": OperationPolicy(SiteRule.ANY, None, CARE_PURPOSES),
        "brokenGlasses": _whole("AuditEvent", "rs"),
        "revokeTokens": _whole(),
        "sites": OperationPolicy(SiteRule.ANY, Needed("Organization", "rs")),
        "alertReport": _whole("DetectedIssue", "rs"),
        "hubStatus": _whole(),
        "auditEvents": _whole("AuditEvent", "rs"),
        "accessReport": _whole("AuditEvent", "rs"),
        "fhir:feedPatient": _whole("Patient", "cu"),
        "fhir:processMessage": _whole("Patient", "cu"),
        "fhir:match": OperationPolicy(SiteRule.RELATED, Needed("Patient", "rs")),
        "fhir:searchPatient": OperationPolicy(SiteRule.RELATED, Needed("Patient", "s")),
        "fhir:readPatient": OperationPolicy(SiteRule.RELATED, Needed("Patient", "r")),
        "fhir:ihePix": OperationPolicy(SiteRule.RELATED, Needed("Patient", "rs")),
        "fhir:feedOrder": _care(SiteRule.ACTING, "ServiceRequest", "cu"),
        "fhir:readIssue": _care(SiteRule.ACTING, "DetectedIssue", "r"),
        "fhir:searchIssues": _care(SiteRule.ACTING, "DetectedIssue", "s"),
        "fhir:recordConsent": _whole("Consent", "cu"),
        "fhir:readConsent": _whole("Consent", "r"),
        "fhir:searchConsents": _whole("Consent", "s"),
    }
)
"""One row for each operation of the two tables of roles; a test and ``make check`` compare them with the schema."""


KEEPERS_OF_IDENTITIES = frozenset({Role.RECORDS, Role.PRIVACY_OFFICER})
"""Who must see those who opted out, too: to keep their identity right, and what they said of sharing."""

SEEN_BY_STAFF = frozenset(
    {
        "person",
        "fieldHistory",
        "searchPersons",
        "crossReference",
        "fhir:match",
        "fhir:searchPatient",
        "fhir:readPatient",
        "fhir:ihePix",
    }
)
"""Operations in which they do. Imaging is hidden from them as from everybody."""

ANSWERED_ON_BEAT = SEEN_BY_STAFF | {"fhir:feedOrder", "fhir:readIssue", "fhir:searchIssues"}
"""FHIR operations whose *nobody* takes as long for those who are hidden as for those who are not there."""

OPENED_BY_GLASS = frozenset({"imagingHistory", "person"})
"""Operations that a broken glass reaches into: looks. What is kept for others to read is not among them."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says of a caller's rights.

    ``sites`` ``None``: not narrowed. ``scopes`` ``None``: the token carries no resource scopes. ``patient`` is the
    enterprise id of a SMART launch.
    """

    roles: frozenset[Role]
    purpose_of_use: str = ""
    sites: frozenset[str] | None = None
    scopes: GrantedScopes | None = None
    patient: str | None = None


ALLOWED = "allowed"
NOT_REGISTERED = "operation_not_registered"
ROLE_NOT_ALLOWED = "role_not_allowed"
PURPOSE_NOT_ALLOWED = "purpose_not_allowed"
SCOPE_NOT_GRANTED = "scope_not_granted"
SITES_TOO_NARROW = "sites_too_narrow"
SITE_NOT_YOURS = "site_not_yours"


@dataclass(frozen=True, slots=True)
class AccessDecision:
    """May the caller, and why. ``role`` is the one that opens the operation; ``None`` when refused.

    ``only_patient``: the caller may, for this enterprise id alone.
    """

    reason: str
    role: Role | None = None
    only_patient: str | None = None

    @property
    def is_allowed(self) -> bool:
        return self.role is not None


def decide_access(operation: str, claims: Claims) -> AccessDecision:
    """The one decision behind every door that takes the hub's tokens."""
    policy = POLICIES.get(operation)
    if policy is None:
        return AccessDecision(NOT_REGISTERED)
    role = role_used(operation, claims.roles)
    if role is None:
        return AccessDecision(ROLE_NOT_ALLOWED)
    if policy.purposes and claims.purpose_of_use and claims.purpose_of_use not in policy.purposes:
        return AccessDecision(PURPOSE_NOT_ALLOWED)
    if claims.sites is not None and policy.sites is SiteRule.WHOLE:
        return AccessDecision(SITES_TOO_NARROW)
    grant = ScopeGrant.EVERYBODY if claims.scopes is None else claims.scopes.grant(policy.needs)
    if grant is ScopeGrant.EVERYBODY:
        return AccessDecision(ALLOWED, role)
    if grant is ScopeGrant.ONE_PATIENT and claims.patient is not None and policy.sites in _ABOUT_ONE_PERSON:
        return AccessDecision(ALLOWED, role, only_patient=claims.patient)
    return AccessDecision(SCOPE_NOT_GRANTED)


_ABOUT_ONE_PERSON = frozenset({SiteRule.ACTING, SiteRule.RELATED})


def role_used(operation: str, roles: Collection[Role]) -> Role | None:
    """The role that opens the operation to a caller, ``None`` when none does.

    Of several that do, the first in the order of ``Role``, so that the audit log always names the same one.
    """
    allowed = ROLES_ALLOWED.get(operation) or FHIR_ROLES_ALLOWED.get(operation, frozenset())
    return next((role for role in Role if role in allowed and role in roles), None)
