"""Acts on consent with their audit entries, each one transaction. Sync, for threads."""

from __future__ import annotations

from federation.ports import UnitOfWork
from federation.sites.consent import BrokenGlass, ConsentDirective
from federation.usecases.break_glass import BreakGlass, break_glass
from federation.usecases.record_consent import RecordConsent, record_consent
from federation.usecases.see_person import all_numbers
from gateway.context import HubContext
from gateway.permissions import role_used
from mpi.audit import AuditOutcome
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.units import carry_out
from mpi.usecases.resolve_identity import resolve_patient


def record_and_read(command: RecordConsent, context: HubContext) -> tuple[EnterpriseId, tuple[ConsentDirective, ...]]:
    """Record it, audit it, commit; the person and everything that is kept about them.

    Raises:
        UnknownIdentifier, UnknownSite, UnknownStudyClass: as ``record_consent``; nothing was changed.
    """
    resources, operation = context.resources, "recordConsent"

    def record(uow: UnitOfWork) -> tuple[EnterpriseId, tuple[ConsentDirective, ...]]:
        identity, kept = record_consent(
            command, uow=uow, directory=resources.directory, clock=resources.clock, new_id=resources.new_id
        )
        role, detail = role_used(operation, context.caller.roles), f"{command.effect.value}:{command.scope.value}"
        subject = identity.enterprise_id
        uow.audit.append(
            context.audit_event(operation, AuditOutcome.SUCCESS, role=role, subject=subject, detail=detail)
        )
        uow.commit()
        return identity.enterprise_id, kept

    return carry_out(resources.units, record)


def read_consents(
    patient: PatientIdentifier | EnterpriseId, context: HubContext
) -> tuple[EnterpriseId, tuple[ConsentDirective, ...]]:
    """Everything that is kept about a person.

    Raises:
        UnknownIdentifier: nobody is behind the patient.
    """
    with context.resources.read() as uow:
        identity = resolve_patient(patient, uow=uow)
        return identity.enterprise_id, tuple(uow.consents.of(all_numbers(identity)))


def break_and_read(command: BreakGlass, context: HubContext) -> BrokenGlass:
    """Break the glass, audit it, commit.

    Raises:
        UnknownIdentifier: as ``break_glass``; nothing was changed.
    """
    resources, operation = context.resources, "breakGlass"

    def act(uow: UnitOfWork) -> BrokenGlass:
        glass = break_glass(command, uow=uow, clock=resources.clock, new_id=resources.new_id)
        role, detail = role_used(operation, context.caller.roles), f"break_glass:{glass.glass_id}"
        uow.audit.append(
            context.audit_event(operation, AuditOutcome.SUCCESS, role=role, subject=glass.enterprise_id, detail=detail)
        )
        uow.commit()
        return glass

    return carry_out(resources.units, act)


def read_glasses(first: int, context: HubContext) -> tuple[BrokenGlass, ...]:
    """The newest looks past consent."""
    with context.resources.read() as uow:
        return tuple(uow.consents.newest_glasses(limit=first))
