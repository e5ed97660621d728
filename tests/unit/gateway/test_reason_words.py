"""Reasons of rules in the language of a page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from federation.imaging.duplicate_rules import assess
from federation.imaging.rule_set import default_rule_set
from federation.imaging.scenarios import parse_scenarios
from gateway.web.catalogue import load_catalogue
from gateway.web.reason_words import in_language

ROOT = Path(__file__).resolve().parents[3]
UNSEEN = ROOT / "tests" / "golden" / "scenarios_unseen.json"
SHARED = ROOT.parent / "shared" / "clinical" / "duplicate_scenarios.json"
GERMAN, ENGLISH = load_catalogue("de"), load_catalogue("en")


def given_reasons() -> set[str]:
    """Every reason that the default rule-set gives in one of the scenarios that are here."""
    documents = [json.loads(path.read_text("utf-8")) for path in (UNSEEN, SHARED) if path.exists()]
    scenarios = [scenario for document in documents for scenario in parse_scenarios(document)]
    rules = default_rule_set()
    assessments = [assess(scenario.order, scenario.priors, rules) for scenario in scenarios]
    fired = [rule for found in assessments for one in (found, *found.verdicts) for rule in one.rules]
    return {rule.reason for rule in fired}


def test_every_reason_that_scenarios_meet_is_said_in_german() -> None:
    reasons = given_reasons()
    assert len(reasons) > 15
    assert {reason for reason in reasons if in_language(reason, GERMAN) == reason} == set()
    assert all(in_language(reason, ENGLISH) == reason for reason in reasons)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (
            "equivalent exam within the CT window of 30 days",
            "gleichwertige Untersuchung innerhalb des Zeitfensters für CT von 30 Tagen",
        ),
        (
            "not answered in full: regions, contrast (within 30 days)",
            "nicht vollständig beantwortet: Regionen, Kontrastmittel (innerhalb von 30 Tagen)",
        ),
        ("our house rule 7 % (b)", "our house rule 7 % (b)"),
        ("our house rule (within 3 days)", "our house rule (innerhalb von 3 Tagen)"),
    ],
)
def test_values_keep_their_places_and_unknown_words_stay(reason: str, said: str) -> None:
    assert in_language(reason, GERMAN) == said
