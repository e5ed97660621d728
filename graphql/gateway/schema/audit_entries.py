"""The audit log, for administrators."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Annotated, TypeAlias

import strawberry

from gateway.context import HubInfo
from gateway.loaders import load_audit_events
from gateway.schema.inputs import read_number
from gateway.schema.refusals import InvalidInput, NotAllowed
from mpi import audit as domain
from mpi.audit import AuditOutcome

_MAX_EVENTS = 500


@strawberry.type(description="Who looked at or changed what, about whom, why, and what came of it.")
class AuditEvent:
    at: dt.datetime = strawberry.field(description="When.")
    actor: str = strawberry.field(description="Subject of the caller's token, or the sending system.")
    role: str = strawberry.field(description="Role that was used; empty when the caller had none that fits.")
    action: str = strawberry.field(description="Name of the operation.")
    subject: strawberry.ID | None = strawberry.field(description="Enterprise id of the person it was about.")
    purpose_of_use: str = strawberry.field(description="Why, as the caller declared it.")
    outcome: AuditOutcome = strawberry.field(description="What came of it.")
    correlation_id: str = strawberry.field(description="Ties it to the log lines of the request.")
    detail: str = strawberry.field(description="A stable code.")

    @classmethod
    def from_domain(cls, event: domain.AuditEvent) -> AuditEvent:
        """The same entry."""
        return cls(
            at=event.at,
            actor=event.actor,
            role=event.role,
            action=event.action,
            subject=None if event.subject is None else strawberry.ID(event.subject),
            purpose_of_use=event.purpose_of_use,
            outcome=event.outcome,
            correlation_id=event.correlation_id,
            detail=event.detail,
        )


@strawberry.type(description="The newest entries of the audit log.")
class AuditTrail:
    events: list[AuditEvent] = strawberry.field(description="Newest first.")


AuditEventsResult: TypeAlias = Annotated[
    AuditTrail | InvalidInput | NotAllowed,
    strawberry.union("AuditEventsResult", description="Entries of the audit log, or why not."),
]


async def resolve_audit_events(info: HubInfo, first: int = 50) -> AuditEventsResult:
    """The newest entries."""
    wanted = read_number(first, "first", 1, _MAX_EVENTS)
    events = await asyncio.to_thread(load_audit_events, info.context.resources.read, first=wanted)
    return AuditTrail(events=[AuditEvent.from_domain(event) for event in events])
