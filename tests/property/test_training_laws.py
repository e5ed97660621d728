"""Laws of training that hold for any records."""

from __future__ import annotations

import math
import random
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpi.errors import InvalidModel
from mpi.matching.match_model import default_model, parse_model
from mpi.matching.model_file import render_model
from mpi.matching.training import TrainingOptions, term_frequencies, train_model
from tests.matching_builders import comparable

EMPTY = {"ssn_last4": {"ssn_last4": ""}, "strong_id": {"strong_ids": ()}, "phone": {"phones": ()}, "sex": {"sex": ""}}

people = st.builds(
    comparable,
    st.sampled_from(["Harlow", "Harolw", "Garcia-Lopez", "Lopez", "Smith"]),
    st.sampled_from(["Miriam", "Anna", "Hannah", "William", "Bill"]),
    st.sampled_from(["1971-03-04", "1971-04-03", "1978-03-04"]),
    phone=st.sampled_from(["", "3934445555", "3934445556"]),
    ssn_last4=st.sampled_from(["", "4821", "4812"]),
    national_id=st.sampled_from(["", "9991234567", "9991234576"]),
    patient_identifier=st.sampled_from(["NGH|1", "LKM|7"]),
)


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 40), st.integers(300, 600), st.integers(0, 99))
def test_term_frequency_adjustments_of_a_trained_model_even_out(names, size, seed):
    """Among records drawn at random 2^-adjustment is 1 on average, so names as a whole gain and lose nothing."""
    draw = random.Random(seed)
    stock = [f"{first}{last}" for first in ("bra", "kel", "mon", "tir", "vos") for last in "adehilnr"][:names]
    drawn = [draw.choices(stock, [1 / (rank + 1) for rank in range(names)])[0] for _ in range(size)]
    records = [comparable(name, name, f"{1930 + n % 90}-01-{n % 28 + 1:02d}") for n, name in enumerate(drawn)]
    table = term_frequencies(records)["family"]
    u = sum((drawn.count(name) / size) ** 2 for name in set(drawn))
    adjustment = {name: math.log2(u / table.frequency(name)) for name in set(drawn)}
    assert sum(2 ** -adjustment[name] for name in drawn) / size == pytest.approx(1, rel=0.1)
    agreeing = sum(drawn.count(name) * adjustment[name] for name in drawn) / sum(drawn.count(name) for name in drawn)
    assert -1.5 < agreeing <= 0.1
    most, least = max(drawn, key=drawn.count), min(drawn, key=drawn.count)
    assert adjustment[most] <= adjustment[least]
    assert adjustment[most] <= 0.1


@settings(deadline=None, max_examples=30)
@given(st.lists(people, min_size=3, max_size=12), st.sampled_from(sorted(EMPTY)))
def test_a_column_that_nobody_has_trains_to_weight_zero(records, column):
    records = [replace(record, **EMPTY[column]) for record in records]
    options = TrainingOptions(random_pairs=30)
    trained = train_model(records, default_model(), version="t", options=options)
    assert column in trained.silent
    for comparison in trained.silent:
        assert {w.match_weight for w in trained.model.weights[comparison].values()} == {0}
    assert parse_model(render_model(trained.model)).version == "t"


@pytest.mark.parametrize("impossible", ["0", "1", "0.0", "1.0", "-0.5", "1.5"])
@pytest.mark.parametrize("side", ["m", "u"])
def test_a_probability_of_zero_or_one_is_refused(impossible, side):
    text = render_model(default_model())
    broken = re.sub(rf"(\[comparisons.sex\]\nexact = {{.*?\b{side} = )[\d.e-]+", rf"\g<1>{impossible}", text)
    assert broken != text
    with pytest.raises(InvalidModel, match=f"comparison sex, level exact: {side} must lie between"):
        parse_model(broken)
