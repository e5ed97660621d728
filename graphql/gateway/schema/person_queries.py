"""Who a person is."""

from __future__ import annotations

import strawberry

from gateway.context import HubInfo
from gateway.schema.inputs import PatientRefInput, read_patient
from gateway.schema.persons import Person, PersonResult


async def resolve_person_field(
    info: HubInfo, patient: PatientRefInput | None = None, enterprise_id: strawberry.ID | None = None
) -> PersonResult:
    """The person behind an identifier, retired ones followed."""
    named = read_patient(patient, enterprise_id)
    resources = info.context.resources
    seen = await resources.find_person(named, info.context.viewer("person"))
    return Person.from_domain(seen.identity, resources.trust)
