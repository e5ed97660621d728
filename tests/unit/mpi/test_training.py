"""Training on records without labels: what is learnt, and that nothing becomes impossible."""

from __future__ import annotations

import random

import pytest

from mpi.identity.demographics import PostalAddress
from mpi.matching.levels import LEVELS
from mpi.matching.match_model import default_model, parse_model
from mpi.matching.model_file import render_model
from mpi.matching.training import TrainingOptions, level_shares, term_frequencies, train_model
from tests.matching_builders import comparable

FAMILIES = ("Harlow", "Castle", "Stone", "Carver", "Quintrell", "Mercer", "Vale", "Ashby")
GIVENS = ("Miriam", "Robin", "Joan", "Judith", "Peter", "Edwin", "Clara", "Hugo")


def population(people: int, *, phone_changes: float) -> list:
    """Two records of each person; names are drawn, numbers are the person's own."""
    draw = random.Random(5)
    records = []
    for number in range(people):
        family, given = draw.choice(FAMILIES), draw.choice(GIVENS)
        date = f"{1930 + number % 80}-{number % 12 + 1:02d}-{number % 28 + 1:02d}"
        address = PostalAddress(f"{number + 10} Elm St", "Quillby", f"{number + 100}")
        for copy in range(2):
            moved = copy == 1 and draw.random() < phone_changes
            phone = f"39{draw.randrange(10**8):08d}" if moved else f"2{number * 7919 % 10**9:09d}"
            records.append(
                comparable(family, given, date, phone=phone, address=address, patient_identifier=f"S{copy}|{number}")
            )
    return records


def test_m_follows_the_records():
    stable = train_model(
        population(150, phone_changes=0.0), default_model(), version="t", options=TrainingOptions(random_pairs=3_000)
    )
    moving = train_model(
        population(150, phone_changes=0.6), default_model(), version="t", options=TrainingOptions(random_pairs=3_000)
    )
    m_stable = stable.model.probabilities["phone"]["different"].m_probability
    m_moving = moving.model.probabilities["phone"]["different"].m_probability
    assert m_stable < 0.15 < 0.4 < m_moving


def test_a_column_that_is_always_missing_trains_to_weight_zero():
    trained = train_model(
        population(60, phone_changes=0.1), default_model(), version="t", options=TrainingOptions(random_pairs=1_000)
    ).model
    assert all(weight.match_weight == 0 for weight in trained.weights["ssn_last4"].values())
    assert any(weight.match_weight for weight in trained.weights["phone"].values())


def test_a_trained_model_is_a_valid_model_and_the_same_each_time():
    records = population(60, phone_changes=0.1)
    first, second = (
        train_model(records, default_model(), version="t-1", options=TrainingOptions(random_pairs=1_000))
        for _ in range(2)
    )
    assert parse_model(render_model(first.model)) == parse_model(render_model(second.model))
    assert first.model.version == "t-1"
    assert (first.model.upper, first.model.lower) == (first.thresholds.upper, first.thresholds.lower)
    assert first.thresholds.is_estimated
    assert 2 <= first.thresholds.lower <= first.thresholds.upper
    assert first.thresholds.upper >= 10


def test_training_on_nothing_gives_the_first_guess():
    trained = train_model([], default_model(), version="t").model
    assert trained.probabilities["family"]["exact"].m_probability == pytest.approx(
        default_model().probabilities["family"]["exact"].m_probability
    )


def test_shares_of_no_pairs_are_even_and_never_zero():
    shares = level_shares([])
    assert all(sum(levels.values()) == pytest.approx(1) for levels in shares.values())
    assert all(share > 0 for levels in shares.values() for share in levels.values())
    assert set(shares) == set(LEVELS)


def test_term_frequencies_count_names_and_keep_a_fallback():
    tables = term_frequencies([comparable("Smith", "Ann"), comparable("Smith", "Joan"), comparable("Vale", "Ann")])
    assert tables["family"].frequency("smith") == 0.5
    assert 0 < tables["family"].frequency("nobody") <= 0.25
