"""Decisions of records staff on persons, each with its audit entries as one transaction. Sync, for threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from federation.ports import UnitOfWork
from gateway.context import HubContext
from gateway.loaders import Read
from gateway.permissions import role_used
from mpi.audit import AuditOutcome
from mpi.errors import UnknownDecision, UnknownIdentifier
from mpi.identity.decisions import Decision
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.ports import Clock, NewId
from mpi.units import carry_out
from mpi.usecases.matcher import Matcher
from mpi.usecases.resolve_identity import ResolvedIdentity, resolve_patient, resolve_person
from mpi.usecases.undo_decision import later_decisions

Act = Callable[[UnitOfWork, Matcher, Clock, NewId], Decision]


@dataclass(frozen=True, slots=True)
class DecidedIdentity:
    """A decision and the persons it is about, as they are after it. Of a preview: as they would be, and ``before``."""

    decision: Decision
    persons: tuple[ResolvedIdentity, ...]
    before: tuple[ResolvedIdentity, ...] = ()
    is_preview: bool = False


@dataclass(frozen=True, slots=True)
class PersonDecisions:
    """What staff decided about a person's records, newest first. ``total`` counts all of it."""

    person: ResolvedIdentity
    decisions: tuple[Decision, ...]
    total: int


def decide_identity(operation: str, act: Act, context: HubContext, *, is_preview: bool = False) -> DecidedIdentity:
    """Carry out a decision (or its undoing), audit it for every person before and after, and commit.

    A preview does the same and keeps nothing: the unit of work is left without a commit. The look is audited as such.

    Raises:
        StalePersons, StaleDecision, MergeRefused, UnknownIdentifier, UnknownDecision: nothing was changed.
    """
    resources = context.resources

    def decide(uow: UnitOfWork) -> DecidedIdentity:
        decision = act(uow, resources.matcher, resources.clock, resources.new_id)
        touched = uow.records.get_many(decision.touched).values()
        now = [record.enterprise_id for record in touched if record.enterprise_id is not None]
        persons = _resolved(sorted(dict.fromkeys(now)), uow)
        if is_preview:
            return DecidedIdentity(decision, persons, is_preview=True)
        moved = [link.enterprise_id for change in decision.changes for link in (change.before, change.after)]
        role = role_used(operation, context.caller.roles)
        for subject in sorted({*now, *moved}):
            detail = decision.kind.value
            uow.audit.append(
                context.audit_event(operation, AuditOutcome.SUCCESS, role=role, subject=subject, detail=detail)
            )
        uow.commit()
        return DecidedIdentity(decision, persons)

    decided = carry_out(resources.units, decide)
    return replace(decided, before=_behind(decided.decision, resources.read)) if is_preview else decided


def _behind(decision: Decision, read: Read) -> tuple[ResolvedIdentity, ...]:
    """The persons of the records that a decision touches, as they are now."""
    with read() as uow:
        records = uow.records.get_many(decision.touched).values()
        return _resolved(sorted({r.enterprise_id for r in records if r.enterprise_id is not None}), uow)


def load_persons(read: Read, enterprise_ids: Iterable[str]) -> tuple[ResolvedIdentity, ...]:
    """The persons as they are now; those who are gone are left out."""
    with read() as uow:
        return _resolved([EnterpriseId(text) for text in enterprise_ids], uow)


def load_decisions(read: Read, patient: PatientIdentifier | EnterpriseId, *, first: int) -> PersonDecisions:
    """The newest decisions about the records of a person, its retired numbers among them.

    Raises:
        UnknownIdentifier: nobody is behind the identifier.
    """
    with read() as uow:
        person = resolve_patient(patient, uow=uow)
        numbers = [record.identifier for record in person.records]
        found = uow.decisions.about([*numbers, *(retired for retired, _ in person.retired_identifiers)])
    return PersonDecisions(person, tuple(reversed(found))[:first], len(found))


def load_undo_order(read: Read, decision_id: str) -> tuple[Decision, tuple[Decision, ...]]:
    """A decision as it is now, and those that must be undone before it, newest first.

    Raises:
        UnknownDecision: no decision has this id.
    """
    with read() as uow:
        decision = uow.decisions.get(decision_id)
        if decision is None:
            raise UnknownDecision("no decision has this id")
        return decision, tuple(reversed(later_decisions(decision, uow=uow)))


def _resolved(enterprise_ids: Iterable[EnterpriseId], uow: UnitOfWork) -> tuple[ResolvedIdentity, ...]:
    found: dict[EnterpriseId, ResolvedIdentity] = {}
    for enterprise_id in enterprise_ids:
        try:
            person = resolve_person(enterprise_id, uow=uow)
        except UnknownIdentifier:
            continue
        found.setdefault(person.enterprise_id, person)
    return tuple(found.values())
