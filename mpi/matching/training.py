"""Estimating a match model: u from random pairs, m from labelled pairs or by EM, frequencies from the records.

Pure functions on records and level vectors; where pairs come from, and where the model goes, is the caller's.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mpi.matching.comparable import ComparableRecord
from mpi.matching.comparison import LEVELS, PairLevels, compare_records
from mpi.matching.match_model import LevelProbabilities, MatchModel, TermFrequencies
from mpi.matching.name_comparison import MISSING

Probabilities = Mapping[str, Mapping[str, float]]
"""Comparison -> level -> probability; the levels of a comparison sum to 1."""


@dataclass(frozen=True, slots=True)
class EmResult:
    """What EM found: m per level, the share of pairs that are matches, the rounds it took."""

    m: Probabilities
    match_share: float
    rounds: int


def level_shares(
    weighted: Iterable[tuple[PairLevels, float]], *, pseudo_count: float = 0.5, spread: Probabilities | None = None
) -> Probabilities:
    """Share of each level among pairs that have evidence on the comparison.

    ``pseudo_count`` is spread over the levels (by ``spread``, else evenly) so that no probability is 0 or 1 and a
    comparison that is always missing trains to the spread itself.
    """
    counts: dict[str, Counter[str]] = {comparison: Counter() for comparison in LEVELS}
    for levels, weight in weighted:
        for comparison, level in zip(LEVELS, levels, strict=True):
            if level != MISSING:
                counts[comparison][level] += weight  # type: ignore[assignment]
    shares = {}
    for comparison, names in LEVELS.items():
        base = spread[comparison] if spread else dict.fromkeys(names, 1 / len(names))
        total = sum(counts[comparison].values()) + pseudo_count * len(names)
        shares[comparison] = {
            level: (counts[comparison][level] + pseudo_count * len(names) * base[level]) / total for level in names
        }
    return shares


def random_pair_levels(
    records: Sequence[ComparableRecord], *, pairs: int, seed: int
) -> Iterable[tuple[PairLevels, float]]:
    """Levels of pairs drawn at random: nearly all are pairs of two people, so their shares are u."""
    if len(records) < 2:
        return
    draw = random.Random(seed)  # noqa: S311 - a sample, not a secret
    for _ in range(pairs):
        first, second = draw.sample(range(len(records)), 2)
        yield compare_records(records[first], records[second]).levels, 1.0


def estimate_m(
    candidates: Sequence[PairLevels], u: Probabilities, start: MatchModel, *, rounds: int = 25, tolerance: float = 1e-4
) -> EmResult:
    """Expectation maximisation over candidate pairs with u fixed (pairs of one person are too rare to move u)."""
    grouped = Counter(candidates)
    m: Probabilities = {
        comparison: {level: p.m_probability for level, p in levels.items()}
        for comparison, levels in start.probabilities.items()
    }
    share, done = 0.5, 0
    for done in range(1, rounds + 1):
        expected = [(levels, count, _posterior(levels, m, u, share)) for levels, count in grouped.items()]
        share_next = sum(count * p for _, count, p in expected) / max(1, len(candidates))
        m_next = level_shares(((levels, count * p) for levels, count, p in expected), spread=m)
        moved = max(abs(m_next[c][level] - m[c][level]) for c in LEVELS for level in LEVELS[c])
        m, share = m_next, min(max(share_next, 1e-6), 1 - 1e-6)
        if moved < tolerance:
            break
    return EmResult(m, share, done)


def _posterior(levels: PairLevels, m: Probabilities, u: Probabilities, share: float) -> float:
    bits = math.log2(share / (1 - share))
    for comparison, level in zip(LEVELS, levels, strict=True):
        if level != MISSING:
            bits += math.log2(m[comparison][level] / u[comparison][level])
    return 1 / (1 + 2 ** -max(min(bits, 500.0), -500.0))


def term_frequencies(records: Iterable[ComparableRecord], *, listed: int = 400) -> dict[str, TermFrequencies]:
    """Frequencies of family and given names; the rarest listed one is the fall-back, at most half of it."""
    families: Counter[str] = Counter()
    givens: Counter[str] = Counter()
    for record in records:
        families.update([record.name.family_text] if record.name.family else [])
        givens.update([record.name.given_text] if record.name.given else [])
    return {"family": _frequencies(families, listed), "given": _frequencies(givens, listed)}


def _frequencies(counts: Counter[str], listed: int) -> TermFrequencies:
    total = sum(counts.values()) + 1
    top = [(term, count) for term, count in counts.most_common(listed) if count > 1]
    frequencies = {term: count / total for term, count in sorted(top)}
    rest = [count for count in counts.values() if count <= (top[-1][1] if top else 1)]
    typical = (sum(rest) / len(rest)) if rest else 1
    return TermFrequencies(frequencies, min(0.5, max(typical, 1) / total))


def combine(m: Probabilities, u: Probabilities) -> dict[str, dict[str, LevelProbabilities]]:
    """m and u side by side, kept off 0 and 1."""
    return {
        comparison: {level: LevelProbabilities(_inside(m[comparison][level]), _inside(u[comparison][level])) for level in names}
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
        lines += ["", f"[term_frequencies.{name}]", f"fallback = {table.fallback:.6g}", "", f"[term_frequencies.{name}.terms]"]
        lines += [f'"{term}" = {frequency:.6g}' for term, frequency in table.frequencies.items()]
    return "\n".join(lines) + "\n"
