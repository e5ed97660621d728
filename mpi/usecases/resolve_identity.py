"""Whose number is this, and under which numbers do the hospitals know that person?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from mpi.errors import UnknownIdentifier
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import SourceRecord
from mpi.identity.review import ReviewItem
from mpi.ports import UnitOfWork
from mpi.usecases.follow_identifier import follow_identifier


@dataclass(frozen=True, slots=True)
class ResolvedIdentity:
    """One person as the index knows it.

    ``records`` are linked for certain (automatic above the upper threshold, or by hand). ``retired_identifiers``
    resolve to one of them: an archive may still file studies under these. ``open_items`` ask about one of the
    records; what they may add neither raises nor silences an alert. A held record is in doubt until it is released.
    """

    enterprise_id: EnterpriseId
    records: tuple[SourceRecord, ...]
    retired_identifiers: tuple[tuple[PatientIdentifier, PatientIdentifier], ...] = ()
    open_items: tuple[ReviewItem, ...] = ()

    @property
    def is_under_review(self) -> bool:
        return bool(self.open_items) or any(record.is_held for record in self.records)

    def identifiers_of(self, assigning_authority: str) -> tuple[PatientIdentifier, ...]:
        """All numbers, current first, under which this authority's archive may file the person's studies."""
        current = [r.identifier for r in self.records if r.identifier.assigning_authority == assigning_authority]
        old = [retired for retired, _ in self.retired_identifiers if retired.assigning_authority == assigning_authority]
        return tuple(dict.fromkeys([*current, *old]))

    def record_of(self, identifier: PatientIdentifier) -> SourceRecord | None:
        """The record that a current or retired number stands for."""
        survivors = dict(self.retired_identifiers)
        wanted = survivors.get(identifier, identifier)
        return next((r for r in self.records if r.identifier == wanted), None)


def resolve_patient(patient: PatientIdentifier | EnterpriseId, *, uow: UnitOfWork) -> ResolvedIdentity:
    """The person behind either kind of name.

    Raises:
        UnknownIdentifier: nobody is.
    """
    if isinstance(patient, PatientIdentifier):
        return resolve_identity(patient, uow=uow)
    return resolve_person(patient, uow=uow)


def resolve_identity(identifier: PatientIdentifier, *, uow: UnitOfWork) -> ResolvedIdentity:
    """The person an identifier names, retired identifiers followed to their survivor.

    Raises:
        UnknownIdentifier: no active record is behind the identifier.
    """
    record = follow_identifier(identifier, uow=uow)
    if record is None or record.enterprise_id is None:
        raise UnknownIdentifier("no active record has this identifier")
    return resolve_person(record.enterprise_id, uow=uow)


def resolve_person(enterprise_id: EnterpriseId, *, uow: UnitOfWork) -> ResolvedIdentity:
    """The person an enterprise id names; an id whose records all went to another person names that one.

    Raises:
        UnknownIdentifier: nobody has this enterprise id.
    """
    records = uow.records.of_person(enterprise_id)
    if not records:
        enterprise_id = follow_person(enterprise_id, uow=uow)
        records = uow.records.of_person(enterprise_id)
    if not records:
        raise UnknownIdentifier("no person has this enterprise id")
    retired = _retired_into(records, uow)
    about = [r.identifier for r in records]
    return ResolvedIdentity(enterprise_id, records, retired, uow.reviews.open_about(about))


def follow_person(enterprise_id: EnterpriseId, *, uow: UnitOfWork) -> EnterpriseId:
    """The enterprise id at the end of the chain of redirects; itself when it has records or never had."""
    seen = {enterprise_id}
    while not uow.records.of_person(enterprise_id):
        into = uow.records.redirect_of(enterprise_id)
        if into is None or into in seen:
            break
        seen.add(into)
        enterprise_id = into
    return enterprise_id


def survivors_of(
    numbers: Collection[PatientIdentifier], *, uow: UnitOfWork
) -> dict[PatientIdentifier, PatientIdentifier]:
    """Each of these numbers in use with itself, and each retired one that leads to one of them with that one.

    Chains are followed: who was merged into one that was merged in turn counts too.
    """
    found = {number: number for number in sorted(numbers)}
    frontier = set(numbers)
    while frontier:
        retired = uow.records.get_many(uow.records.retired_into(frontier))
        frontier = set()
        for number, record in retired.items():
            into = record.surviving_identifier
            if number not in found and into is not None and into in found:
                found[number] = found[into]
                frontier.add(number)
    return found


def _retired_into(
    records: tuple[SourceRecord, ...], uow: UnitOfWork
) -> tuple[tuple[PatientIdentifier, PatientIdentifier], ...]:
    survivors = survivors_of([record.identifier for record in records], uow=uow)
    return tuple(sorted((old, now) for old, now in survivors.items() if old != now))
