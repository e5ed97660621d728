"""The match model: m and u per comparison level, term frequencies, thresholds and guards, read from a data file.

A match weight is log2(m/u), in bits. The file is TOML; ``models/default-1.toml`` says how its numbers were estimated.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from mpi.errors import InvalidModel
from mpi.matching.levels import LEVELS

TERM_FREQUENCY = "term_frequency"
POPULATION_OF_PRIOR = 65_536
"""Up to so many records the prior of a model file holds as it is: among n records about 2 pairs in n match."""
GUARDS = (
    "test_record", "unidentified", "newborn", "strong_id_conflict", "reused_local_id", "generation", "birth_date",
    "twin", "household", "namesake", "ssn_conflict", "birth_date_missing",
)  # fmt: skip
"""Names of the guards a model may switch off; each is a function in ``guards``."""


class MatchWeight(NamedTuple):
    """One line of a score."""

    comparison: str
    level: str
    match_weight: float


@dataclass(frozen=True, slots=True)
class LevelProbabilities:
    """How often a level is seen among pairs of one person (m) and among pairs of two (u)."""

    m_probability: float
    u_probability: float


@dataclass(frozen=True, slots=True)
class TermFrequencies:
    """How common a name is; ``fallback`` is the frequency of a name that is not listed."""

    frequencies: Mapping[str, float]
    fallback: float

    def frequency(self, term: str) -> float:
        return self.frequencies.get(term, self.fallback)


@dataclass(frozen=True, slots=True)
class MatchModel:
    """A validated model. ``upper`` and ``lower`` are thresholds on the score, in bits."""

    version: str
    prior: MatchWeight
    upper: float
    lower: float
    probabilities: Mapping[str, Mapping[str, LevelProbabilities]]
    term_frequencies: Mapping[str, TermFrequencies]
    guards: frozenset[str]
    provenance: str = ""
    weights: Mapping[str, Mapping[str, MatchWeight]] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        weights = {
            comparison: {
                level: MatchWeight(comparison, level, math.log2(p.m_probability / p.u_probability))
                for level, p in levels.items()
            }
            for comparison, levels in self.probabilities.items()
        }
        object.__setattr__(self, "weights", weights)

    def for_population(self, records: int) -> MatchModel:
        """The same model for so many records: twice the records, one bit less; never more than the model's prior."""
        surplus = math.log2(max(records, POPULATION_OF_PRIOR) / POPULATION_OF_PRIOR)
        prior = self.prior._replace(match_weight=self.prior.match_weight - surplus)
        return replace(self, prior=prior) if surplus else self

    def with_common_terms(self, observed: Mapping[str, TermFrequencies]) -> MatchModel:
        """The same model in which a term is as common as the model or ``observed`` says, whichever is more."""
        merged = {
            name: TermFrequencies(
                {
                    term: max(table.frequency(term), observed[name].frequencies.get(term, 0.0))
                    for term in {**table.frequencies, **observed[name].frequencies}
                },
                table.fallback,
            )
            if name in observed
            else table
            for name, table in self.term_frequencies.items()
        }
        return replace(self, term_frequencies=merged)


def parse_model(text: str) -> MatchModel:
    """Read and check a model file.

    Raises:
        InvalidModel: not TOML, a part missing, a probability that is not strictly between 0 and 1, thresholds crossed.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidModel("model is not TOML") from error
    thresholds, prior = _table(data, "thresholds"), _number(data, "prior_match_weight")
    upper, lower = _number(thresholds, "upper", "thresholds"), _number(thresholds, "lower", "thresholds")
    if lower > upper:
        raise InvalidModel("thresholds: lower is above upper")
    return MatchModel(
        version=_version(data),
        prior=MatchWeight("prior", "prior", prior),
        upper=upper,
        lower=lower,
        probabilities=_probabilities(_table(data, "comparisons")),
        term_frequencies=_term_frequencies(data.get("term_frequencies", {})),
        guards=_guards(data.get("guards", {})),
        provenance=str(data.get("provenance", "")),
    )


@cache
def default_model() -> MatchModel:
    """The model that comes with the product."""
    return parse_model((files("mpi.matching") / "models" / "default-1.toml").read_text(encoding="utf-8"))


def _version(data: Mapping[str, Any]) -> str:
    version = data.get("version")
    if not isinstance(version, str) or not version:
        raise InvalidModel("version is missing")
    return version


def _table(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = data.get(name)
    if not isinstance(table, dict):
        raise InvalidModel(f"{name} is missing")
    return table


def _number(data: Mapping[str, Any], name: str, where: str = "model") -> float:
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidModel(f"{where}: {name} is not a number")
    return float(value)


def _probabilities(comparisons: Mapping[str, Any]) -> dict[str, dict[str, LevelProbabilities]]:
    unknown = set(comparisons) - set(LEVELS)
    if unknown:
        raise InvalidModel(f"comparison {min(unknown)} is not known")
    return {
        comparison: {level: _level(_table(comparisons, comparison), comparison, level) for level in levels}
        for comparison, levels in LEVELS.items()
    }


def _level(levels: Mapping[str, Any], comparison: str, level: str) -> LevelProbabilities:
    where = f"comparison {comparison}, level {level}"
    pair = levels.get(level)
    if not isinstance(pair, dict):
        raise InvalidModel(f"{where}: is missing")
    m, u = _number(pair, "m", where), _number(pair, "u", where)
    for name, value in (("m", m), ("u", u)):
        if not 0.0 < value < 1.0:
            raise InvalidModel(f"{where}: {name} must lie between 0 and 1, both excluded")
    return LevelProbabilities(m, u)


def _term_frequencies(tables: Mapping[str, Any]) -> dict[str, TermFrequencies]:
    parsed = {}
    for name in tables:
        table = _table(tables, name)
        terms, where = _table(table, "terms"), f"term_frequencies {name}"
        frequencies = {term: _number(terms, term, where) for term in terms}
        fallback = _number(table, "fallback", where)
        if not all(0.0 < value < 1.0 for value in (*frequencies.values(), fallback)):
            raise InvalidModel(f"{where}: a frequency must lie between 0 and 1, both excluded")
        parsed[name] = TermFrequencies(frequencies, fallback)
    return parsed


def _guards(switches: Mapping[str, Any]) -> frozenset[str]:
    unknown = set(switches) - set(GUARDS)
    if unknown:
        raise InvalidModel(f"guard {min(unknown)} is not known")
    return frozenset(name for name in GUARDS if switches.get(name, True))
