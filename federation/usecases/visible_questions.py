"""Questions about a person, without those whose other side the viewer may not see: a count tells of somebody, too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from federation.ports import UnitOfWork
from federation.sites.consent import ConsentRules, Viewer, view_person
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import SourceRecord
from mpi.identity.review import ReviewItem
from mpi.usecases.resolve_identity import ResolvedIdentity, survivors_of


def visible_questions(
    whole: ResolvedIdentity,
    shown: ResolvedIdentity,
    *,
    uow: UnitOfWork,
    viewer: Viewer,
    rules: ConsentRules,
) -> tuple[ReviewItem, ...]:
    """The open items of the person as ``shown`` both of whose sides the viewer may see.

    Broken glass reaches one person and not those that may be the same. A fixed number of statements, none if nothing
    is open.
    """
    items = shown.open_items
    if not items or viewer.sees_everybody:
        return items
    mine, left = _numbers(whole.records), _numbers(shown.records)
    elsewhere = {side for item in items for side in (item.left, item.right)} - mine
    hidden = (mine - left) | _hidden(elsewhere, uow, viewer, rules)
    return tuple(item for item in items if hidden.isdisjoint((item.left, item.right)))


def _numbers(records: Iterable[SourceRecord]) -> set[PatientIdentifier]:
    return {record.identifier for record in records}


def _hidden(
    numbers: set[PatientIdentifier], uow: UnitOfWork, viewer: Viewer, rules: ConsentRules
) -> set[PatientIdentifier]:
    records = uow.records.get_many(numbers) if numbers else {}
    person_of = {number: record.enterprise_id for number, record in records.items()}
    persons = uow.records.of_persons({person for person in person_of.values() if person is not None})
    survivors = survivors_of(_numbers(record for members in persons.values() for record in members), uow=uow)
    directives = uow.consents.of(survivors)
    hidden = set()
    for number, person in person_of.items():
        if person is None:
            continue
        identity = _identity(person, persons[person], survivors)
        said = [d for d in directives if identity.record_of(survivors[d.identifier]) is not None]
        if view_person(identity, said, (), viewer, rules, asked_for=number) is None:
            hidden.add(number)
    return hidden


def _identity(
    person: EnterpriseId,
    members: tuple[SourceRecord, ...],
    survivors: Mapping[PatientIdentifier, PatientIdentifier],
) -> ResolvedIdentity:
    current = _numbers(members)
    retired = tuple((old, now) for old, now in survivors.items() if now in current and old != now)
    return ResolvedIdentity(person, members, retired)
