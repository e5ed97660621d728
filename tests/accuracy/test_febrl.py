"""Trained without a label on the FEBRL sets, and linked with what was learnt. Floors lie just below what is reached.

FEBRL4 is two files with one record of each person in either (``one_to_one``), and has national numbers and birth dates
with typing errors: that guards part one person's records there is found from the file, not told.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import pytest

from mpi.matching.link_batch import link_records
from mpi.matching.match_model import default_model
from mpi.matching.model_file import render_model
from mpi.matching.training import TrainedModel, TrainingOptions, train_model
from tests.febrl_sets import febrl


class Accuracy(NamedTuple):
    precision: float
    recall: float
    f1: float


@cache
def trained(number: int) -> TrainedModel:
    found = febrl(number)
    options = TrainingOptions(one_to_one=number == 4, relax_guards=number == 4)
    facilities = [row.facility for row in found.rows]
    records = [row.record for row in found.rows]
    return train_model(records, default_model(), version=f"febrl-{number}", options=options, facilities=facilities)


def judged(number: int, guards: frozenset[str] | None = None) -> Accuracy:
    """Accuracy of links alone: a pair that waits for staff counts as missed."""
    found, model = febrl(number), trained(number).model
    model = model if guards is None else replace(model, guards=guards)
    clusters = link_records(found.rows, model, one_to_one=number == 4).clusters
    predicted = pairs_in(Counter(clusters.values()))
    true = pairs_in(Counter(found.person.values()))
    both = pairs_in(Counter((clusters[record], person) for record, person in found.person.items()))
    return Accuracy(both / predicted, both / true, 2 * both / (predicted + true))


def pairs_in(sizes: Counter) -> int:
    return sum(n * (n - 1) // 2 for n in sizes.values())


def test_febrl4_is_linked_without_a_label():
    found = judged(4)
    assert found.precision >= 0.999
    assert found.f1 >= 0.999


def test_the_file_shows_which_guards_part_its_records():
    off = set(default_model().guards) - trained(4).model.guards
    assert "strong_id_conflict" in off
    assert "test_record" not in off
    assert "strong_id_conflict = false" in render_model(trained(4).model)


def test_columns_that_are_not_there_weigh_nothing():
    assert set(trained(4).silent) == {"middle", "sex", "phone", "ssn_last4", "local_id", "generation"}
    for comparison in trained(4).silent:
        assert all(weight.match_weight == 0 for weight in trained(4).model.weights[comparison].values())


@pytest.mark.parametrize(("number", "f1", "f1_without_guards"), [(1, 0.96, 0.985), (2, 0.955, 0.99), (3, 0.94, 0.985)])
def test_febrl_1_to_3(number: int, f1: float, f1_without_guards: float):
    """One file each, so nothing shows which guards to switch off: they stay on, and cost recall, not precision."""
    guarded, free = judged(number), judged(number, frozenset())
    assert guarded.precision >= 0.999
    assert guarded.f1 >= f1
    assert free.f1 >= f1_without_guards
