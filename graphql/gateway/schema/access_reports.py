"""Who looked at one patient: the report that a patient may ask for."""

from __future__ import annotations

import asyncio
from typing import Annotated, TypeAlias

import strawberry

from gateway.context import HubInfo
from gateway.cursors import audit_cursor
from gateway.loaders import load_access_report
from gateway.schema.audit_entries import AuditEvent, read_audit_position
from gateway.schema.inputs import MAX_PAGE, PatientRefInput, read_number, read_patient
from gateway.schema.paging import PageInfo
from gateway.schema.refusals import InvalidInput, NotAllowed, PatientNotFound
from mpi.usecases.report_access import AccessReport as DomainReport


@strawberry.type(description="An entry of the audit log with its place in the report.")
class AccessEdge:
    cursor: str = strawberry.field(description="Give it as `after` to go on behind this entry.")
    node: AuditEvent = strawberry.field(description="The entry.")


@strawberry.type(description="Every look at one patient and every change, in all places, newest first.")
class AccessReport:
    enterprise_id: strawberry.ID = strawberry.field(description="The patient's enterprise id as it is now.")
    earlier_enterprise_ids: list[strawberry.ID] = strawberry.field(
        description="Other ids that one of the patient's records had. An entry under one of these may be about another "
        "person whose records were taken for this patient's for a time; subject tells."
    )
    edges: list[AccessEdge] = strawberry.field(description="The entries, newest first.")
    page_info: PageInfo = strawberry.field(description="Where this page stands in the report.")

    @classmethod
    def from_domain(cls, report: DomainReport, *, is_first_page: bool) -> AccessReport:
        """The same page."""
        edges = [
            AccessEdge(cursor=audit_cursor(e.number), node=AuditEvent.from_domain(e.event)) for e in report.entries
        ]
        return cls(
            enterprise_id=strawberry.ID(report.enterprise_id),
            earlier_enterprise_ids=[
                strawberry.ID(person) for person in report.enterprise_ids if person != report.enterprise_id
            ],
            edges=edges,
            page_info=PageInfo(
                has_next_page=report.has_more,
                has_previous_page=not is_first_page,
                start_cursor=edges[0].cursor if edges else None,
                end_cursor=edges[-1].cursor if edges else None,
            ),
        )

    def audit_subjects(self) -> tuple[str, ...]:
        """Whom the answer is about."""
        return (self.enterprise_id,)


AccessReportResult: TypeAlias = Annotated[
    AccessReport | PatientNotFound | InvalidInput | NotAllowed,
    strawberry.union("AccessReportResult", description="A page of the report, or why there is none."),
]


async def resolve_access_report(
    info: HubInfo,
    patient: PatientRefInput | None = None,
    enterprise_id: strawberry.ID | None = None,
    first: int = 50,
    after: str | None = None,
) -> AccessReportResult:
    """One page of a patient's entries."""
    report = await asyncio.to_thread(
        load_access_report,
        info.context.resources.read,
        patient=read_patient(patient, enterprise_id),
        first=read_number(first, "first", 1, MAX_PAGE),
        before=read_audit_position(after),
    )
    return AccessReport.from_domain(report, is_first_page=after is None)
