"""The dry run: scenarios are read strictly, and the report says what agreed."""

from __future__ import annotations

import copy
import datetime as dt
from typing import Any

import pytest

from federation.errors import InvalidScenario
from federation.imaging.orders import ClinicalFlag
from federation.imaging.procedures import Laterality, ProcedureFlag
from federation.imaging.rule_set import default_rule_set
from federation.imaging.scenarios import Scenario, parse_scenarios, run_scenarios

SCENARIO: dict[str, Any] = {
    "id": "T1",
    "title": "the same chest CT",
    "order": {"modality": "CT", "regions": ["CHEST"], "laterality": "none", "contrast": "with", "focus": None},
    "priors": [
        {
            "id": "P1",
            "site": "H2",
            "modality": "CT",
            "regions": ["CHEST"],
            "laterality": "none",
            "contrast": "with",
            "performed_at": "2026-03-09T10:00:00Z",
        }
    ],
    "flags": {},
    "expected": {"tier": "interruptive", "prior_id": "P1", "relation": "EQUIVALENT"},
}


def document(**changes: Any) -> dict[str, Any]:
    """One scenario; ``order__modality="MR"`` sets a field inside, ``prior__id=...`` one of the prior."""
    scenario = copy.deepcopy(SCENARIO)
    for path, value in changes.items():
        part, _, field = path.partition("__")
        target = scenario["priors"][0] if part == "prior" else scenario[part] if field else scenario
        target[field or part] = value
    return {"now": "2026-03-10T10:00:00Z", "ordering_site": "H1", "scenarios": [scenario]}


def read(**changes: Any) -> Scenario:
    (scenario,) = parse_scenarios(document(**changes))
    return scenario


def test_the_report_counts_and_lists() -> None:
    wrong = document(id="T2", expected={"tier": "warning", "prior_id": "P1"})["scenarios"]
    both = document()
    both["scenarios"] += wrong
    assert run_scenarios(both, default_rule_set()).as_document() == {
        "scenarios": [
            {"id": name, "tier": "interruptive", "prior_id": "P1", "relation": "EQUIVALENT", "rules": ["W3"], "ok": ok}
            for name, ok in (("T1", True), ("T2", False))
        ],
        "passed": 1,
        "failed": 1,
    }


@pytest.mark.parametrize(
    ("expected", "ok"),
    [
        ({"tier": "interruptive", "prior_id": "P1"}, True),
        ({"tier": "interruptive", "prior_id": "P1", "relation": "EQUIVALENT"}, True),
        ({"tier": "interruptive", "prior_id": "P1", "relation": "PARTIAL"}, False),
        ({"tier": "interruptive", "prior_id": "P2"}, False),
        ({"tier": "interruptive", "prior_id": None}, False),
        ({"tier": "info", "prior_id": "P1"}, False),
    ],
)
def test_tier_prior_and_relation_must_agree(expected: dict[str, Any], ok: bool) -> None:
    assert run_scenarios(document(expected=expected), default_rule_set()).results[0].ok is ok


def test_without_an_alert_the_relation_only_explains() -> None:
    nothing = document(expected={"tier": "none", "prior_id": None, "relation": "NONE"}, prior__regions=["HEAD"])
    assert run_scenarios(nothing, default_rule_set()).results[0].ok


def test_defaults_of_the_document_and_of_the_fields() -> None:
    scenario = read()
    assert scenario.order.site_id == "H1"
    assert scenario.order.requested_at == dt.datetime(2026, 3, 10, 10, tzinfo=dt.UTC)
    (prior,) = scenario.priors
    assert (prior.consent_permits, prior.match_is_certain, prior.is_diagnostic, prior.images_available) == (True,) * 4
    assert read(order__laterality=None, order__regions=["KNEE"]).order.procedure.laterality is Laterality.UNKNOWN
    assert read(order__laterality=None).order.procedure.laterality is Laterality.NONE


def test_flags_of_the_order_of_its_procedure_and_of_the_prior() -> None:
    scenario = read(
        flags={"ed_context": True, "acute_change": False, "overridden_priors": ["P9"]},
        order__flags={"limited": True, "portable": False},
        prior__flags={"guidance": True, "low_dose": True},
    )
    assert scenario.order.flags == {ClinicalFlag.ED_CONTEXT}
    assert scenario.order.overridden_priors == {"P9"}
    assert scenario.order.procedure.flags == {ProcedureFlag.LIMITED}
    assert scenario.priors[0].procedure.flags == {ProcedureFlag.GUIDANCE, ProcedureFlag.LOW_DOSE}


def test_an_urgent_priority_is_an_emergency_context() -> None:
    assert read(order__priority="stat").order.flags == {ClinicalFlag.ED_CONTEXT}
    assert read(order__priority="routine").order.flags == frozenset()


def test_the_purpose_of_a_prior() -> None:
    assert read(prior__flags={"rt_planning": True}).priors[0].is_rt_planning
    assert read(prior__flags={"research_protocol": True}).priors[0].is_research


@pytest.mark.parametrize("modality", ["SR", "KO", "PR"])
def test_report_objects_are_no_exam(modality: str) -> None:
    assert not read(prior__modality=modality).priors[0].is_image_object


@pytest.mark.parametrize(("match", "certain"), [("certain", True), ("manual", True), ("possible", False)])
def test_only_a_certain_or_manual_match_counts(match: str, certain: bool) -> None:
    assert read(prior__patient_match=match).priors[0].match_is_certain is certain


def test_an_undated_prior_is_allowed() -> None:
    assert read(prior__performed_at=None).priors[0].performed_at is None


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"id": None}, "number 1: id: is missing"),
        ({"order": ["CT"]}, "T1: order: is not an object"),
        ({"order__modality": "CAT"}, "T1: order.modality"),
        ({"order__modality": None}, "T1: order.modality: is missing"),
        ({"order__regions": "CHEST"}, "T1: order.regions"),
        ({"order__regions": ["THORAX"]}, "T1: order.regions"),
        ({"order__laterality": "port"}, "T1: order.laterality"),
        ({"order__contrast": "oral"}, "T1: order.contrast"),
        ({"order__requested_at": "yesterday"}, "T1: order.requested_at"),
        ({"order__requested_at": "2026-03-10T10:00:00"}, "T1: order.requested_at: is a time without offset"),
        ({"order__flags": {"limitd": True}}, "T1: order.flags.limitd"),
        ({"flags": {"ed_contxt": True}}, "T1: flags.ed_contxt"),
        ({"flags": {"ed_context": "yes"}}, "T1: flags.ed_context"),
        ({"flags": {"overridden_priors": "P1"}}, "T1: flags.overridden_priors"),
        ({"priors": {}}, "T1: priors: is not a list"),
        ({"priors": ["P1"]}, r"T1: priors\[1\]: is not an object"),
        ({"prior__id": ""}, r"T1: priors\[1\].id"),
        ({"prior__status": "done"}, r"T1: priors\[1\].status"),
        ({"prior__images_available": "yes"}, r"T1: priors\[1\].images_available"),
        ({"prior__consent": "maybe"}, r"T1: priors\[1\].consent"),
        ({"expected__tier": "critical"}, "T1: expected.tier"),
        ({"expected__relation": "SIMILAR"}, "T1: expected.relation"),
        ({"expected": None}, "T1: expected.tier: is missing"),
    ],
)
def test_errors_name_the_scenario_and_the_field(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidScenario, match=named):
        parse_scenarios(document(**changes))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ([], "document"),
        ({}, "scenarios: is not a list"),
        ({"scenarios": ["T1"]}, "scenario number 1"),
        ({"scenarios": [SCENARIO]}, "T1: order.requested_at: is missing"),
        ({"now": "2026-03-10T10:00:00Z", "scenarios": [SCENARIO]}, "T1: order.site: is missing"),
        ({"now": "2026-03-10T10:00:00Z", "ordering_site": "H1", "scenarios": [SCENARIO] * 2}, "T1: id: stands twice"),
    ],
)
def test_a_document_that_cannot_be_read(wrong: object, named: str) -> None:
    with pytest.raises(InvalidScenario, match=named):
        parse_scenarios(wrong)
