"""Which priors come first for an order, and the words that say why."""

from __future__ import annotations

import datetime as dt

from federation.imaging.relevance import Relevance, rank_priors
from federation.imaging.rule_set import default_rule_set
from federation.imaging.studies import PriorStudy, ReportStatus, StudyStart
from tests.imaging_builders import NOW, location, procedure, study


def ranked(ordered: str, *priors: PriorStudy) -> list[Relevance]:
    found = rank_priors(procedure(ordered), NOW, priors, default_rule_set())
    assert [each.study_instance_uid for each in found] == [prior.study_instance_uid for prior in priors]
    return sorted(found, key=lambda each: each.rank)


def first_to_last(ordered: str, *priors: PriorStudy) -> list[str]:
    return [each.study_instance_uid for each in ranked(ordered, *priors)]


def test_the_reasons_are_plain_words() -> None:
    (found,) = ranked("MR KNEE right", study("1", "MR KNEE right", report_status=ReportStatus.FINAL))
    assert found.rank == 1
    assert found.reasons == (
        "same region",
        "same modality",
        "same side",
        "equivalent examination",
        "recent",
        "images available",
        "report available",
    )


def test_same_region_before_covered_before_overlapping_before_others() -> None:
    priors = [
        study("1", "CT PELVIS"),
        study("2", "CT LSPINE"),
        study("3", "CT ABDOMEN+CHEST"),
        study("4", "CT ABDOMEN"),
    ]
    found = ranked("CT ABDOMEN", *priors)
    assert [each.study_instance_uid for each in found] == ["4", "3", "2", "1"]
    assert [each.reasons[0] for each in found] == [
        "same region",
        "covers the region",
        "overlaps the region",
        "same modality",
    ]


def test_same_modality_before_comparable_before_other() -> None:
    assert first_to_last("XR CHEST", study("1", "US CHEST"), study("2", "CT CHEST"), study("3", "XR CHEST")) == [
        "3",
        "2",
        "1",
    ]


def test_the_opposite_side_stands_back() -> None:
    found = ranked("MR KNEE left", study("1", "MR KNEE right"), study("2", "MR KNEE side-unknown"))
    assert [each.study_instance_uid for each in found] == ["2", "1"]
    assert "opposite side" in found[1].reasons


def test_newer_before_older_and_undated_last() -> None:
    priors = [study("1", days=None), study("2", days=400), study("3", days=30), study("4", days=31)]
    found = ranked("CT CHEST", *priors)
    assert [each.study_instance_uid for each in found] == ["3", "4", "2", "1"]
    assert ["recent" in each.reasons for each in found] == [True, True, False, False]
    assert "undated" in found[3].reasons


def test_what_can_be_looked_at_comes_first() -> None:
    without_images = study("1", locations=(location(images=False),))
    report_only = study("2", modalities=("SR",))
    whole = study("3", report_status=ReportStatus.FINAL)
    found = ranked("CT CHEST", without_images, report_only, whole)
    assert found[0].study_instance_uid == "3"
    assert all("images available" not in each.reasons for each in found[1:])


def test_an_unknown_procedure_is_ranked_without_guesses() -> None:
    found = ranked("CT CHEST", study("1", "UNKNOWN UNKNOWN", modalities=()), study("2", "CT CHEST"))
    assert [each.study_instance_uid for each in found] == ["2", "1"]
    assert found[1].reasons == ("recent",)
    assert [each.rank for each in ranked("UNKNOWN UNKNOWN", study("1"), study("2"))] == [1, 2]


def test_equal_scores_are_ranked_by_uid_whatever_the_order() -> None:
    assert first_to_last("CT CHEST", study("2"), study("1")) == ["1", "2"]
    assert first_to_last("CT CHEST", study("1"), study("2")) == ["1", "2"]


def test_a_bare_date_is_enough() -> None:
    assert "recent" in ranked("CT CHEST", study(started=StudyStart(dt.date(2026, 3, 1))))[0].reasons


def test_nothing_to_rank() -> None:
    assert rank_priors(procedure("CT CHEST"), NOW, (), default_rule_set()) == ()
