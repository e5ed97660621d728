"""Floors of accuracy on the shared labelled linkage set."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache

from mpi.matching.candidates import candidate_pairs
from mpi.matching.link_batch import LinkResult, link_records
from mpi.matching.match_model import default_model
from tests.linkage_cases import labelled_pairs, needs_linkage_cases, person_of, rows

pytestmark = needs_linkage_cases

NEVER_MERGED = {
    "jr_sr", "mrn_reuse", "household_shared_phone", "test_patient", "unidentified", "near_namesake", "twins",
    "newborn_twins",
}  # fmt: skip


@cache
def linked() -> LinkResult:
    return link_records(rows(), default_model())


def pair_count(sizes: Counter) -> int:
    return sum(n * (n - 1) // 2 for n in sizes.values())


@cache
def states() -> tuple[dict, ...]:
    """Labelled pairs, each with ``state``: linked, review or apart."""
    clusters = linked().clusters
    waiting = {frozenset((clusters[pair.a], clusters[pair.b])) for pair in linked().review}
    judged = []
    for pair in labelled_pairs():
        a, b = clusters[pair["a"]], clusters[pair["b"]]
        state = "linked" if a == b else "review" if frozenset((a, b)) in waiting else "apart"
        judged.append({**pair, "state": state})
    return tuple(judged)


def share(evidence: str, *wanted: str) -> float:
    found = [pair["state"] in wanted for pair in states() if pair.get("evidence") == evidence]
    return sum(found) / len(found)


def test_precision_and_recall_of_pairs():
    clusters, person = linked().clusters, person_of()
    predicted = pair_count(Counter(clusters.values()))
    true = pair_count(Counter(person.values()))
    both = pair_count(Counter((clusters[record], person[record]) for record in person))
    assert both / predicted >= 0.994
    assert both / true >= 0.94


def test_strong_and_medium_evidence_is_found():
    assert share("strong", "linked") >= 0.985
    assert share("strong", "linked", "review") >= 0.998
    assert share("medium", "linked", "review") >= 0.985


def test_people_who_look_alike_are_not_merged():
    merged = Counter(
        pair["why"][0]
        for pair in states()
        if pair["truth"] == "different" and pair["expect"] != "any" and pair["state"] == "linked"
    )
    assert not NEVER_MERGED & set(merged)
    assert sum(merged.values()) <= 6


def test_no_cluster_holds_more_than_two_people():
    people = defaultdict(set)
    for record, cluster in linked().clusters.items():
        people[cluster].add(person_of()[record])
    assert max(map(len, people.values())) <= 2


def test_the_review_queue_is_short_and_worth_reading():
    review = linked().review
    true = sum(person_of()[pair.a] == person_of()[pair.b] for pair in review)
    assert len(review) <= 0.03 * len(rows())
    assert true >= 0.75 * len(review)


def test_blocking_misses_hardly_any_pair():
    found = candidate_pairs([row.record for row in rows()])
    ids = [row.record_id for row in rows()]
    candidates = {frozenset((ids[first], ids[second])) for first, second in found.pairs}
    missed = Counter(
        pair["evidence"]
        for pair in labelled_pairs()
        if pair["truth"] == "same" and frozenset((pair["a"], pair["b"])) not in candidates
    )
    assert missed["strong"] == 0
    assert missed["medium"] <= 2
    assert len(candidates) < 2 * len(ids)
