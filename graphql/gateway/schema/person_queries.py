"""Who a person is."""

from __future__ import annotations

import asyncio

import strawberry

from federation.usecases.imaging_history import resolve_patient
from gateway.context import HubInfo
from gateway.schema.inputs import PatientRefInput, read_patient
from gateway.schema.persons import Person, PersonResult


async def resolve_person_field(
    info: HubInfo, patient: PatientRefInput | None = None, enterprise_id: strawberry.ID | None = None
) -> PersonResult:
    """The person behind an identifier, retired ones followed."""
    named = read_patient(patient, enterprise_id)
    resources = info.context.resources
    return Person.from_domain(await asyncio.to_thread(resolve_patient, named, resources.read), resources.trust)
