"""Counting what became of alerts: tallies, rules to demote, avoided exams by the strict definition, dose, cost."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest

from federation.errors import InvalidTable
from federation.imaging.alerts import AlertState, OverrideReason
from federation.imaging.assessment import Tier
from federation.imaging.procedures import Contrast, Laterality, Modality, Procedure
from federation.sites.site import SiteId
from federation.usefulness.avoided import AnsweredOrder, Followed, LaterExam, count_avoided, count_overridden
from federation.usefulness.doses import Dose, default_dose_table, parse_dose_table
from federation.usefulness.outcomes import OutcomeCount, RuleCount, Tally, count_outcomes
from federation.usefulness.site_tables import CostTable, parse_cost_table, parse_orderer_groups

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
ANSWERED = NOW - dt.timedelta(days=40)
NORTH = SiteId("north")


def exam(
    modality: Modality, *regions: str, contrast: Contrast = Contrast.WITHOUT, focus: str | None = None
) -> Procedure:
    return Procedure(modality, frozenset(regions), Laterality.NONE, contrast, focus)


def answered(**changes: object) -> AnsweredOrder:
    order = AnsweredOrder(
        alert_id="a", prior_id="2.999.1", site_id=NORTH, procedure=exam(Modality.CT, "HEAD"), exam_class="CT",
        answered_at=ANSWERED, age_years=50, seen_until=NOW,
    )  # fmt: skip
    return replace(order, **changes)  # type: ignore[arg-type]


def later(days: int, exam_class: str = "CT", uid: str = "2.999.9") -> LaterExam:
    return LaterExam(uid, exam_class, (ANSWERED + dt.timedelta(days=days)).date())


# Outcomes


def entry(state: AlertState, count: int = 1, *, by: str = "dr-1", reason: OverrideReason | None = None) -> OutcomeCount:
    return OutcomeCount(Tier.WARNING, state, NORTH, by, reason, count)


def test_alerts_are_counted_by_everything_that_was_asked_for() -> None:
    counted = count_outcomes(
        [
            entry(AlertState.ACCEPTED, 3),
            entry(AlertState.OVERRIDDEN, 5, reason=OverrideReason.CLINICAL_CHANGE, by="dr-2"),
            entry(AlertState.OVERRIDDEN, 7),
            entry(AlertState.EXPIRED, 5),
            entry(AlertState.SUPERSEDED, 2),
            entry(AlertState.SHOWN),
            replace(entry(AlertState.RAISED), tier=Tier.INTERRUPTIVE, site_id=SiteId("south")),
        ],
        [RuleCount("W3", AlertState.OVERRIDDEN, 12), RuleCount("W3", AlertState.ACCEPTED, 3)],
        group_of={"dr-2": "surgery"},
    )
    assert counted.total == Tally(accepted=3, overridden=12, ignored=5, withdrawn=2, waiting=2)
    assert (counted.total.raised, counted.total.settled, counted.total.override_rate) == (24, 20, 0.6)
    assert [tier for tier, _ in counted.by_tier] == [Tier.INTERRUPTIVE, Tier.WARNING]
    assert [(site, tally.raised) for site, tally in counted.by_site] == [("north", 23), ("south", 1)]
    assert [(group, tally.raised) for group, tally in counted.by_orderer_group] == [("", 19), ("surgery", 5)]
    assert counted.by_override_reason == ((None, 7), (OverrideReason.CLINICAL_CHANGE, 5))
    assert [(use.rule, use.tally.settled) for use in counted.by_rule] == [("W3", 15)]


@pytest.mark.parametrize(
    ("overridden", "accepted", "to_demote"), [(171, 29, True), (170, 30, False), (199, 0, False), (200, 0, True)]
)
def test_a_rule_is_to_be_demoted_above_85_percent_over_200_firings(
    overridden: int, accepted: int, to_demote: bool
) -> None:
    counts = [RuleCount("R", AlertState.OVERRIDDEN, overridden), RuleCount("R", AlertState.ACCEPTED, accepted)]
    (use,) = count_outcomes([], [*counts, RuleCount("R", AlertState.SUPERSEDED, 99)], group_of={}).by_rule
    assert use.is_to_demote is to_demote


def test_nothing_counted_has_no_rate() -> None:
    nothing = count_outcomes([], [], group_of={})
    assert (nothing.total, nothing.total.override_rate, nothing.by_rule) == (Tally(), None, ())


# What followed


@pytest.mark.parametrize(
    ("order", "followed"),
    [
        (answered(), Followed.NO_EXAM),
        (answered(seen_until=ANSWERED + dt.timedelta(days=29)), Followed.NOT_KNOWN),
        (answered(seen_until=None), Followed.NOT_KNOWN),
        (answered(answered_at=NOW - dt.timedelta(days=29)), Followed.TOO_EARLY),
        (answered(later_exams=(later(0),)), Followed.EXAM_DONE),
        (answered(later_exams=(later(30),)), Followed.EXAM_DONE),
        (answered(later_exams=(later(31),)), Followed.NO_EXAM),
        (answered(later_exams=(later(3, "MR"),)), Followed.NO_EXAM),
        (answered(later_exams=(later(3),), seen_until=None), Followed.EXAM_DONE),
    ],
)
def test_avoided_only_when_no_exam_of_the_class_followed_and_that_is_known(
    order: AnsweredOrder, followed: Followed
) -> None:
    assert order.followed(NOW) is followed


def test_dose_is_a_range_for_adults_and_a_level_for_children_and_unknown_ages() -> None:
    unknown_phases = exam(Modality.CT, "HEAD", contrast=Contrast.UNKNOWN)
    orders = [
        answered(),
        answered(procedure=unknown_phases),
        answered(age_years=17),
        answered(age_years=None, procedure=exam(Modality.MR, "HEAD")),
        answered(procedure=exam(Modality.XR, "SKULL")),
        answered(later_exams=(later(1),)),
    ]
    found = count_avoided(orders, now=NOW, doses=default_dose_table(), costs=CostTable())
    assert (found.avoided, found.done_all_the_same) == (5, 1)
    assert (found.adult_exams, found.low_msv, found.high_msv) == (2, pytest.approx(3.2), pytest.approx(4.8))
    assert found.by_level == ((0, 1), (3, 1))
    assert found.without_dose == 1
    assert (found.costs, found.without_cost) == ((), 5)


def test_cost_is_the_sites_own_and_never_mixes_currencies() -> None:
    table = parse_cost_table(
        "site,exam_class,regions,cost,currency,as_of\n"
        "north,CT,,100.50,EUR,2026-01-01\nnorth,CT,HEAD,80,EUR,2025-01-01\nsouth,CT,,90,USD,2026-01-01\n"
    )
    orders = [answered(), answered(procedure=exam(Modality.CT, "CHEST")), answered(site_id=SiteId("south"))]
    orders.append(answered(exam_class="MR"))
    found = count_avoided(orders, now=NOW, doses=default_dose_table(), costs=table)
    assert [(c.currency, c.amount, c.exam_count) for c in found.costs] == [
        ("EUR", Decimal("180.50"), 2),
        ("USD", Decimal(90), 1),
    ]
    assert found.costs[0].oldest_price_of == dt.date(2025, 1, 1)
    assert found.without_cost == 1


def test_an_overridden_exam_is_useful_when_it_saved_a_later_one() -> None:
    orders = [answered(later_exams=(later(2, uid="2.999.7"),)), answered(later_exams=(later(2),)), answered()]
    found = count_overridden(orders, now=NOW, accepted_priors={"2.999.7"})
    assert (found.carried_out, found.useful, found.not_carried_out) == (2, 1, 1)


# Tables


@pytest.mark.parametrize(
    ("procedure", "dose"),
    [
        (exam(Modality.CT, "HEAD"), Dose(1.6, 1.6)),
        (exam(Modality.CT, "HEAD", contrast=Contrast.BOTH), Dose(3.2, 3.2)),
        (exam(Modality.CT, "CHEST"), Dose(6.1, 6.1)),
        (exam(Modality.CT, "CHEST", focus="LUNG_SCREENING"), Dose(1.5, 1.5)),
        (exam(Modality.CT, "ABDOMEN", "PELVIS", contrast=Contrast.UNKNOWN), Dose(7.7, 15.4)),
        (exam(Modality.CT, "CHEST", "ABDOMEN", "PELVIS"), Dose(14, 14)),
        (exam(Modality.CT, "HEART", focus="CORONARY_ARTERIES"), Dose(8.7, 8.7)),
        (exam(Modality.CT, "HEAD", focus="ARTERIES"), Dose(5.1, 5.1)),
        (exam(Modality.PT, "WHOLE_BODY"), Dose(22.7, 22.7)),
        (exam(Modality.US, "ABDOMEN"), Dose(0, 0)),
        (exam(Modality.BMD, "LSPINE", "HIP"), Dose(0.001, 0.001)),
        (exam(Modality.XR, "SKULL"), None),
    ],
)
def test_the_table_that_ships_gives_the_typical_doses(procedure: Procedure, dose: Dose | None) -> None:
    assert default_dose_table().dose_of(procedure) == dose


@pytest.mark.parametrize(
    ("msv", "level"), [(0, 0), (0.001, 1), (0.1, 1), (0.21, 2), (6.1, 3), (14, 4), (30, 4), (31, 5)]
)
def test_levels(msv: float, level: int) -> None:
    assert Dose(0, msv).level == level


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version = ", "not TOML"),
        ('version = "x"', "at least one"),
        ('version = "x"\n[[dose]]\nmsv = 1', "dose 1: modality and msv"),
        ('version = "x"\n[[dose]]\nmodality = "CT"\nmsv = 1\nsize = 2', "dose 1: unknown field size"),
        ('version = "x"\n[[dose]]\nmodality = "XX"\nmsv = 1', "dose 1: modality"),
        ('version = "x"\n[[dose]]\nmodality = "CT"\nregions = ["LEFT"]\nmsv = 1', "dose 1: regions"),
        ('version = "x"\n[[dose]]\nmodality = "CT"\nfocus = 3\nmsv = 1', "dose 1: focus"),
        ('version = "x"\n[[dose]]\nmodality = "CT"\nmsv = -1', "dose 1: msv"),
        ('version = "x"\n[[dose]]\nmodality = "CT"\nmsv = true', "dose 1: msv"),
        ('version = "x"\n[[dose]]\nmodality = "CT"\nmsv = 2\nboth_phases_msv = 1', "dose 1: msv"),
    ],
)
def test_a_dose_table_that_cannot_be_used_says_where(text: str, said: str) -> None:
    with pytest.raises(InvalidTable, match=said):
        parse_dose_table(text)


HEADER = "site,exam_class,regions,cost,currency,as_of\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("site,cost\n", "line 1: the columns"),
        (HEADER + "north,CT,,ten,EUR,2026-01-01\nnorth,MR,,1,euro,2026-01-01", "line 2: cost.*line 3: currency"),
        (HEADER + "north,CT,,-1,EUR,2026-01-01", "line 2: cost"),
        (HEADER + "north,CT,,NaN,EUR,2026-01-01", "line 2: cost"),
        (HEADER + "north,CT,,1,EUR,yesterday", "line 2: as_of"),
        (HEADER + "north,CT,FLIPPER,1,EUR,2026-01-01", "line 2: regions"),
        (HEADER + "north,,,1,EUR,2026-01-01", "line 2: empty: exam_class"),
        (HEADER + "north,CT,,1,EUR,2026-01-01\nnorth,ct,,2,EUR,2026-01-01", "line 3: .*twice"),
        (HEADER + "north,CT", "line 2: not as many"),
    ],
)
def test_a_cost_table_that_cannot_be_used_names_every_line(text: str, said: str) -> None:
    with pytest.raises(InvalidTable, match=said):
        parse_cost_table(text)


def test_orderer_groups() -> None:
    assert parse_orderer_groups("orderer,group\ndr-1,surgery\n") == {"dr-1": "surgery"}
    with pytest.raises(InvalidTable, match=r"line 2: .*needed; line 4: .*twice"):
        parse_orderer_groups("orderer,group\n,surgery\ndr-1,a\ndr-1,b\n")
