"""In-memory decisions and *the same person* assertions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from adapters.simulated import memory_counts
from adapters.simulated.memory_state import MemoryTransaction
from mpi.identity.decisions import AlwaysLink, Decision
from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.review_quality import TakenBack


class MemoryDecisionRepository:
    """``mpi.ports.DecisionRepository`` in memory."""

    def __init__(self, transaction: MemoryTransaction) -> None:
        self._transaction = transaction

    def get(self, decision_id: str) -> Decision | None:
        return self._transaction.state.decisions.get(decision_id)

    def save(self, decision: Decision) -> None:
        self._transaction.writable().decisions[decision.decision_id] = decision

    def about(self, identifiers: Collection[PatientIdentifier]) -> tuple[Decision, ...]:
        wanted = set(identifiers)
        return tuple(d for d in self._transaction.state.decisions.values() if not wanted.isdisjoint(d.touched))

    def taken_back(self, since: dt.datetime) -> TakenBack:
        return memory_counts.taken_back(self._transaction.state.decisions.values(), since)

    def assert_always(self, assertion: AlwaysLink) -> None:
        self._transaction.writable().always_links[assertion.pair] = assertion

    def retract_always(self, assertion: AlwaysLink) -> None:
        self._transaction.writable().always_links.pop(assertion.pair, None)

    def always_links_of(self, identifiers: Collection[PatientIdentifier]) -> tuple[AlwaysLink, ...]:
        wanted = set(identifiers)
        links = self._transaction.state.always_links
        return tuple(links[pair] for pair in sorted(links) if wanted & set(pair))
