"""The records and persons a decision of staff is about, as they are now, locked against everybody else.

Whoever decides names the versions of the persons they looked at: what changed since is shown to them first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from mpi.errors import MergeRefused, StalePersons, UnknownIdentifier
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.person_version import person_version
from mpi.identity.records import SourceRecord
from mpi.ports import UnitOfWork
from mpi.usecases.companions import has_evidence
from mpi.usecases.follow_identifier import follow_identifier
from mpi.usecases.matcher import Matcher
from mpi.usecases.resolve_identity import follow_person

Seen = frozenset[str] | None
"""Versions of all persons a decision is about, as staff saw them; ``None``: not compared."""


def choose_records(
    identifiers: Sequence[PatientIdentifier], seen: Seen, *, uow: UnitOfWork, matcher: Matcher
) -> tuple[SourceRecord, ...]:
    """The active record behind each identifier, in order.

    Raises:
        UnknownIdentifier: no active record.
        StalePersons: their persons are not as they were seen.
    """

    def find() -> tuple[SourceRecord, ...]:
        return tuple(_active(identifier, uow) for identifier in identifiers)

    records = lock_persons(find, also=identifiers, uow=uow, matcher=matcher)
    refuse_changed([r.enterprise_id for r in records], seen, uow)
    return records


def choose_persons(
    enterprise_ids: Sequence[EnterpriseId], seen: Seen, *, uow: UnitOfWork, matcher: Matcher
) -> tuple[EnterpriseId, ...]:
    """The person behind each enterprise id, redirects followed, in order.

    Raises:
        UnknownIdentifier: nobody has one of the ids.
        StalePersons: they are not as they were seen.
    """

    def find() -> tuple[SourceRecord, ...]:
        return tuple(m for p in enterprise_ids for m in members_with_evidence(follow_person(p, uow=uow), uow))

    lock_persons(find, uow=uow, matcher=matcher)
    persons = tuple(follow_person(person, uow=uow) for person in enterprise_ids)
    refuse_changed(persons, seen, uow)
    return persons


def lock_persons(
    find: Callable[[], tuple[SourceRecord, ...]],
    *,
    also: Collection[PatientIdentifier] = (),
    uow: UnitOfWork,
    matcher: Matcher,
) -> tuple[SourceRecord, ...]:
    """What ``find`` finds once it, and all members of the persons found, are locked."""
    held: frozenset[str] = frozenset()
    while True:
        records = find()
        persons = {r.enterprise_id for r in records if r.enterprise_id is not None}
        members = [m for found in uow.records.of_persons(persons).values() for m in found]
        named = {str(i) for i in (*also, *(r.identifier for r in (*records, *members)))}
        wanted = frozenset(key for m in members for key in matcher.blocking_keys(m)) | named
        if wanted <= held or not uow.lock(wanted - held):
            return records
        held |= wanted


def members_with_evidence(enterprise_id: EnterpriseId, uow: UnitOfWork) -> tuple[SourceRecord, ...]:
    """Members of a person that are more than a number.

    Raises:
        UnknownIdentifier: nobody has this enterprise id.
    """
    members = uow.records.of_person(enterprise_id)
    if not members:
        raise UnknownIdentifier("no person has this enterprise id")
    return tuple(m for m in members if has_evidence(m)) or members


def _active(identifier: PatientIdentifier, uow: UnitOfWork) -> SourceRecord:
    record = follow_identifier(identifier, uow=uow)
    if record is None or not record.is_active:
        raise UnknownIdentifier("no active record has this identifier")
    return record


def refuse_held(records: Collection[SourceRecord]) -> None:
    """A record that may hold two people's data is not linked by hand before it is released.

    Raises:
        MergeRefused: ``held``.
    """
    if any(record.is_held for record in records):
        raise MergeRefused("held", "a record is held as a possible overlay: release it first")


def refuse_changed(enterprise_ids: Collection[EnterpriseId | None], seen: Seen, uow: UnitOfWork) -> None:
    """The persons must be as staff saw them.

    Raises:
        StalePersons: they are not.
    """
    if seen is None:
        return
    persons = {p for p in enterprise_ids if p is not None}
    if seen != {person_version(members) for members in uow.records.of_persons(persons).values()}:
        raise StalePersons(tuple(sorted(persons)))
