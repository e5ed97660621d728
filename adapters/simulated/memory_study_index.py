"""The in-memory study index."""

from __future__ import annotations

from collections.abc import Collection

from adapters.simulated.memory_state import MemoryTransaction
from federation.imaging.study_index import IndexedAnswer
from mpi.identity.identifiers import PatientIdentifier


class MemoryStudyIndexRepository:
    """``federation.ports.StudyIndexRepository`` in memory."""

    def __init__(self, transaction: MemoryTransaction) -> None:
        self._transaction = transaction

    def of(self, identifiers: Collection[PatientIdentifier]) -> tuple[IndexedAnswer, ...]:
        kept = self._transaction.state.study_index
        found = (entry for identifier in set(identifiers) for entry in kept.get(identifier, {}).values())
        return tuple(sorted(found, key=lambda entry: (entry.site_id, entry.identifier)))

    def save(self, entry: IndexedAnswer) -> None:
        kept = self._transaction.writable().study_index
        kept[entry.identifier] = {**kept.get(entry.identifier, {}), entry.site_id: entry}
