"""``priorlink mpi``: load a facility's export, link a file as a dry run, explain a pair."""

from __future__ import annotations

import datetime as dt
import re
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.csv_files import CsvRow, CsvTable, read_table, write_table
from gateway.cli.output import ConfigOption, JsonOption, emit, progress, say
from gateway.cli.patients_file import note_columns, read_link_rows, whole_file_in_memory
from gateway.clock import new_id, utc_now
from gateway.errors import InputRefused
from gateway.settings import load_settings
from gateway.site_files import load_model
from mpi.audit import AuditEvent, AuditOutcome
from mpi.errors import InvalidDemographics, InvalidIdentifier, MpiError
from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.patient_rows import COLUMNS, patient_row
from mpi.identity.updates import DemographicsUpdate
from mpi.matching.link_batch import link_records
from mpi.matching.match_model import default_model
from mpi.ports import UnitOfWork
from mpi.units import carry_out
from mpi.usecases.explain_pair import explain_pair
from mpi.usecases.matcher import Matcher
from mpi.usecases.register_batch import Taken, prepare, register_batch
from mpi.usecases.register_record import RegisterEffect, RegisterRecord

if TYPE_CHECKING:
    from gateway.bootstrap import Hub

app = typer.Typer(help="the master patient index", no_args_is_help=True)

ROWS_PER_TRANSACTION = 1_000
BEFORE_ANY_MESSAGE = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)
"""Event time of a row without a registration date: whatever a feed says later is newer."""

LONGEST_IDENTIFIER = 500
"""Facility and number together; far below what a database index takes."""
LINK_ENGINES = ("python",)
_DAMAGED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]")
DateFormatOption = Annotated[
    str | None, typer.Option("--date-format", help="strptime form of the dates, when they are not ISO (%d/%m/%Y)")
]
OneToOneOption = Annotated[
    bool, typer.Option("--one-to-one", help="a facility has at most one record of a person: never link two of one")
]


@app.command("load")
def load(
    file: Annotated[Path, typer.Argument(help="patients CSV (gz too); columns facility and mrn are required")],
    rejects: Annotated[Path | None, typer.Option("--rejects", help="write rejected rows to this CSV")] = None,
    date_format: DateFormatOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Take a facility's export into the index. A second run of the same file changes nothing."""
    table = read_table(file, required=("facility", "mrn"), known=COLUMNS)
    from gateway.bootstrap import build_hub

    hub = build_hub(load_settings(config))
    note_columns(table)
    counts = dict.fromkeys([effect.value for effect in RegisterEffect], 0)
    refused: list[tuple[CsvRow, str]] = []
    batches = [table.rows[n : n + ROWS_PER_TRANSACTION] for n in range(0, len(table.rows), ROWS_PER_TRANSACTION)]
    with (
        whole_file_in_memory(),
        ThreadPoolExecutor(1, thread_name_prefix="rows") as ahead,
        progress("loading", len(table.rows)) as advance,
    ):
        # While one batch waits for the database, the next one is read and made canonical.
        coming = deque(ahead.submit(_mapped, batch, date_format, hub.matcher) for batch in batches[:1])
        for number in range(len(batches)):
            mapped = coming.popleft().result()
            coming.extend(ahead.submit(_mapped, b, date_format, hub.matcher) for b in batches[number + 1 : number + 2])
            refused += _load_batch(hub, mapped, counts)
            advance(number * ROWS_PER_TRANSACTION + len(mapped))
    _write_rejects(rejects, table, refused)
    document = {
        "file": str(file),
        "rows": len(table.rows),
        "accepted": len(table.rows) - len(refused),
        "rejected": [{"line": row.line, "problem": problem} for row, problem in refused],
        "effects": counts,
    }
    if as_json:
        emit(document)
    else:
        say(f"{document['accepted']} of {len(table.rows)} rows taken: " + _counts_text(counts))
        for row, problem in refused[:20]:
            say(f"  line {row.line}: {problem}")
    return 1 if refused else 0


def _load_batch(
    hub: Hub, batch: Sequence[tuple[CsvRow, RegisterRecord | MpiError]], counts: dict[str, int]
) -> list[tuple[CsvRow, str]]:
    """One transaction: a file that is stopped half-way has whole batches in it, and can be loaded again."""
    commands = [command for _, command in batch if not isinstance(command, MpiError)]

    def take(uow: UnitOfWork) -> list[Taken]:
        taken = register_batch(commands, uow=uow, matcher=hub.matcher, clock=utc_now, new_id=new_id)
        rows = sum(not isinstance(effect, MpiError) for effect in taken)
        detail = f"rows={rows}"
        uow.audit.append(AuditEvent(utc_now(), "command-line", "", "mpi load", AuditOutcome.SUCCESS, detail=detail))
        uow.commit()
        return taken

    taken = iter(carry_out(hub.units, take))
    refused = []
    for row, command in batch:
        effect = command if isinstance(command, MpiError) else next(taken)
        if isinstance(effect, MpiError):
            refused.append((row, str(effect)))
        else:
            counts[effect.value] += 1
    return refused


def _mapped(
    batch: Sequence[CsvRow], date_format: str | None, matcher: Matcher
) -> list[tuple[CsvRow, RegisterRecord | MpiError]]:
    found: list[tuple[CsvRow, RegisterRecord | MpiError]] = []
    for row in batch:
        try:
            command = _command(row, date_format)
        except MpiError as error:
            found.append((row, error))
        else:
            prepare(command, matcher)
            found.append((row, command))
    return found


def _command(row: CsvRow, date_format: str | None) -> RegisterRecord:
    if row.problem is not None:
        raise InvalidIdentifier(row.problem)
    damaged = next((column for column, cell in row.values.items() if _DAMAGED.search(cell)), None)
    if damaged is not None:
        raise InvalidDemographics(f"{damaged} holds a control character, or letters that were lost before")
    patient = patient_row(row.values, date_format=date_format, today=utc_now().date())
    if patient.identifier is None:
        raise InvalidIdentifier("facility or mrn is empty")
    if len(str(patient.identifier)) > LONGEST_IDENTIFIER:
        raise InvalidIdentifier("facility and mrn are too long")
    return RegisterRecord(
        site_id=patient.facility,
        identifiers=(patient.identifier,),
        update=DemographicsUpdate(patient.demographics),
        event_at=_registered_on(row.values.get("registered_on", "")),
        source="csv",
        own_authority=patient.identifier.assigning_authority,
    )


def _registered_on(text: str) -> dt.datetime:
    try:
        return dt.datetime.combine(dt.date.fromisoformat(text.strip()), dt.time(), tzinfo=dt.UTC)
    except ValueError:
        return BEFORE_ANY_MESSAGE


def _write_rejects(path: Path | None, table: CsvTable, refused: list[tuple[CsvRow, str]]) -> None:
    if path is None:
        return
    rows = (
        {"line": str(row.line), "problem": problem, **dict(zip(table.columns, row.cells, strict=False))}
        for row, problem in refused
    )
    write_table(path, ["line", "problem", *table.columns], rows)


@app.command("link")
def link(
    file: Annotated[Path, typer.Argument(help="patients CSV (gz too); column record_id is required")],
    clusters: Annotated[Path, typer.Option("--clusters", help="write record_id, cluster_id here")],
    review: Annotated[Path, typer.Option("--review", help="write pairs for records staff here")],
    model: Annotated[Path | None, typer.Option("--model", help="match model; default: the one that ships")] = None,
    engine: Annotated[str, typer.Option("--engine", help="what finds and scores pairs: python")] = LINK_ENGINES[0],
    one_to_one: OneToOneOption = False,
    date_format: DateFormatOption = None,
    as_json: JsonOption = False,
) -> int:
    """Link the records of a file as a dry run: nothing is stored."""
    if engine not in LINK_ENGINES:
        raise typer.BadParameter(f"--engine: {engine} is not built in; there is {', '.join(LINK_ENGINES)}")
    chosen = default_model() if model is None else load_model(model)
    with whole_file_in_memory(), progress("linking", None) as advance:
        rows = read_link_rows(file, date_format)
        result = link_records(rows, chosen, one_to_one=one_to_one, progress=lambda done, _total: advance(done))
    write_table(
        clusters,
        ["record_id", "cluster_id"],
        ({"record_id": row.record_id, "cluster_id": result.clusters[row.record_id]} for row in rows),
    )
    pairs = (
        {
            "a": pair.a,
            "b": pair.b,
            "score": f"{pair.score:.3f}",
            "match_probability": f"{pair.match_probability:.6f}",
            "reason": pair.reason,
        }
        for pair in result.review
    )
    write_table(review, ["a", "b", "score", "match_probability", "reason"], pairs)
    document = {
        "records": len(rows),
        "persons": len(set(result.clusters.values())),
        "review_pairs": len(result.review),
        "candidate_pairs": result.candidate_pairs,
        "truncated_blocks": result.truncated_blocks,
        "model": chosen.version,
    }
    if as_json:
        emit(document)
    else:
        say(", ".join(f"{value} {name.replace('_', ' ')}" for name, value in document.items() if name != "model"))
    return 0


@app.command("explain")
def explain(
    one: Annotated[str, typer.Argument(help="AUTHORITY|number")],
    other: Annotated[str, typer.Argument(help="AUTHORITY|number")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Every comparison, level and weight for two records of the index."""
    try:
        left, right = PatientIdentifier.parse(one), PatientIdentifier.parse(other)
    except InvalidIdentifier as error:
        raise typer.BadParameter(str(error)) from error
    from gateway.bootstrap import build_hub

    hub = build_hub(load_settings(config))
    with hub.units() as uow:
        try:
            score = explain_pair(left, right, uow=uow, matcher=hub.matcher)
        except MpiError as error:
            raise InputRefused(str(error)) from error
        uow.audit.append(AuditEvent(utc_now(), "command-line", "", "mpi explain", AuditOutcome.SUCCESS))
        uow.commit()
    document: dict[str, Any] = {
        "score": score.score,
        "match_probability": score.match_probability,
        "decision": score.decision.name,
        "grade": score.grade.value,
        "guards": [guard.name for guard in score.guards],
        "weights": [
            {"comparison": w.comparison, "level": w.level, "match_weight": w.match_weight} for w in score.weights
        ],
        "model": score.model_version,
    }
    if as_json:
        emit(document)
    else:
        for weight in score.weights:
            say(f"  {weight.match_weight:+8.2f} bits  {weight.comparison}: {weight.level}")
        say(f"  {score.score:+8.2f} bits  in all: {score.decision.name} ({score.reason})")
    return 0


def _counts_text(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count)
