"""Dry run of a rule-set: scenarios (an order, its priors, flags) with the tier and the prior that are expected.

The form is that of the committee's JSON file: procedures are written out in canonical words, so that the rules are
tried and not the reading of descriptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from federation.errors import InvalidScenario
from federation.imaging.assessment import DuplicateAssessment, OrderFacts, PriorFacts, Relation, Tier
from federation.imaging.duplicate_rules import assess
from federation.imaging.rule_types import RuleSet
from federation.imaging.scenario_fields import Fields, read_order, read_prior


@dataclass(frozen=True, slots=True)
class Scenario:
    """One order with its priors. ``expected_relation`` is ``None`` when the scenario does not say."""

    scenario_id: str
    title: str
    order: OrderFacts
    priors: tuple[PriorFacts, ...]
    expected_tier: Tier
    expected_prior_id: str | None
    expected_relation: Relation | None = None


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """What the rules said to one scenario, beside what was expected."""

    scenario: Scenario
    assessment: DuplicateAssessment

    @property
    def ok(self) -> bool:
        """Tier and prior agree, and so does the relation to that prior.

        Without an alert there is no prior to be related to: the relation then only explains and is not compared.
        """
        scenario, found = self.scenario, self.assessment
        if found.tier is not scenario.expected_tier or found.best_prior_id != scenario.expected_prior_id:
            return False
        return found.best is None or scenario.expected_relation in (None, found.relation)

    def as_document(self) -> dict[str, object]:
        """The result as the command line prints it."""
        return {
            "id": self.scenario.scenario_id,
            "tier": self.assessment.tier.name.lower(),
            "prior_id": self.assessment.best_prior_id,
            "relation": self.assessment.relation.value,
            "rules": [rule.code for rule in self.assessment.rules],
            "ok": self.ok,
        }


@dataclass(frozen=True, slots=True)
class ScenarioReport:
    """The results of a dry run in the order of the file."""

    results: tuple[ScenarioResult, ...]

    @property
    def passed(self) -> int:
        return sum(result.ok for result in self.results)

    @property
    def failed(self) -> int:
        return len(self.results) - self.passed

    def as_document(self) -> dict[str, object]:
        """``{"scenarios": [...], "passed": n, "failed": n}``."""
        return {
            "scenarios": [result.as_document() for result in self.results],
            "passed": self.passed,
            "failed": self.failed,
        }


def run_scenarios(document: object, rules: RuleSet) -> ScenarioReport:
    """Judge every scenario of a document (the parsed JSON) under a rule-set.

    Raises:
        InvalidScenario: a scenario cannot be read; the error names its id and the field, and nothing is judged.
    """
    return ScenarioReport(
        tuple(
            ScenarioResult(scenario, assess(scenario.order, scenario.priors, rules))
            for scenario in parse_scenarios(document)
        )
    )


def parse_scenarios(document: object) -> tuple[Scenario, ...]:
    """Read the scenarios of a document; ``now`` and ``ordering_site`` of the document are the defaults of orders."""
    if not isinstance(document, Mapping):
        raise InvalidScenario("document: is not an object")
    items = document.get("scenarios")
    if not isinstance(items, list):
        raise InvalidScenario("scenarios: is not a list")
    defaults = Fields(document, "document", "")
    scenarios = tuple(_scenario(item, number, defaults) for number, item in enumerate(items, start=1))
    seen: set[str] = set()
    for scenario in scenarios:
        if scenario.scenario_id in seen:
            raise InvalidScenario(f"scenario {scenario.scenario_id}: id: stands twice in the document")
        seen.add(scenario.scenario_id)
    return scenarios


def _scenario(item: object, number: int, defaults: Fields) -> Scenario:
    if not isinstance(item, Mapping):
        raise InvalidScenario(f"scenario number {number}: is not an object")
    scenario_id = Fields(item, f"number {number}", "").text("id")
    fields = Fields(item, scenario_id, "")
    expected = fields.inner("expected")
    return Scenario(
        scenario_id=scenario_id,
        title=fields.text("title", default=""),
        order=read_order(fields, defaults),
        priors=tuple(read_prior(prior) for prior in fields.inner_list("priors")),
        expected_tier=Tier[expected.word("tier", [tier.name.lower() for tier in Tier]).upper()],
        expected_prior_id=expected.optional_text("prior_id"),
        expected_relation=expected.optional_member("relation", Relation),
    )
