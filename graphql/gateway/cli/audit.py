"""``priorlink audit``: verify the chain, export it, say who looked at a patient, let go of what is old."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.audit_heads import HeadFile
from gateway.cli.output import ConfigOption, JsonOption, emit, say
from gateway.clock import utc_now
from gateway.errors import ConfigurationError, InputRefused
from gateway.settings import Settings, load_settings
from gateway.written_files import write_whole
from mpi.audit import AuditEvent, AuditOutcome
from mpi.audit_chain import KeptEvent
from mpi.errors import InvalidIdentifier, UnknownIdentifier
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.usecases.prune_audit import prune_audit
from mpi.usecases.report_access import report_access
from mpi.usecases.verify_audit import verify_audit

if TYPE_CHECKING:
    from adapters.store.unit_of_work import SqlUnitOfWork

app = typer.Typer(help="the audit log", no_args_is_help=True)

ACTOR = "command-line"
_AT_ONCE = 1_000
DayOption = Annotated[str | None, typer.Option(help="ISO date or date-time; without an offset it is UTC")]
HeadsOption = Annotated[
    Path | None, typer.Option("--heads", help="file of kept heads; default: audit.head_file of the settings")
]


@app.command("verify")
def verify(heads: HeadsOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> int:
    """Walk the chain; exit 1 and name the first row that was changed, deleted, added or moved.

    A cut at the end shows against the heads that were kept; the head that is found sound is added to them.
    """
    settings = load_settings(config)
    file = _head_file(heads, settings)
    kept = () if file is None else file.heads()
    with _store(settings, read_only=True) as uow:
        report = verify_audit(uow.audit_chain, kept_heads=kept)
    problem = report.problem
    if problem is None and file is not None:
        file.add(report.head, utc_now)
    document = {
        "ok": problem is None,
        "rows": report.row_count,
        "anchor": report.anchor.number,
        "head": {"number": report.head.number, "chain_hash": report.head.chain_hash.hex()},
        "kept_heads": len(kept),
        "problem": None if problem is None else {"number": problem.number, "fault": problem.fault.value},
    }
    if as_json:
        emit(document)
    elif problem is None:
        say(f"{report.row_count} rows are as they were written; {len(kept)} kept heads agree")
    else:
        say(f"row {problem.number}: {problem.fault.value.replace('_', ' ')}")
    return 0 if problem is None else 1


@app.command("export")
def export(
    out: Annotated[Path | None, typer.Option("--out", help="write NDJSON here; default: stdout")] = None,
    since: DayOption = None,
    until: DayOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """FHIR R4 AuditEvents in the shape of IHE BALP, one a line. With --json and without --out: one Bundle.

    What leaves is noted before it does, and read again for it in the same snapshot: any number takes the same memory.
    """
    begin, end = _instant(since, "--since"), _instant(until, "--until")
    from adapters.fhir.audit_resource import audit_resource

    settings = load_settings(config)
    with _store(settings, read_only=True) as uow:
        count = sum(1 for _ in _entries(uow, begin, end))
        _note(settings, "audit export", f"events={count}")
        lines = (json.dumps(audit_resource(kept)) for kept in _entries(uow, begin, end))
        if out is not None:
            write_whole(out, (line + "\n" for line in lines))
        elif as_json:
            sys.stdout.writelines(_bundle(lines))
        else:
            sys.stdout.writelines(line + "\n" for line in lines)
    if out is not None and as_json:
        emit({"file": str(out), "events": count})
    say(f"{count} events")
    return 0


@app.command("access")
def access(
    patient: Annotated[str, typer.Argument(help="AUTHORITY|number, or an enterprise id")],
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="newest entries")] = 1_000,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Who looked at this patient, and who changed something about them; newest first."""
    try:
        wanted = PatientIdentifier.parse(patient) if "|" in patient else EnterpriseId(patient)
    except InvalidIdentifier as error:
        raise typer.BadParameter(str(error)) from error
    settings = load_settings(config)
    with _store(settings, read_only=True) as uow:
        try:
            report = report_access(wanted, uow=uow, limit=limit)
        except UnknownIdentifier as error:
            raise InputRefused(str(error)) from error
    _note(settings, "accessReport", "", subject=report.enterprise_id)
    if as_json:
        emit(
            {
                "enterprise_id": report.enterprise_id,
                "entries": [_entry(kept) for kept in report.entries],
                "has_more": report.has_more,
            }
        )
    else:
        for kept in report.entries:
            said = _entry(kept)
            say("  ".join(str(said[name]) for name in ("at", "actor", "role", "action", "purpose_of_use", "outcome")))
        say(f"{len(report.entries)} entries" + (", and older ones" if report.has_more else ""))
    return 0


@app.command("prune")
def prune(config: ConfigOption = None, as_json: JsonOption = False) -> int:
    """Delete entries older than audit.retention_days. The chain stays verifiable from the first that remains."""
    settings = load_settings(config)
    days = settings.audit.retention_days
    if days is None:
        raise ConfigurationError("audit.retention_days: not set, so that everything is kept")
    with _store(settings, read_only=False) as uow:
        count = prune_audit(keep=dt.timedelta(days=days), uow=uow, clock=utc_now, by=ACTOR)
        uow.commit()
    if as_json:
        emit({"pruned": count})
    else:
        say(f"{count} rows pruned")
    return 0


@contextmanager
def _store(settings: Settings, *, read_only: bool) -> Iterator[SqlUnitOfWork]:
    """Not the whole hub: an audit must be readable where an archive or a model is not."""
    from adapters.store.unit_of_work import SqlUnitOfWork
    from gateway.bootstrap import open_store

    engine = open_store(settings)
    try:
        with SqlUnitOfWork(engine, read_only=read_only) as uow:
            yield uow
    finally:
        engine.dispose()


def _note(settings: Settings, action: str, detail: str, *, subject: str | None = None) -> None:
    """Who reads the audit log is in it."""
    event = AuditEvent(utc_now(), ACTOR, "", action, AuditOutcome.SUCCESS, subject=subject, detail=detail)
    with _store(settings, read_only=False) as uow:
        uow.audit.append(event)
        uow.commit()


def _entries(uow: SqlUnitOfWork, since: dt.datetime | None, until: dt.datetime | None) -> Iterator[KeptEvent]:
    after = 0
    while page := uow.audit.between(since, until, after=after, limit=_AT_ONCE):
        yield from page
        after = page[-1].number


def _bundle(resources: Iterable[str]) -> Iterator[str]:
    yield '{"resourceType": "Bundle", "type": "collection", "entry": ['
    for position, resource in enumerate(resources):
        yield f'{", " if position else ""}{{"resource": {resource}}}'
    yield "]}\n"


def _entry(kept: KeptEvent) -> dict[str, Any]:
    event = kept.event
    return {
        "number": kept.number,
        "at": event.at.astimezone(dt.UTC).isoformat(),
        "actor": event.actor,
        "role": event.role,
        "action": event.action,
        "enterprise_id": event.subject,
        "purpose_of_use": event.purpose_of_use,
        "outcome": event.outcome.value,
        "detail": event.detail,
    }


def _head_file(given: Path | None, settings: Settings) -> HeadFile | None:
    path = given or settings.audit.head_file
    return None if path is None else HeadFile(path)


def _instant(text: str | None, option: str) -> dt.datetime | None:
    if text is None:
        return None
    try:
        read = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter("not an ISO date or date-time", param_hint=option) from error
    return read if read.tzinfo is not None else read.replace(tzinfo=dt.UTC)
