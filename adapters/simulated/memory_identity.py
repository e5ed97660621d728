"""In-memory records, history and review queue."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Sequence
from typing import TypeVar

from adapters.simulated import memory_counts
from adapters.simulated.memory_state import MemoryState, MemoryTransaction, Refused
from federation.changes import ChangeKind
from mpi.errors import StaleDecision
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import HistoryEntry, RecordStatus, SourceRecord
from mpi.identity.review import NeverLink, ReviewItem, ReviewKind, ReviewStatus
from mpi.identity.review_quality import BandCount, ClerkDay
from mpi.ports import Candidates, ReviewPage

Key = TypeVar("Key")


class MemoryRecordRepository:
    """``mpi.ports.RecordRepository`` in memory."""

    def __init__(self, transaction: MemoryTransaction) -> None:
        self._transaction = transaction

    def get(self, identifier: PatientIdentifier) -> SourceRecord | None:
        return self._transaction.state.records.get(identifier)

    def get_many(self, identifiers: Collection[PatientIdentifier]) -> dict[PatientIdentifier, SourceRecord]:
        records = self._transaction.state.records
        return {identifier: records[identifier] for identifier in sorted(set(identifiers)) if identifier in records}

    def of_person(self, enterprise_id: EnterpriseId) -> tuple[SourceRecord, ...]:
        state = self._transaction.state
        return tuple(state.records[identifier] for identifier in sorted(state.members.get(enterprise_id, ())))

    def of_persons(self, enterprise_ids: Collection[EnterpriseId]) -> dict[EnterpriseId, tuple[SourceRecord, ...]]:
        """Every id asked for is a key; a person without records has none."""
        return {enterprise_id: self.of_person(enterprise_id) for enterprise_id in enterprise_ids}

    def retired_into(self, identifiers: Collection[PatientIdentifier]) -> tuple[PatientIdentifier, ...]:
        subsumed = self._transaction.state.subsumed
        return tuple(sorted(retired for survivor in set(identifiers) for retired in subsumed.get(survivor, ())))

    def sharing_keys(self, keys: Collection[str], *, limit: int) -> Candidates:
        """Ties go by identifier, so that the same question has the same answer in every store."""
        state = self._transaction.state
        shared = Counter(identifier for key in set(keys) for identifier in state.with_key.get(key, ()))
        ranked = sorted(shared, key=lambda identifier: (-shared[identifier], identifier))
        return Candidates(tuple(state.records[i] for i in ranked[:limit]), truncated=len(ranked) > limit)

    def save(self, record: SourceRecord, *, blocking_keys: Collection[str]) -> None:
        state = self._transaction.writable()
        if record.is_active != (record.link is not None):
            raise Refused("a record is linked unless it is retired")
        self._leave_indexes(state, record.identifier)
        state.records[record.identifier] = record
        if record.enterprise_id is not None:
            _add(state.members, record.enterprise_id, record.identifier)
        if record.surviving_identifier is not None and record.status is RecordStatus.RETIRED:
            _add(state.subsumed, record.surviving_identifier, record.identifier)
        state.keys_of[record.identifier] = frozenset(blocking_keys) if record.is_active else frozenset()
        for key in state.keys_of[record.identifier]:
            _add(state.with_key, key, record.identifier)

    def add_many(self, records: Sequence[tuple[SourceRecord, Collection[str]]]) -> None:
        for record, keys in records:
            if record.identifier in self._transaction.state.records:
                raise Refused("the record is stored already")
            self.save(record, blocking_keys=keys)

    def person_count(self) -> int:
        return len(self._transaction.state.members)

    def redirect_person(self, enterprise_id: EnterpriseId, into: EnterpriseId) -> None:
        self._transaction.writable().redirects[enterprise_id] = into

    def drop_redirects(self, enterprise_ids: Collection[EnterpriseId]) -> None:
        redirects = self._transaction.writable().redirects
        for enterprise_id in enterprise_ids:
            redirects.pop(enterprise_id, None)

    def redirect_of(self, enterprise_id: EnterpriseId) -> EnterpriseId | None:
        return self._transaction.state.redirects.get(enterprise_id)

    def active_after(self, identifier: PatientIdentifier | None, *, limit: int) -> tuple[SourceRecord, ...]:
        records = self._transaction.state.records
        following = sorted(i for i, r in records.items() if r.is_active and (identifier is None or i > identifier))
        return tuple(records[i] for i in following[:limit])

    def held_after(self, identifier: PatientIdentifier | None, *, limit: int) -> tuple[SourceRecord, ...]:
        held = sorted(r.identifier for r in self._held() if identifier is None or r.identifier > identifier)
        return tuple(self._transaction.state.records[i] for i in held[:limit])

    def held_count(self) -> int:
        return len(self._held())

    def _held(self) -> list[SourceRecord]:
        return [r for r in self._transaction.state.records.values() if r.is_active and r.is_held]

    @staticmethod
    def _leave_indexes(state: MemoryState, identifier: PatientIdentifier) -> None:
        stored = state.records.get(identifier)
        if stored is None:
            return
        if stored.enterprise_id is not None:
            _remove(state.members, stored.enterprise_id, identifier)
        if stored.surviving_identifier is not None:
            _remove(state.subsumed, stored.surviving_identifier, identifier)
        for key in state.keys_of[identifier]:
            _remove(state.with_key, key, identifier)


def _add(index: dict[Key, frozenset[PatientIdentifier]], key: Key, identifier: PatientIdentifier) -> None:
    index[key] = index.get(key, frozenset()) | {identifier}


def _remove(index: dict[Key, frozenset[PatientIdentifier]], key: Key, identifier: PatientIdentifier) -> None:
    rest = index.get(key, frozenset()) - {identifier}
    if rest:
        index[key] = rest
    else:
        index.pop(key, None)


class MemoryHistoryRepository:
    """``mpi.ports.HistoryRepository`` in memory."""

    def __init__(self, transaction: MemoryTransaction) -> None:
        self._transaction = transaction

    def append(self, entry: HistoryEntry) -> None:
        history = self._transaction.writable().history
        history[entry.identifier] = (*history.get(entry.identifier, ()), entry)

    def append_many(self, entries: Sequence[HistoryEntry]) -> None:
        for entry in entries:
            self.append(entry)

    def of(self, identifier: PatientIdentifier) -> tuple[HistoryEntry, ...]:
        return tuple(sorted(self._transaction.state.history.get(identifier, ()), key=lambda entry: entry.at))

    def of_many(self, identifiers: Collection[PatientIdentifier]) -> dict[PatientIdentifier, tuple[HistoryEntry, ...]]:
        return {identifier: self.of(identifier) for identifier in identifiers}


class MemoryReviewRepository:
    """``mpi.ports.ReviewRepository`` in memory."""

    def __init__(self, transaction: MemoryTransaction) -> None:
        self._transaction = transaction

    def get(self, review_item_id: str) -> ReviewItem | None:
        return self._transaction.state.reviews.get(review_item_id)

    def save(self, item: ReviewItem) -> None:
        reviews = self._transaction.writable().reviews
        stored = reviews.get(item.review_item_id)
        if stored is not None and stored.version != item.version - 1:
            raise StaleDecision(f"review item changed since version {item.version - 1}")
        reviews[item.review_item_id] = item
        self._transaction.writable().note_change(ChangeKind.REVIEW_ITEM, item.review_item_id, item.version)

    def open_about(self, identifiers: Collection[PatientIdentifier]) -> tuple[ReviewItem, ...]:
        wanted = set(identifiers)
        return tuple(item for item in self._open_items() if wanted & {item.left, item.right})

    def decided_about(self, identifiers: Collection[PatientIdentifier]) -> tuple[ReviewItem, ...]:
        wanted = set(identifiers)
        reviews = self._transaction.state.reviews
        by_id = (reviews[item_id] for item_id in sorted(reviews))
        return tuple(i for i in by_id if i.status is ReviewStatus.DECIDED and wanted & {i.left, i.right})

    def open_page(
        self, *, kinds: Collection[ReviewKind] | None, offset: int, limit: int, escalated: bool | None = None
    ) -> ReviewPage:
        """``kinds`` ``None`` is every kind, an empty collection none."""
        items = [item for item in self._open_items() if kinds is None or item.kind in kinds]
        items = [item for item in items if escalated in (None, item.is_escalated)]
        return ReviewPage(tuple(items[offset : offset + limit]), len(items))

    def decided_by_band(self, since: dt.datetime) -> tuple[BandCount, ...]:
        return memory_counts.decided_by_band(self._transaction.state.reviews.values(), since)

    def decided_by_day(self, since: dt.datetime) -> tuple[ClerkDay, ...]:
        return memory_counts.decided_by_day(self._transaction.state.reviews.values(), since)

    def open_since(self, instants: Sequence[dt.datetime]) -> tuple[int, ...]:
        opened = [item.opened_at for item in self._open_items()]
        return tuple(sum(at <= instant for at in opened) for instant in instants)

    def assert_never(self, assertion: NeverLink) -> None:
        self._transaction.writable().never_links.setdefault((assertion.left, assertion.right), assertion)

    def retract_never(self, assertion: NeverLink) -> None:
        self._transaction.writable().never_links.pop((assertion.left, assertion.right), None)

    def never_links_of(self, identifiers: Collection[PatientIdentifier]) -> tuple[NeverLink, ...]:
        wanted = set(identifiers)
        links = self._transaction.state.never_links
        return tuple(links[pair] for pair in sorted(links) if wanted & set(pair))

    def _open_items(self) -> list[ReviewItem]:
        items = [item for item in self._transaction.state.reviews.values() if item.status is ReviewStatus.OPEN]
        return sorted(items, key=_urgency)


def _urgency(item: ReviewItem) -> tuple[object, ...]:
    """Most urgent first; an item without a score after those with one."""
    return (-item.priority, item.score is None, -(item.score or 0.0), item.opened_at, item.review_item_id)
