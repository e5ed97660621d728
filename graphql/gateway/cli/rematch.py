"""``priorlink mpi rematch``: walk over the whole index with the current model. It may be stopped and run again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.csv_files import write_table
from gateway.cli.output import ConfigOption, JsonOption, emit, progress, say
from gateway.clock import new_id, utc_now
from gateway.comparison_report import render_rematch
from gateway.errors import InputRefused
from gateway.settings import load_settings
from gateway.written_files import write_whole
from mpi.audit import AuditEvent, AuditOutcome
from mpi.identity.records import SourceRecord
from mpi.units import carry_out
from mpi.usecases.rematch_record import RematchedPair, RematchFinding, RematchMode, rematch_record

if TYPE_CHECKING:
    from adapters.store.rematch_repository import RematchRun
    from adapters.store.unit_of_work import SqlUnitOfWork
    from gateway.bootstrap import Hub

RECORDS_PER_TRANSACTION = 100


def add_commands(app: typer.Typer) -> None:
    """Add it to ``priorlink mpi``."""
    app.command("rematch")(rematch)


def rematch(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be found; change nothing")] = False,
    link: Annotated[
        bool, typer.Option("--link", help="let a record that is alone in its person join the one that fits")
    ] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="stop after so many records")] = None,
    report: Annotated[Path | None, typer.Option("--report", help="write a report (Markdown) here")] = None,
    pairs: Annotated[Path | None, typer.Option("--pairs", help="write the pairs found to this CSV")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Judge every record of the index anew with the current model; what it would decide otherwise goes to staff.

    No manual link is touched. A run that was stopped goes on where it was; a finished one begins anew.
    """
    if dry_run and link:
        raise InputRefused("--dry-run and --link exclude each other")
    from gateway.bootstrap import build_hub

    hub = build_hub(load_settings(config))
    mode = RematchMode.LOOK if dry_run else RematchMode.LINK if link else RematchMode.ASK
    found: list[RematchedPair] = []
    before = _state(hub)
    with progress("re-matching", None) as advance:
        run = _begin(hub, dry_run)
        resumed, done = run.last is not None, 0
        while run.finished_at is None and (limit is None or done < limit):
            size = RECORDS_PER_TRANSACTION if limit is None else min(RECORDS_PER_TRANSACTION, limit - done)
            run, taken = _batch(hub, run, mode, size, found)
            done += taken
            advance(done)
    document = {
        "model": run.model_version,
        "dry_run": dry_run,
        "resumed": resumed,
        "finished": run.finished_at is not None,
        "counts": dict(run.counts),
        "before": before,
        "after": _state(hub),
    }
    _write(document, found, report, pairs)
    if as_json:
        emit(document)
    else:
        say(render_rematch(document))
        if run.finished_at is None:
            say("stopped before the end: run it again to go on")
    return 0


def _begin(hub: Hub, dry_run: bool) -> RematchRun:
    from adapters.store.rematch_repository import RematchRun

    version = hub.matcher.model.version
    fresh = RematchRun(version, utc_now(), None, {finding.value: 0 for finding in RematchFinding})
    if dry_run:
        return fresh
    with hub.read() as uow:
        stored = uow.rematch_runs.get(version)
    return fresh if stored is None or stored.finished_at is not None else stored


def _batch(
    hub: Hub, run: RematchRun, mode: RematchMode, size: int, found: list[RematchedPair]
) -> tuple[RematchRun, int]:
    """One transaction: some records, and how far the run has come."""

    def judge(uow: SqlUnitOfWork) -> tuple[RematchRun, int, list[RematchedPair]]:
        page = uow.records.active_after(run.last, limit=size)
        gone_on, pairs = _judge(hub, run, page, mode, uow)
        if len(page) < size:
            gone_on = replace(gone_on, finished_at=utc_now())
        if mode is not RematchMode.LOOK:
            uow.rematch_runs.save(gone_on)
            detail = f"model={run.model_version} rows={len(page)} pairs={len(pairs)}"
            uow.audit.append(
                AuditEvent(utc_now(), "command-line", "", "mpi rematch", AuditOutcome.SUCCESS, detail=detail)
            )
            uow.commit()
        return gone_on, len(page), pairs

    gone_on, rows, pairs = carry_out(hub.read if mode is RematchMode.LOOK else hub.units, judge)
    found += pairs
    return gone_on, rows


def _judge(
    hub: Hub, run: RematchRun, page: tuple[SourceRecord, ...], mode: RematchMode, uow: SqlUnitOfWork
) -> tuple[RematchRun, list[RematchedPair]]:
    counts, pairs = dict(run.counts), []
    for record in page:
        result = rematch_record(record, mode=mode, uow=uow, matcher=hub.matcher, clock=utc_now, new_id=new_id)
        counts[result.finding.value] += 1
        pairs += list(result.pairs)
    last = page[-1].identifier if page else run.last
    return replace(run, last=last, counts=counts), pairs


def _state(hub: Hub) -> dict[str, int]:
    with hub.read() as uow:
        return {
            "persons": uow.records.person_count(),
            "open_questions": uow.reviews.open_page(kinds=None, offset=0, limit=1).total,
        }


def _write(document: dict[str, Any], found: list[RematchedPair], report: Path | None, pairs: Path | None) -> None:
    if report is not None:
        write_whole(report, render_rematch(document))
    if pairs is not None:
        rows = (
            {
                "a": str(pair.record),
                "b": str(pair.other),
                "finding": pair.finding.value,
                "score": f"{pair.score.score:.3f}",
                "reason": pair.score.reason,
            }
            for pair in found
        )
        write_table(pairs, ["a", "b", "finding", "score", "reason"], rows)
