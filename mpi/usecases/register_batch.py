"""Take very many records of an export: what comes of them is what ``register_record`` would make of each in turn.

    runs of records that are new -> one gathering -> taken apart -> each part decided alone -> written together
    any other record (known, sent twice, with several numbers) -> register_record, at its place in the order

A part that is too large to be decided together is registered one by one, too. The unit is alone while this happens.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mpi.errors import InvalidDemographics, MpiError
from mpi.events import IdentityChange, PersonChanged
from mpi.identity.demographics import Demographics
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import HistoryEntry, LinkSource, MatchGrade, PersonLink, SourceRecord
from mpi.identity.updates import apply_update
from mpi.matching.neighbourhood import Neighbourhood
from mpi.matching.parts import parts
from mpi.ports import Clock, NewId, UnitOfWork
from mpi.usecases.batch_writes import BatchWrites
from mpi.usecases.gather_neighbourhood import MOST_IN_CORE, Gathering
from mpi.usecases.matcher import Matcher
from mpi.usecases.register_record import RegisterEffect, RegisterRecord, register_record
from mpi.usecases.settle_neighbourhood import ALONE, settle_gathered

_PERSONS_IN_EVENT = 100
Taken = RegisterEffect | MpiError


def register_batch(
    commands: Sequence[RegisterRecord], *, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId
) -> list[Taken]:
    """What came of each; an error where the record was not taken. Something said before changes nothing again."""
    uow.lock_out_others()
    batch = _Batch(uow, matcher, clock, new_id)
    batch.know(uow.records.get_many({i for command in commands for i in command.identifiers}))
    taken: list[Taken] = []
    for command in commands:
        try:
            taken.append(batch.take(command))
        except MpiError as error:
            taken.append(error)
    batch.settle()
    return taken


def prepare(command: RegisterRecord, matcher: Matcher) -> None:
    """Make the record canonical ahead of its batch; the matcher remembers. Needs no store: another thread may do it."""
    if len(command.identifiers) == 1:
        matcher.comparable(_record(command))


class _Batch:
    """``_known`` are identifiers that are stored; ``_waiting`` records that are to be settled together."""

    def __init__(self, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId) -> None:
        self._uow, self._matcher, self._clock, self._new_id = uow, matcher, clock, new_id
        self._waiting: dict[PatientIdentifier, RegisterRecord] = {}
        self._known: set[PatientIdentifier] = set()
        self._histories: dict[PatientIdentifier, tuple[HistoryEntry, ...]] = {}

    def know(self, identifiers: Collection[PatientIdentifier]) -> None:
        """These are stored, with the histories they have now."""
        self._known = set(identifiers)
        self._histories = self._uow.history.of_many(identifiers)

    def take(self, command: RegisterRecord) -> RegisterEffect:
        if len(command.identifiers) == 1 and self._is_new(command.identifiers[0]):
            if apply_update(Demographics(), command.update).name.is_empty:
                raise InvalidDemographics("name is missing: an identifier alone makes no person")
            self._waiting[command.identifiers[0]] = command
            return RegisterEffect.CREATED
        if self._waiting.keys() & set(command.identifiers) or not self._was_said(command):
            self.settle()
            return self._register(command)
        return RegisterEffect.UNCHANGED

    def _is_new(self, identifier: PatientIdentifier) -> bool:
        return identifier not in self._known and identifier not in self._waiting

    def _was_said(self, command: RegisterRecord) -> bool:
        if len(command.identifiers) != 1:
            return False
        (identifier,) = command.identifiers
        if identifier not in self._histories:
            self._histories[identifier] = self._uow.history.of(identifier)
        said = (command.source, command.event_at, command.update.sent)
        return any((entry.source, entry.at, entry.demographics) == said for entry in self._histories[identifier])

    def _register(self, command: RegisterRecord) -> RegisterEffect:
        if self._was_said(command):
            return RegisterEffect.UNCHANGED
        self._known |= set(command.identifiers)
        for identifier in command.identifiers:
            self._histories.pop(identifier, None)
        return register_record(
            command, uow=self._uow, matcher=self._matcher, clock=self._clock, new_id=self._new_id
        ).effect

    def settle(self) -> None:
        """Store those that wait, with their persons."""
        commands, self._waiting = self._waiting, {}
        self._known |= commands.keys()
        for identifier in commands:
            self._histories.pop(identifier, None)
        if not commands:
            return
        seeds = [_record(command) for command in commands.values()]
        gathering = Gathering(seeds, self._uow, self._matcher, most_in_core=len(seeds) * MOST_IN_CORE)
        gathering.close()
        found = parts(gathering.neighbourhood())
        whole = [part for part in found if len(part.core) <= MOST_IN_CORE]
        writes = BatchWrites(self._uow, commands.keys(), whole)
        changed: dict[EnterpriseId, None] = {}
        for part in whole:
            changed |= dict.fromkeys(self._settle_part(part, commands, writes))
        writes.write()
        for start in range(0, len(changed), _PERSONS_IN_EVENT):
            persons = tuple(changed)[start : start + _PERSONS_IN_EVENT]
            self._uow.events.publish(PersonChanged(IdentityChange.RECORD_LINKED, persons, self._clock()))
        cut = {name for part in found if len(part.core) > MOST_IN_CORE for name in part.core}
        for identifier, command in commands.items():
            if str(identifier) in cut:
                self._register(command)

    def _settle_part(
        self, part: Neighbourhood, commands: dict[PatientIdentifier, RegisterRecord], writes: BatchWrites
    ) -> Sequence[EnterpriseId]:
        new = [i for i in (part.records[name].identifier for name in sorted(part.core)) if i in commands]
        if not new:
            return ()
        source = commands[new[0]].source
        if len(part.records) == 1:
            stored, persons, reasons = {new[0]: self._alone(part)}, [], {new[0]: ALONE}
            writes.add(stored[new[0]], self._matcher.blocking_keys(stored[new[0]]))
        else:
            settled = settle_gathered(
                part,
                new,
                source=source,
                uow=writes,
                matcher=self._matcher,
                clock=self._clock,
                new_id=self._new_id,
            )
            stored, persons = dict(settled.records), list(settled.persons_changed)
            reasons = dict(settled.reasons)
        for identifier in new:
            person = stored[identifier].enterprise_id
            command = commands[identifier]
            said, detail = command.update.sent, reasons[identifier]
            writes.history.append(
                HistoryEntry(identifier, "registered", command.event_at, command.source, person, detail, said)
            )
            if person is not None:
                persons.append(person)
        return persons

    def _alone(self, part: Neighbourhood) -> SourceRecord:
        """Nobody is like it: a person of its own."""
        (record,) = part.records.values()
        person = EnterpriseId(self._new_id())
        return record.linked(PersonLink(person, LinkSource.AUTO, MatchGrade.CERTAIN, self._clock()))


def _record(command: RegisterRecord) -> SourceRecord:
    return SourceRecord(
        identifier=command.identifiers[0],
        site_id=command.site_id,
        demographics=apply_update(Demographics(), command.update),
        demographics_at=command.event_at,
    )
