"""How right `priorlink mpi link` is on people that no model was tuned on (`bench.strangers`), one figure a kind."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations

from bench.strangers import Someone, records
from mpi.identity.patient_rows import patient_row
from mpi.matching.link_batch import LinkResult, LinkRow, link_records
from mpi.matching.match_model import default_model
from mpi.matching.normalize import normalize_record

RECORDS = 8_000
SEEDS = (11, 12, 13)


def run() -> list[dict[str, object]]:
    """One line for each population; shares of pairs, reviews for 100 records, pairs of two people by their kind."""
    return [_judge(seed) for seed in SEEDS]


def _judge(seed: int) -> dict[str, object]:
    whose: dict[str, Someone] = {}
    rows = []
    for number, (person, row) in enumerate(records(RECORDS, seed=seed)):
        record_id = f"S{number:06d}"
        whose[record_id] = person
        mapped = patient_row({**row, "record_id": record_id})
        ids = [mapped.identifier] if mapped.identifier else []
        normalized = normalize_record(ids, mapped.demographics, strong_authorities=frozenset())
        rows.append(LinkRow(record_id, normalized, mapped.facility))
    return {"seed": seed, "records": len(rows), **_figures(link_records(rows, default_model()), whose)}


def _figures(linked: LinkResult, whose: Mapping[str, Someone]) -> dict[str, object]:
    predicted = _pairs(linked.clusters)
    true = _pairs({record: person.person_id for record, person in whose.items()})
    asked = {frozenset((linked.clusters[pair.a], linked.clusters[pair.b])) for pair in linked.review}
    found = predicted & true
    waiting = sum(frozenset((linked.clusters[a], linked.clusters[b])) in asked for a, b in true - predicted)
    right = sum(whose[pair.a].person_id == whose[pair.b].person_id for pair in linked.review)
    return {
        "precision": round(len(found) / len(predicted), 4),
        "recall": round(len(found) / len(true), 4),
        "recall_with_review": round((len(found) + waiting) / len(true), 4),
        "review_per_100": round(100 * len(linked.review) / len(whose), 2),
        "review_true_share": round(right / max(1, len(linked.review)), 3),
        "merged_pairs_of_two_people": dict(Counter(whose[a].kind or "alone" for a, _ in predicted - true)),
    }


def _pairs(group_of: Mapping[str, str]) -> set[tuple[str, str]]:
    members: dict[str, list[str]] = defaultdict(list)
    for record, group in sorted(group_of.items()):
        members[group].append(record)
    groups: Iterable[list[str]] = members.values()
    return {pair for group in groups for pair in combinations(group, 2)}
