"""``priorlink alerts``: do the alerts help?"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.csv_files import write_table
from gateway.cli.output import ConfigOption, JsonOption, emit, say
from gateway.settings import load_settings

app = typer.Typer(help="duplicate alerts", no_args_is_help=True)
_DAYS = ["%Y-%m-%d"]


@app.callback()
def _group() -> None:
    """Keeps the group a group while it has one command."""


@app.command("report")
def report(
    since: Annotated[
        dt.datetime | None, typer.Option(formats=_DAYS, help="first day, UTC; default: 90 days ago")
    ] = None,
    until: Annotated[dt.datetime | None, typer.Option(formats=_DAYS, help="day after the last; default: now")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="write the report here (CSV, one row a measure)")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """What became of the alerts of a period: answers, avoided exams, dose, cost, rules to demote."""
    from gateway.bootstrap import build_hub
    from gateway.report_period import period
    from gateway.serving import hub_resources
    from gateway.usefulness_rows import COLUMNS, report_document, report_rows

    hub = build_hub(load_settings(config))
    try:
        resources = hub_resources(hub)
        days = [None if day is None else day.date() for day in (since, until)]
        made = resources.usefulness(*period(days[0], days[1], resources.clock()))
    finally:
        hub.engine.dispose()
    if csv is not None:
        write_table(csv, COLUMNS, report_rows(made))
    if as_json:
        emit(report_document(made))
    else:
        for row in report_rows(made):
            if row["value"] not in ("", "0"):
                say(
                    f"{row['section']:<16} {row['name']:<28} {row['measure']:<18} {row['value']} {row['unit']}".rstrip()
                )
    return 0
