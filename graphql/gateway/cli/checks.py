"""``priorlink procedures`` and ``priorlink rules``: what a site tries before it goes live. Nothing is stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from federation.errors import FederationError
from federation.imaging.procedure_rows import OUTPUT_COLUMNS, normalize_rows
from federation.imaging.rule_comparison import RuleSetComparison, compare_rule_sets, outcome
from federation.imaging.scenarios import ScenarioReport, run_scenarios
from gateway.cli.csv_files import read_table, write_table
from gateway.cli.output import JsonOption, emit, progress, say
from gateway.errors import InputRefused
from gateway.site_files import load_code_map, load_rules

procedures_app = typer.Typer(help="canonical procedures", no_args_is_help=True)
rules_app = typer.Typer(help="duplicate rule-sets", no_args_is_help=True)


@procedures_app.callback()
@rules_app.callback()
def _group() -> None:
    """Keeps the group a group while it has one command."""


@procedures_app.command("normalize")
def normalize(
    file: Annotated[Path, typer.Argument(help="CSV with at least a column description")],
    out: Annotated[Path, typer.Option("--out", help="write the canonical procedures here")],
    site_map: Annotated[Path | None, typer.Option("--map", help="the site's code map (CSV)")] = None,
    as_json: JsonOption = False,
) -> int:
    """Canonical procedures for a list of descriptions."""
    table = read_table(file, required=("description",))
    bad = next((row for row in table.rows if row.problem is not None), None)
    if bad is not None:
        raise InputRefused(f"{file} line {bad.line}: {bad.problem}")
    code_map = None if site_map is None else load_code_map(site_map)
    done = []
    with progress("normalizing", len(table.rows)) as advance:
        for row in normalize_rows((row.values for row in table.rows), code_map):
            done.append(row)
            advance(len(done))
    columns = [*table.columns, *(c for c in OUTPUT_COLUMNS if c not in table.columns)]
    write_table(out, columns, done)
    unknown = sum(row["canonical_modality"] == "UNKNOWN" or row["canonical_regions"] == "UNKNOWN" for row in done)
    if as_json:
        emit({"rows": len(done), "unknown": unknown, "out": str(out)})
    else:
        say(f"{len(done)} descriptions, {unknown} not recognised: {out}")
    return 0


@rules_app.command("test")
def rules_test(
    scenarios: Annotated[Path, typer.Argument(help="scenarios (JSON)")],
    rules: Annotated[Path | None, typer.Option("--rules", help="rule-set (TOML); default: dup-rules/1")] = None,
    compare: Annotated[
        Path | None, typer.Option("--compare", help="another rule-set (TOML): show what changes from it to --rules")
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Run a committee's scenarios against a rule-set; exit 1 if any expectation fails."""
    document = _read_scenarios(scenarios)
    after, before = load_rules(rules), None if compare is None else load_rules(compare)
    try:
        report = run_scenarios(document, after)
        comparison = None if before is None else compare_rule_sets(document, before, after)
    except FederationError as error:
        raise InputRefused(f"{scenarios}: {error}") from error
    if as_json:
        compared = {} if comparison is None else {"comparison": comparison.as_document()}
        emit({**report.as_document(), **compared})
    else:
        _say_results(report)
        if comparison is not None:
            _say_changes(comparison)
    return 1 if report.failed else 0


def _read_scenarios(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputRefused(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        where = f" line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise InputRefused(f"{path}{where}: not JSON") from error


def _say_results(report: ScenarioReport) -> None:
    for result in report.results:
        mark = "ok    " if result.ok else "FAILED"
        fired = ", ".join(rule.code for rule in result.assessment.rules)
        say(f"{mark} {result.scenario.scenario_id}: {result.assessment.tier.name.lower()} ({fired})")
    say(f"{report.passed} passed, {report.failed} failed")


def _say_changes(comparison: RuleSetComparison) -> None:
    say(f"from {comparison.before_name} to {comparison.after_name}:")
    for change in comparison.changes:
        old, new = outcome(change.before), outcome(change.after)
        lines = (f"{name} {_word(old[name])} -> {_word(new[name])}" for name in change.what)
        say(f"  {change.after.scenario.scenario_id}: {'; '.join(lines)}")
    say(f"{len(comparison.changes)} of {len(comparison.after.results)} scenarios come out differently")


def _word(value: object) -> str:
    return ",".join(str(part) for part in value) if isinstance(value, list) else str(value or "none")
