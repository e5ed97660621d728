"""The committee's scenarios: the default rules agree with each of them in tier, prior, relation and rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from federation.imaging.rule_set import default_rule_set
from federation.imaging.scenarios import run_scenarios

UNSEEN = Path(__file__).resolve().parents[1] / "golden" / "scenarios_unseen.json"
SCENARIOS = Path(__file__).resolve().parents[2] / ".." / "shared" / "clinical" / "duplicate_scenarios.json"


def load() -> dict[str, Any]:
    if not SCENARIOS.exists():
        return {"scenarios": []}
    document: dict[str, Any] = json.loads(SCENARIOS.read_text(encoding="utf-8"))
    return document


DOCUMENT = load()
pytestmark = pytest.mark.skipif(not DOCUMENT["scenarios"], reason="the shared duplicate scenarios are not here")


def test_all_scenarios_agree() -> None:
    report = run_scenarios(DOCUMENT, default_rule_set())
    assert [result.scenario.scenario_id for result in report.results if not result.ok] == []
    assert report.passed == len(DOCUMENT["scenarios"]) >= 61


def test_relation_and_rule_agree_too() -> None:
    report = run_scenarios(DOCUMENT, default_rule_set()).as_document()["scenarios"]
    assert isinstance(report, list)
    for scenario, found in zip(DOCUMENT["scenarios"], report, strict=True):
        expected = scenario["expected"]
        assert found["relation"] == expected["relation"], found["id"]
        assert expected["rule"] in found["rules"], found["id"]


def test_the_windows_of_the_scenarios_are_those_of_the_rule_set() -> None:
    names = {"ECHO": "echo", "MG": "MG diagnostic", "MG_SCREEN": "MG screening", "LDCT_SCREEN": "lung-screening CT"}
    windows = {exam_class.name: exam_class.window for exam_class in default_rule_set().classes}
    for name, days in DOCUMENT["fields"]["windows_days"].items():
        window = windows[names.get(name, name)]
        found = (window.interruptive_days, window.warning_days, window.info_days)
        assert [-1 if value is None else value for value in found] == [
            days[tier] for tier in ("interruptive", "warning", "info")
        ], name


def test_relation_and_rule_agree_in_scenarios_written_from_the_text_of_the_rules() -> None:
    document = json.loads(UNSEEN.read_text(encoding="utf-8"))
    found = run_scenarios(document, default_rule_set()).as_document()["scenarios"]
    assert isinstance(found, list)
    for scenario, result in zip(document["scenarios"], found, strict=True):
        expected = scenario["expected"]
        assert (result["relation"], result["ok"]) == (expected["relation"], True), result["id"]
        if result["tier"] != "none":
            assert expected["rule"] in result["rules"], result["id"]
