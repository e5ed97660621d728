"""What changes between two rule-sets: the same scenarios under both, those that come out differently side by side."""

from __future__ import annotations

from dataclasses import dataclass

from federation.imaging.rule_set import RuleSet
from federation.imaging.scenarios import ScenarioReport, ScenarioResult, run_scenarios


@dataclass(frozen=True, slots=True)
class ScenarioChange:
    """One scenario that comes out differently."""

    before: ScenarioResult
    after: ScenarioResult

    @property
    def what(self) -> tuple[str, ...]:
        """What differs, of ``tier``, ``prior_id``, ``relation``, ``rules``."""
        old, new = outcome(self.before), outcome(self.after)
        return tuple(name for name in old if old[name] != new[name])

    def as_document(self) -> dict[str, object]:
        """``{"id", "title", "changed": [...], "before": {...}, "after": {...}}``."""
        return {
            "id": self.after.scenario.scenario_id,
            "title": self.after.scenario.title,
            "changed": list(self.what),
            "before": {**outcome(self.before), "ok": self.before.ok},
            "after": {**outcome(self.after), "ok": self.after.ok},
        }


@dataclass(frozen=True, slots=True)
class RuleSetComparison:
    """Scenarios under two rule-sets, by their names. ``changes`` are in the order of the file."""

    before_name: str
    after_name: str
    before: ScenarioReport
    after: ScenarioReport

    @property
    def changes(self) -> tuple[ScenarioChange, ...]:
        """The scenarios that come out differently."""
        pairs = zip(self.before.results, self.after.results, strict=True)
        changes = (ScenarioChange(old, new) for old, new in pairs)
        return tuple(change for change in changes if change.what)

    def as_document(self) -> dict[str, object]:
        """``{"before", "after", "changes": [...], "unchanged": n}``."""
        return {
            "before": self.before_name,
            "after": self.after_name,
            "changes": [change.as_document() for change in self.changes],
            "unchanged": len(self.after.results) - len(self.changes),
        }


def compare_rule_sets(document: object, before: RuleSet, after: RuleSet) -> RuleSetComparison:
    """Judge every scenario of a document under both.

    Raises:
        InvalidScenario: a scenario cannot be read.
    """
    return RuleSetComparison(before.name, after.name, run_scenarios(document, before), run_scenarios(document, after))


def outcome(result: ScenarioResult) -> dict[str, object]:
    """A verdict as it is compared and shown."""
    assessment = result.assessment
    return {
        "tier": assessment.tier.name.lower(),
        "prior_id": assessment.best_prior_id,
        "relation": assessment.relation.value,
        "rules": [rule.code for rule in assessment.rules],
    }
