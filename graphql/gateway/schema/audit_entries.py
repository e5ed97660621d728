"""The audit log, for administrators."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Annotated, TypeAlias

import strawberry

from gateway.context import HubInfo
from gateway.cursors import InvalidCursor, audit_cursor, read_audit_cursor
from gateway.loaders import search_audit_log
from gateway.schema.inputs import MAX_CODE, InputProblem, read_number, read_text
from gateway.schema.paging import PageInfo
from gateway.schema.refusals import InvalidInput, NotAllowed
from mpi import audit as domain
from mpi.audit import AuditOutcome, AuditSearch

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


@strawberry.input(description="Which entries are looked for. Null and empty: any.")
class AuditFilterInput:
    actor: str | None = strawberry.field(default=None, description="A part of the actor, in any case of letters.")
    action: str | None = strawberry.field(default=None, description="A part of the action, in any case of letters.")
    outcome: AuditOutcome | None = strawberry.field(default=None, description="How it ended.")
    since: dt.datetime | None = strawberry.field(default=None, description="Not before, with its offset.")
    until: dt.datetime | None = strawberry.field(default=None, description="Before this instant, with its offset.")


@strawberry.type(description="Entries of the audit log.")
class AuditTrail:
    events: list[AuditEvent] = strawberry.field(description="Newest first.")
    page_info: PageInfo = strawberry.field(description="Where this page stands among the entries that fit.")


AuditEventsResult: TypeAlias = Annotated[
    AuditTrail | InvalidInput | NotAllowed,
    strawberry.union("AuditEventsResult", description="Entries of the audit log, or why not."),
]


async def resolve_audit_events(
    info: HubInfo,
    first: int = 50,
    after: str | None = None,
    filter: AuditFilterInput | None = None,  # noqa: A002 - the name is published
) -> AuditEventsResult:
    """A page of the entries that fit."""
    kept, has_more = await asyncio.to_thread(
        search_audit_log,
        info.context.resources.read,
        _wanted(filter or AuditFilterInput()),
        before=read_audit_position(after),
        first=read_number(first, "first", 1, _MAX_EVENTS),
    )
    page_info = PageInfo(
        has_next_page=has_more,
        has_previous_page=after is not None,
        start_cursor=audit_cursor(kept[0].number) if kept else None,
        end_cursor=audit_cursor(kept[-1].number) if kept else None,
    )
    return AuditTrail(events=[AuditEvent.from_domain(one.event) for one in kept], page_info=page_info)


def read_audit_position(after: str | None) -> int | None:
    """Where a page of the log begins; ``None`` is with the newest entry."""
    try:
        return None if after is None else read_audit_cursor(after)
    except InvalidCursor:
        raise InputProblem("invalid_cursor", "after", "not a cursor of this list") from None


def _wanted(said: AuditFilterInput) -> AuditSearch:
    for name in ("since", "until"):
        instant = getattr(said, name)
        if instant is not None and instant.tzinfo is None:
            raise InputProblem("invalid_date", f"filter.{name}", "must have an offset from UTC")
    return AuditSearch(
        actor=read_text(said.actor or "", "filter.actor", MAX_CODE),
        action=read_text(said.action or "", "filter.action", MAX_CODE),
        outcome=said.outcome,
        since=said.since,
        until=said.until,
    )
