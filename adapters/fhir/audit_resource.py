"""An entry of the audit log as a FHIR R4 AuditEvent in the shape of IHE BALP. Pure.

A success about a patient claims the BALP profile of its kind; what was refused or failed claims none, as the profiles
are for what took place. The entity ``data`` names the operation, as an operation here is no single resource.
Source: IHE BALP 1.1 (IHE.BasicAudit.Patient*), FHIR R4 AuditEvent.
"""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any

from mpi.audit import AuditEvent, AuditOutcome
from mpi.audit_chain import KeptEvent

_PROFILES = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
_TERMS = "http://terminology.hl7.org/CodeSystem/"
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_OPERATIONS = "urn:priorlink:operation"
_SYSTEM = "Priorlink"
_KINDS = {
    "create": ("C", "create", "Create"),
    "read": ("R", "read", "Read"),
    "update": ("U", "update", "Update"),
    "query": ("E", "search", "Query"),
}
"""How BALP tells actions apart: AuditEvent.action, restful-interaction, and the end of the profile's name."""

_ACTIONS = {
    "person": "read",
    "fhir:readPatient": "read",
    "orderCheck": "read",
    "reviewItem": "read",
    "alert_raised": "read",
    "checkOrder": "create",
    "order_received": "create",
    "fhir:readIssue": "read",
    "fhir:feedOrder": "update",
    "fhir:readConsent": "read",
    "fhir:recordConsent": "update",
    "fhir:feedPatient": "update",
    "fhir:processMessage": "update",
    "decideReviewItem": "update",
    "acceptAlert": "update",
    "overrideAlert": "update",
    "cds:feedback": "update",
    "reassess": "update",
    "alert_expired": "update",
}
_OUTCOMES = {
    AuditOutcome.SUCCESS: ("0", "Success"),
    AuditOutcome.REFUSED: ("4", "Minor failure"),
    AuditOutcome.FAILED: ("8", "Serious failure"),
}


def audit_resource(kept: KeptEvent) -> dict[str, Any]:
    """The resource; its id is the entry's number in the chain."""
    event = kept.event
    action, interaction, profile = _KINDS[_kind(event.action)]
    code, text = _OUTCOMES[event.outcome]
    written: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": str(kept.number),
        "meta": {"profile": [_PROFILES + ("Patient" if event.subject else "") + profile]},
        "type": _coding(_TERMS + "audit-event-type", "rest", "Restful Operation"),
        "subtype": [
            _coding("http://hl7.org/fhir/restful-interaction", interaction, interaction),
            _coding(_OPERATIONS, event.action, event.action),
        ],
        "action": action,
        "recorded": _instant(event.at),
        "outcome": code,
        "outcomeDesc": f"{text}: {event.detail}" if event.detail else text,
        "agent": _agents(event),
        "source": {
            "observer": {"display": _SYSTEM},
            "type": [_coding(_TERMS + "security-source-type", "4", "Application Server")],
        },
        "entity": _entities(event),
    }
    if event.purpose_of_use:
        purpose = {"coding": [{"system": _TERMS + "v3-ActReason", "code": event.purpose_of_use}]}
        written["purposeOfEvent"] = [purpose]
    if event.outcome is not AuditOutcome.SUCCESS:
        del written["meta"]
    return written


def _kind(action: str) -> str:
    if action.startswith("hl7:"):
        return "update"
    if action.startswith(("mpi ", "audit prune")):
        return "query" if action == "mpi explain" else "update"
    return _ACTIONS.get(action, "query")


def _agents(event: AuditEvent) -> list[dict[str, Any]]:
    """Client, server and the user; the user is whoever the caller's token names."""
    user: dict[str, Any] = {
        "type": {"coding": [_coding(_TERMS + "v3-ParticipationType", "IRCP", "information recipient")]},
        "who": {"identifier": {"value": event.actor}},
        "requestor": True,
    }
    if event.role:
        user["role"] = [{"coding": [{"system": "urn:priorlink:role", "code": event.role}]}]
    return [_agent("110153", "Source Role ID", event.actor), _agent("110152", "Destination Role ID", _SYSTEM), user]


def _agent(code: str, display: str, who: str) -> dict[str, Any]:
    coding = {"coding": [_coding(_DICOM, code, display)]}
    return {"type": coding, "who": {"display": who}, "requestor": False}


def _entities(event: AuditEvent) -> list[dict[str, Any]]:
    entities: list[dict[str, Any]] = []
    if event.subject:
        entities.append(
            {
                "what": {"reference": f"Patient/{event.subject}"},
                "type": _coding(_TERMS + "audit-entity-type", "1", "Person"),
                "role": _coding(_TERMS + "object-role", "1", "Patient"),
            }
        )
    entities.append(_data_entity(event))
    if event.correlation_id:
        entities.append(
            {
                "what": {"identifier": {"value": event.correlation_id}},
                "type": _coding("https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType", "XrequestId"),
            }
        )
    return entities


def _data_entity(event: AuditEvent) -> dict[str, Any]:
    is_query = _kind(event.action) == "query"
    role = ("24", "Query") if is_query else ("4", "Domain Resource")
    entity: dict[str, Any] = {
        "type": _coding(_TERMS + "audit-entity-type", "2", "System Object"),
        "role": _coding(_TERMS + "object-role", *role),
    }
    if is_query:
        # The name of the operation stands for the query: what was searched for may hold demographics.
        entity["query"] = base64.b64encode(event.action.encode()).decode()
    else:
        entity["what"] = {"identifier": {"system": _OPERATIONS, "value": event.action}}
    return entity


def _coding(system: str, code: str, display: str | None = None) -> dict[str, str]:
    coding = {"system": system, "code": code}
    return coding if display is None else {**coding, "display": display}


def _instant(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
