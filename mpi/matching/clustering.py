"""From scored pairs to clusters that are not bare connected components.

Links are taken best first. Two clusters are joined only when no pair across them is vetoed (conflicting strong ids,
twins, father and son ...); a link that would break this goes to review. Groups that are one person by somebody's word
stand from the start. The result depends on pairs and groups alone, not on the order in which they arrive.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from mpi.matching.apartness import Apartness, Cluster, Vetoed, bits
from mpi.matching.disjoint_sets import DisjointSets
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


class _Component(NamedTuple):
    """Records that have nothing to do with any others; what they are numbered by is their place in ``names``."""

    names: list[str]
    pairs: list[ScoredPair]
    groups: list[Sequence[str]]


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
    ``vetoed`` is asked at most once of any two records, and only of two that some chain of pairs connects.
    """
    found = [
        _cluster_component(component, vetoed, namesake_joins_from) for component in _components(list(pairs), together)
    ]
    return Clustering(
        clusters=tuple(sorted(cluster for part in found for cluster in part.clusters)),
        review=tuple(sorted((pair for part in found for pair in part.review), key=_best_first)),
    )


def _best_first(pair: ScoredPair | ReviewPair) -> tuple[float, str, str]:
    return -pair.score, pair.a, pair.b


def _components(pairs: list[ScoredPair], together: Iterable[Sequence[str]]) -> Iterable[_Component]:
    groups, sets = [group for group in together if group], DisjointSets()
    for a, b, *_ in pairs:
        sets.join(a, b)
    for first, *others in groups:
        for other in others:
            sets.join(first, other)
    components: dict[str, _Component] = {}
    for name in sorted({name for pair in pairs for name in pair[:2]}.union(*groups)):
        components.setdefault(sets.find(name), _Component([], [], [])).names.append(name)
    for pair in pairs:
        components[sets.find(pair.a)].pairs.append(pair)
    for group in groups:
        components[sets.find(group[0])].groups.append(group)
    return components.values()


def _cluster_component(component: _Component, vetoed: Vetoed, namesake_joins_from: float) -> Clustering:
    names, apartness = component.names, Apartness(component.names, vetoed)
    number = {name: position for position, name in enumerate(names)}
    clusters = [Cluster(1 << position) for position in range(len(names))]
    for group in component.groups:
        joined = Cluster(sum(1 << number[name] for name in group))
        apartness.stand_together(joined.members)
        for name in group:
            clusters[number[name]] = joined
    free = [pair for pair in component.pairs if clusters[number[pair.a]] is not clusters[number[pair.b]]]
    in_doubt: list[ReviewPair] = []
    for pair in _without_ambiguous(sorted(free, key=_best_first), number, apartness):
        if pair.decision is MatchDecision.REVIEW:
            in_doubt.append(ReviewPair(*pair[:4], pair.reason))
        elif pair.decision is MatchDecision.LINK:
            first, second = clusters[number[pair.a]], clusters[number[pair.b]]
            if first is second:
                continue
            if first.is_apart_from(second, apartness):
                in_doubt.append(ReviewPair(*pair[:4], CLUSTER_CONFLICT))
            elif not pair.has_support and _are_namesakes(first.size, second.size, pair.score < namesake_joins_from):
                in_doubt.append(ReviewPair(*pair[:4], NAMESAKES))
            else:
                _join(first, second, clusters)
    several = {id(cluster): cluster for cluster in clusters if cluster.size > 1}.values()
    return Clustering(
        clusters=tuple(tuple(names[position] for position in bits(cluster.members)) for cluster in several),
        review=_one_per_cluster_pair(in_doubt, number, clusters, apartness),
    )


def _join(one: Cluster, other: Cluster, clusters: list[Cluster]) -> None:
    large, small = (one, other) if one.size >= other.size else (other, one)
    large.take(small)
    for position in bits(small.members):
        clusters[position] = large


def _are_namesakes(first: int, second: int, is_low: bool) -> bool:
    """Name and birth date alone: too little between two persons, and with a low score too little for a person."""
    return min(first, second) > 1 or (max(first, second) > 1 and is_low)


def _without_ambiguous(
    pairs: list[ScoredPair], number: Mapping[str, int], apartness: Apartness
) -> Iterator[ScoredPair]:
    """Links of a record that fits two people become review pairs. ``pairs`` come best first, and go so."""
    links: dict[int, list[tuple[float, int]]] = {}
    nameless: dict[int, int] = {}
    one_child: dict[int, int] = {}
    for pair in pairs:
        is_link = pair.decision is MatchDecision.LINK
        for record, other in ((number[pair.a], number[pair.b]), (number[pair.b], number[pair.a])):
            if is_link:
                links.setdefault(record, []).append((pair.score, other))
            if pair.is_nameless:
                nameless[record] = nameless.get(record, 0) | 1 << other
            if is_link or pair.is_nameless:
                one_child[record] = one_child.get(record, 0) | 1 << other
    ambiguous = {(record, other) for record, found in links.items() for other in _about_as_likely(found, apartness)}
    ambiguous.update(
        (record, other)
        for record, others in nameless.items()
        for other in bits(others)
        if _has_sibling(other, others, one_child)
    )
    for pair in pairs:
        a, b = number[pair.a], number[pair.b]
        if pair.decision is MatchDecision.LINK and ((a, b) in ambiguous or (b, a) in ambiguous):
            yield pair._replace(decision=MatchDecision.REVIEW, reason=AMBIGUOUS)
        else:
            yield pair


def _about_as_likely(links: list[tuple[float, int]], apartness: Apartness) -> Iterator[int]:
    """Of one record's links, best first: whom it fits while it fits somebody else within the margin, too."""
    within = first = last = 0
    for score, other in links:
        while last < len(links) and score - links[last][0] <= AMBIGUITY_MARGIN_BITS:
            within |= 1 << links[last][1]
            last += 1
        while links[first][0] - score > AMBIGUITY_MARGIN_BITS:
            within ^= 1 << links[first][1]
            first += 1
        if apartness.is_from_any(other, within):
            yield other


def _has_sibling(child: int, fitting: int, one_child: Mapping[int, int]) -> bool:
    """Two children, by their own names not one, both fit a record without a given name: twins look like this."""
    return bool(fitting & ~one_child.get(child, 0) & ~(1 << child))


def _one_per_cluster_pair(
    in_doubt: Iterable[ReviewPair], number: Mapping[str, int], clusters: list[Cluster], apartness: Apartness
) -> tuple[ReviewPair, ...]:
    """The best pair for every two clusters; none for two clusters that another pair keeps apart for certain."""
    best: dict[frozenset[int], ReviewPair] = {}
    two_apart: dict[frozenset[int], list[tuple[int, int]]] = {}
    for pair in sorted(in_doubt, key=_best_first):
        a, b = number[pair.a], number[pair.b]
        small, large = sorted((clusters[a], clusters[b]), key=lambda cluster: cluster.size)
        key = frozenset((id(small), id(large)))
        if small is large or key in best:
            continue
        if pair.reason != CLUSTER_CONFLICT:
            if key not in two_apart:
                two_apart[key] = list(islice(apartness.between(small.members, large.members), 2))
            if any(apart not in ((a, b), (b, a)) for apart in two_apart[key]):
                continue
        best[key] = pair
    return tuple(best.values())
