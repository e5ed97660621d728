"""What persons said of sharing, and who looked past it."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterable
from typing import Annotated, TypeAlias

import strawberry

from federation.errors import UnknownSite, UnknownStudyClass
from federation.sites import consent as domain
from federation.sites.consent import ConsentEffect, ConsentScope
from federation.usecases.break_glass import LEAST_MINUTES, MOST_MINUTES, BreakGlass
from federation.usecases.record_consent import RecordConsent
from gateway.consent_acts import break_and_read, read_consents, read_glasses, record_and_read
from gateway.context import HubInfo
from gateway.schema.inputs import MAX_PAGE, InputProblem, PatientRefInput, read_number, read_patient, read_text
from gateway.schema.persons import identifier_of
from gateway.schema.refusals import InvalidInput, NotAllowed, PatientNotFound
from gateway.schema.studies import PatientIdentifier
from mpi.identity.identifiers import EnterpriseId

_MAX_REASON, _LEAST_REASON = 500, 10
_MAX_TARGET = 64


@strawberry.type(description="Something a person said of sharing, kept for one of their numbers. Never changed.")
class ConsentDirective:
    directive_id: strawberry.ID = strawberry.field(description="One for all numbers that were recorded together.")
    identifier: PatientIdentifier = strawberry.field(description="The number it is kept for.")
    scope: ConsentScope = strawberry.field(description="What it is about.")
    target: str = strawberry.field(description="Site id or study class; empty for everything.")
    effect: ConsentEffect = strawberry.field(description="Whether it hides, or takes hiding back.")
    recorded_at: dt.datetime = strawberry.field(description="When it was recorded.")
    recorded_by: str = strawberry.field(description="Who recorded it.")
    source: str = strawberry.field(description="The door it came through: graphql, fhir or command-line.")

    @classmethod
    def from_domain(cls, said: domain.ConsentDirective) -> ConsentDirective:
        """The same."""
        return cls(
            directive_id=strawberry.ID(said.directive_id),
            identifier=identifier_of(said.identifier),
            scope=said.scope,
            target=said.target,
            effect=said.effect,
            recorded_at=said.recorded_at,
            recorded_by=said.recorded_by,
            source=said.source,
        )


@strawberry.type(description="Everything that is kept of a person's consent.")
class ConsentRecord:
    enterprise_id: strawberry.ID = strawberry.field(description="The person.")
    directives: list[ConsentDirective] = strawberry.field(
        description="Oldest first. Of several on the same thing the newest counts; a denial under any number denies."
    )

    @classmethod
    def from_domain(cls, person: EnterpriseId, kept: Iterable[domain.ConsentDirective]) -> ConsentRecord:
        """The same."""
        return cls(enterprise_id=strawberry.ID(person), directives=[ConsentDirective.from_domain(one) for one in kept])

    def audit_subjects(self) -> tuple[str, ...]:
        """Whom it is about."""
        return (self.enterprise_id,)


@strawberry.type(description="The consent was recorded.")
class ConsentRecorded:
    record: ConsentRecord = strawberry.field(description="Everything that is kept of the person now.")

    def audit_subjects(self) -> tuple[str, ...]:
        """Whom it is about."""
        return self.record.audit_subjects()

    def is_audited(self) -> bool:
        """The entry was written in the transaction of the recording."""
        return True


@strawberry.type(description="A look past consent: one caller, one person, for a while.")
class BrokenGlass:
    glass_id: strawberry.ID = strawberry.field(description="Each use stands in the audit log as break_glass:ID.")
    enterprise_id: strawberry.ID = strawberry.field(description="The person.")
    caller: str = strawberry.field(description="Who looks.")
    reason: str = strawberry.field(description="Why, in the caller's words.")
    opened_at: dt.datetime = strawberry.field(description="From when.")
    expires_at: dt.datetime = strawberry.field(description="Until when; it ends by itself.")

    @classmethod
    def from_domain(cls, glass: domain.BrokenGlass) -> BrokenGlass:
        """The same."""
        return cls(
            glass_id=strawberry.ID(glass.glass_id),
            enterprise_id=strawberry.ID(glass.enterprise_id),
            caller=glass.caller,
            reason=glass.reason,
            opened_at=glass.opened_at,
            expires_at=glass.expires_at,
        )

    def audit_subjects(self) -> tuple[str, ...]:
        """Whom it is about."""
        return (self.enterprise_id,)


@strawberry.type(description="The glass is broken, and the privacy officer is told.")
class GlassBroken:
    glass: BrokenGlass = strawberry.field(description="What is open, and until when.")

    def audit_subjects(self) -> tuple[str, ...]:
        """Whom it is about."""
        return self.glass.audit_subjects()

    def is_audited(self) -> bool:
        """The entry was written in the transaction of the breaking."""
        return True


@strawberry.type(description="Looks past consent, newest first.")
class BrokenGlassList:
    glasses: list[BrokenGlass] = strawberry.field(description="At most as many as were asked for; ended ones too.")

    def audit_subjects(self) -> tuple[str, ...]:
        """Whom they are about."""
        return tuple(dict.fromkeys(glass.enterprise_id for glass in self.glasses))


ConsentsResult: TypeAlias = Annotated[
    ConsentRecord | PatientNotFound | InvalidInput | NotAllowed,
    strawberry.union("ConsentsResult", description="What is kept of a person's consent, or why it is not shown."),
]
RecordConsentResult: TypeAlias = Annotated[
    ConsentRecorded | PatientNotFound | InvalidInput | NotAllowed,
    strawberry.union("RecordConsentResult", description="The recorded consent, or why nothing was changed."),
]
BreakGlassResult: TypeAlias = Annotated[
    GlassBroken | PatientNotFound | InvalidInput | NotAllowed,
    strawberry.union("BreakGlassResult", description="The broken glass, or why it is whole."),
]
BrokenGlassesResult: TypeAlias = Annotated[
    BrokenGlassList | InvalidInput | NotAllowed,
    strawberry.union("BrokenGlassesResult", description="Looks past consent, or why they are not shown."),
]


async def resolve_record_consent(
    info: HubInfo, patient: PatientRefInput, scope: ConsentScope, effect: ConsentEffect, target: str = ""
) -> RecordConsentResult:
    """Keep what a person said."""
    command = RecordConsent(
        patient=read_patient(patient, None),
        scope=scope,
        target=read_text(target, "target", _MAX_TARGET).strip(),
        effect=effect,
        recorded_by=info.context.caller.subject,
        source="graphql",
    )
    try:
        person, kept = await asyncio.to_thread(record_and_read, command, info.context)
    except (UnknownSite, UnknownStudyClass):
        raise InputProblem("unknown_target", "target", "no site or study class is registered so") from None
    return ConsentRecorded(record=ConsentRecord.from_domain(person, kept))


async def resolve_consents(info: HubInfo, patient: PatientRefInput) -> ConsentsResult:
    """What is kept of a person's consent."""
    person, kept = await asyncio.to_thread(read_consents, read_patient(patient, None), info.context)
    return ConsentRecord.from_domain(person, kept)


async def resolve_break_glass(
    info: HubInfo, patient: PatientRefInput, reason: str, minutes: int = 15
) -> BreakGlassResult:
    """Look past consent for a while."""
    read_number(minutes, "minutes", LEAST_MINUTES, MOST_MINUTES)
    said = read_text(reason, "reason", _MAX_REASON).strip()
    if len(said) < _LEAST_REASON:
        raise InputProblem("reason_needed", "reason", f"give a reason of at least {_LEAST_REASON} characters")
    command = BreakGlass(read_patient(patient, None), info.context.caller.subject, said, minutes)
    return GlassBroken(glass=BrokenGlass.from_domain(await asyncio.to_thread(break_and_read, command, info.context)))


async def resolve_broken_glasses(info: HubInfo, first: int = 50) -> BrokenGlassesResult:
    """The newest looks past consent."""
    wanted = read_number(first, "first", 1, MAX_PAGE)
    found = await asyncio.to_thread(read_glasses, wanted, info.context)
    return BrokenGlassList(glasses=[BrokenGlass.from_domain(glass) for glass in found])
