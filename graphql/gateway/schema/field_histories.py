"""What hospitals said of a patient before: every value of every field, for records staff."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Annotated, TypeAlias

import strawberry

from gateway.context import HubInfo
from gateway.loaders import RecordPast, load_field_histories
from gateway.schema.inputs import PatientIdentifierInput, read_identifiers
from gateway.schema.persons import identifier_of
from gateway.schema.refusals import InvalidInput, NotAllowed
from gateway.schema.studies import PatientIdentifier
from mpi.identity import field_history as domain
from mpi.identity.field_history import RecordField, ValueState


@strawberry.type(description="One value that a hospital sent.")
class FieldValue:
    value: str = strawberry.field(
        description="As text: a date as YYYY-MM-DD, a sex as its code, an address as street, postal code, city. Empty: "
        "what was said before was deleted."
    )
    said_at: dt.datetime = strawberry.field(description="Event time of the first message that said so.")
    source: str = strawberry.field(description="The door it came through, and which message.")
    state: ValueState = strawberry.field(description="Whether the record says so now.")

    @classmethod
    def from_domain(cls, value: domain.FieldValue) -> FieldValue:
        """The same value."""
        return cls(value=value.value, said_at=value.said_at, source=value.source, state=value.state)


@strawberry.type(description="What was said of one field.")
class FieldHistory:
    field: RecordField = strawberry.field(description="Which field.")
    values: list[FieldValue] = strawberry.field(description="Newest first.")


@strawberry.type(description="What one hospital said of one patient, field by field. Without strong ids.")
class RecordHistory:
    identifier: PatientIdentifier = strawberry.field(description="The hospital's number for the patient.")
    site: strawberry.ID = strawberry.field(description="Id of the hospital.")
    fields: list[FieldHistory] = strawberry.field(description="Fields of which anything was ever said.")

    @classmethod
    def from_domain(cls, past: RecordPast) -> RecordHistory:
        """The same history."""
        return cls(
            identifier=identifier_of(past.record.identifier),
            site=strawberry.ID(past.record.site_id),
            fields=[
                FieldHistory(field=field, values=[FieldValue.from_domain(value) for value in values])
                for field, values in past.fields
            ],
        )


@strawberry.type(description="What hospitals said before.")
class RecordHistoryList:
    subjects: strawberry.Private[tuple[str, ...]]
    records: list[RecordHistory] = strawberry.field(description="In the order asked for, without unknown numbers.")

    @classmethod
    def from_domain(cls, pasts: tuple[RecordPast, ...]) -> RecordHistoryList:
        """The same histories."""
        ids = (past.record.enterprise_id for past in pasts)
        subjects = tuple(dict.fromkeys(str(i) for i in ids if i is not None))
        return cls(subjects=subjects, records=[RecordHistory.from_domain(past) for past in pasts])

    def audit_subjects(self) -> tuple[str, ...]:
        """Whom the answer is about."""
        return self.subjects


FieldHistoryResult: TypeAlias = Annotated[
    RecordHistoryList | InvalidInput | NotAllowed,
    strawberry.union("FieldHistoryResult", description="What was said before, or why not."),
]


async def resolve_field_history(info: HubInfo, numbers: list[PatientIdentifierInput]) -> FieldHistoryResult:
    """Every value that the records had."""
    viewer = info.context.viewer("fieldHistory")
    wanted = read_identifiers(numbers, "numbers")
    found = await asyncio.to_thread(load_field_histories, info.context.resources, viewer, wanted)
    return RecordHistoryList.from_domain(found)
