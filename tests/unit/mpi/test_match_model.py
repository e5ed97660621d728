"""Model files: what is read, what is refused, and by which name."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from mpi.errors import InvalidModel
from mpi.matching.levels import LEVELS
from mpi.matching.match_model import GUARDS, TermFrequencies, default_model, parse_model
from mpi.matching.model_file import render_model

DEFAULT = (files("mpi.matching") / "models" / "default-1.toml").read_text(encoding="utf-8")


def changed(pattern: str, replacement: str) -> str:
    text, count = re.subn(pattern, replacement, DEFAULT, count=1, flags=re.MULTILINE)
    assert count == 1
    return text


def test_the_default_model_weighs_every_level():
    model = default_model()
    assert {c: tuple(levels) for c, levels in model.weights.items()} == dict(LEVELS)
    assert model.guards == frozenset(GUARDS)
    assert model.lower < model.upper
    assert "random pairs" in model.provenance


def test_in_every_comparison_m_and_u_are_shares():
    for comparison, levels in default_model().probabilities.items():
        if len(levels) > 1:
            assert sum(p.m_probability for p in levels.values()) == pytest.approx(1, abs=1e-6), comparison
            assert sum(p.u_probability for p in levels.values()) == pytest.approx(1, abs=1e-6), comparison


def test_agreement_speaks_for_and_difference_against():
    for comparison, levels in default_model().weights.items():
        assert levels["exact"].match_weight > 0, comparison
        if "different" in levels:
            assert levels["different"].match_weight < 0, comparison


@pytest.mark.parametrize("value", ["0.0", "1.0", "0", "1", "-0.1", "2", "nan", "true", '"x"'])
@pytest.mark.parametrize("name", ["m", "u"])
def test_a_probability_of_zero_or_one_is_refused_by_name(name, value):
    pair = f"{{ m = {value}, u = 0.5 }}" if name == "m" else f"{{ m = 0.5, u = {value} }}"
    text = changed(r"^one_digit = \{ m = .*\}$", f"one_digit = {pair}")
    with pytest.raises(InvalidModel, match=rf"comparison birth_date, level one_digit: {name} "):
        parse_model(text)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("not toml [", "not TOML"),
        (changed(r"^version = .*$", ""), "version"),
        (changed(r"^prior_match_weight = .*$", ""), "prior_match_weight"),
        (changed(r"^upper = .*$", "upper = 1"), "thresholds"),
        (changed(r"^lower = .*$", ""), "thresholds: lower"),
        (changed(r"^swapped = .*$", ""), "comparison family, level swapped"),
        (changed(r"^\[comparisons\.phone\]$", "[comparisons.fax]"), "comparison fax"),
        (changed(r"^twin = true$", "twins = true"), "guard twins"),
        (changed(r"^fallback = .*$", "fallback = 0"), "term_frequencies family"),
    ],
)
def test_what_cannot_be_used_is_named(text, named):
    with pytest.raises(InvalidModel, match=named):
        parse_model(text)


def test_a_guard_can_be_switched_off():
    assert "twin" not in parse_model(changed(r"^twin = true$", "twin = false")).guards


def test_a_rendered_model_reads_back_the_same():
    model = default_model()
    assert parse_model(render_model(model)) == model


def test_an_unlisted_name_has_the_fallback_frequency():
    table = TermFrequencies({"smith": 0.01}, 0.0003)
    assert (table.frequency("smith"), table.frequency("quintrell")) == (0.01, 0.0003)


def test_twice_the_population_is_one_bit_less_and_a_small_one_changes_nothing():
    model = default_model()
    assert model.for_population(100) is model
    assert model.for_population(131_072).prior.match_weight == model.prior.match_weight - 1


def test_observed_frequencies_make_names_commoner_but_never_rarer():
    model = default_model().with_common_terms({"family": TermFrequencies({"quintrell": 0.02, "smith": 1e-6}, 1e-4)})
    assert model.term_frequencies["family"].frequency("quintrell") == 0.02
    assert model.term_frequencies["family"].frequency("smith") == default_model().term_frequencies["family"].frequency(
        "smith"
    )
    assert model.term_frequencies["given"] == default_model().term_frequencies["given"]
