"""The duplicate rules step by step: one table for each sentence of the rule-set."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from federation.errors import InvalidOrder
from federation.imaging.assessment import Relation, Tier
from federation.imaging.orders import ClinicalFlag as Flag
from federation.imaging.relation import find_relation, have_region_contact
from federation.imaging.rule_set import default_rule_set
from federation.imaging.studies import ReportStatus, StudyStatus
from tests.imaging_builders import HERE, NOW, codes, judge, order, prior, procedure

EQUIVALENT, PARTIAL, CROSS, UNRELATED = Relation.EQUIVALENT, Relation.PARTIAL, Relation.CROSS, Relation.UNRELATED
NONE, INFO, WARNING, INTERRUPTIVE = Tier.NONE, Tier.INFO, Tier.WARNING, Tier.INTERRUPTIVE
SECOND = 1 / 86_400


# Step 0


@pytest.mark.parametrize(
    ("flag", "code"),
    [
        (Flag.SERIAL_MONITORING, "E1"),
        (Flag.DEVICE_CHECK, "E1"),
        (Flag.FOLLOW_UP_RECOMMENDED, "E3"),
        (Flag.INTERVENTION_SINCE_PRIOR, "E4"),
        (Flag.NEW_INJURY_SINCE_PRIOR, "E5"),
        (Flag.ACUTE_CHANGE, "E5"),
        (Flag.IMAGE_GUIDANCE, "E8"),
        (Flag.RT_PLANNING, "E8"),
        (Flag.RESEARCH_PROTOCOL, "E8"),
    ],
)
def test_a_flag_exempts_the_order(flag: Flag, code: str) -> None:
    found = judge(order("CT CHEST", flag), prior())
    assert (found.tier, found.relation, found.best, codes(found)) == (NONE, Relation.NONE, None, [code])
    assert [verdict.relation for verdict in found.verdicts] == [Relation.NONE]


@pytest.mark.parametrize(
    ("text", "code"),
    [("US FETUS", "E2"), ("US FETUS+PELVIS", "E2"), ("CT CHEST guidance", "E8"), ("CT UNKNOWN", "E9")],
)
def test_a_procedure_exempts_the_order(text: str, code: str) -> None:
    assert codes(judge(order(text), prior(text))) == [code]


@pytest.mark.parametrize("flag", [Flag.ONCOLOGY_RESTAGING, Flag.LIFE_THREATENING, Flag.ED_CONTEXT])
def test_other_flags_do_not_exempt(flag: Flag) -> None:
    assert judge(order("CT CHEST", flag), prior()).tier > NONE


def test_every_exemption_that_holds_is_named() -> None:
    found = judge(order("UNKNOWN CHEST", Flag.ACUTE_CHANGE, Flag.DEVICE_CHECK), prior())
    assert codes(found) == ["E1", "E5", "E9"]


# Step 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"match_is_certain": False}, "GATE_MATCH"),
        ({"status": StudyStatus.CANCELLED}, "GATE_STATUS"),
        ({"status": StudyStatus.ENTERED_IN_ERROR}, "GATE_STATUS"),
        ({"status": StudyStatus.UNKNOWN}, "GATE_STATUS"),
        ({"performing_site_id": HERE}, "GATE_ORDERING_SITE"),
        ({"procedure": procedure("CT UNKNOWN")}, "GATE_UNKNOWN"),
        ({"procedure": procedure("UNKNOWN CHEST")}, "GATE_UNKNOWN"),
        ({"procedure": procedure("CT CHEST guidance")}, "GATE_PURPOSE"),
        ({"is_rt_planning": True}, "GATE_PURPOSE"),
        ({"is_research": True}, "GATE_PURPOSE"),
        ({"is_image_object": False}, "GATE_NO_IMAGES"),
        ({"performed_at": NOW + dt.timedelta(hours=24, seconds=1)}, "GATE_AFTER_ORDER"),
    ],
)
def test_a_gate_keeps_the_prior_out(change: dict[str, Any], code: str) -> None:
    found = judge(order(), prior(**change))
    assert (found.tier, found.relation, found.best) == (NONE, Relation.NONE, None)
    assert codes(found) == [code, "NO_MATCH"]


def test_a_prior_that_does_not_count_does_not_silence_another() -> None:
    found = judge(order(), prior(prior_id="P1", match_is_certain=False), prior(prior_id="P2", days=20))
    assert (found.tier, found.best_prior_id) == (WARNING, "P2")


def test_an_overridden_pair_is_never_shown_again() -> None:
    priors = (prior(prior_id="P1"), prior(prior_id="P2", days=20))
    found = judge(order(overridden_priors=frozenset({"P1"})), *priors)
    assert (found.tier, found.best_prior_id) == (WARNING, "P2")


def test_a_prior_of_unknown_performing_site_counts() -> None:
    assert judge(order(), prior(performing_site_id=None)).tier is INTERRUPTIVE


def test_without_consent_a_prior_leaves_no_trace() -> None:
    assert judge(order(), prior(consent_permits=False)) == judge(order())
    other = prior(prior_id="P2", days=20)
    assert judge(order(), prior(consent_permits=False), other) == judge(order(), other)


def test_restaging_ignores_a_prior_older_than_14_days() -> None:
    restaging = order("MR HEAD", Flag.ONCOLOGY_RESTAGING)
    assert codes(judge(restaging, prior("MR HEAD", days=14))) == ["W3", "E3b"]
    older = judge(restaging, prior("MR HEAD", days=14 + SECOND))
    assert (older.tier, older.relation, codes(older)) == (NONE, Relation.NONE, ["E3b", "NO_MATCH"])


def test_copies_of_one_study_are_one_prior_with_the_best_availability() -> None:
    without_images = prior(images_available=False, report_available=False, report_status=ReportStatus.NONE)
    with_images = prior(performing_site_id="H3", report_status=ReportStatus.PRELIMINARY)
    found = judge(order(), without_images, with_images)
    assert (found.tier, codes(found), len(found.verdicts)) == (WARNING, ["W3", "C2"], 1)


def test_a_copy_that_does_not_count_lends_nothing() -> None:
    without_images = prior(images_available=False)
    uncertain = prior(performing_site_id="H3", match_is_certain=False)
    assert codes(judge(order(), without_images, uncertain)) == ["W3", "C1"]


def test_copies_of_which_none_counts_do_not_count() -> None:
    found = judge(order(), prior(match_is_certain=False), prior(match_is_certain=False, images_available=False))
    assert (found.tier, found.relation, len(found.verdicts)) == (NONE, Relation.NONE, 1)


# Step 2


@pytest.mark.parametrize(
    ("ordered", "done", "relation"),
    [
        # other modality
        ("MR HEAD", "CT HEAD", UNRELATED),
        ("CT HEAD", "MR HEAD", UNRELATED),
        ("CT CHEST", "XR CHEST", UNRELATED),
        ("CT CHEST", "PT WHOLE_BODY", CROSS),
        ("CT HEAD", "PT WHOLE_BODY", UNRELATED),
        ("CT CHEST+ABDOMEN+PELVIS with", "PT NECK+CHEST+ABDOMEN+PELVIS contrast-unknown FOCUS:PSMA", CROSS),
        ("PT CHEST", "CT CHEST", UNRELATED),
        ("XR CHEST", "CT CHEST with FOCUS:PULMONARY_ARTERIES", CROSS),
        ("XR KNEE right", "MR KNEE right", CROSS),
        ("XR KNEE right", "MR KNEE left", UNRELATED),
        ("XR KNEE right", "MR KNEE bilateral", CROSS),
        ("XR KNEE bilateral", "MR KNEE left", CROSS),
        ("XR KNEE right", "MR KNEE side-unknown", CROSS),
        ("XR FINGER", "CT HAND", CROSS),
        ("XR TOE", "MR FOOT", CROSS),
        ("XR CHEST", "PT CHEST", UNRELATED),
        ("XR CHEST", "CT ABDOMEN", UNRELATED),
        ("XR CHEST", "CT WHOLE_BODY", CROSS),
        ("XR CHEST", "MR WHOLE_BODY", UNRELATED),
        ("XR RIBS", "CT CHEST", UNRELATED),
        ("XR SINUS", "CT FACE", CROSS),
        ("XR SINUS", "MR FACE", UNRELATED),
        # mammography
        ("MG BREAST FOCUS:DIAGNOSTIC", "MG BREAST bilateral FOCUS:SCREENING", UNRELATED),
        ("MG BREAST bilateral FOCUS:SCREENING", "MG BREAST bilateral FOCUS:DIAGNOSTIC", PARTIAL),
        ("MG BREAST", "MG BREAST bilateral FOCUS:SCREENING", PARTIAL),
        # regions
        ("CT ABDOMEN", "CT PELVIS", UNRELATED),
        ("CT ABDOMEN", "CT CHEST+ABDOMEN+PELVIS", EQUIVALENT),
        ("CT CHEST+ABDOMEN+PELVIS", "CT ABDOMEN", PARTIAL),
        ("CT HEAD FOCUS:BRAIN", "CT WHOLE_BODY", EQUIVALENT),
        ("CT WHOLE_BODY", "CT HEAD FOCUS:BRAIN", PARTIAL),
        ("CT TSPINE", "CT WHOLE_BODY", PARTIAL),
        ("CT KNEE", "CT WHOLE_BODY", UNRELATED),
        ("PT NECK+CHEST", "PT WHOLE_BODY", EQUIVALENT),
        ("PT HEAD", "PT WHOLE_BODY", UNRELATED),
        ("MR HEAD", "MR WHOLE_BODY", PARTIAL),
        ("MR WHOLE_BODY", "MR LSPINE", PARTIAL),
        ("MR KNEE", "MR WHOLE_BODY", UNRELATED),
        ("US ABDOMEN", "US WHOLE_BODY", UNRELATED),
        ("CT SINUS", "CT FACE", EQUIVALENT),
        ("XR NOSE", "XR FACE", EQUIVALENT),
        ("MR SINUS", "MR FACE", PARTIAL),
        ("CT FACE", "CT SINUS", PARTIAL),
        ("CT SINUS", "CT HEAD", PARTIAL),
        ("XR FINGER", "XR HAND", PARTIAL),
        ("XR FINGER", "XR FINGER", PARTIAL),
        ("XR TOE", "XR FOOT", PARTIAL),
        ("XR HAND", "XR FINGER", PARTIAL),
        ("XR TOE bilateral", "XR TOE bilateral", PARTIAL),
        ("MR LOWER_EXTREMITY", "MR KNEE", PARTIAL),
        ("US LOWER_EXTREMITY", "US KNEE", UNRELATED),
        ("CT CSPINE+TSPINE+LSPINE", "CT CSPINE+TSPINE+LSPINE", EQUIVALENT),
        ("CT LSPINE", "CT CSPINE+TSPINE+LSPINE", EQUIVALENT),
        ("CT PELVIS", "CT FETUS", UNRELATED),
        # side
        ("MR KNEE right", "MR KNEE left", UNRELATED),
        ("MR KNEE+LSPINE right", "MR KNEE+LSPINE left", UNRELATED),
        ("MR KNEE right", "MR KNEE right", EQUIVALENT),
        ("MR KNEE right", "MR KNEE bilateral", EQUIVALENT),
        ("MR KNEE bilateral", "MR KNEE right", PARTIAL),
        ("MR KNEE right", "MR KNEE side-unknown", EQUIVALENT),
        ("MR KNEE side-unknown", "MR KNEE right", EQUIVALENT),
        ("MR KNEE side-unknown", "MR KNEE side-unknown", EQUIVALENT),
        ("US NECK left", "US NECK none", EQUIVALENT),
        ("US NECK none", "US NECK left", PARTIAL),
        ("US NECK none", "US NECK bilateral", EQUIVALENT),
        # contrast
        ("CT CHEST with", "CT CHEST without", PARTIAL),
        ("CT CHEST without", "CT CHEST with", PARTIAL),
        ("CT CHEST both", "CT CHEST with", PARTIAL),
        ("CT CHEST with", "CT CHEST both", EQUIVALENT),
        ("CT CHEST without", "CT CHEST both", EQUIVALENT),
        ("CT CHEST contrast-unknown", "CT CHEST with", EQUIVALENT),
        ("CT CHEST with", "CT CHEST contrast-unknown", EQUIVALENT),
        ("MG BREAST with FOCUS:DIAGNOSTIC", "MG BREAST without FOCUS:DIAGNOSTIC", PARTIAL),
        ("PT CHEST with", "PT CHEST without", EQUIVALENT),
        # limited and low dose
        ("US ABDOMEN", "US ABDOMEN limited", PARTIAL),
        ("US ABDOMEN limited", "US ABDOMEN limited", EQUIVALENT),
        ("US ABDOMEN limited", "US ABDOMEN", EQUIVALENT),
        ("CT CHEST", "CT CHEST low_dose", PARTIAL),
        ("CT CHEST low_dose", "CT CHEST low_dose", EQUIVALENT),
        ("CT CHEST low_dose", "CT CHEST", EQUIVALENT),
        ("CT ABDOMEN FOCUS:URINARY_TRACT", "CT ABDOMEN FOCUS:URINARY_TRACT low_dose", EQUIVALENT),
        ("CT ABDOMEN", "CT ABDOMEN FOCUS:URINARY_TRACT low_dose", PARTIAL),
        ("CT CHEST FOCUS:LUNG_SCREENING", "CT CHEST FOCUS:LUNG_HRCT low_dose", EQUIVALENT),
        ("CT CHEST FOCUS:LUNG_SCREENING", "CT CHEST FOCUS:LUNG_SCREENING", EQUIVALENT),
        ("CT CHEST FOCUS:LUNG_SCREENING", "CT CHEST low_dose", EQUIVALENT),
        ("CT CHEST portable", "CT CHEST", EQUIVALENT),
    ],
)
def test_relation(ordered: str, done: str, relation: Relation) -> None:
    assert find_relation(procedure(ordered), procedure(done), default_rule_set()).relation is relation


@pytest.mark.parametrize(
    ("setting", "ordered", "done", "answers"),
    [
        ("CT NECK with", "CAROTID", "ARTERIES", True),
        ("MR NECK", "CAROTID", "ARTERIES", True),
        ("US NECK", "CAROTID", "ARTERIES", True),
        ("XA NECK with", "CAROTID", "ARTERIES", False),
        ("CT NECK with", "ARTERIES", "CAROTID", False),
        ("CT HEAD", None, "BRAIN", True),
        ("CT HEAD", "BRAIN", None, True),
        ("MR PELVIS", "BONE", None, True),
        ("MR PELVIS", None, "BONE", True),
        ("CT ABDOMEN", None, "LIVER", True),
        ("CT ABDOMEN", None, "PANCREAS", True),
        ("CT ABDOMEN", None, "SMALL_BOWEL", True),
        ("CT ABDOMEN", None, "URINARY_TRACT", True),
        ("CT CHEST", None, "LUNG_HRCT", True),
        ("CT PELVIS", "BONE", "URINARY_TRACT", True),
        ("MR ABDOMEN", None, "LIVER", True),
        ("MR ABDOMEN", None, "PANCREAS", False),
        ("MR ABDOMEN", None, "SMALL_BOWEL", False),
        ("MR ABDOMEN", None, "URINARY_TRACT", False),
        ("MR ABDOMEN", None, "BILIARY", False),
        ("CT ABDOMEN", "LIVER", None, False),
        ("CT ABDOMEN", "LIVER", "PANCREAS", False),
        ("XR HAND", None, "BONE_AGE", False),
        ("XR HAND", None, "DIAGNOSTIC", True),
        ("XR CHEST", None, "TUBE_CHECK", False),
        ("XR CSPINE", None, "FLEX_EXT", False),
        ("RF ABDOMEN", None, "UPPER_GI", False),
        ("MG BREAST", None, "DIAGNOSTIC", True),
        ("MG BREAST", "DIAGNOSTIC", None, False),
        ("MG BREAST", None, "SCREENING", False),
        ("CT CHEST", "LUNG_SCREENING", None, True),
        ("CT CHEST", "LUNG_SCREENING", "LUNG_HRCT", True),
        ("CT CHEST", "LUNG_SCREENING", "PULMONARY_ARTERIES", False),
        ("CT CHEST", None, "LUNG_SCREENING", False),
        ("US ABDOMEN", "RUQ", None, True),
        ("US ABDOMEN", "GALLBLADDER", None, True),
        ("US ABDOMEN", "LIVER", None, True),
        ("US ABDOMEN", "KIDNEYS", None, True),
        ("US ABDOMEN", "APPENDIX", None, False),
        ("US ABDOMEN", "LIVER_DOPPLER", None, False),
        ("US ABDOMEN", "GALLBLADDER", "RUQ", True),
        ("US ABDOMEN", "LIVER", "RUQ", True),
        ("US ABDOMEN", "KIDNEYS", "RUQ", False),
        ("US ABDOMEN", "KIDNEYS", "URINARY_TRACT", True),
        ("US ABDOMEN", None, "RUQ", False),
        ("US ABDOMEN", None, "LIVER", False),
        ("NM CHEST", None, "LUNG_VQ", False),
        ("NM CHEST", None, "BONE", False),
        ("NM CHEST", "BONE", "BONE", True),
        ("PT CHEST", None, "PSMA", False),
        ("PT CHEST", "PSMA", None, False),
        ("PT HEAD", None, "BRAIN", False),
        ("XA HEAD with", None, "ARTERIES", False),
        ("CT CHEST", None, "SOMETHING_NEW", False),
        ("CT CHEST", "SOMETHING_NEW", None, False),
        ("CT CHEST", "SOMETHING_NEW", "SOMETHING_NEW", True),
    ],
)
def test_focus_answered(setting: str, ordered: str | None, done: str | None, answers: bool) -> None:
    one, two = (procedure(setting if focus is None else f"{setting} FOCUS:{focus}") for focus in (ordered, done))
    found = find_relation(one, two, default_rule_set())
    assert found.relation is (EQUIVALENT if answers else PARTIAL)


@pytest.mark.parametrize(
    "focus",
    "PULMONARY_ARTERIES ARTERIES CAROTID AORTA RENAL_ARTERIES CORONARY_ARTERIES CORONARY_CALCIUM TAVR PERFUSION "
    "VENOUS_SINUSES ARTHROGRAM LUNG_SCREENING SCREENING COLON BILIARY PROSTATE RECTUM PSMA BONE_AGE TUBE_CHECK "
    "FLEX_EXT".split(),
)
@pytest.mark.parametrize("modality", ["CT", "MR", "XR", "US", "NM", "PT", "MG", "RF", "XA", "BMD"])
def test_a_special_prior_never_answers_a_routine_order(focus: str, modality: str) -> None:
    found = find_relation(procedure(f"{modality} CHEST"), procedure(f"{modality} CHEST FOCUS:{focus}"), _RULES)
    assert found.relation is PARTIAL


def test_the_complete_abdomen_must_not_be_limited() -> None:
    found = find_relation(procedure("US ABDOMEN FOCUS:RUQ limited"), procedure("US ABDOMEN limited"), _RULES)
    assert (found.relation, found.reason) == (PARTIAL, "not answered in full: focus")


def test_a_partial_relation_says_what_is_open() -> None:
    found = find_relation(procedure("XR FINGER bilateral with FOCUS:X"), procedure("XR HAND limited low_dose"), _RULES)
    assert found.reason == (
        "not answered in full: side, contrast, focus, the prior is limited, the prior is low dose, "
        "the digit is not known"
    )


_RULES = default_rule_set()
_OVERLAPS = {
    "HEAD": "FACE SINUS ORBIT TEMPORAL_BONE SELLA SKULL",
    "FACE": "SINUS ORBIT NOSE JAW",
    "NECK": "CSPINE",
    "CHEST": "TSPINE RIBS STERNUM HEART",
    "ABDOMEN": "LSPINE",
    "PELVIS": "HIP SACRUM SI_JOINT LSPINE",
    "WRIST": "HAND",
    "ANKLE": "FOOT",
    "CALCANEUS": "FOOT ANKLE",
}


@pytest.mark.parametrize("modality", ["CT", "MR", "XR", "US", "NM", "BMD"])
def test_overlapping_regions_touch_in_both_directions(modality: str) -> None:
    for region, others in _OVERLAPS.items():
        for other in others.split():
            one, two = procedure(f"{modality} {region} none"), procedure(f"{modality} {other} none")
            assert have_region_contact(one, two, _RULES), (region, other)
            assert have_region_contact(two, one, _RULES), (other, region)


@pytest.mark.parametrize(
    "pair", ["ABDOMEN PELVIS", "FETUS PELVIS", "HEAD NECK", "CHEST ABDOMEN", "KNEE LEG", "TMJ JAW"]
)
def test_regions_that_are_not_named_do_not_touch(pair: str) -> None:
    one, two = (procedure(f"CT {region} none") for region in pair.split())
    assert not have_region_contact(one, two, _RULES)


# Step 3

_WINDOWS = {
    "CT CHEST": (7, 30, 90),
    "MR HEAD": (14, 60, 90),
    "NM CHEST": (14, 60, 90),
    "PT CHEST": (14, 45, 90),
    "XR CHEST": (None, 2, 7),
    "US ABDOMEN": (None, 7, 30),
    "US HEART FOCUS:TTE": (None, 30, 90),
    "RF ABDOMEN FOCUS:UPPER_GI": (None, 30, 90),
    "MG BREAST FOCUS:DIAGNOSTIC": (None, 30, 90),
    "MG BREAST": (None, 30, 90),
    "XA HEAD with FOCUS:ARTERIES": (None, None, 30),
    "MG BREAST bilateral FOCUS:SCREENING": (None, 330, 330),
    "CT CHEST FOCUS:LUNG_SCREENING": (None, 330, 330),
    "BMD LSPINE": (None, 700, 700),
}


@pytest.mark.parametrize(("text", "window"), _WINDOWS.items())
def test_windows_are_inclusive(text: str, window: tuple[int | None, int | None, int | None]) -> None:
    lower = {INTERRUPTIVE: WARNING, WARNING: INFO, INFO: NONE}
    for tier, days in zip((INTERRUPTIVE, WARNING, INFO), window, strict=True):
        if days is None or (tier is WARNING and days == window[2]):
            continue
        # where warning and info end together the info edge is the warning's
        highest = WARNING if tier is INFO and days == window[1] else tier
        inside = judge(order(text), prior(text, days=days))
        assert (inside.tier, codes(inside)) == (highest, [f"W{int(highest)}"])
        outside = judge(order(text), prior(text, days=days + SECOND))
        assert (outside.tier, codes(outside)) == (lower[tier], [f"W{int(lower[tier])}"])
        assert outside.relation is EQUIVALENT
    assert judge(order(text), prior(text, days=0)).tier is (
        INTERRUPTIVE if window[0] else WARNING if window[1] else INFO
    )


def test_the_class_is_the_orders() -> None:
    assert judge(order("CT CHEST FOCUS:LUNG_SCREENING"), prior("CT CHEST", days=1)).tier is WARNING
    assert judge(order("CT CHEST FOCUS:LUNG_SCREENING"), prior("CT CHEST", days=300)).tier is WARNING
    assert judge(order("CT CHEST"), prior("CT CHEST FOCUS:LUNG_SCREENING", days=300)).tier is NONE


@pytest.mark.parametrize(
    ("ordered", "done", "days", "tier"),
    [
        ("CT CHEST", "CT CHEST with", 0, INFO),
        ("CT CHEST", "CT CHEST with", 30, INFO),
        ("CT CHEST", "CT CHEST with", 30 + SECOND, NONE),
        ("XA HEAD with FOCUS:ARTERIES", "XA HEAD with", 1, NONE),
        ("XR CHEST", "CT CHEST", 7, INFO),
        ("XR CHEST", "CT CHEST", 7 + SECOND, NONE),
        ("CT CHEST", "PT CHEST", 7, INFO),
        ("CT CHEST", "PT CHEST", 8, NONE),
        ("CT CHEST", "MR CHEST", 0, NONE),
    ],
)
def test_partial_and_cross_are_info_at_most(ordered: str, done: str, days: float, tier: Tier) -> None:
    found = judge(order(ordered), prior(done, days=days))
    assert found.tier is tier
    if tier is INFO:
        assert codes(found) == [{PARTIAL: "P1", CROSS: "C6"}[found.relation]]


def test_a_completed_prior_up_to_24_hours_after_the_order_has_age_0() -> None:
    found = judge(order(), prior(days=-1))
    assert found.tier is INTERRUPTIVE
    assert found.verdicts[0].age_days == 0


def test_ages_count_elapsed_time_when_clocks_change() -> None:
    zone = ZoneInfo("Europe/Berlin")  # clocks go forward in the night to 2026-03-29
    late = order(requested_at=dt.datetime(2026, 4, 1, 10, 0, tzinfo=zone))
    same_wall_clock = prior(performed_at=dt.datetime(2026, 3, 25, 9, 0, tzinfo=zone))
    hour_less = judge(late, same_wall_clock)
    assert (hour_less.tier, hour_less.verdicts[0].age_days) == (INTERRUPTIVE, 7.0)
    assert judge(late, prior(performed_at=dt.datetime(2026, 3, 25, 8, 59, 59, tzinfo=zone))).tier is WARNING


@pytest.mark.parametrize("status", [StudyStatus.SCHEDULED, StudyStatus.IN_PROGRESS])
@pytest.mark.parametrize(("days", "tier"), [(7, WARNING), (-7, WARNING), (7 + SECOND, NONE), (-7 - SECOND, NONE)])
def test_an_equivalent_pending_prior_is_a_warning(status: StudyStatus, days: float, tier: Tier) -> None:
    found = judge(order(), prior(days=days, status=status))
    assert (found.tier, found.relation, codes(found)) == (tier, EQUIVALENT, ["C3"])


def test_other_pending_priors_are_no_alert() -> None:
    partial = judge(order("CT CHEST with"), prior(status=StudyStatus.SCHEDULED))
    assert (partial.tier, partial.relation, codes(partial)) == (NONE, PARTIAL, ["C3"])
    assert judge(order("XR CHEST"), prior("CT CHEST", status=StudyStatus.SCHEDULED)).tier is NONE


def test_a_pending_prior_alerts_where_the_class_has_no_warning_window() -> None:
    text = "XA HEAD with FOCUS:ARTERIES"
    assert judge(order(text), prior(text, status=StudyStatus.SCHEDULED)).tier is WARNING


@pytest.mark.parametrize(
    ("flags", "ordered", "tier", "fired"),
    [
        ([], "CT CHEST", WARNING, ["C3"]),
        ([], "CT CHEST contrast-unknown", INFO, ["C3", "D1"]),
        ([Flag.LIFE_THREATENING], "CT CHEST", INFO, ["C3", "C4"]),
        ([Flag.ED_CONTEXT], "CT CHEST", WARNING, ["C3"]),
        ([Flag.ONCOLOGY_RESTAGING], "CT CHEST", WARNING, ["C3"]),
    ],
)
def test_what_applies_to_a_pending_prior(flags: list[Flag], ordered: str, tier: Tier, fired: list[str]) -> None:
    pending = prior(
        status=StudyStatus.SCHEDULED,
        images_available=False,
        report_available=False,
        report_status=ReportStatus.NONE,
        is_diagnostic=False,
    )
    found = judge(order(ordered, *flags), pending)
    assert (found.tier, codes(found)) == (tier, fired)


def test_an_undated_prior_never_alerts_and_keeps_its_relation() -> None:
    found = judge(order(), prior(performed_at=None))
    assert (found.tier, found.relation, codes(found)) == (NONE, EQUIVALENT, ["UNDATED"])


@pytest.mark.parametrize(
    ("day", "tier", "age"),
    [
        # the order is placed on 2026-03-10 at 10:00 UTC
        (dt.date(2026, 3, 3), INTERRUPTIVE, 6 + 10 / 24),
        (dt.date(2026, 3, 2), WARNING, 7 + 10 / 24),
        (dt.date(2025, 12, 10), INFO, 89 + 10 / 24),
        (dt.date(2026, 3, 10), INTERRUPTIVE, 0),
        (dt.date(2026, 3, 11), INTERRUPTIVE, 0),
        (dt.date(2026, 3, 12), INTERRUPTIVE, 0),
        (dt.date(2026, 3, 13), NONE, -2),
    ],
)
def test_a_bare_date_counts_with_the_age_nearest_to_the_order(day: dt.date, tier: Tier, age: float) -> None:
    noon = dt.datetime.combine(day, dt.time(12, tzinfo=dt.UTC))
    found = judge(order(), prior(performed_at=noon, is_date_only=True))
    assert found.tier is tier
    assert found.verdicts[0].age_days == pytest.approx(age)


# Step 4


@pytest.mark.parametrize(
    ("ordered", "done", "days", "tier", "fired"),
    [
        ("CT CHEST contrast-unknown", "CT CHEST with", 5, WARNING, ["W3", "D1"]),
        ("CT CHEST with", "CT CHEST contrast-unknown", 5, WARNING, ["W3", "D1"]),
        ("CT CHEST contrast-unknown", "CT CHEST both", 5, WARNING, ["W3", "D1"]),
        ("MR HEAD contrast-unknown", "MR HEAD contrast-unknown", 5, WARNING, ["W3", "D1"]),
        ("PT CHEST contrast-unknown", "PT CHEST contrast-unknown", 5, INTERRUPTIVE, ["W3"]),
        ("US ABDOMEN contrast-unknown", "US ABDOMEN", 5, WARNING, ["W2"]),
        ("MR KNEE side-unknown", "MR KNEE left", 5, WARNING, ["W3", "D2"]),
        ("MR KNEE left", "MR KNEE side-unknown", 5, WARNING, ["W3", "D2"]),
        ("MR KNEE side-unknown", "MR KNEE bilateral", 5, WARNING, ["W3", "D2"]),
        ("MR KNEE side-unknown contrast-unknown", "MR KNEE bilateral", 5, INFO, ["W3", "D1", "D2"]),
        ("CT KNEE side-unknown contrast-unknown", "CT KNEE left", 20, INFO, ["W2", "D1", "D2"]),
        ("CT KNEE side-unknown contrast-unknown", "CT KNEE left", 60, INFO, ["W1"]),
        ("XR KNEE side-unknown", "CT KNEE left", 5, INFO, ["C6"]),
    ],
)
def test_doubts_take_one_step_each(ordered: str, done: str, days: float, tier: Tier, fired: list[str]) -> None:
    found = judge(order(ordered), prior(done, days=days))
    assert (found.tier, codes(found)) == (tier, fired)


# Step 5


@pytest.mark.parametrize(
    ("change", "flags", "tier", "fired"),
    [
        ({"images_available": False}, [], WARNING, ["W3", "C1"]),
        ({"images_available": False, "report_available": False}, [], INFO, ["W3", "C1"]),
        ({"report_available": False}, [], INTERRUPTIVE, ["W3"]),
        ({"report_status": ReportStatus.PRELIMINARY}, [], WARNING, ["W3", "C2"]),
        ({"report_status": ReportStatus.NONE}, [], WARNING, ["W3", "C2"]),
        ({"report_status": ReportStatus.UNKNOWN}, [], WARNING, ["W3", "C2"]),
        ({"is_diagnostic": False}, [], INFO, ["W3", "C5"]),
        ({}, [Flag.LIFE_THREATENING], INFO, ["W3", "C4"]),
        ({}, [Flag.ED_CONTEXT], WARNING, ["W3", "C7"]),
        ({}, [Flag.ONCOLOGY_RESTAGING], WARNING, ["W3", "E3b"]),
        ({"images_available": False}, [Flag.ED_CONTEXT, Flag.LIFE_THREATENING], INFO, ["W3", "C1", "C4", "C7"]),
    ],
)
def test_caps_lower_the_tier_and_the_lowest_wins(
    change: dict[str, Any], flags: list[Flag], tier: Tier, fired: list[str]
) -> None:
    found = judge(order("CT CHEST", *flags), prior(days=2, **change))
    assert (found.tier, codes(found)) == (tier, fired)


def test_a_cap_never_raises_a_tier() -> None:
    found = judge(order("CT CHEST", Flag.ED_CONTEXT), prior(days=60, images_available=False))
    assert (found.tier, codes(found)) == (INFO, ["W1"])
    assert judge(order("CT CHEST", Flag.ED_CONTEXT), prior(days=100)).tier is NONE


def test_caps_come_after_the_steps() -> None:
    found = judge(order("CT CHEST contrast-unknown", Flag.ED_CONTEXT), prior(days=2))
    assert (found.tier, codes(found)) == (WARNING, ["W3", "D1"])


# Step 6


def test_the_highest_tier_wins_over_the_most_recent() -> None:
    found = judge(order(), prior(prior_id="P1", days=20), prior("CT CHEST with", prior_id="P2", days=1))
    assert (found.tier, found.best_prior_id, found.relation) == (WARNING, "P1", EQUIVALENT)


def test_a_completed_prior_wins_over_a_pending_one() -> None:
    pending = prior(prior_id="P1", days=-1, status=StudyStatus.SCHEDULED)
    found = judge(order(), pending, prior(prior_id="P2", days=20))
    assert (found.tier, found.best_prior_id) == (WARNING, "P2")


def test_the_most_recent_wins_then_the_smaller_id() -> None:
    assert judge(order(), prior(prior_id="P1", days=3), prior(prior_id="P2", days=2)).best_prior_id == "P2"
    assert judge(order(), prior(prior_id="P2", days=2), prior(prior_id="P1", days=2)).best_prior_id == "P1"


def test_the_most_recent_of_two_times_of_one_zone_is_judged_on_instants() -> None:
    zone = ZoneInfo("Europe/Berlin")  # 02:30 comes twice in the night to 2025-10-26
    first = dt.datetime(2025, 10, 26, 2, 30, tzinfo=zone)
    asked = order(requested_at=dt.datetime(2025, 10, 27, 2, 30, tzinfo=dt.UTC))
    found = judge(
        asked, prior(prior_id="P1", performed_at=first), prior(prior_id="P2", performed_at=first.replace(fold=1))
    )
    assert found.best_prior_id == "P2"


def test_no_prior_above_none_is_no_prior() -> None:
    found = judge(order(), prior(days=100))
    assert (found.tier, found.best, found.best_prior_id) == (NONE, None, None)
    assert (judge(order()).tier, codes(judge(order()))) == (NONE, ["NO_MATCH"])


def test_without_an_alert_the_nearest_miss_explains() -> None:
    found = judge(order(), prior("CT HEAD", prior_id="P1", days=1), prior(prior_id="P2", days=100))
    assert (found.relation, codes(found)) == (EQUIVALENT, ["W0"])


def test_reasons_hold_no_dates_and_no_ids() -> None:
    found = judge(order("MR KNEE contrast-unknown", Flag.ED_CONTEXT), prior("MR KNEE", prior_id="2.999.77", days=5))
    for rule in found.rules:
        assert "2.999.77" not in rule.reason
        assert "2026" not in rule.reason


@pytest.mark.parametrize("naive", ["order", "prior"])
def test_a_time_without_offset_is_refused(naive: str) -> None:
    moment = dt.datetime(2026, 3, 10, 10)
    ordered = order(requested_at=moment) if naive == "order" else order()
    with pytest.raises(InvalidOrder, match="without offset"):
        judge(ordered, prior(performed_at=moment if naive == "prior" else NOW))
