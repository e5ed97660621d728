"""In-memory consent, broken glass and revocations."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from adapters.simulated.memory_state import MemoryTransaction, Refused
from federation.sites.consent import BrokenGlass, ConsentDirective
from mpi.caller_revocations import Revocation
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier


class MemoryConsentRepository:
    """``federation.ports.ConsentRepository`` in memory."""

    def __init__(self, transaction: MemoryTransaction) -> None:
        self._transaction = transaction

    def append(self, directive: ConsentDirective) -> None:
        self._transaction.writable().consents.append(directive)

    def of(self, identifiers: Collection[PatientIdentifier]) -> tuple[ConsentDirective, ...]:
        wanted = set(identifiers)
        return tuple(d for d in self._transaction.state.consents if d.identifier in wanted)

    def act(self, directive_id: str) -> tuple[ConsentDirective, ...]:
        return tuple(d for d in self._transaction.state.consents if d.directive_id == directive_id)

    def break_glass(self, glass: BrokenGlass) -> None:
        if self.glass(glass.glass_id) is not None:
            raise Refused("the id is taken")
        self._transaction.writable().glasses.append(glass)

    def glasses_of(self, caller: str, enterprise_id: EnterpriseId, *, at: dt.datetime) -> tuple[BrokenGlass, ...]:
        return tuple(
            glass
            for glass in reversed(self._transaction.state.glasses)
            if glass.caller == caller
            and glass.enterprise_id == enterprise_id
            and glass.opened_at <= at < glass.expires_at
        )

    def newest_glasses(self, *, limit: int) -> tuple[BrokenGlass, ...]:
        return tuple(reversed(self._transaction.state.glasses[-limit:]))

    def glass(self, glass_id: str) -> BrokenGlass | None:
        return next((g for g in self._transaction.state.glasses if g.glass_id == glass_id), None)


class MemoryRevocationRepository:
    """``mpi.ports.RevocationRepository`` in memory."""

    def __init__(self, transaction: MemoryTransaction) -> None:
        self._transaction = transaction

    def append(self, revocation: Revocation) -> None:
        self._transaction.writable().revocations.append(revocation)

    def in_force(self, *, at: dt.datetime) -> tuple[Revocation, ...]:
        return tuple(one for one in self._transaction.state.revocations if one.until > at)
