"""Thresholds from a score distribution, what a file says of its guards, completeness, and two models side by side."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mpi.identity.demographics import PostalAddress
from mpi.matching.blocking import blocking_keys, keys_by_kind
from mpi.matching.calibration import ScoreDistribution, Targets, WeighedPair, choose_thresholds
from mpi.matching.completeness import pair_completeness
from mpi.matching.guard_evidence import GuardedPair, guard_evidence, pairs_across_per_pair_within
from mpi.matching.guards import MatchDecision
from mpi.matching.link_batch import LinkRow, link_records
from mpi.matching.match_model import default_model
from mpi.matching.model_comparison import compare_models
from tests.matching_builders import comparable

START = (11.5, 2.0)


def scored(*groups: tuple[int, float, float]) -> list[WeighedPair]:
    """(how many, score, probability)."""
    return [WeighedPair(score, probability) for count, score, probability in groups for _ in range(count)]


def test_upper_is_the_lowest_that_reaches_the_precision():
    found = ScoreDistribution(scored((900, 20.0, 1.0), (100, 8.0, 0.9), (50, 4.0, 0.2)), records=2_000)
    assert choose_thresholds(found, Targets(0.98, 1.0), start=START).upper == 4.5
    strict = choose_thresholds(found, Targets(0.999, 1.0), start=START)
    assert strict.upper == 8.5
    assert strict.reaches_target
    assert found.point(8.5, 2.0).recall == pytest.approx(900 / 1000)


def test_lower_keeps_the_queue_as_short_as_asked():
    found = ScoreDistribution(scored((900, 20.0, 1.0), (30, 8.0, 0.9), (300, 3.0, 0.4)), records=1_000)
    wide = choose_thresholds(found, Targets(0.999, 0.5), start=START)
    narrow = choose_thresholds(found, Targets(0.999, 0.05), start=START)
    assert wide.lower <= 3.0 < narrow.lower <= 8.0
    assert found.point(narrow.upper, narrow.lower).review_load == 0.03


def test_a_pair_that_a_guard_stops_is_a_question_and_never_a_link():
    pairs = [
        *scored((100, 20.0, 1.0)),
        WeighedPair(30.0, 1.0, MatchDecision.REVIEW),
        WeighedPair(30.0, 1.0, MatchDecision.NO),
    ]
    point = ScoreDistribution(pairs, records=100).point(10.0, 2.0)
    assert (point.links, point.review_load) == (100, 0.01)


def test_pairs_known_to_be_two_people_raise_the_threshold():
    pairs = scored((1_000, 20.0, 1.0), (100, 6.0, 1.0))
    control = [WeighedPair(6.0, 1.0, is_control=True) for _ in range(20)]
    free = choose_thresholds(ScoreDistribution(pairs, 3_000), Targets(), start=START)
    held = choose_thresholds(ScoreDistribution([*pairs, *control], 3_000), Targets(), start=START)
    assert free.upper < 6.0 < held.upper


def test_too_few_matches_keep_the_thresholds():
    found = choose_thresholds(ScoreDistribution(scored((20, 20.0, 1.0)), 40), Targets(), start=START)
    assert (found.upper, found.lower, found.is_estimated) == (*START, False)


def test_a_precision_that_cannot_be_reached_is_said():
    found = choose_thresholds(ScoreDistribution(scored((500, 45.0, 0.9)), 1_000), Targets(), start=START)
    assert not found.reaches_target


def guarded(guard: str, across: int, within: int) -> list[GuardedPair]:
    return [GuardedPair((guard,), False)] * across + [GuardedPair((guard,), True)] * within


def test_a_guard_that_fires_only_across_facilities_does_harm():
    dirty, twins = guard_evidence(
        [*guarded("strong_id_conflict", 200, 0), *guarded("twin", 100, 40)], across_per_within=1.0
    )
    assert dirty.guard == "strong_id_conflict"
    assert dirty.does_harm
    assert not twins.does_harm
    assert twins.one_person_share == pytest.approx(0.59)


def test_one_facility_says_nothing_of_guards():
    assert pairs_across_per_pair_within(["A", "A", "A"]) == 0
    assert pairs_across_per_pair_within(["A", "A", "B", "B"]) == 2
    (found,) = guard_evidence(guarded("twin", 0, 50), across_per_within=0.0)
    assert found.one_person_share is None
    assert not found.does_harm


def test_judged_pairs_outweigh_the_estimate():
    judged = [GuardedPair(("twin",), False, same=False)] * 5 + [GuardedPair(("twin",), False, same=True)] * 20
    (found,) = guard_evidence([*judged, *guarded("twin", 500, 0)], across_per_within=1.0)
    assert not found.does_harm
    assert found.labelled_different == 5


NOWHERE = PostalAddress()
A = comparable("Harlow", "Miriam", "1950-02-03", phone="2025550111", address=NOWHERE, patient_identifier="S|1")
B = comparable("Harlow", "Miriam", "1950-02-03", phone="2025550177", address=NOWHERE, patient_identifier="S|2")
C = comparable("Vale", "Hugo", "1991-07-09", phone="2025550199", address=NOWHERE, patient_identifier="S|3")


def test_keys_by_kind_are_the_keys():
    kinds = keys_by_kind(A)
    assert frozenset().union(*kinds.values()) == blocking_keys(A)
    assert {"date+name", "names+year", "date+phone", "phone+name", "names+day", "date+initials", "local"} == set(kinds)


def test_completeness_counts_a_pair_kept_apart_as_missed():
    found = pair_completeness([A, B, C], {0: "P1", 1: "P1", 2: "P1"})
    assert (found.true_pairs, found.compared, found.sharing_a_key) == (3, 1, 1), found
    assert found.missed == ((0, 2), (1, 2))
    assert found.pair_completeness == pytest.approx(1 / 3)
    by_kind = {kind.kind: (kind.found, kind.only) for kind in found.kinds}
    assert by_kind["date+name"] == (1, 0)
    assert by_kind["date+phone"] == (0, 0)


def test_no_true_pair_is_complete():
    assert pair_completeness([A, C], {0: "P1", 1: "P2"}).pair_completeness == 1


def test_completeness_flags_blocks_that_were_cut():
    crowd = [comparable("Harlow", "Miriam", "1950-02-03", phone=f"20255{n:05d}") for n in range(130)]
    found = pair_completeness(crowd, dict.fromkeys(range(130), "P"))
    assert found.truncated_blocks > 0
    assert found.compared < found.sharing_a_key == found.true_pairs


def test_two_models_are_compared_pair_by_pair():
    address = {"phone": "2025550111"}
    rows = [
        LinkRow("R1", comparable("Harlow", "Miriam", "1950-02-03", **address)),
        LinkRow("R2", comparable("Harlow", "Miriam", "1950-02-03", **address)),
        LinkRow("R3", C),
    ]
    never = replace(default_model(), version="never", upper=99.0, lower=99.0)
    ask = replace(default_model(), version="ask", upper=99.0)
    found = compare_models(rows, default_model(), never)
    assert (found.parted, found.joined, found.newly_asked) == ((("R1", "R2"),), (), ())
    assert (found.before.persons, found.after.persons) == (2, 3)
    assert compare_models(rows, never, default_model()).joined == (("R1", "R2"),)
    assert compare_models(rows, default_model(), ask).newly_asked == (("R1", "R2"),)


def test_one_record_a_facility_keeps_two_of_one_facility_apart():
    same = {"phone": "2025550111"}
    rows = [
        LinkRow("R1", comparable("Harlow", "Miriam", "1950-02-03", **same), "NGH"),
        LinkRow("R2", comparable("Harlow", "Miriam", "1950-02-03", **same), "NGH"),
    ]
    assert len(set(link_records(rows, default_model()).clusters.values())) == 1
    assert len(set(link_records(rows, default_model(), one_to_one=True).clusters.values())) == 2


def test_a_third_record_does_not_bring_two_of_one_facility_together():
    same = {"phone": "2025550111"}
    woman = comparable("Harlow", "Miriam", "1950-02-03", **same)
    rows = [LinkRow("R1", woman, "NGH"), LinkRow("R2", woman, "NGH"), LinkRow("R3", woman, "LKM")]
    found = link_records(rows, default_model(), one_to_one=True)
    assert found.clusters["R1"] != found.clusters["R2"]
    assert found.review, "which of the two it is, staff are asked"
