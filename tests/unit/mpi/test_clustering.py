"""Clusters are no bare connected components: vetoes, namesakes and ties keep people apart."""

from __future__ import annotations

import sys
from collections import Counter
from itertools import combinations, permutations

import pytest

from mpi.matching.clustering import AMBIGUOUS, CLUSTER_CONFLICT, NAMESAKES, Clustering, ScoredPair, cluster_pairs
from mpi.matching.guards import MatchDecision
from mpi.matching.link_batch import LinkRow, link_records
from mpi.matching.match_model import default_model
from mpi.matching.scoring import is_vetoed, score_pair
from tests.matching_builders import ELSEWHERE, HOME, NOWHERE, comparable


def link(a: str, b: str, score: float, *, supported: bool = True) -> ScoredPair:
    return ScoredPair(a, b, score, 0.99, MatchDecision.LINK, "score_above_upper", supported)


def review(a: str, b: str, score: float) -> ScoredPair:
    return ScoredPair(a, b, score, 0.9, MatchDecision.REVIEW, "twin")


def clustered(pairs, *vetoed: str) -> Clustering:
    apart = {frozenset(pair.split()) for pair in vetoed}
    return cluster_pairs(pairs, lambda a, b: frozenset((a, b)) in apart)


def test_links_chain_when_nothing_speaks_against_it():
    found = clustered([link("a", "b", 30), link("b", "c", 20)])
    assert found.clusters == (("a", "b", "c"),)
    assert found.review == ()


def test_a_veto_anywhere_between_two_clusters_keeps_them_apart():
    found = clustered([link("a", "b", 40), link("c", "d", 40), link("b", "c", 20)], "a d")
    assert found.clusters == (("a", "b"), ("c", "d"))
    assert [(pair.a, pair.b, pair.reason) for pair in found.review] == [("b", "c", CLUSTER_CONFLICT)]


def test_the_better_link_wins_in_any_order_of_pairs():
    pairs = [link("a", "b", 40), link("b", "c", 20), link("a", "d", 19)]
    results = {clustered(order, "a c") for order in permutations(pairs)}
    assert len(results) == 1
    assert results.pop().clusters == (("a", "b", "d"),)


def test_a_record_that_fits_two_people_equally_well_waits():
    found = clustered([link("a", "x", 20), link("b", "x", 19)], "a b")
    assert found.clusters == ()
    assert {(pair.a, pair.b, pair.reason) for pair in found.review} == {("a", "x", AMBIGUOUS), ("b", "x", AMBIGUOUS)}


def nameless(pair: ScoredPair) -> ScoredPair:
    return pair._replace(is_nameless=True)


def test_a_nameless_record_waits_when_siblings_fit_however_much_better_one_does():
    both = [nameless(link("a", "x", 40)), nameless(review("b", "x", 9))]
    assert clustered(both).clusters == ()
    assert clustered([*both, review("a", "b", 30)]).clusters == ()


def test_a_nameless_record_joins_two_records_of_one_child():
    found = clustered([nameless(link("a", "x", 40)), nameless(review("b", "x", 9)), link("a", "b", 45)])
    assert found.clusters == (("a", "b", "x"),)
    unnamed_twice = [nameless(link("a", "x", 40)), nameless(link("a", "y", 39)), nameless(review("x", "y", 20))]
    assert clustered(unnamed_twice).clusters == (("a", "x", "y"),)


def test_name_and_birth_date_alone_do_not_join_two_clusters_of_several():
    pairs = [link("a", "b", 40), link("c", "d", 40), link("b", "c", 16, supported=False)]
    found = clustered(pairs)
    assert found.clusters == (("a", "b"), ("c", "d"))
    assert [pair.reason for pair in found.review] == [NAMESAKES]
    assert clustered([link("a", "b", 40), link("b", "c", 16, supported=False)]).clusters == (("a", "b", "c"),)


def test_two_clusters_in_doubt_make_one_review_pair_and_linked_ones_none():
    pairs = [link("a", "b", 40), review("a", "c", 12), review("b", "c", 14), review("a", "b", 9)]
    found = clustered(pairs)
    assert [(pair.a, pair.b) for pair in found.review] == [("b", "c")]


def test_people_known_to_be_two_make_no_review_pair():
    found = clustered([link("a", "b", 40), review("b", "c", 12)], "a c")
    assert found.review == ()


def test_a_batch_joins_one_person_and_keeps_conflicting_strong_ids_apart():
    rows = [
        LinkRow("r1", comparable("Harlow", "Robin", "1971-03-04", national_id="9991234567")),
        LinkRow("r2", comparable("Harlow", "Robin", "1971-03-04", patient_identifier="LKM|7", address=NOWHERE)),
        LinkRow(
            "r3",
            comparable(
                "Harlow", "Robin", "1971-03-04", patient_identifier="RDI|3", national_id="9997654321", address=ELSEWHERE
            ),
        ),
        LinkRow("r4", comparable("Castle", "Joan", "1950-12-30", patient_identifier="RDI|4", address=NOWHERE)),
    ]
    told: list[tuple[int, int]] = []
    found = link_records(rows, default_model(), progress=lambda done, total: told.append((done, total)))
    assert set(found.clusters) == {"r1", "r2", "r3", "r4"}
    assert found.clusters["r1"] != found.clusters["r3"]
    assert found.clusters["r4"] == "r4"
    assert told[-1] == (found.candidate_pairs, found.candidate_pairs)


def test_an_empty_batch_and_a_batch_of_one():
    assert link_records([], default_model()).clusters == {}
    assert link_records([LinkRow("r1", comparable("Harlow", "Robin"))], default_model()).clusters == {"r1": "r1"}


def alike(size: int) -> list[ScoredPair]:
    """Records of two homes; within a home everything agrees, across homes the name and the date alone."""
    names = [f"r{number:04d}" for number in range(size)]
    return [
        link(a, b, 40 if (x + y) % 2 == 0 else 20, supported=(x + y) % 2 == 0)
        for (x, a), (y, b) in combinations(enumerate(names), 2)
    ]


def steps_to_cluster(size: int, *vetoed: frozenset[str]) -> int:
    """How many calls, built-in ones too, it takes; the same on every machine."""
    pairs, apart, steps = alike(size), set(vetoed), 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal steps
        steps += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        found = cluster_pairs(pairs, lambda a, b: frozenset((a, b)) in apart)
    finally:
        sys.setprofile(before)
    assert [len(cluster) for cluster in found.clusters] == [size // 2, size // 2]
    return steps


@pytest.mark.parametrize("vetoed", [(), (frozenset(("r0000", "r0079")),)])
def test_very_many_namesakes_cost_no_more_than_the_square_of_their_number(vetoed):
    few, twice_as_many = steps_to_cluster(80, *vetoed), steps_to_cluster(160, *vetoed)
    assert twice_as_many < 5 * few


def test_no_two_records_are_judged_twice():
    asked: Counter[frozenset[str]] = Counter()

    def vetoed(a: str, b: str) -> bool:
        asked[frozenset((a, b))] += 1
        return False

    cluster_pairs(alike(60), vetoed, together=[("r0000", "r0001", "r0003")])
    assert set(asked.values()) == {1}
    assert not any(pair <= {"r0000", "r0001", "r0003"} for pair in asked)


def test_two_clusters_are_asked_about_once_and_by_their_best_pair():
    found = cluster_pairs(alike(40), lambda a, b: False)
    assert found.review == (("r0000", "r0001", 20, 0.99, NAMESAKES),)


def test_a_veto_is_what_the_guards_of_the_score_say():
    model = default_model()
    one = comparable("Marlow", "Anna", "1961-04-07", ssn_last4="1234", address=HOME)
    other = comparable("Marlow", "Anna", "1961-04-07", ssn_last4="9876", address=ELSEWHERE)
    again = comparable("Marlow", "Anna", "1961-04-07", ssn_last4="1234", address=NOWHERE)
    for a, b in ((one, other), (one, again), (other, again)):
        assert is_vetoed(a, b, model) is any(guard.vetoes for guard in score_pair(a, b, model).guards)
    assert is_vetoed(one, other, model)
    assert not is_vetoed(one, again, model)
