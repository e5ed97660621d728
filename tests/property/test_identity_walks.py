"""Random histories of registrations, merges, links and decisions: what must hold after every step, and after undoing.

The long form, a thousand walks, is ``python -m bench.soak_identity``.
"""

from __future__ import annotations

import random

import pytest

from mpi.identity.records import LinkSource, PersonLink, SourceRecord
from tests.builders import NOON
from tests.identity_walks import Walk, broken_rules

STEPS = 30


@pytest.mark.parametrize("first", range(0, 40, 10))
def test_after_every_step_each_record_is_in_one_person_and_all_that_was_said_holds(first: int) -> None:
    for seed in range(first, first + 10):
        walk = Walk(seed)
        for _ in range(STEPS):
            walk.step()
            assert broken_rules(walk.state) == [], (seed, walk.steps)


@pytest.mark.parametrize("first", range(0, 40, 10))
def test_decisions_undone_one_after_the_other_leave_both_sides_exactly_as_they_were(first: int) -> None:
    for seed in range(first, first + 10):
        walk = Walk(seed)
        for _ in range(random.Random(seed).randint(5, STEPS)):
            walk.step()
        assert walk.decide_and_undo() == [], (seed, walk.steps)
        assert broken_rules(walk.state) == [], (seed, walk.steps)


def test_the_rules_see_what_is_broken() -> None:
    """Else the walks above would prove nothing."""
    walk = Walk(1)
    for _ in range(STEPS):
        walk.step()
    state = walk.state.copy()
    identifier, record = next((i, r) for i, r in state.records.items() if r.is_active)
    moved: SourceRecord = record.linked(
        PersonLink("elsewhere", LinkSource.AUTO, record.link.match_grade, NOON)  # type: ignore[arg-type, union-attr]
    )
    state.members[record.enterprise_id] -= {identifier}  # type: ignore[index]
    state.records[identifier] = moved
    found = broken_rules(state)
    assert f"{identifier} is an orphan" in found
    state.redirects["a"], state.redirects["b"] = "b", "a"  # type: ignore[index, assignment]
    assert "a redirects in a circle" in broken_rules(state)
