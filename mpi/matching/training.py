"""Estimating a match model: u from random pairs, m from labelled pairs or by EM, frequencies from the records.

Pure functions on records and level vectors; where pairs come from, and where the model goes, is the caller's.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mpi.matching.candidates import candidate_pairs
from mpi.matching.comparable import ComparableRecord
from mpi.matching.comparison import compare_records
from mpi.matching.guards import fired_guards
from mpi.matching.levels import LEVELS, MISSING, PairLevels
from mpi.matching.match_model import LevelProbabilities, MatchModel, TermFrequencies

_PSEUDO_PAIRS = 20.0
_MOST_BELOW = 4.0
Probabilities = Mapping[str, Mapping[str, float]]
"""Comparison -> level -> probability; the levels of a comparison sum to 1."""


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A model estimated from records, and what a report needs."""

    model: MatchModel
    records: int
    candidate_pairs: int
    match_share: float
    rounds: int


@dataclass(frozen=True, slots=True)
class EmResult:
    """What EM found: m per level, the share of pairs that are matches, the rounds it took."""

    m: Probabilities
    match_share: float
    rounds: int


def train_model(
    records: Sequence[ComparableRecord], start: MatchModel, *, version: str, random_pairs: int = 100_000, seed: int = 1
) -> TrainedModel:
    """Estimate m (EM), u (random pairs) and name frequencies from records without labels.

    ``start`` gives the first guess, the thresholds, the prior and the guards; where the records say little, its
    probabilities stay. Deterministic for a seed and any order of equal records.
    """
    start_m, start_u = _probabilities(start)
    drawn = list(random_pair_levels(records, pairs=random_pairs, seed=seed))
    # A random pair may be one person after all: it counts as far as the first guess says it is two.
    weighted = ((levels, 1 - _posterior(levels, start_m, start_u, start.prior.match_weight)) for levels in drawn)
    u = level_shares(weighted, pseudo_count=_PSEUDO_PAIRS, spread=start_u)
    pairs = candidate_pairs(records).pairs
    found = estimate_m(_levels_that_may_match(records, pairs, start), u, start)
    model = replace(
        start,
        version=version,
        probabilities=combine(found.m, _not_far_below(u, start_u)),
        term_frequencies=term_frequencies(records),
        provenance=f"m by EM over {len(pairs)} candidate pairs of {len(records)} records, "
        f"u from {len(drawn)} random pairs; first guess, prior and thresholds of {start.version}.",
    )
    return TrainedModel(model, len(records), len(pairs), found.match_share, found.rounds)


def level_shares(
    weighted: Iterable[tuple[PairLevels, float]], *, pseudo_count: float = 0.5, spread: Probabilities | None = None
) -> Probabilities:
    """Share of each level among pairs that have evidence on the comparison.

    ``pseudo_count`` is spread over the levels (by ``spread``, else evenly) so that no probability is 0 or 1 and a
    comparison that is always missing trains to the spread itself.
    """
    counts = {comparison: dict.fromkeys(names, 0.0) for comparison, names in LEVELS.items()}
    for levels, weight in weighted:
        for comparison, level in zip(LEVELS, levels, strict=True):
            if level != MISSING:
                counts[comparison][level] += weight
    shares = {}
    for comparison, names in LEVELS.items():
        base = spread[comparison] if spread else dict.fromkeys(names, 1 / len(names))
        total = sum(counts[comparison].values()) + pseudo_count * len(names)
        shares[comparison] = {
            level: (counts[comparison][level] + pseudo_count * len(names) * base[level]) / total for level in names
        }
    return shares


def random_pair_levels(records: Sequence[ComparableRecord], *, pairs: int, seed: int) -> Iterator[PairLevels]:
    """Levels of pairs drawn at random: nearly all are pairs of two people, so their shares are u."""
    if len(records) < 2:
        return
    draw = random.Random(seed)  # noqa: S311 - a sample, not a secret
    for _ in range(pairs):
        first, second = draw.sample(range(len(records)), 2)
        yield compare_records(records[first], records[second]).levels


def estimate_m(
    candidates: Iterable[PairLevels], u: Probabilities, start: MatchModel, *, rounds: int = 25, tolerance: float = 1e-4
) -> EmResult:
    """Expectation maximisation with u and the prior fixed.

    u and the prior are those of random pairs, so candidates are judged by them too: were they re-estimated on
    candidates, which all share something, every household would become a match.
    """
    grouped = sorted(Counter(candidates).items())
    total = sum(count for _, count in grouped)
    m_start, _ = _probabilities(start)
    m, share, moved, done = m_start, 0.0, 1.0, 0
    while done < rounds and moved >= tolerance:
        done += 1
        expected = [(levels, count * _posterior(levels, m, u, start.prior.match_weight)) for levels, count in grouped]
        share = sum(weight for _, weight in expected) / max(1, total)
        m_next = level_shares(expected, pseudo_count=_PSEUDO_PAIRS, spread=m_start)
        moved = max(abs(m_next[c][level] - m[c][level]) for c in LEVELS for level in LEVELS[c])
        m = m_next
    return EmResult(m, share, done)


def _levels_that_may_match(
    records: Sequence[ComparableRecord], pairs: Iterable[tuple[int, int]], model: MatchModel
) -> Iterator[PairLevels]:
    """Levels of the candidates that no guard calls two people: twins and fathers would teach the wrong m."""
    for first, second in pairs:
        a, b = records[first], records[second]
        levels = compare_records(a, b).levels
        if not any(guard.vetoes for guard in fired_guards(a, b, levels, model)):
            yield levels


def _probabilities(model: MatchModel) -> tuple[Probabilities, Probabilities]:
    m = {c: {n: p.m_probability for n, p in levels.items()} for c, levels in model.probabilities.items()}
    u = {c: {n: p.u_probability for n, p in levels.items()} for c, levels in model.probabilities.items()}
    return m, u


def _posterior(levels: PairLevels, m: Probabilities, u: Probabilities, prior_bits: float) -> float:
    bits = prior_bits
    for comparison, level in zip(LEVELS, levels, strict=True):
        if level != MISSING:
            bits += math.log2(m[comparison][level] / u[comparison][level])
    return float(1 / (1 + 2 ** -max(min(bits, 500.0), -500.0)))


def term_frequencies(records: Iterable[ComparableRecord], *, listed: int = 400) -> dict[str, TermFrequencies]:
    """Frequencies of the most common family and given names; the fall-back is the mean of those not listed."""
    families: Counter[str] = Counter()
    givens: Counter[str] = Counter()
    for record in records:
        families.update([record.name.family_text] if record.name.family else [])
        givens.update([record.name.given_text] if record.name.given else [])
    return {"family": _frequencies(families, listed), "given": _frequencies(givens, listed)}


def _frequencies(counts: Counter[str], listed: int) -> TermFrequencies:
    total = sum(counts.values()) + 1
    top = dict(sorted((term, count) for term, count in counts.most_common(listed) if count > 1))
    rest = [count for term, count in counts.items() if term not in top]
    typical = sum(rest) / len(rest) if rest else 1
    return TermFrequencies({term: count / total for term, count in top.items()}, min(0.5, typical / total))


def _not_far_below(u: Probabilities, start_u: Probabilities) -> Probabilities:
    # A level that no random pair showed is rare, but not rarer without limit.
    return {c: {n: max(value, start_u[c][n] / _MOST_BELOW) for n, value in levels.items()} for c, levels in u.items()}


def combine(m: Probabilities, u: Probabilities) -> dict[str, dict[str, LevelProbabilities]]:
    """m and u side by side, kept off 0 and 1."""
    return {
        comparison: {
            level: LevelProbabilities(_inside(m[comparison][level]), _inside(u[comparison][level])) for level in names
        }
        for comparison, names in LEVELS.items()
    }


def _inside(probability: float) -> float:
    return min(max(probability, 1e-9), 1 - 1e-9)


def render_model(model: MatchModel) -> str:
    """The model as the TOML text that ``parse_model`` reads."""
    lines = [f'version = "{model.version}"', f"prior_match_weight = {model.prior.match_weight:g}"]
    lines += [f"provenance = '''\n{model.provenance.strip()}\n'''", "", "[thresholds]"]
    lines += [f"upper = {model.upper:g}", f"lower = {model.lower:g}", "", "[guards]"]
    lines += [f"{guard} = true" for guard in sorted(model.guards)]
    for comparison, levels in model.probabilities.items():
        lines += ["", f"[comparisons.{comparison}]"]
        lines += [f"{name} = {{ m = {p.m_probability:.6g}, u = {p.u_probability:.6g} }}" for name, p in levels.items()]
    for name, table in model.term_frequencies.items():
        lines += [
            "",
            f"[term_frequencies.{name}]",
            f"fallback = {table.fallback:.6g}",
            "",
            f"[term_frequencies.{name}.terms]",
        ]
        lines += [f'"{term}" = {frequency:.6g}' for term, frequency in table.frequencies.items()]
    return "\n".join(lines) + "\n"
