"""The candidate pairs of a training file: compared once, then taught from, weighed and counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from mpi.matching.calibration import CAUTION_BITS, ScoreDistribution, WeighedPair
from mpi.matching.comparable import ComparableRecord
from mpi.matching.comparison import ComparedPair, compare_records
from mpi.matching.guard_evidence import GuardedPair, GuardEvidence, guard_evidence, pairs_across_per_pair_within
from mpi.matching.guards import Guard, MatchDecision, all_fired_guards
from mpi.matching.levels import PairLevels
from mpi.matching.match_model import MatchModel
from mpi.matching.scoring import match_weights

_PROGRESS_STEP = 5_000


class ComparedCandidate(NamedTuple):
    """A pair of positions with every guard that fires on it, in a model or not; ``same``: what somebody said of it."""

    first: int
    second: int
    compared: ComparedPair
    fired: tuple[Guard, ...]
    is_within_facility: bool
    same: bool | None

    @property
    def levels(self) -> PairLevels:
        return self.compared.levels

    def may_teach(self, guards: frozenset[str], one_to_one: bool) -> bool:
        """Nobody has judged it, and no guard calls it two people: twins and fathers would teach the wrong m."""
        if self.same is not None or (one_to_one and self.is_within_facility):
            return False
        return not any(guard.vetoes for guard in self.fired if guard.name in guards)

    def cap(self, guards: frozenset[str]) -> MatchDecision:
        return min((guard.cap for guard in self.fired if guard.name in guards), default=MatchDecision.LINK)


def compare_pairs(
    records: Sequence[ComparableRecord],
    pairs: Sequence[tuple[int, int]],
    facilities: Sequence[str],
    labels: Mapping[tuple[int, int], bool],
    progress: Callable[[int, int], None] | None = None,
) -> list[ComparedCandidate]:
    """Every pair compared; levels seen before are kept once."""
    kept: dict[PairLevels, PairLevels] = {}
    found = []
    for done, (first, second) in enumerate(pairs, 1):
        a, b = records[first], records[second]
        compared = compare_records(a, b)
        compared = compared._replace(levels=kept.setdefault(compared.levels, compared.levels))
        within = bool(facilities) and facilities[first] == facilities[second]
        fired, same = all_fired_guards(a, b, compared.levels), labels.get((first, second))
        found.append(ComparedCandidate(first, second, compared, fired, within, same))
        if progress is not None and (done % _PROGRESS_STEP == 0 or done == len(pairs)):
            progress(done, len(pairs))
    return found


def score_of(pair: ComparedCandidate, model: MatchModel) -> float:
    """Bits, as ``scoring.score_pair`` gives them."""
    return sum([line.match_weight for line in match_weights(pair.compared, model)])


def guards_of_pairs(
    pairs: Iterable[ComparedCandidate], model: MatchModel, facilities: Sequence[str]
) -> tuple[GuardEvidence, ...]:
    """What the pairs that would be asked about or linked say of the guards that stop them."""
    guarded = (
        GuardedPair(
            tuple(guard.name for guard in pair.fired if guard.name in model.guards), pair.is_within_facility, pair.same
        )
        for pair in pairs
        if pair.fired and (pair.same is not None or score_of(pair, model) >= model.lower)
    )
    return guard_evidence(guarded, across_per_within=pairs_across_per_pair_within(facilities))


def score_distribution(
    pairs: Iterable[ComparedCandidate], model: MatchModel, records: int, facilities: Sequence[str], one_to_one: bool
) -> ScoreDistribution:
    """Scores and probabilities of the pairs; with one record a facility and person, pairs inside one are a control.

    Staff are asked once about two persons, so of the pairs that a guard leaves to them one is counted for every two
    groups that sure links make.
    """
    caution = 0.0 if one_to_one else CAUTION_BITS
    scored = sorted(((score_of(pair, model), pair) for pair in pairs), key=lambda found: -found[0])
    group = _groups(
        (pair for score, pair in scored if score >= model.upper and pair.cap(model.guards) is MatchDecision.LINK)
    )
    weighed, asked = [], set()
    for score, pair in scored:
        cap = pair.cap(model.guards)
        if cap is MatchDecision.REVIEW:
            question = frozenset((group(pair.first), group(pair.second)))
            if len(question) == 1 or question in asked:
                continue
            asked.add(question)
        probability = _probability(score - caution) if pair.same is None else float(pair.same)
        weighed.append(WeighedPair(score, probability, cap, one_to_one and pair.is_within_facility))
    return ScoreDistribution(weighed, records, caution=caution, control_ratio=pairs_across_per_pair_within(facilities))


def _groups(links: Iterable[ComparedCandidate]) -> Callable[[int], int]:
    """Names the group of a position: positions that links bring together, directly or not."""
    parent: dict[int, int] = {}

    def root(position: int) -> int:
        while parent.setdefault(position, position) != position:
            parent[position] = parent[parent[position]]
            position = parent[position]
        return position

    for pair in links:
        parent[root(pair.first)] = root(pair.second)
    return root


def _probability(score: float) -> float:
    return float(1 / (1 + 2 ** -max(min(score, 500.0), -500.0)))
