"""Estimating a match model: u from random pairs, m by EM with labelled pairs where there are any, frequencies.

Pure functions on records and level vectors; where pairs come from, and where the model goes, is the caller's.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mpi.matching.calibration import OperatingPoint, Targets, Thresholds, choose_thresholds
from mpi.matching.candidates import candidate_pairs
from mpi.matching.comparable import ComparableRecord
from mpi.matching.comparison import compare_records
from mpi.matching.guard_evidence import GuardEvidence
from mpi.matching.levels import LEVELS, MISSING, PairLevels
from mpi.matching.match_model import LevelProbabilities, MatchModel, TermFrequencies
from mpi.matching.training_pairs import ComparedCandidate, compare_pairs, guards_of_pairs, score_distribution

ENOUGH_FOR_FREQUENCIES = 1_000
"""From this many records on, a name that is common in the batch counts as common."""
_PSEUDO_PAIRS = 20.0
_MOST_BELOW = 4.0
Probabilities = Mapping[str, Mapping[str, float]]
"""Comparison -> level -> probability; the levels of a comparison sum to 1."""


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A model estimated from records, and what a report needs.

    ``points`` holds what to expect of every threshold; ``silent`` names the comparisons that no pair had evidence on:
    they train to weight 0. ``guards`` says what the file shows of each guard.
    """

    model: MatchModel
    records: int
    candidate_pairs: int
    match_share: float
    rounds: int
    thresholds: Thresholds
    points: tuple[OperatingPoint, ...]
    guards: tuple[GuardEvidence, ...]
    silent: tuple[str, ...]
    expected_matches: float
    truncated_blocks: int = 0
    labelled_pairs: int = 0


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """How to train.

    ``one_to_one``: no facility has two records of one person, so two records of one facility never match.
    ``relax_guards``: switch off guards that the file shows to fire on one person's own records.
    """

    targets: Targets = field(default_factory=Targets)
    one_to_one: bool = False
    relax_guards: bool = False
    random_pairs: int = 100_000
    seed: int = 1


@dataclass(frozen=True, slots=True)
class EmResult:
    """What EM found: m per level, the share of pairs that are matches, the rounds it took."""

    m: Probabilities
    match_share: float
    rounds: int


def train_model(
    records: Sequence[ComparableRecord],
    start: MatchModel,
    *,
    version: str,
    options: TrainingOptions | None = None,
    facilities: Sequence[str] = (),
    labels: Mapping[tuple[int, int], bool] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> TrainedModel:
    """Estimate m (EM), u (random pairs), name frequencies and thresholds from records, labelled pairs or none.

    ``start`` gives the first guess, the prior and the guards; where the records say little, its probabilities stay.
    ``facilities`` are those of the records, by position. ``labels`` says of (first, second) positions, first <
    second, whether they are one person. ``progress`` is told (done, all) of the pairs compared. Deterministic for a
    seed and any order of equal records.
    """
    options, labels = options or TrainingOptions(), labels or {}
    drawn = list(random_pair_levels(records, pairs=options.random_pairs, seed=options.seed))
    candidates = candidate_pairs(records)
    pairs = compare_pairs(records, sorted({*candidates.pairs, *labels}), facilities, labels, progress)
    silent = _silent(drawn, pairs)
    first = replace(start, version=version, term_frequencies=term_frequencies(records))
    u = _random_shares(drawn, start)
    model, em = _fitted(pairs, u, first, silent, options)
    evidence = guards_of_pairs(pairs, model_for_records(records, model), facilities)
    harmful = _harmful(evidence, model) if options.relax_guards else frozenset()
    while harmful:
        # Pairs that a guard kept from teaching m now do: with the new m more of them score high enough to be counted.
        model, em = _fitted(pairs, u, replace(first, guards=model.guards - harmful), silent, options)
        harmful = _harmful(guards_of_pairs(pairs, model_for_records(records, model), facilities), model)
    in_batch = model_for_records(records, model)
    distribution = score_distribution(pairs, in_batch, len(records), facilities, options.one_to_one)
    thresholds = choose_thresholds(distribution, options.targets, start=(start.upper, start.lower))
    return TrainedModel(
        model=replace(
            model,
            upper=thresholds.upper,
            lower=thresholds.lower,
            provenance=_provenance(start, len(records), len(pairs), len(drawn), len(labels), options, thresholds),
        ),
        records=len(records),
        candidate_pairs=len(candidates.pairs),
        match_share=em.match_share,
        rounds=em.rounds,
        thresholds=thresholds,
        points=distribution.points(thresholds.lower),
        guards=evidence,
        silent=silent,
        expected_matches=distribution.expected_matches,
        truncated_blocks=candidates.truncated_blocks,
        labelled_pairs=len(labels),
    )


def _fitted(
    pairs: Sequence[ComparedCandidate],
    u: Probabilities,
    first: MatchModel,
    silent: Collection[str],
    options: TrainingOptions,
) -> tuple[MatchModel, EmResult]:
    """``first`` with m by EM. No evidence is weight 0: a column nobody has seen must not decide links."""
    start_u = _probabilities(first)[1]
    teaching = (pair.levels for pair in pairs if pair.may_teach(first.guards, options.one_to_one))
    em = estimate_m(teaching, u, first, judged=[(p.levels, p.same) for p in pairs if p.same is not None])
    m = {c: start_u[c] if c in silent else levels for c, levels in em.m.items()}
    known_u = {c: start_u[c] if c in silent else levels for c, levels in _not_far_below(u, start_u).items()}
    return replace(first, probabilities=combine(m, known_u)), em


def _harmful(evidence: Iterable[GuardEvidence], model: MatchModel) -> frozenset[str]:
    return model.guards & {found.guard for found in evidence if found.does_harm}


def _provenance(
    start: MatchModel,
    records: int,
    pairs: int,
    drawn: int,
    labelled: int,
    options: TrainingOptions,
    thresholds: Thresholds,
) -> str:
    chosen = (
        f"thresholds for an expected precision of {options.targets.precision:g} and at most "
        f"{options.targets.review_load:g} questions a record"
        if thresholds.is_estimated
        else f"thresholds of {start.version} (too few matches to estimate any)"
    )
    return (
        f"m by EM over {pairs} candidate pairs of {records} records ({labelled} of them labelled), "
        f"u from {drawn} random pairs; first guess and prior of {start.version}; {chosen}."
    )


def model_for_records(records: Sequence[ComparableRecord], model: MatchModel) -> MatchModel:
    """The model with the prior of so many records, and with the names that are common among them."""
    model = model.for_population(len(records))
    if len(records) < ENOUGH_FOR_FREQUENCIES:
        return model
    return model.with_common_terms(term_frequencies(records))


def _random_shares(drawn: Sequence[PairLevels], start: MatchModel) -> Probabilities:
    # A random pair may be one person after all: it counts as far as the first guess says it is two.
    start_m, start_u = _probabilities(start)
    counted = sorted(Counter(drawn).items())
    weighted = (
        (levels, count * (1 - _posterior(levels, start_m, start_u, start.prior.match_weight)))
        for levels, count in counted
    )
    return level_shares(weighted, pseudo_count=_PSEUDO_PAIRS, spread=start_u)


def _silent(drawn: Iterable[PairLevels], pairs: Iterable[ComparedCandidate]) -> tuple[str, ...]:
    """Comparisons on which no pair has evidence: a column that is not there."""
    seen: set[str] = set()
    for levels in {*drawn, *(pair.levels for pair in pairs)}:
        seen.update(c for c, level in zip(LEVELS, levels, strict=True) if level != MISSING)
    return tuple(comparison for comparison in LEVELS if comparison not in seen) if seen else ()


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
    candidates: Iterable[PairLevels],
    u: Probabilities,
    start: MatchModel,
    *,
    judged: Sequence[tuple[PairLevels, bool]] = (),
    rounds: int = 25,
    tolerance: float = 1e-4,
) -> EmResult:
    """Expectation maximisation with u and the prior fixed; ``judged`` pairs are what somebody said they are.

    u and the prior are those of random pairs, so candidates are judged by them too: were they re-estimated on
    candidates, which all share something, every household would become a match.
    """
    grouped = sorted(Counter(candidates).items())
    total = sum(count for _, count in grouped)
    m_start, _ = _probabilities(start)
    same = [(levels, 1.0) for levels, is_same in judged if is_same]
    m, share, moved, done = m_start, 0.0, 1.0, 0
    while done < rounds and moved >= tolerance:
        done += 1
        expected = [(levels, count * _posterior(levels, m, u, start.prior.match_weight)) for levels, count in grouped]
        share = sum(weight for _, weight in expected) / max(1, total)
        m_next = level_shares([*expected, *same], pseudo_count=_PSEUDO_PAIRS, spread=m_start)
        moved = max(abs(m_next[c][level] - m[c][level]) for c in LEVELS for level in LEVELS[c])
        m = m_next
    return EmResult(m, share, done)


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
    """m and u side by side, kept off 0 and 1 (in a file they have six digits)."""
    return {
        comparison: {
            level: LevelProbabilities(_inside(m[comparison][level]), _inside(u[comparison][level])) for level in names
        }
        for comparison, names in LEVELS.items()
    }


def _inside(probability: float) -> float:
    return min(max(probability, 1e-9), 1 - 1e-6)
