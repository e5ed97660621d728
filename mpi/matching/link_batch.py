"""Linking a whole file: blocking, scoring every candidate pair once, clustering. Nothing is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mpi.matching.candidates import Candidates, candidate_pairs
from mpi.matching.clustering import ReviewPair, ScoredPair, cluster_pairs
from mpi.matching.comparable import ComparableRecord
from mpi.matching.guards import MatchDecision
from mpi.matching.match_model import MatchModel
from mpi.matching.scoring import has_support, is_nameless, is_vetoed, score_pair
from mpi.matching.training import model_for_records

_PROGRESS_STEP = 5_000


class LinkRow(NamedTuple):
    """A record to link; ``record_id`` is unique in the batch."""

    record_id: str
    record: ComparableRecord
    facility: str = ""


@dataclass(frozen=True, slots=True)
class LinkResult:
    """``clusters`` has every record; ``truncated_blocks`` counts blocks too large to compare in full."""

    clusters: dict[str, str]
    review: list[ReviewPair]
    candidate_pairs: int = 0
    truncated_blocks: int = 0


def link_records(
    records: Sequence[LinkRow],
    model: MatchModel,
    *,
    one_to_one: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> LinkResult:
    """Link the records of a batch; the same for any order of ``records``.

    A cluster is named by its smallest record id. ``one_to_one``: a facility has one record of a person, so two of its
    records are never brought together. ``progress`` is told (done, all) while pairs are scored.
    """
    rows = sorted(records, key=lambda row: row.record_id)
    model = model_for_records([row.record for row in rows], model)
    candidates = candidate_pairs([row.record for row in rows])
    by_id = {row.record_id: row for row in rows}

    def vetoed(a: str, b: str) -> bool:
        one, other = by_id[a], by_id[b]
        return (one_to_one and is_same_facility(one, other)) or is_vetoed(one.record, other.record, model)

    if one_to_one:
        across = [(x, y) for x, y in candidates.pairs if not is_same_facility(rows[x], rows[y])]
        candidates = candidates._replace(pairs=across)
    clustering = cluster_pairs(_scored(rows, candidates, model, progress), vetoed)
    clusters = {row.record_id: row.record_id for row in rows}
    for members in clustering.clusters:
        clusters |= dict.fromkeys(members, members[0])
    return LinkResult(clusters, list(clustering.review), len(candidates.pairs), candidates.truncated_blocks)


def is_same_facility(one: LinkRow, other: LinkRow) -> bool:
    """Both are known to come from one facility."""
    return bool(one.facility) and one.facility == other.facility


def _scored(
    rows: Sequence[LinkRow],
    candidates: Candidates,
    model: MatchModel,
    progress: Callable[[int, int], None] | None,
) -> Iterator[ScoredPair]:
    total = len(candidates.pairs)
    for done, (first, second) in enumerate(candidates.pairs, 1):
        a, b = rows[first], rows[second]
        scored = score_pair(a.record, b.record, model)
        if scored.decision is not MatchDecision.NO:
            yield ScoredPair(
                a.record_id,
                b.record_id,
                scored.score,
                scored.match_probability,
                scored.decision,
                scored.reason,
                has_support(scored),
                is_nameless(scored),
            )
        if progress is not None and (done % _PROGRESS_STEP == 0 or done == total):
            progress(done, total)
