"""Linking a whole file: blocking, scoring every candidate pair once, clustering. Nothing is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mpi.matching.blocking import blocking_keys
from mpi.matching.clustering import ReviewPair, ScoredPair, cluster_pairs
from mpi.matching.comparable import ComparableRecord
from mpi.matching.guards import MatchDecision
from mpi.matching.match_model import MatchModel
from mpi.matching.scoring import MatchScore, score_pair

MOST_IN_BLOCK = 100
"""A larger block is over-common: its records are compared with their nearest neighbours only."""
_PROGRESS_STEP = 5_000


class LinkRow(NamedTuple):
    """A record to link; ``record_id`` is unique in the batch."""

    record_id: str
    record: ComparableRecord


@dataclass(frozen=True, slots=True)
class LinkResult:
    """``clusters`` has every record; ``truncated_blocks`` counts blocks too large to compare in full."""

    clusters: dict[str, str]
    review: list[ReviewPair]
    candidate_pairs: int = 0
    truncated_blocks: int = 0


def link_records(
    records: Sequence[LinkRow], model: MatchModel, *, progress: Callable[[int, int], None] | None = None
) -> LinkResult:
    """Link the records of a batch; the same for any order of ``records``.

    A cluster is named by its smallest record id. ``progress`` is told (done, all) while pairs are scored.
    """
    rows = sorted(records, key=lambda row: row.record_id)
    candidates, truncated = _candidates(rows)
    vetoes: dict[tuple[str, str], bool] = {}
    by_id = {row.record_id: row.record for row in rows}

    def vetoed(a: str, b: str) -> bool:
        key = (a, b) if a < b else (b, a)
        if key not in vetoes:
            vetoes[key] = any(guard.vetoes for guard in score_pair(by_id[a], by_id[b], model).guards)
        return vetoes[key]

    pairs = list(_scored(rows, candidates, model, progress))
    clustering = cluster_pairs(pairs, vetoed)
    clusters = {row.record_id: row.record_id for row in rows}
    for members in clustering.clusters:
        clusters |= dict.fromkeys(members, members[0])
    return LinkResult(clusters, list(clustering.review), len(candidates), truncated)


_SUPPORT = frozenset({"phone", "address", "ssn_last4", "strong_id", "local_id"})
_SUPPORTING_LEVELS = frozenset({"exact", "similar", "one_digit"})


def has_support(score: MatchScore) -> bool:
    """Something beside name, birth date and sex agrees."""
    return any(line.comparison in _SUPPORT and line.level in _SUPPORTING_LEVELS for line in score.weights)


def _candidates(rows: Sequence[LinkRow]) -> tuple[list[int], int]:
    """Candidate pairs as ``first * len(rows) + second``, sorted; and the number of blocks that were cut."""
    blocks: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        for key in blocking_keys(row.record):
            blocks.setdefault(key, []).append(index)
    size, truncated = len(rows), 0
    found: set[int] = set()
    for block in blocks.values():
        count = len(block)
        if count < 2:
            continue
        reach = count
        if count > MOST_IN_BLOCK:
            truncated += 1
            reach = MOST_IN_BLOCK // 4
            block.sort(key=lambda index: (rows[index].record.name, rows[index].record.birth_date or (), index))
        for position, first in enumerate(block):
            for second in block[position + 1 : position + 1 + reach]:
                found.add(first * size + second if first < second else second * size + first)
    return sorted(found), truncated


def _scored(
    rows: Sequence[LinkRow], candidates: Sequence[int], model: MatchModel, progress: Callable[[int, int], None] | None
) -> Iterator[ScoredPair]:
    size, total = len(rows), len(candidates)
    for done, pair in enumerate(candidates, 1):
        first, second = rows[pair // size], rows[pair % size]
        scored = score_pair(first.record, second.record, model)
        if scored.decision is not MatchDecision.NO:
            yield ScoredPair(
                first.record_id,
                second.record_id,
                scored.score,
                scored.match_probability,
                scored.decision,
                scored.reason,
                has_support(scored),
            )
        if progress is not None and (done % _PROGRESS_STEP == 0 or done == total):
            progress(done, total)
