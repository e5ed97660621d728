"""Laws of matching that hold for any two records."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpi.identity.demographics import PostalAddress
from mpi.matching.blocking import blocking_keys
from mpi.matching.comparison import compare_records
from mpi.matching.guards import ALWAYS_TWO_PEOPLE, MatchDecision, all_fired_guards
from mpi.matching.levels import LEVELS, MISSING
from mpi.matching.link_batch import link_records
from mpi.matching.match_model import default_model
from mpi.matching.scoring import score_pair
from tests.linkage_cases import needs_linkage_cases, person_of, rows
from tests.matching_builders import comparable

FAMILIES = ["Harlow", "Harolw", "Garcia-Lopez", "Lopez", "Smith", "Zhang", "Cheung", "Иванов", "de", "UNKNOWN", ""]
GIVENS = [
    "Miriam",
    "M",
    "Anna",
    "Hannah",
    "William",
    "Bill",
    "Jose Luis",
    "Jose Juan",
    "BABY BOY",
    "BB B",
    "Harlow",
    "",
]
DATES = ["1971-03-04", "1971-04-03", "1978-03-04", "1971", "1971-03", "1900-01-01", "1901-01-01", "2015-07-01", ""]
ADDRESSES = [
    ("12 Elm St", "Quillby", "00184"),
    ("12 ELM STREET #4", "", "184"),
    ("77 Oak Rd", "Tamsen", "333"),
    ("",) * 3,
]

people = st.builds(
    comparable,
    st.sampled_from(FAMILIES),
    st.sampled_from(GIVENS),
    st.sampled_from(DATES),
    middle=st.sampled_from(["", "K", "Karen", "Anna"]),
    suffix=st.sampled_from(["", "", "Jr", "SR", "II"]),
    sex=st.sampled_from(["F", "M", "O", ""]),
    phone=st.sampled_from(["", "3934445555", "+13934445556", "5555555555"]),
    address=st.sampled_from([PostalAddress(*address) for address in ADDRESSES]),
    ssn_last4=st.sampled_from(["", "4821", "4812", "9999"]),
    national_id=st.sampled_from(["", "9991234567", "9991234576", "9997654321"]),
    patient_identifier=st.sampled_from(["NGH|1", "LKM|7"]),
)
any_people = st.builds(
    comparable,
    st.text(max_size=12),
    st.text(max_size=12),
    middle=st.text(max_size=4),
    suffix=st.text(max_size=4),
    phone=st.text(max_size=12),
    address=st.builds(PostalAddress, st.text(max_size=12), st.text(max_size=6), st.text(max_size=8)),
    ssn_last4=st.text(max_size=6),
    national_id=st.text(max_size=12),
)


@settings(deadline=None)
@given(people, people)
def test_the_order_of_the_two_never_matters(a, b):
    forward, backward = score_pair(a, b, default_model()), score_pair(b, a, default_model())
    assert forward == backward


@settings(deadline=None)
@given(people, people)
def test_a_score_is_the_sum_of_its_lines(a, b):
    found = score_pair(a, b, default_model())
    assert found.score == sum(line.match_weight for line in found.weights)
    assert found.weights[0] == default_model().prior


@settings(deadline=None)
@given(people, people)
def test_what_is_missing_has_no_line(a, b):
    levels = dict(zip(LEVELS, compare_records(a, b).levels, strict=True))
    lines = {line.comparison for line in score_pair(a, b, default_model()).weights} - {"prior"}
    assert lines == {comparison for comparison, level in levels.items() if level != MISSING}
    if not (a.ssn_last4 and b.ssn_last4):
        assert levels["ssn_last4"] == MISSING
    if not (a.phones and b.phones):
        assert levels["phone"] == MISSING
    if a.birth_date is None or b.birth_date is None:
        assert levels["birth_date"] == MISSING


@settings(deadline=None, max_examples=300)
@given(people, people)
def test_a_guard_that_always_means_two_people_never_only_asks(a, b):
    levels = compare_records(a, b).levels
    fired = [guard for guard in all_fired_guards(a, b, levels) if guard.name in ALWAYS_TWO_PEOPLE]
    assert all(guard.vetoes and guard.cap is MatchDecision.NO for guard in fired)


@settings(deadline=None)
@given(people)
def test_nothing_disagrees_with_itself(a):
    levels = compare_records(a, a).levels
    assert "different" not in levels


@settings(deadline=None)
@given(any_people, any_people)
def test_any_text_can_be_normalised_blocked_and_scored(a, b):
    assert blocking_keys(a) == blocking_keys(a)
    assert score_pair(a, b, default_model()).score == score_pair(b, a, default_model()).score


@pytest.mark.parametrize("name", ["family", "given"])
def test_term_frequency_adjusts_both_ways_and_common_names_go_down(name):
    model = default_model()
    table = model.term_frequencies[name]
    u = model.probabilities[name]["exact"].u_probability
    common, rare = max(table.frequencies.values()), table.fallback
    assert rare < u < common


@needs_linkage_cases
def test_clusters_are_the_same_for_any_order_of_records():
    people_ids = sorted(set(person_of().values()))[:210]
    sample = [row for row in rows() if person_of()[row.record_id] in set(people_ids)][:400]
    assert len(sample) > 350
    expected = link_records(sample, default_model())
    for seed in (1, 2):
        shuffled = list(sample)
        random.Random(seed).shuffle(shuffled)
        found = link_records(shuffled, default_model())
        assert found.clusters == expected.clusters
        assert found.review == expected.review
