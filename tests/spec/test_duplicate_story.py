"""Stories of orders that repeat a scan, and of orders that only look like it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from federation.imaging.assessment import DuplicateAssessment, OrderFacts, Relation, Tier
from federation.imaging.dedupe import merge_site_studies
from federation.imaging.duplicate_rules import assess
from federation.imaging.orders import ClinicalFlag
from federation.imaging.prior_facts import facts_of_prior
from federation.imaging.rule_set import default_rule_set
from federation.imaging.studies import ReportStatus, SiteStudy, StudyStart
from federation.imaging.timeline import in_timeline_order
from tests.imaging_builders import ELSEWHERE, HERE, NOW, SITES, THERE, procedure, site_study

CT_ABDOMEN = "CT ABDOMEN with"
CT_TRUNK = "CT CHEST+ABDOMEN+PELVIS with"


def done(text: str, *, days_ago: float, uid: str = "2.999.1", **details: Any) -> SiteStudy:
    """A reported examination in the archive of another hospital."""
    instant = NOW - dt.timedelta(days=days_ago)
    facts: dict[str, Any] = {
        "started": StudyStart(instant.date(), instant),
        "report_status": ReportStatus.FINAL,
        **details,
    }
    return site_study(uid, modalities=(text.split()[0],), description=text, **facts)


def ask(ordered: str, *archives: SiteStudy, flags: tuple[ClinicalFlag, ...] = ()) -> DuplicateAssessment:
    """A physician at H1 orders; what the archives list becomes one history, and the rules judge it."""
    history = in_timeline_order(
        merge_site_studies(archives, procedure_of=lambda row: procedure(row.description or ""), sites=SITES)
    )
    priors = [facts_of_prior(study, ordering_site=HERE, match_is_certain=True) for study in history]
    return assess(OrderFacts(procedure(ordered), HERE, NOW, frozenset(flags)), priors, default_rule_set())


def test_a_larger_ct_of_last_week_makes_the_physician_stop() -> None:
    found = ask(CT_ABDOMEN, done(CT_TRUNK, days_ago=5))
    assert (found.tier, found.relation, found.best_prior_id) == (Tier.INTERRUPTIVE, Relation.EQUIVALENT, "2.999.1")
    assert [rule.reason for rule in found.rules] == ["equivalent exam within the CT window of 7 days"]


def test_in_the_emergency_department_the_same_scan_is_only_a_warning() -> None:
    found = ask(CT_ABDOMEN, done(CT_TRUNK, days_ago=5), flags=(ClinicalFlag.ED_CONTEXT,))
    assert found.tier is Tier.WARNING
    assert found.rules[-1].reason == "emergency order"


def test_after_an_operation_a_new_scan_is_no_repeat() -> None:
    found = ask(CT_ABDOMEN, done(CT_TRUNK, days_ago=5), flags=(ClinicalFlag.INTERVENTION_SINCE_PRIOR,))
    assert (found.tier, found.best) == (Tier.NONE, None)


def test_the_copy_that_was_imported_here_does_not_hide_the_outside_scan() -> None:
    outside = done(CT_TRUNK, days_ago=5, site_id=THERE)
    imported = done(CT_TRUNK, days_ago=5, site_id=HERE)
    assert ask(CT_ABDOMEN, outside, imported).tier is Tier.INTERRUPTIVE
    assert ask(CT_ABDOMEN, imported).tier is Tier.NONE


def test_images_that_only_a_third_hospital_still_has_are_enough() -> None:
    gone = done(CT_TRUNK, days_ago=5, site_id=THERE, images_available=False)
    kept = done(CT_TRUNK, days_ago=5, site_id=ELSEWHERE, images_available=True)
    assert ask(CT_ABDOMEN, gone).tier is Tier.WARNING
    assert ask(CT_ABDOMEN, gone, kept).tier is Tier.INTERRUPTIVE


def test_another_question_to_the_same_organ_is_shown_but_does_not_stop_anyone() -> None:
    liver_after_routine = ask("CT ABDOMEN with FOCUS:LIVER", done(CT_ABDOMEN, days_ago=3))
    assert (liver_after_routine.tier, liver_after_routine.relation) == (Tier.INFO, Relation.PARTIAL)
    assert "focus" in liver_after_routine.rules[0].reason


def test_of_many_priors_the_card_names_one() -> None:
    found = ask(
        CT_ABDOMEN,
        done("CT PELVIS with", days_ago=1, uid="2.999.1"),
        done("CT ABDOMEN", days_ago=2, uid="2.999.2"),
        done(CT_TRUNK, days_ago=6, uid="2.999.3"),
        done(CT_ABDOMEN, days_ago=20, uid="2.999.4"),
    )
    assert (found.tier, found.best_prior_id) == (Tier.INTERRUPTIVE, "2.999.3")
    assert [verdict.tier for verdict in found.verdicts] == [Tier.INTERRUPTIVE, Tier.WARNING, Tier.INFO, Tier.NONE]
