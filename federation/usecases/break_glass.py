"""Look past consent: one caller, one person, a reason, a while. It ends by itself."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from federation.ports import UnitOfWork
from federation.sites.consent import BrokenGlass
from federation.usecases.see_person import all_numbers
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.ports import Clock, NewId
from mpi.usecases.resolve_identity import resolve_patient

GLASS_BROKEN = "glass_broken"
LEAST_MINUTES, MOST_MINUTES = 5, 60


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """``minutes`` is 5 to 60; ``reason`` is in the caller's words."""

    patient: PatientIdentifier | EnterpriseId
    caller: str
    reason: str
    minutes: int


def break_glass(command: BreakGlass, *, uow: UnitOfWork, clock: Clock, new_id: NewId) -> BrokenGlass:
    """Open what is withheld of the person to the caller; the privacy officer is told by the outbox.

    Whether anything is withheld is not said here. Numbers that the person gets later stay as they are.

    Raises:
        UnknownIdentifier: nobody is behind the patient.
    """
    identity = resolve_patient(command.patient, uow=uow)
    now = clock()
    glass = BrokenGlass(
        glass_id=new_id(),
        enterprise_id=identity.enterprise_id,
        identifiers=all_numbers(identity),
        caller=command.caller,
        reason=command.reason,
        opened_at=now,
        expires_at=now + dt.timedelta(minutes=min(MOST_MINUTES, max(LEAST_MINUTES, command.minutes))),
    )
    uow.consents.break_glass(glass)
    uow.outbox.add(GLASS_BROKEN, {"glass_id": glass.glass_id}, at=now)
    return glass
