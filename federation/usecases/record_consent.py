"""Keep what a person said of sharing, under every number they have now, and have their recent orders judged again."""

from __future__ import annotations

from dataclasses import dataclass

from federation.errors import UnknownSite, UnknownStudyClass
from federation.ports import UnitOfWork
from federation.sites.consent import ConsentDirective, ConsentEffect, ConsentScope
from federation.sites.directory import SiteDirectory
from federation.usecases.see_person import all_numbers
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.ports import Clock, NewId
from mpi.usecases.resolve_identity import ResolvedIdentity, resolve_patient

CONSENT_CHANGED = "consent_changed"


@dataclass(frozen=True, slots=True)
class RecordConsent:
    """``target`` is a site id or the name of a study class, empty for everything. ``source`` names the door."""

    patient: PatientIdentifier | EnterpriseId
    scope: ConsentScope
    target: str
    effect: ConsentEffect
    recorded_by: str
    source: str


def record_consent(
    command: RecordConsent, *, uow: UnitOfWork, directory: SiteDirectory, clock: Clock, new_id: NewId
) -> tuple[ResolvedIdentity, tuple[ConsentDirective, ...]]:
    """The person, and everything that is kept about them now. What is there already is not kept twice.

    It is kept under each of the person's numbers, so that it follows all of them if the person is ever parted.

    Raises:
        UnknownIdentifier: nobody is behind the patient.
        UnknownSite, UnknownStudyClass: the target is not registered.
    """
    _check_target(command, directory)
    identity = resolve_patient(command.patient, uow=uow)
    numbers = all_numbers(identity)
    uow.lock([consent_lock(identity.enterprise_id)])
    kept = {(d.identifier, d.scope, d.target): d.effect for d in uow.consents.of(numbers)}
    missing = [n for n in numbers if kept.get((n, command.scope, command.target)) is not command.effect]
    directive_id, now = new_id(), clock()
    for number in missing:
        uow.consents.append(
            ConsentDirective(
                directive_id,
                number,
                command.scope,
                command.target,
                command.effect,
                now,
                command.recorded_by,
                command.source,
            )
        )
    if missing:
        uow.outbox.add(CONSENT_CHANGED, {"enterprise_ids": [str(identity.enterprise_id)]}, at=now)
    return identity, tuple(uow.consents.of(numbers))


def consent_lock(person: EnterpriseId) -> str:
    """What everybody locks who decides by what a person said before."""
    return f"consent:{person}"


def _check_target(command: RecordConsent, directory: SiteDirectory) -> None:
    match command.scope:
        case ConsentScope.SITE:
            directory.site(command.target)
        case ConsentScope.STUDY_CLASS:
            if not directory.consent.knows(command.target):
                raise UnknownStudyClass("no study class has this name")
        case ConsentScope.EVERYTHING:
            if command.target:
                raise UnknownSite("everything has no target")
