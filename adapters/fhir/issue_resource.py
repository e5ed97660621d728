"""Alerts as FHIR R4 DetectedIssues, and kept orders as ServiceRequests. Pure; no name stands in them.

Source: FHIR R4 9.10 (DetectedIssue), 12.6 (ServiceRequest), v3-ActCode (DUPTHPY), DICOM UIDs as ``urn:dicom:uid``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.fhir.code_systems import system_url
from adapters.fhir.identifier_systems import IdentifierSystems, identifier_json
from adapters.fhir.service_request import ORDER_SYSTEM, SITE_SYSTEM
from federation.imaging.alerts import AlertState, DuplicateAlert
from federation.imaging.assessment import FiredRule, Tier
from federation.imaging.placed_orders import OrderStatus, PlacedOrder, pending_order_key

STATE_EXTENSION = "urn:priorlink:alert-state"
RELATION_EXTENSION = "urn:priorlink:alert-relation"
RULE_SYSTEM = "urn:priorlink:rule"
ANSWER_SYSTEM = "urn:priorlink:alert-answer"
REASON_SYSTEM = "urn:priorlink:override-reason"
RULE_SET_PREFIX = "urn:priorlink:rule-set:"
CALLER_SYSTEM = "urn:priorlink:caller"
FLAG_SYSTEM = "urn:priorlink:clinical-flag"
_NUMBER_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"

_SEVERITIES: Mapping[Tier, str] = {Tier.INFO: "low", Tier.WARNING: "moderate", Tier.INTERRUPTIVE: "high"}
_STATUSES: Mapping[AlertState, str] = {
    AlertState.RAISED: "preliminary",
    AlertState.SHOWN: "preliminary",
    AlertState.ACCEPTED: "final",
    AlertState.OVERRIDDEN: "final",
    AlertState.EXPIRED: "final",
    AlertState.SUPERSEDED: "cancelled",
}
"""Open: a later answer of a site may still change it. Superseded: what it said is said no more."""
_ORDER_STATUSES: Mapping[OrderStatus, str] = {
    OrderStatus.NEW: "active",
    OrderStatus.CANCELLED: "revoked",
    OrderStatus.FINAL: "completed",
}


def issue_resource(alert: DuplicateAlert, rule_set: str, systems: IdentifierSystems) -> dict[str, Any]:
    """The alert as it is now. ``rule_set`` is the one that judged it, empty when that is not known."""
    priors = [_prior(prior) for prior in (alert.prior_id, *alert.other_prior_ids)]
    written: dict[str, Any] = {
        "resourceType": "DetectedIssue",
        "id": alert.alert_id,
        "meta": {"versionId": str(alert.sequence), "lastUpdated": alert.changed_at.isoformat()},
        "extension": [
            {"url": STATE_EXTENSION, "valueCode": alert.state.value},
            {"url": RELATION_EXTENSION, "valueCode": alert.relation.value.lower()},
        ],
        "identifier": [{"system": "urn:priorlink:alert", "value": alert.alert_id}],
        "status": _STATUSES[alert.state],
        "code": {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
                    "code": "DUPTHPY",
                    "display": "Duplicate Therapy Alert",
                },
                {"system": "urn:priorlink:topic", "code": "duplicate-imaging", "display": "Duplicate imaging"},
            ]
        },
        "severity": _SEVERITIES[alert.tier],
        "patient": {"type": "Patient", "identifier": identifier_json(alert.patient_identifier, systems)},
        "identifiedDateTime": alert.raised_at.isoformat(),
        "author": {"type": "Device", "display": "Priorlink"},
        "implicated": [_order(alert), *priors],
        "evidence": [_evidence(rule, priors[0]) for rule in alert.rules],
        "detail": " ".join(rule.reason for rule in alert.rules),
    }
    if rule_set:
        written["reference"] = RULE_SET_PREFIX + rule_set
    if mitigation := _mitigation(alert):
        written["mitigation"] = [mitigation]
    return {name: value for name, value in written.items() if value}


def order_resource(placed: PlacedOrder, systems: IdentifierSystems) -> dict[str, Any]:
    """The order as it is kept."""
    order = placed.order
    codes = [(order.code, order.code_system), (placed.local_code, None)]
    codings = [
        {"system": system_url(system), "code": code} if system else {"code": code} for code, system in codes if code
    ]
    flags = sorted(flag.value for flag in order.flags)
    written: dict[str, Any] = {
        "resourceType": "ServiceRequest",
        "identifier": [
            order_number(order.ordering_site, number, kind)
            for kind, number in (("PLAC", placed.placer_order_number), ("FILL", placed.filler_order_number))
            if number
        ],
        "status": _ORDER_STATUSES[placed.status],
        "intent": "order",
        "code": {"coding": codings, "text": order.description} if codings else {"text": order.description},
        "subject": {"type": "Patient", "identifier": identifier_json(order.patient_identifier, systems)},
        "occurrenceDateTime": order.requested_at.isoformat(),
        "reasonCode": [{"coding": [{"system": FLAG_SYSTEM, "code": flag}]} for flag in flags],
        "meta": {"lastUpdated": placed.changed_at.isoformat()},
    }
    return {name: value for name, value in written.items() if value and value != {"text": ""}}


def order_number(site_id: str, number: str, kind: str = "PLAC") -> dict[str, Any]:
    """An order's number as FHIR writes it."""
    return {
        "type": {"coding": [{"system": _NUMBER_TYPES, "code": kind}]},
        "system": f"{ORDER_SYSTEM}{site_id}",
        "value": number,
        "assigner": {"identifier": {"system": SITE_SYSTEM, "value": site_id}},
    }


def _order(alert: DuplicateAlert) -> dict[str, Any]:
    if alert.placer_order_number:
        identifier = order_number(alert.ordering_site, alert.placer_order_number)
        return {"type": "ServiceRequest", "identifier": identifier}
    return {"type": "ServiceRequest", "identifier": {"system": "urn:priorlink:order-check", "value": alert.check_id}}


def _prior(prior_id: str) -> dict[str, Any]:
    key = pending_order_key(prior_id)
    if key is not None:
        site, _, number = key.partition("|")
        return {"type": "ServiceRequest", "identifier": order_number(site, number)}
    return {"type": "ImagingStudy", "identifier": {"system": "urn:dicom:uid", "value": f"urn:oid:{prior_id}"}}


def _evidence(rule: FiredRule, prior: Mapping[str, Any]) -> dict[str, Any]:
    code = {"coding": [{"system": RULE_SYSTEM, "code": rule.code}], "text": rule.reason}
    return {"code": [code], "detail": [prior]}


def _mitigation(alert: DuplicateAlert) -> dict[str, Any] | None:
    if alert.state not in (AlertState.ACCEPTED, AlertState.OVERRIDDEN):
        return None
    codings = [{"system": ANSWER_SYSTEM, "code": alert.state.value}]
    if alert.override_reason is not None:
        codings.append({"system": REASON_SYSTEM, "code": alert.override_reason.value})
    text = "the order was given up for the prior" if alert.state is AlertState.ACCEPTED else "the order stands"
    return {
        "action": {"coding": codings, "text": text},
        "date": alert.changed_at.isoformat(),
        "author": {"identifier": {"system": CALLER_SYSTEM, "value": alert.changed_by}},
    }
