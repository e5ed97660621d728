"""Candidate pairs of a batch: every two records that share a blocking key, over-common blocks cut but never dropped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mpi.matching.blocking import blocking_keys
from mpi.matching.comparable import ComparableRecord

MOST_IN_BLOCK = 100
"""A larger block is over-common: each of its records is compared with its nearest neighbours only."""
_REACH_IN_CUT_BLOCK = 25


class Candidates(NamedTuple):
    """``pairs`` are (first, second) positions with first < second, in ascending order."""

    pairs: list[tuple[int, int]]
    truncated_blocks: int


def candidate_pairs(records: Sequence[ComparableRecord]) -> Candidates:
    """Every pair of positions worth scoring, each once."""
    blocks: dict[str, list[int]] = {}
    for index, record in enumerate(records):
        for key in blocking_keys(record):
            blocks.setdefault(key, []).append(index)
    size, truncated = len(records), 0
    found: set[int] = set()  # first * size + second: one int takes a third of the room of a pair
    for block in blocks.values():
        reach = len(block)
        if reach > MOST_IN_BLOCK:
            truncated += 1
            reach = _REACH_IN_CUT_BLOCK
            block.sort(key=lambda index: (records[index].name, records[index].birth_date or (), index))
        for position, first in enumerate(block):
            for second in block[position + 1 : position + 1 + reach]:
                found.add(first * size + second if first < second else second * size + first)
    return Candidates([divmod(pair, size) for pair in sorted(found)], truncated)
