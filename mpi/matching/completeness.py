"""Pair completeness: how many pairs of one person share a blocking key, in all and by each kind of key.

A pair that blocking keeps apart is never scored, so it counts as missed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from mpi.matching.blocking import keys_by_kind
from mpi.matching.candidates import candidate_pairs
from mpi.matching.comparable import ComparableRecord


class KeyKind(NamedTuple):
    """``found``: true pairs that share a key of the kind; ``only``: those that share no other."""

    kind: str
    found: int
    only: int


@dataclass(frozen=True, slots=True)
class Completeness:
    """``compared``: true pairs that are scored; less than ``sharing_a_key`` where over-common blocks were cut."""

    true_pairs: int
    sharing_a_key: int
    compared: int
    candidate_pairs: int
    truncated_blocks: int
    kinds: tuple[KeyKind, ...]
    missed: tuple[tuple[int, int], ...]

    @property
    def pair_completeness(self) -> float:
        """Share of true pairs that are scored; 1 when there are none."""
        return self.compared / self.true_pairs if self.true_pairs else 1.0


def pair_completeness(records: Sequence[ComparableRecord], person: Mapping[int, str]) -> Completeness:
    """Count on labelled records; ``person`` says of positions whose record it is (positions without are left out)."""
    candidates = candidate_pairs(records)
    compared = set(candidates.pairs)
    keys = {position: keys_by_kind(records[position]) for position in person}
    found: dict[str, int] = {}
    only: dict[str, int] = {}
    missed: list[tuple[int, int]] = []
    true_pairs = sharing = 0
    for pair in _true_pairs(person):
        true_pairs += 1
        kinds = _shared_kinds(keys[pair[0]], keys[pair[1]])
        sharing += bool(kinds)
        for kind in kinds:
            found[kind] = found.get(kind, 0) + 1
        if len(kinds) == 1:
            only[kinds[0]] = only.get(kinds[0], 0) + 1
        if pair not in compared:
            missed.append(pair)
    every_kind = sorted({kind for kinds_of_record in keys.values() for kind in kinds_of_record})
    counted = [KeyKind(kind, found.get(kind, 0), only.get(kind, 0)) for kind in every_kind]
    return Completeness(
        true_pairs=true_pairs,
        sharing_a_key=sharing,
        compared=true_pairs - len(missed),
        candidate_pairs=len(candidates.pairs),
        truncated_blocks=candidates.truncated_blocks,
        kinds=tuple(sorted(counted, key=lambda kind: (-kind.found, kind.kind))),
        missed=tuple(missed),
    )


def _true_pairs(person: Mapping[int, str]) -> list[tuple[int, int]]:
    members: dict[str, list[int]] = {}
    for position in sorted(person):
        members.setdefault(person[position], []).append(position)
    return [pair for positions in members.values() for pair in combinations(positions, 2)]


def _shared_kinds(one: Mapping[str, frozenset[str]], other: Mapping[str, frozenset[str]]) -> list[str]:
    return [kind for kind, keys in one.items() if not keys.isdisjoint(other.get(kind, frozenset()))]
