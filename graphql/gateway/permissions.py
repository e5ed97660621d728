"""Who may ask what: one table and one decision. What is not in it is refused to everybody.

    role        the token's ``roles`` claim; ``POLICIES``
    purpose     the declared purpose of use: what is there for care is for no other purpose
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
    """What an operation asks of a caller.

    ``roles``: one of them. ``purposes`` empty: any. ``needs`` none: closed to tokens with SMART scopes.
    """

    roles: frozenset[Role]
    sites: SiteRule
    needs: Needed | None = None
    purposes: frozenset[str] = frozenset()


def _care(roles: frozenset[Role], sites: SiteRule, resource: str, rights: str) -> OperationPolicy:
    return OperationPolicy(roles, sites, Needed(resource, rights), CARE_PURPOSES)


def _whole(roles: frozenset[Role], resource: str | None = None, rights: str = "") -> OperationPolicy:
    return OperationPolicy(roles, SiteRule.WHOLE, None if resource is None else Needed(resource, rights))


POLICIES: Mapping[str, OperationPolicy] = MappingProxyType(
    {
        "imagingHistory": _care(_ORDERING, SiteRule.RELATED, "ImagingStudy", "rs"),
        "checkOrder": _care(_ORDERING, SiteRule.ACTING, "ImagingStudy", "rs"),
        "orderCheck": _care(_ORDERING, SiteRule.ACTING, "DetectedIssue", "r"),
        "alerts": _care(_ORDERING, SiteRule.ACTING, "DetectedIssue", "rs"),
        "acceptAlert": _care(_ORDERING, SiteRule.ACTING, "DetectedIssue", "u"),
        "overrideAlert": _care(_ORDERING, SiteRule.ACTING, "DetectedIssue", "u"),
        "imagingHistoryUpdates": _care(_ORDERING, SiteRule.RELATED, "ImagingStudy", "rs"),
        "alertRevisions": _care(_ORDERING, SiteRule.ACTING, "DetectedIssue", "rs"),
        "reviewQueueChanges": _whole(_RECORDS, "Linkage", "rs"),
        "person": OperationPolicy(_ORDERING | _RECORDS, SiteRule.RELATED, Needed("Patient", "rs")),
        "searchPersons": OperationPolicy(_ORDERING | _RECORDS, SiteRule.RELATED, Needed("Patient", "s")),
        "crossReference": OperationPolicy(_ORDERING | _RECORDS, SiteRule.RELATED, Needed("Patient", "rs")),
        "reviewQueue": _whole(_RECORDS, "Linkage", "rs"),
        "reviewItem": _whole(_RECORDS, "Linkage", "rs"),
        "fieldHistory": _whole(_RECORDS, "Linkage", "rs"),
        "lastSeenStudies": _whole(_RECORDS, "Linkage", "rs"),
        "reviewQueueSummary": _whole(_RECORDS, "Linkage", "rs"),
        "reviewQuality": _whole(_RECORDS | {Role.ADMIN}, "Linkage", "rs"),
        "decideReviewItem": _whole(_RECORDS, "Linkage", "u"),
        "claimReviewItem": _whole(_RECORDS, "Linkage", "u"),
        "releaseReviewItem": _whole(_RECORDS, "Linkage", "u"),
        "escalateReviewItem": _whole(_RECORDS, "Linkage", "u"),
        "takeBackEscalation": _whole(_RECORDS, "Linkage", "u"),
        "linkRecords": _whole(_RECORDS, "Linkage", "cu"),
        "unlinkRecord": _whole(_RECORDS, "Linkage", "cu"),
        "heldRecords": _whole(_RECORDS, "Linkage", "rs"),
        "releaseHeldRecord": _whole(_RECORDS, "Linkage", "cu"),
        "sayDifferent": _whole(_RECORDS, "Linkage", "cu"),
        "mergePersons": _whole(_RECORDS, "Linkage", "cu"),
        "splitPerson": _whole(_RECORDS, "Linkage", "cu"),
        "undoDecision": _whole(_RECORDS, "Linkage", "cu"),
        "identityDecisions": _whole(_RECORDS, "Linkage", "rs"),
        "consents": _whole(_RECORDS | {Role.PRIVACY_OFFICER}, "Consent", "rs"),
        "recordConsent": _whole(_RECORDS | {Role.PRIVACY_OFFICER}, "Consent", "c"),
        "breakGlass": OperationPolicy(frozenset({Role.PHYSICIAN}), SiteRule.ANY, None, CARE_PURPOSES),
        "brokenGlasses": _whole(frozenset({Role.PRIVACY_OFFICER}), "AuditEvent", "rs"),
        "revokeTokens": _whole(frozenset({Role.ADMIN, Role.PRIVACY_OFFICER})),
        "sites": OperationPolicy(frozenset(Role), SiteRule.ANY, Needed("Organization", "rs")),
        "alertReport": _whole(frozenset({Role.ADMIN}), "DetectedIssue", "rs"),
        "hubStatus": _whole(frozenset({Role.ADMIN})),
        "auditEvents": _whole(frozenset({Role.ADMIN, Role.PRIVACY_OFFICER}), "AuditEvent", "rs"),
        "accessReport": _whole(frozenset({Role.ADMIN, Role.PRIVACY_OFFICER}), "AuditEvent", "rs"),
        "fhir:feedPatient": _whole(_RECORDS | {Role.PLUGIN}, "Patient", "cu"),
        "fhir:processMessage": _whole(_RECORDS | {Role.PLUGIN}, "Patient", "cu"),
        "fhir:match": OperationPolicy(_ORDERING | _RECORDS, SiteRule.RELATED, Needed("Patient", "rs")),
        "fhir:searchPatient": OperationPolicy(_ORDERING | _RECORDS, SiteRule.RELATED, Needed("Patient", "s")),
        "fhir:readPatient": OperationPolicy(_ORDERING | _RECORDS, SiteRule.RELATED, Needed("Patient", "r")),
        "fhir:ihePix": OperationPolicy(_ORDERING | _RECORDS, SiteRule.RELATED, Needed("Patient", "rs")),
        "fhir:feedOrder": _care(_ORDERING, SiteRule.ACTING, "ServiceRequest", "cu"),
        "fhir:readIssue": _care(_ORDERING, SiteRule.ACTING, "DetectedIssue", "r"),
        "fhir:searchIssues": _care(_ORDERING, SiteRule.ACTING, "DetectedIssue", "s"),
        "fhir:recordConsent": _whole(_RECORDS | {Role.PRIVACY_OFFICER}, "Consent", "cu"),
        "fhir:readConsent": _whole(_RECORDS | {Role.PRIVACY_OFFICER}, "Consent", "r"),
        "fhir:searchConsents": _whole(_RECORDS | {Role.PRIVACY_OFFICER}, "Consent", "s"),
    }
)
"""Operation (a field of one of the roots as the schema has it, or a FHIR door) to what it asks; ``make check`` compares
them with the schema."""

FHIR_ROLES_ALLOWED: Mapping[str, frozenset[Role]] = MappingProxyType(
    {name: policy.roles for name, policy in POLICIES.items() if name.startswith("fhir:")}
)
"""The roles of the FHIR doors alone."""

ROLES_ALLOWED: Mapping[str, frozenset[Role]] = MappingProxyType(
    {name: policy.roles for name, policy in POLICIES.items() if name not in FHIR_ROLES_ALLOWED}
)
"""The roles of the GraphQL operations alone."""


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
    role = _first_of(policy.roles, claims.roles)
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
    policy = POLICIES.get(operation)
    return None if policy is None else _first_of(policy.roles, roles)


def _first_of(allowed: Collection[Role], roles: Collection[Role]) -> Role | None:
    return next((role for role in Role if role in allowed and role in roles), None)
