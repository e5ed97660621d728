"""What the FHIR doors can do, as a CapabilityStatement. Open to everybody: it holds nothing about anybody."""

from __future__ import annotations

from typing import Any

from gateway.fhir.issues import IN_URL as ISSUE_IN_URL
from gateway.fhir.search import IN_BODY, IN_URL

_TYPES = {
    "identifier": "token", "_id": "token", "active": "token", "gender": "token", "phone": "token", "telecom": "token",
    "birthdate": "date",
}  # fmt: skip
_NOT_LISTED = frozenset({"_count", "_format", "_pretty"})
_OPERATIONS = {
    "match": "http://hl7.org/fhir/OperationDefinition/Patient-match",
    "ihe-pix": "https://profiles.ihe.net/ITI/PIXm/OperationDefinition/IHE.PIXm.pix",
}
_PROFILES = {
    "https://profiles.ihe.net/ITI/PIXm/CapabilityStatement/IHE.PIXm.Manager",
    "https://profiles.ihe.net/ITI/PDQm/CapabilityStatement/IHE.PDQm.Supplier",
}


def capability_statement(date: str) -> dict[str, Any]:
    """The statement; ``date`` is that of this version."""
    patient = {
        "type": "Patient",
        "interaction": [{"code": code} for code in ("create", "update", "read", "search-type")],
        "versioning": "no-version",
        "conditionalUpdate": True,
        "updateCreate": True,
        "searchParam": [_parameter(name) for name in sorted(IN_BODY - _NOT_LISTED)],
        "operation": [{"name": name, "definition": url} for name, url in _OPERATIONS.items()],
    }
    order = {
        "type": "ServiceRequest",
        "documentation": "The order's number names it, in POST and in PUT; it is checked in the background.",
        "interaction": [{"code": "create"}],
        "versioning": "no-version",
        "conditionalUpdate": True,
        "updateCreate": True,
    }
    detected = {
        "type": "DetectedIssue",
        "interaction": [{"code": code} for code in ("read", "search-type")],
        "versioning": "no-version",
        "searchParam": [_issue_parameter(name) for name in ("_id", "implicated", "patient")],
    }
    consent = {
        "type": "Consent",
        "interaction": [{"code": code} for code in ("create", "update", "read", "search-type")],
        "versioning": "no-version",
        "updateCreate": False,
        "searchParam": [_issue_parameter("patient")],
    }
    security = {"description": "Bearer token (JWT); which roles may what: docs/access-matrix.md.", "cors": False}
    process = {
        "name": "process-message",
        "definition": "http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message",
    }
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": date,
        "kind": "instance",
        "implementation": {"description": "Priorlink master patient index"},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "instantiates": sorted(_PROFILES),
        "rest": [
            {
                "mode": "server",
                "security": security,
                "resource": [patient, order, detected, consent],
                "operation": [process],
            }
        ],
    }


def _parameter(name: str) -> dict[str, str]:
    where = "URL or body" if name in IN_URL else "body of POST Patient/_search only"
    return {"name": name, "type": _TYPES.get(name, "string"), "documentation": where}


def _issue_parameter(name: str) -> dict[str, str]:
    if name in ISSUE_IN_URL:
        return {"name": name, "type": "token", "documentation": "URL or body"}
    return {"name": name, "type": "reference", "documentation": f"{name}:identifier, body of POST _search only"}
