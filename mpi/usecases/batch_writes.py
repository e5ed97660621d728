"""What settling writes for very many records at once: kept until all is decided, then written together."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import HistoryEntry, SourceRecord
from mpi.identity.review import ReviewItem
from mpi.matching.neighbourhood import Neighbourhood
from mpi.ports import UnitOfWork


class BatchWrites:
    """``mpi.ports.SettlingUnit`` around a unit of work. ``new`` are the identifiers that are not stored yet.

    Questions are looked up once, for all records of the neighbourhoods that somebody can have asked about.
    """

    def __init__(
        self, uow: UnitOfWork, new: Collection[PatientIdentifier], neighbourhoods: Iterable[Neighbourhood]
    ) -> None:
        placed = [
            hood.records[name].identifier
            for hood in neighbourhoods
            for name in hood.core
            if hood.records[name].link is not None
        ]
        self._uow = uow
        self.records = _Records(uow, new)
        self.history = _History()
        self.reviews = _Questions(uow, placed)

    def add(self, record: SourceRecord, keys: Collection[str]) -> None:
        """A new record, decided elsewhere."""
        self.records.added.append((record, keys))

    def write(self) -> None:
        """Write what is new. Other changes are written already: there are few."""
        self._uow.records.add_many(self.records.added)
        self._uow.history.append_many(self.history.entries)


class _Records:
    def __init__(self, uow: UnitOfWork, new: Collection[PatientIdentifier]) -> None:
        self._uow, self._new = uow, new
        self.added: list[tuple[SourceRecord, Collection[str]]] = []

    def save(self, record: SourceRecord, *, blocking_keys: Collection[str]) -> None:
        if record.identifier in self._new:
            self.added.append((record, blocking_keys))
        else:
            self._uow.records.save(record, blocking_keys=blocking_keys)

    def of_persons(self, enterprise_ids: Collection[EnterpriseId]) -> dict[EnterpriseId, tuple[SourceRecord, ...]]:
        """Asked about persons that lost records; a new record never joins a person that nobody is left of."""
        return self._uow.records.of_persons(enterprise_ids)

    def redirect_person(self, enterprise_id: EnterpriseId, into: EnterpriseId) -> None:
        self._uow.records.redirect_person(enterprise_id, into)

    def drop_redirects(self, enterprise_ids: Collection[EnterpriseId]) -> None:
        self._uow.records.drop_redirects(enterprise_ids)


class _History:
    def __init__(self) -> None:
        self.entries: list[HistoryEntry] = []

    def append(self, entry: HistoryEntry) -> None:
        self.entries.append(entry)


class _Questions:
    def __init__(self, uow: UnitOfWork, placed: Collection[PatientIdentifier]) -> None:
        self._uow = uow
        self._open = _by_record(uow.reviews.open_about(placed))
        self._decided = _by_record(uow.reviews.decided_about(placed))

    def save(self, item: ReviewItem) -> None:
        self._uow.reviews.save(item)

    def open_about(self, identifiers: Collection[PatientIdentifier]) -> tuple[ReviewItem, ...]:
        return _about(self._open, identifiers)

    def decided_about(self, identifiers: Collection[PatientIdentifier]) -> tuple[ReviewItem, ...]:
        return _about(self._decided, identifiers)


Ranked = tuple[int, ReviewItem]


def _by_record(items: Iterable[ReviewItem]) -> dict[PatientIdentifier, list[Ranked]]:
    found: dict[PatientIdentifier, list[Ranked]] = {}
    for rank, item in enumerate(items):
        for identifier in {item.left, item.right}:
            found.setdefault(identifier, []).append((rank, item))
    return found


def _about(
    items: dict[PatientIdentifier, list[Ranked]], identifiers: Collection[PatientIdentifier]
) -> tuple[ReviewItem, ...]:
    """In the order in which the store gave them."""
    ranked = {rank: item for identifier in identifiers for rank, item in items.get(identifier, ())}
    return tuple(ranked[rank] for rank in sorted(ranked))
