"""From scored pairs to clusters that are not bare connected components.

Links are taken best first. Two clusters are joined only when no pair across them is vetoed (conflicting strong ids,
twins, father and son ...); a link that would break this goes to review. Groups that are one person by somebody's word
stand from the start. The result depends on pairs and groups alone, not on the order in which they arrive.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from mpi.matching.guards import MatchDecision

CLUSTER_CONFLICT = "cluster_conflict"
NAMESAKES = "namesake"
AMBIGUOUS = "ambiguous"
AMBIGUITY_MARGIN_BITS = 5.0
"""A second person this much less likely still makes a link doubtful."""


class ScoredPair(NamedTuple):
    """A candidate pair that may be one person; ``a`` and ``b`` are record ids with ``a < b``.

    ``has_support``: something beside name, birth date and sex agrees (a number, a phone, an address).
    ``is_nameless``: no given name was compared, because one of the two has none (a newborn before it is named).
    """

    a: str
    b: str
    score: float
    match_probability: float
    decision: MatchDecision
    reason: str
    has_support: bool = True
    is_nameless: bool = False


class ReviewPair(NamedTuple):
    """A pair that waits for a person."""

    a: str
    b: str
    score: float
    match_probability: float
    reason: str


@dataclass(frozen=True, slots=True)
class Clustering:
    """Members of every cluster of two or more, sorted; and one review pair for every two clusters in doubt."""

    clusters: tuple[tuple[str, ...], ...]
    review: tuple[ReviewPair, ...]


Vetoed = Callable[[str, str], bool]


def cluster_pairs(
    pairs: Iterable[ScoredPair],
    vetoed: Vetoed,
    *,
    together: Iterable[Sequence[str]] = (),
    namesake_joins_from: float = -math.inf,
) -> Clustering:
    """Join links best first; ``vetoed`` says whether two records must never share a cluster (it must be symmetric).

    ``together`` are disjoint groups that are never parted. A link without support never joins two clusters of
    several records; it joins one record to such a cluster only with a score of ``namesake_joins_from`` (bits).
    """
    members: dict[str, list[str]] = {}
    for group in together:
        joined = list(group)
        members.update((record, joined) for record in group)
    free = [pair for pair in pairs if pair.a not in members or members[pair.a] is not members.get(pair.b)]
    ordered = _without_ambiguous(
        sorted(free, key=lambda pair: (-pair.score, pair.a, pair.b)), _unless_together(vetoed, dict(members))
    )
    in_doubt: list[ReviewPair] = []
    for pair in ordered:
        if pair.decision is MatchDecision.REVIEW:
            in_doubt.append(ReviewPair(*pair[:4], pair.reason))
        elif pair.decision is MatchDecision.LINK:
            first, second = members.setdefault(pair.a, [pair.a]), members.setdefault(pair.b, [pair.b])
            if first is second:
                continue
            if any(vetoed(x, y) for x in first for y in second):
                in_doubt.append(ReviewPair(*pair[:4], CLUSTER_CONFLICT))
                continue
            if not pair.has_support and _are_namesakes(len(first), len(second), pair.score < namesake_joins_from):
                in_doubt.append(ReviewPair(*pair[:4], NAMESAKES))
                continue
            first.extend(second)
            members.update(dict.fromkeys(second, first))
    groups = {id(group): tuple(sorted(group)) for group in members.values()}
    return Clustering(
        clusters=tuple(sorted(group for group in groups.values() if len(group) > 1)),
        review=_one_per_cluster_pair(in_doubt, members, vetoed),
    )


def _are_namesakes(first: int, second: int, is_low: bool) -> bool:
    """Name and birth date alone: too little between two persons, and with a low score too little for a person."""
    return min(first, second) > 1 or (max(first, second) > 1 and is_low)


def _unless_together(vetoed: Vetoed, groups: Mapping[str, list[str]]) -> Vetoed:
    """Two members of one group are one person by somebody's word, whatever they look like."""
    return lambda a, b: (a not in groups or groups[a] is not groups.get(b)) and vetoed(a, b)


def _without_ambiguous(pairs: list[ScoredPair], vetoed: Vetoed) -> list[ScoredPair]:
    """Links of a record that fits two people become review pairs."""
    links: dict[str, list[ScoredPair]] = {}
    nameless: dict[str, list[ScoredPair]] = {}
    for pair in pairs:
        for record in (pair.a, pair.b):
            if pair.decision is MatchDecision.LINK:
                links.setdefault(record, []).append(pair)
            if pair.is_nameless:
                nameless.setdefault(record, []).append(pair)
    known = {(pair.a, pair.b): pair for pair in pairs}
    ambiguous: set[tuple[str, str]] = set()
    for record, found in links.items():
        ambiguous.update(_about_as_likely(record, found, vetoed))
    for record, found in nameless.items():
        ambiguous.update(_either_sibling(record, found, known))
    return [
        pair._replace(decision=MatchDecision.REVIEW, reason=AMBIGUOUS)
        if pair.decision is MatchDecision.LINK and (pair.a, pair.b) in ambiguous
        else pair
        for pair in pairs
    ]


def _about_as_likely(record: str, links: list[ScoredPair], vetoed: Vetoed) -> Iterator[tuple[str, str]]:
    """Links, best first, of which another one to somebody else is within the margin."""
    for position, pair in enumerate(links):
        for other in links[position + 1 :]:
            if pair.score - other.score > AMBIGUITY_MARGIN_BITS:
                break
            if vetoed(_other(pair, record), _other(other, record)):
                yield from ((pair.a, pair.b), (other.a, other.b))


def _either_sibling(
    record: str, pairs: list[ScoredPair], known: Mapping[tuple[str, str], ScoredPair]
) -> Iterator[tuple[str, str]]:
    """Pairs without a given name where two children, by their own names not one, both fit: twins look like this."""
    for pair, other in combinations(pairs, 2):
        first, second = sorted((_other(pair, record), _other(other, record)))
        between = known.get((first, second))
        if between is None or not (between.is_nameless or between.decision is MatchDecision.LINK):
            yield from ((pair.a, pair.b), (other.a, other.b))


def _other(pair: ScoredPair, record: str) -> str:
    return pair.b if pair.a == record else pair.a


def _one_per_cluster_pair(
    in_doubt: Iterable[ReviewPair], members: dict[str, list[str]], vetoed: Vetoed
) -> tuple[ReviewPair, ...]:
    """The best pair for every two clusters; none for two clusters that another pair keeps apart for certain."""
    best: dict[frozenset[int] | frozenset[str], ReviewPair] = {}
    for pair in sorted(in_doubt, key=lambda p: (-p.score, p.a, p.b)):
        first, second = members.get(pair.a, [pair.a]), members.get(pair.b, [pair.b])
        if first is second:
            continue
        key = frozenset((min(first), min(second)))
        if key in best:
            continue
        if pair.reason != CLUSTER_CONFLICT and any(
            vetoed(x, y) for x in first for y in second if (x, y) != (pair.a, pair.b)
        ):
            continue
        best[key] = pair
    return tuple(best.values())
