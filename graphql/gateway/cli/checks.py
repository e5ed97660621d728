"""``priorlink procedures`` and ``priorlink rules``: what a site tries before it goes live. Nothing is stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from federation.errors import FederationError
from federation.imaging.procedure_rows import OUTPUT_COLUMNS, normalize_rows
from federation.imaging.scenarios import run_scenarios
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
    as_json: JsonOption = False,
) -> int:
    """Run a committee's scenarios against a rule-set; exit 1 if any expectation fails."""
    try:
        document = json.loads(scenarios.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputRefused(f"cannot read {scenarios}: {error.strerror}") from error
    except ValueError as error:
        where = f" line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise InputRefused(f"{scenarios}{where}: not JSON") from error
    rule_set = load_rules(rules)
    try:
        report = run_scenarios(document, rule_set)
    except FederationError as error:
        raise InputRefused(f"{scenarios}: {error}") from error
    if as_json:
        emit(report.as_document())
    else:
        for result in report.results:
            mark = "ok    " if result.ok else "FAILED"
            fired = ", ".join(rule.code for rule in result.assessment.rules)
            say(f"{mark} {result.scenario.scenario_id}: {result.assessment.tier.name.lower()} ({fired})")
        say(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0
