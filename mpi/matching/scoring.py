"""The score of a candidate pair, with every line it is made of, the guards that fired, and the decision."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from mpi.identity.records import MatchGrade
from mpi.matching.comparable import ComparableRecord
from mpi.matching.comparison import ComparedPair, compare_records
from mpi.matching.guards import Guard, MatchDecision, fired_guards
from mpi.matching.levels import MISSING
from mpi.matching.match_model import TERM_FREQUENCY, MatchModel, MatchWeight

_SUPPORT = frozenset({"phone", "address", "ssn_last4", "strong_id", "local_id"})
_SUPPORTING_LEVELS = frozenset({"exact", "similar", "one_digit"})


@dataclass(frozen=True, slots=True)
class MatchScore:
    """How alike two records are. ``score`` (bits) is the sum of ``weights``; guards cap the decision, not the score."""

    score: float
    weights: tuple[MatchWeight, ...]
    guards: tuple[Guard, ...]
    decision: MatchDecision
    grade: MatchGrade
    reason: str
    model_version: str

    @property
    def match_probability(self) -> float:
        """2^score / (1 + 2^score); saturates, so thresholds are on ``score``."""
        if self.score >= 0:
            return 1.0 / (1.0 + math.pow(2.0, -min(self.score, 1000.0)))
        odds = math.pow(2.0, max(self.score, -1000.0))
        return odds / (1.0 + odds)


def score_pair(a: ComparableRecord, b: ComparableRecord, model: MatchModel) -> MatchScore:
    """Compare two records and weigh the evidence. Symmetric: the order of the two never matters."""
    compared = compare_records(a, b)
    weights = match_weights(compared, model)
    score = sum([weight.match_weight for weight in weights])
    guards = fired_guards(a, b, compared.levels, model)
    decision = _decision(score, guards, model)
    return MatchScore(
        score=score,
        weights=weights,
        guards=guards,
        decision=decision,
        grade=_grade(score, decision, model),
        reason=_reason(score, decision, guards, model),
        model_version=model.version,
    )


def is_vetoed(a: ComparableRecord, b: ComparableRecord, model: MatchModel) -> bool:
    """A guard says that these are two people, whatever their score; the same as the guards of ``score_pair`` say."""
    return any(guard.vetoes for guard in fired_guards(a, b, compare_records(a, b).levels, model))


def decide(score: MatchScore) -> MatchDecision:
    """LINK, REVIEW or NO: the score against the thresholds of its model, capped by the guards that fired."""
    return score.decision


def has_support(score: MatchScore, *, but: Collection[str] = ()) -> bool:
    """Something beside name, birth date and sex agrees; ``but`` names comparisons that do not count."""
    wanted = _SUPPORT.difference(but)
    return any(line.comparison in wanted and line.level in _SUPPORTING_LEVELS for line in score.weights)


def is_nameless(score: MatchScore) -> bool:
    """No given name was compared: one of the two records has none."""
    return not any(line.comparison == "given" for line in score.weights)


def match_weights(compared: ComparedPair, model: MatchModel) -> tuple[MatchWeight, ...]:
    """The lines of a score: the prior, each comparison that has evidence, and the term frequency adjustments."""
    lines = [model.prior]
    for (comparison, by_level), level in zip(model.weights.items(), compared.levels, strict=True):
        if level != MISSING:
            lines.append(by_level[level])
            if level == "exact" and comparison in model.term_frequencies:
                lines.append(_term_frequency_line(comparison, compared, model))
    return tuple(lines)


def _term_frequency_line(comparison: str, compared: ComparedPair, model: MatchModel) -> MatchWeight:
    """log2(u / frequency): common names weigh less than the average name, rare ones more."""
    name_a, name_b = compared.name_a, compared.name_b
    terms = (
        (name_a.family_text, name_b.family_text) if comparison == "family" else (name_a.given_text, name_b.given_text)
    )
    table = model.term_frequencies[comparison]
    frequency = max(table.frequency(terms[0]), table.frequency(terms[1]))
    u_probability = model.probabilities[comparison]["exact"].u_probability
    return MatchWeight(comparison, TERM_FREQUENCY, math.log2(u_probability / frequency))


def _decision(score: float, guards: tuple[Guard, ...], model: MatchModel) -> MatchDecision:
    if score < model.lower:
        return MatchDecision.NO
    decision = MatchDecision.LINK if score >= model.upper else MatchDecision.REVIEW
    for guard in guards:
        decision = min(decision, guard.cap)
    return decision


def _grade(score: float, decision: MatchDecision, model: MatchModel) -> MatchGrade:
    if decision is MatchDecision.LINK:
        return MatchGrade.CERTAIN
    if decision is MatchDecision.REVIEW:
        return MatchGrade.PROBABLE if score >= model.upper else MatchGrade.POSSIBLE
    return MatchGrade.CERTAINLY_NOT


def _reason(score: float, decision: MatchDecision, guards: tuple[Guard, ...], model: MatchModel) -> str:
    """The name of the guard that caps the decision, else how the score lies to the thresholds."""
    capping = [guard.name for guard in guards if guard.cap == decision]
    if capping and decision is not MatchDecision.LINK and score >= model.lower:
        return capping[0]
    if decision is MatchDecision.LINK:
        return "score_above_upper"
    return "score_between_thresholds" if decision is MatchDecision.REVIEW else "score_below_lower"
