"""Rows to domain types and back. Pure; all that the tables call something else than the domain does stands here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from adapters.store.json_codec import from_json, to_json
from federation.imaging.alerts import DuplicateAlert
from federation.imaging.order_checks import OrderCheck
from federation.imaging.placed_orders import PlacedOrder
from federation.imaging.study_index import IndexedAnswer
from federation.ports import OutboxMessage
from mpi.audit import AuditEvent
from mpi.events import PersonChanged
from mpi.identity.decisions import AlwaysLink, Decision
from mpi.identity.demographics import Demographics
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import HistoryEntry, PersonLink, SourceRecord
from mpi.identity.review import EvidenceLine, NeverLink, ReviewItem

Row = Mapping[str, Any]

PERSON_CHANGED = "person_changed"


@lru_cache(maxsize=4_096)
def _demographics_json(demographics: Demographics) -> Any:
    """What a site says goes into its record and into the history; nobody changes it on the way."""
    return to_json(demographics)


def record_values(record: SourceRecord) -> dict[str, Any]:
    link, survivor = record.link, record.surviving_identifier
    return {
        "assigning_authority": record.identifier.assigning_authority,
        "local_patient_id": record.identifier.local_patient_id,
        "site_id": record.site_id,
        "status": record.status,
        "enterprise_id": record.enterprise_id,
        "link_source": None if link is None else link.link_source,
        "match_grade": None if link is None else link.match_grade,
        "linked_at": None if link is None else link.linked_at,
        "match_weight": None if link is None else link.match_weight,
        "model_version": None if link is None else link.model_version,
        "surviving_authority": None if survivor is None else survivor.assigning_authority,
        "surviving_local_patient_id": None if survivor is None else survivor.local_patient_id,
        "demographics": _demographics_json(record.demographics),
        "demographics_at": record.demographics_at,
        "asserted_identifiers": to_json(record.asserted_identifiers),
        "hold_decision_id": record.hold,
    }


def record_from(row: Row) -> SourceRecord:
    survivor_authority = row["surviving_authority"]
    return SourceRecord(
        identifier=identifier_from(row),
        site_id=row["site_id"],
        demographics=from_json(Demographics, row["demographics"]),
        demographics_at=row["demographics_at"],
        status=row["status"],
        link=None if row["enterprise_id"] is None else _link_from(row),
        surviving_identifier=None
        if survivor_authority is None
        else PatientIdentifier(survivor_authority, row["surviving_local_patient_id"]),
        asserted_identifiers=tuple(from_json(PatientIdentifier, part) for part in row["asserted_identifiers"]),
        hold=row["hold_decision_id"],
    )


def _link_from(row: Row) -> PersonLink:
    return PersonLink(
        EnterpriseId(row["enterprise_id"]),
        row["link_source"],
        row["match_grade"],
        row["linked_at"],
        match_weight=row["match_weight"],
        model_version=row["model_version"],
    )


def identifier_from(row: Row) -> PatientIdentifier:
    return PatientIdentifier(row["assigning_authority"], row["local_patient_id"])


def history_values(entry: HistoryEntry) -> dict[str, Any]:
    return {
        "assigning_authority": entry.identifier.assigning_authority,
        "local_patient_id": entry.identifier.local_patient_id,
        "kind": entry.kind,
        "at": entry.at,
        "source": entry.source,
        "enterprise_id": entry.enterprise_id,
        "detail": entry.detail,
        "demographics": None if entry.demographics is None else _demographics_json(entry.demographics),
        "deleted": sorted(entry.deleted) or None,
    }


def history_from(row: Row) -> HistoryEntry:
    demographics = row["demographics"]
    return HistoryEntry(
        identifier_from(row),
        row["kind"],
        row["at"],
        row["source"],
        enterprise_id=row["enterprise_id"],
        detail=row["detail"],
        demographics=None if demographics is None else from_json(Demographics, demographics),
        deleted=frozenset(row["deleted"] or ()),
    )


_REVIEW_COLUMNS = (
    "review_item_id kind opened_at source status priority score match_probability model_version decision decided_by "
    "decided_at decision_reason version claimed_by claimed_until escalated_by escalated_at escalation_reason"
).split()
"""Attributes of a review item that are columns of the same name and type."""


def review_values(item: ReviewItem) -> dict[str, Any]:
    return {name: getattr(item, name) for name in _REVIEW_COLUMNS} | {
        "left_authority": item.left.assigning_authority,
        "left_local_patient_id": item.left.local_patient_id,
        "right_authority": item.right.assigning_authority,
        "right_local_patient_id": item.right.local_patient_id,
        "evidence": to_json(item.evidence),
        "guards": list(item.guards),
    }


def review_from(row: Row) -> ReviewItem:
    return ReviewItem(
        left=PatientIdentifier(row["left_authority"], row["left_local_patient_id"]),
        right=PatientIdentifier(row["right_authority"], row["right_local_patient_id"]),
        evidence=tuple(from_json(EvidenceLine, line) for line in row["evidence"]),
        guards=tuple(row["guards"]),
        **{name: row[name] for name in _REVIEW_COLUMNS},
    )


def never_link_values(assertion: NeverLink) -> dict[str, Any]:
    return {
        "left_authority": assertion.left.assigning_authority,
        "left_local_patient_id": assertion.left.local_patient_id,
        "right_authority": assertion.right.assigning_authority,
        "right_local_patient_id": assertion.right.local_patient_id,
        "said_by": assertion.said_by,
        "said_at": assertion.said_at,
    }


def never_link_from(row: Row) -> NeverLink:
    return NeverLink(
        PatientIdentifier(row["left_authority"], row["left_local_patient_id"]),
        PatientIdentifier(row["right_authority"], row["right_local_patient_id"]),
        row["said_by"],
        row["said_at"],
    )


def always_link_values(assertion: AlwaysLink) -> dict[str, Any]:
    return {
        "left_authority": assertion.left.assigning_authority,
        "left_local_patient_id": assertion.left.local_patient_id,
        "right_authority": assertion.right.assigning_authority,
        "right_local_patient_id": assertion.right.local_patient_id,
        "link_source": assertion.link_source,
        "said_by": assertion.said_by,
        "said_at": assertion.said_at,
    }


def always_link_from(row: Row) -> AlwaysLink:
    return AlwaysLink(
        PatientIdentifier(row["left_authority"], row["left_local_patient_id"]),
        PatientIdentifier(row["right_authority"], row["right_local_patient_id"]),
        row["link_source"],
        row["said_by"],
        row["said_at"],
    )


def decision_values(decision: Decision) -> dict[str, Any]:
    """``content`` is the whole decision; the other columns are for people who look into the table."""
    return {
        "decision_id": decision.decision_id,
        "kind": decision.kind,
        "decided_by": decision.decided_by,
        "decided_at": decision.decided_at,
        "undone_at": decision.undone_at,
        "content": to_json(decision),
    }


def decision_from(row: Row) -> Decision:
    return from_json(Decision, row["content"])


def audit_values(event: AuditEvent) -> dict[str, Any]:
    return {name: getattr(event, name) for name in AuditEvent.__slots__}


def audit_from(row: Row) -> AuditEvent:
    return AuditEvent(**{name: row[name] for name in AuditEvent.__slots__})


def outbox_values(event: PersonChanged) -> dict[str, Any]:
    """The body is ``{"change": name, "enterprise_ids": [...], "at": instant}``."""
    return {"kind": PERSON_CHANGED, "body": to_json(event), "created_at": event.at, "attempts": 0}


def outbox_from(row: Row) -> OutboxMessage:
    return OutboxMessage(row["outbox_id"], row["kind"], dict(row["body"]), row["created_at"], row["attempts"])


def order_check_values(check: OrderCheck) -> dict[str, Any]:
    """The columns are what checks are looked up by; ``content`` is the whole check."""
    return {
        "check_id": check.check_id,
        "revision": check.revision,
        "assigning_authority": check.order.patient_identifier.assigning_authority,
        "local_patient_id": check.order.patient_identifier.local_patient_id,
        "enterprise_id": check.enterprise_id,
        "checked_at": check.checked_at,
        "content": to_json(check),
    }


def order_check_from(row: Row) -> OrderCheck:
    return from_json(OrderCheck, row["content"])


def alert_values(alert: DuplicateAlert) -> dict[str, Any]:
    """The columns are what alerts are looked up by; ``content`` is the whole alert after the event."""
    return {
        "alert_id": alert.alert_id,
        "sequence": alert.sequence,
        "state": alert.state,
        "order_key": alert.order_key,
        "content_key": alert.content_key,
        "check_id": alert.check_id,
        "assigning_authority": alert.patient_identifier.assigning_authority,
        "local_patient_id": alert.patient_identifier.local_patient_id,
        "enterprise_id": alert.enterprise_id,
        "changed_at": alert.changed_at,
        "content": to_json(alert),
    }


def alert_from(row: Row) -> DuplicateAlert:
    return from_json(DuplicateAlert, row["content"])


def placed_order_values(placed: PlacedOrder) -> dict[str, Any]:
    """The columns are what orders are looked up by; ``content`` is the whole order."""
    return {
        "order_key": placed.order_key,
        "site_id": placed.order.ordering_site,
        "placer_order_number": placed.placer_order_number,
        "filler_order_number": placed.filler_order_number,
        "assigning_authority": placed.order.patient_identifier.assigning_authority,
        "local_patient_id": placed.order.patient_identifier.local_patient_id,
        "status": placed.status,
        "changed_at": placed.changed_at,
        "version": placed.version,
        "content": to_json(placed),
    }


def placed_order_from(row: Row) -> PlacedOrder:
    return from_json(PlacedOrder, row["content"])


def indexed_answer_values(entry: IndexedAnswer) -> dict[str, Any]:
    """The columns are what entries are looked up by; ``content`` is the whole entry."""
    return {
        "site_id": entry.site_id,
        "assigning_authority": entry.identifier.assigning_authority,
        "local_patient_id": entry.identifier.local_patient_id,
        "as_of": entry.as_of,
        "is_complete": entry.is_complete,
        "content": to_json(entry),
    }


def indexed_answer_from(row: Row) -> IndexedAnswer:
    return from_json(IndexedAnswer, row["content"])
