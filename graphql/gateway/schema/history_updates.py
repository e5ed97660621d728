"""A person's imaging as it fills in: the same history as the query's, again with every site that answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, TypeAlias

import strawberry

from federation.imaging.timeline import filter_studies
from federation.usecases.follow_history import follow_history
from gateway.context import StreamInfo
from gateway.schema.histories import ImagingHistory
from gateway.schema.inputs import (
    MAX_PAGE,
    HistoryFilterInput,
    PatientRefInput,
    read_deadline,
    read_filter,
    read_number,
    read_patient,
)
from gateway.schema.refusals import InvalidInput, NotAllowed, PatientNotFound, SubscriptionEnded
from gateway.schema.studies import PriorStudyConnection


@strawberry.type(description="The history as far as it is known by now.")
class ImagingHistoryUpdate:
    number: int = strawberry.field(description="1 for the first (what the index knew), then counted up.")
    history: ImagingHistory = strawberry.field(
        description="The whole history so far, in place of the one before. A site that has not answered yet is "
        "INDEXED, or TIMED_OUT when it was never heard."
    )

    def audit_subjects(self) -> tuple[str, ...]:
        """Whom it is about."""
        return self.history.audit_subjects()


ImagingHistoryUpdatesResult: TypeAlias = Annotated[
    ImagingHistoryUpdate | SubscriptionEnded | PatientNotFound | InvalidInput | NotAllowed,
    strawberry.union("ImagingHistoryUpdatesResult", description="The history so far, or why there is none."),
]


async def resolve_imaging_history_updates(
    info: StreamInfo,
    patient: PatientRefInput | None = None,
    enterprise_id: strawberry.ID | None = None,
    filter: HistoryFilterInput | None = None,  # noqa: A002 - the name is published
    deadline_ms: int | None = None,
    first: int = 50,
) -> AsyncGenerator[ImagingHistoryUpdatesResult, None]:
    """Ask all sites and tell each time that some have answered."""
    resources, wanted = info.context.resources, read_filter(filter)
    read_number(first, "first", 1, MAX_PAGE)
    updates = follow_history(
        read_patient(patient, enterprise_id),
        read=resources.read,
        directory=resources.directory,
        procedure_of=resources.procedure_of,
        patience_seconds=read_deadline(deadline_ms, resources.default_deadline_seconds),
        clock=resources.clock,
        viewer=info.context.viewer("imagingHistoryUpdates"),
    )
    number = 0
    async with aclosing(updates):
        async for found in updates:
            number += 1
            studies = filter_studies(found.history.studies, wanted)
            page = PriorStudyConnection.page_of(studies, {}, first=first, after=None)
            history = ImagingHistory.from_domain(found, page, resources.directory, resources.trust)
            yield ImagingHistoryUpdate(number=number, history=history)
