"""Records that may hold two people's data: which are held, by whom and why, and their release."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Annotated, TypeAlias

import strawberry

from gateway.context import HubInfo
from gateway.cursors import InvalidCursor, held_cursor, read_held_cursor
from gateway.held_records import HeldRecord as LoadedRecord
from gateway.held_records import HeldRecords, load_held
from gateway.schema.inputs import MAX_PAGE, InputProblem, read_number
from gateway.schema.paging import PageInfo
from gateway.schema.persons import SourceRecord
from gateway.schema.refusals import InvalidInput, NotAllowed


@strawberry.type(description="A record that staff hold: it may be two people's data, and no machine links it.")
class HeldRecord:
    record: SourceRecord = strawberry.field(description="What its site says, updates since then among it.")
    version: str = strawberry.field(description="Give it as expectedVersions when releasing the record.")
    decision_id: strawberry.ID = strawberry.field(description="The decision that holds it; undoDecision takes it back.")
    held_by: str = strawberry.field(description="Who decided.")
    held_at: dt.datetime = strawberry.field(description="When.")
    reason: str = strawberry.field(description="Why, in their words.")
    review_item_id: strawberry.ID | None = strawberry.field(description="The question that was answered so.")

    @classmethod
    def from_domain(cls, held: LoadedRecord) -> HeldRecord:
        """The same record."""
        decision = held.decision
        return cls(
            record=SourceRecord.from_domain(held.record),
            version=held.version,
            decision_id=strawberry.ID(decision.decision_id),
            held_by=decision.decided_by,
            held_at=decision.decided_at,
            reason=decision.reason,
            review_item_id=None if decision.review_item_id is None else strawberry.ID(decision.review_item_id),
        )


@strawberry.type(description="A held record in its list.")
class HeldRecordEdge:
    cursor: str = strawberry.field(description="Place of the record in the list; opaque.")
    node: HeldRecord = strawberry.field(description="The record.")


@strawberry.type(description="A page of held records, by patient number.")
class HeldRecordConnection:
    edges: list[HeldRecordEdge] = strawberry.field(description="The records of this page.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")
    total_count: int = strawberry.field(description="All records that are held.")

    @classmethod
    def from_domain(cls, page: HeldRecords, *, has_previous: bool) -> HeldRecordConnection:
        """The same page."""
        edges = [
            HeldRecordEdge(cursor=held_cursor(one.record.identifier), node=HeldRecord.from_domain(one))
            for one in page.held
        ]
        info = PageInfo(
            has_next_page=page.has_next,
            has_previous_page=has_previous,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        )
        return cls(edges=edges, page_info=info, total_count=page.total)

    def audit_subjects(self) -> tuple[str, ...]:
        """The persons whose records are shown."""
        ids = (edge.node.record.enterprise_id for edge in self.edges)
        return tuple(dict.fromkeys(subject for subject in ids if subject is not None))


HeldRecordsResult: TypeAlias = Annotated[
    HeldRecordConnection | InvalidInput | NotAllowed,
    strawberry.union("HeldRecordsResult", description="A page of held records, or why not."),
]


async def resolve_held_records(info: HubInfo, first: int = 20, after: str | None = None) -> HeldRecordsResult:
    """A page of what is held."""
    try:
        place = None if after is None else read_held_cursor(after)
    except InvalidCursor:
        raise InputProblem("invalid_cursor", "after", "not a cursor of this list") from None
    shown = read_number(first, "first", 1, MAX_PAGE)
    page = await asyncio.to_thread(load_held, info.context.resources.read, first=shown, after=place)
    return HeldRecordConnection.from_domain(page, has_previous=place is not None)
