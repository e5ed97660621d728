"""A random history of identity comes out the same on a database as in memory, step for step, and breaks no rule."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from adapters.simulated.memory_state import MemoryState
from adapters.store import mapping
from adapters.store.record_repository import SqlRecordRepository
from adapters.store.statements import rows
from adapters.store.tables import (
    always_link,
    identity_decision,
    never_link,
    person_redirect,
    record_history,
    review_item,
    source_record,
)
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from tests.builders import Index
from tests.contract.stores import Store
from tests.identity_walks import Walk, broken_rules

STEPS = 25


def state_of(engine: sa.Engine) -> MemoryState:
    """Everything about identity in a database, as the in-memory store would hold it."""
    with engine.connect() as connection:
        numbers = (source_record.c.assigning_authority, source_record.c.local_patient_id)
        ids = [PatientIdentifier(*row) for row in connection.execute(sa.select(*numbers))]
        records = SqlRecordRepository(connection).get_many(ids)
        reviews = [mapping.review_from(row) for row in rows(connection, sa.select(review_item))]
        decided = sa.select(identity_decision).order_by(identity_decision.c.decision_number)
        decisions = [mapping.decision_from(row) for row in rows(connection, decided)]
        told = sa.select(record_history).order_by(record_history.c.history_id)
        history: dict[PatientIdentifier, tuple[Any, ...]] = {}
        for row in rows(connection, told):
            entry = mapping.history_from(row)
            history[entry.identifier] = (*history.get(entry.identifier, ()), entry)
        never = [mapping.never_link_from(row) for row in rows(connection, sa.select(never_link))]
        always = [mapping.always_link_from(row) for row in rows(connection, sa.select(always_link))]
        redirects = {EnterpriseId(a): EnterpriseId(b) for a, b in connection.execute(sa.select(person_redirect))}
    members: dict[EnterpriseId, frozenset[PatientIdentifier]] = {}
    for record in records.values():
        if record.enterprise_id is not None:
            members[record.enterprise_id] = members.get(record.enterprise_id, frozenset()) | {record.identifier}
    return MemoryState(
        records=records,
        members=members,
        history=history,
        reviews={i.review_item_id: i for i in sorted(reviews, key=lambda i: i.review_item_id)},
        never_links={(n.left, n.right): n for n in never},
        always_links={a.pair: a for a in always},
        decisions={d.decision_id: d for d in decisions},
        redirects=redirects,
    )


class DatabaseWalk(Walk):
    """A walk whose index is in a database."""

    def __init__(self, seed: int, store: Store) -> None:
        super().__init__(seed)
        self.index = Index(store.begin)  # type: ignore[arg-type]
        self._engine = store.engine

    @property
    def state(self) -> MemoryState:
        assert self._engine is not None
        return state_of(self._engine)


PARTS = ("records", "members", "history", "reviews", "never_links", "always_links", "decisions", "redirects")


@pytest.mark.parametrize("seed", range(3))
def test_a_walk_comes_out_the_same_on_a_database(sql_store: Store, seed: int) -> None:
    here, there = Walk(seed), DatabaseWalk(seed, sql_store)
    for _ in range(STEPS):
        here.step()
        there.step()
        assert there.steps == here.steps
    for part in PARTS:
        assert getattr(there.state, part) == getattr(here.state, part), part
    assert broken_rules(there.state) == []
    assert there.decide_and_undo() == []
    assert broken_rules(there.state) == []
