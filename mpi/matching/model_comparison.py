"""Two models on the same records: which pairs would join, part or go to staff with the one and not with the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from mpi.matching.link_batch import LinkResult, LinkRow, link_records
from mpi.matching.match_model import MatchModel

_Pair = tuple[str, str]


class SideOfComparison(NamedTuple):
    """What one model makes of the records."""

    model: str
    persons: int
    linked_pairs: int
    review_pairs: int


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """Pairs of record ids, sorted. ``joined``: linked with the second model only; ``parted``: with the first only;
    ``newly_asked``: staff are asked with the second only, and ``parted`` pairs may be among them."""

    before: SideOfComparison
    after: SideOfComparison
    joined: tuple[_Pair, ...]
    parted: tuple[_Pair, ...]
    newly_asked: tuple[_Pair, ...]
    no_longer_asked: tuple[_Pair, ...]


def compare_models(
    rows: Sequence[LinkRow],
    before: MatchModel,
    after: MatchModel,
    *,
    one_to_one: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> ModelComparison:
    """Link the records with both models; nothing is stored."""
    first = link_records(rows, before, one_to_one=one_to_one, progress=progress)
    second = link_records(rows, after, one_to_one=one_to_one, progress=progress)
    linked_before, linked_after = _linked(first), _linked(second)
    asked_before, asked_after = _asked(first), _asked(second)
    return ModelComparison(
        before=SideOfComparison(before.version, _persons(first), len(linked_before), len(asked_before)),
        after=SideOfComparison(after.version, _persons(second), len(linked_after), len(asked_after)),
        joined=_sorted(linked_after - linked_before),
        parted=_sorted(linked_before - linked_after),
        newly_asked=_sorted(asked_after - asked_before),
        no_longer_asked=_sorted(asked_before - asked_after),
    )


def _persons(result: LinkResult) -> int:
    return len(set(result.clusters.values()))


def _linked(result: LinkResult) -> set[_Pair]:
    members: dict[str, list[str]] = {}
    for record_id in sorted(result.clusters):
        members.setdefault(result.clusters[record_id], []).append(record_id)
    return {pair for ids in members.values() for pair in combinations(ids, 2)}


def _asked(result: LinkResult) -> set[_Pair]:
    return {(min(pair.a, pair.b), max(pair.a, pair.b)) for pair in result.review}


def _sorted(pairs: Iterable[_Pair]) -> tuple[_Pair, ...]:
    return tuple(sorted(pairs))
