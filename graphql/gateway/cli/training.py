"""``priorlink mpi train`` and ``completeness``: estimate a match model from a file; count what blocking misses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.csv_files import CsvRow, read_table
from gateway.cli.identities import DateFormatOption, OneToOneOption
from gateway.cli.output import JsonOption, emit, progress, say
from gateway.cli.patients_file import read_link_rows, whole_file_in_memory
from gateway.errors import InputRefused
from gateway.site_files import load_model
from gateway.training_chart import render_chart
from gateway.training_report import render_report, training_document
from gateway.written_files import write_whole
from mpi.errors import InvalidModel
from mpi.matching.calibration import Targets
from mpi.matching.completeness import Completeness, pair_completeness
from mpi.matching.link_batch import LinkRow
from mpi.matching.match_model import default_model, parse_model
from mpi.matching.model_file import render_model
from mpi.matching.training import TrainedModel, TrainingOptions, train_model

_SAME = {"1": True, "true": True, "yes": True, "same": True, "0": False, "false": False, "no": False,
         "different": False}  # fmt: skip
PatientsArgument = Annotated[Path, typer.Argument(help="patients CSV (gz too); column record_id is required")]


def add_commands(app: typer.Typer) -> None:
    """Add both to ``priorlink mpi``."""
    app.command("train")(train)
    app.command("completeness")(completeness)


def train(
    file: PatientsArgument,
    out: Annotated[Path, typer.Option("--out", help="write the model here; its name is the model's version")],
    report: Annotated[Path | None, typer.Option("--report", help="write a report (Markdown) here")] = None,
    chart: Annotated[Path | None, typer.Option("--chart", help="write a page with charts (HTML) here")] = None,
    labels: Annotated[Path | None, typer.Option("--labels", help="CSV of judged pairs: a, b, same")] = None,
    start: Annotated[Path | None, typer.Option("--start", help="first guess; default: the model that ships")] = None,
    precision: Annotated[
        float, typer.Option("--precision", min=0.5, max=0.99999, help="precision that automatic links should have")
    ] = 0.999,
    review_load: Annotated[
        float, typer.Option("--review-load", min=0.0, max=1.0, help="most questions for staff per record")
    ] = 0.03,
    one_to_one: OneToOneOption = False,
    relax_guards: Annotated[
        bool, typer.Option("--relax-guards", help="switch off guards that the file shows to part one person's records")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="replace an existing model file")] = False,
    date_format: DateFormatOption = None,
    as_json: JsonOption = False,
) -> int:
    """Estimate m and u, name frequencies and thresholds from a file, without labels or with some."""
    _refuse_existing(out, force)
    first = default_model() if start is None else load_model(start)
    options = TrainingOptions(Targets(precision, review_load), one_to_one, relax_guards)
    with whole_file_in_memory(), progress("training", None) as advance:
        rows = read_link_rows(file, date_format)
        judged = {} if labels is None else _read_labels(labels, rows)
        trained = train_model(
            [row.record for row in rows],
            first,
            version=out.stem,
            options=options,
            facilities=[row.facility or row.record_id for row in rows],
            labels=judged,
            progress=lambda done, _total: advance(done),
        )
    write_whole(out, _checked_text(trained))
    if report is not None:
        write_whole(report, render_report(trained))
    if chart is not None:
        write_whole(chart, render_chart(trained))
    if as_json:
        emit({"file": str(file), "out": str(out), **training_document(trained)})
    else:
        say(render_report(trained))
    return 0


def _refuse_existing(out: Path, force: bool) -> None:
    if out.exists() and not force:
        raise InputRefused(f"{out} exists: links may have been made with it (--force replaces it)")


def _checked_text(trained: TrainedModel) -> str:
    text = render_model(trained.model)
    try:
        parse_model(text)
    except InvalidModel as error:
        raise InputRefused(f"the trained model cannot be used: {error}") from error
    return text


def _read_labels(path: Path, rows: Sequence[LinkRow]) -> dict[tuple[int, int], bool]:
    """Judged pairs by position; a pair judged both ways is refused."""
    positions = {row.record_id: position for position, row in enumerate(rows)}
    labels: dict[tuple[int, int], bool] = {}
    for row in read_table(path, required=("a", "b", "same")).rows:
        first, second = sorted(_position(path, row, column, positions) for column in ("a", "b"))
        same = _SAME.get(row.values["same"].strip().lower())
        if same is None:
            raise InputRefused(f"{path} line {row.line}: same is not one of 1, 0, true, false, yes, no")
        if first == second:
            raise InputRefused(f"{path} line {row.line}: a and b are one record")
        if labels.setdefault((first, second), same) is not same:
            raise InputRefused(f"{path} line {row.line}: the pair was judged otherwise above")
    return labels


def _position(path: Path, row: CsvRow, column: str, positions: dict[str, int]) -> int:
    if row.problem is not None:
        raise InputRefused(f"{path} line {row.line}: {row.problem}")
    record_id = row.values[column].strip()
    if record_id not in positions:
        raise InputRefused(f"{path} line {row.line}: {column} names no record of the file")
    return positions[record_id]


def completeness(
    file: PatientsArgument,
    truth: Annotated[Path, typer.Option("--truth", help="CSV (gz too): record_id, person_id")],
    missed: Annotated[Path | None, typer.Option("--missed", help="write missed pairs (a, b) to this CSV")] = None,
    date_format: DateFormatOption = None,
    as_json: JsonOption = False,
) -> int:
    """Count how many pairs of one person share a blocking key; a pair that blocking keeps apart is a miss."""
    with whole_file_in_memory():
        rows = read_link_rows(file, date_format)
        found = pair_completeness([row.record for row in rows], _read_truth(truth, rows))
    if missed is not None:
        pairs = [f"{rows[a].record_id},{rows[b].record_id}" for a, b in found.missed]
        write_whole(missed, "\n".join(["a,b", *pairs]) + "\n")
    if as_json:
        emit(_completeness_document(file, found))
    else:
        _say_completeness(found)
    return 0


def _read_truth(path: Path, rows: Sequence[LinkRow]) -> dict[int, str]:
    positions = {row.record_id: position for position, row in enumerate(rows)}
    person: dict[int, str] = {}
    for row in read_table(path, required=("record_id", "person_id")).rows:
        position = _position(path, row, "record_id", positions)
        if not row.values["person_id"].strip():
            raise InputRefused(f"{path} line {row.line}: person_id is empty")
        person[position] = row.values["person_id"].strip()
    return person


def _completeness_document(file: Path, found: Completeness) -> dict[str, Any]:
    return {
        "file": str(file),
        "true_pairs": found.true_pairs,
        "sharing_a_key": found.sharing_a_key,
        "compared": found.compared,
        "missed": len(found.missed),
        "pair_completeness": round(found.pair_completeness, 6),
        "candidate_pairs": found.candidate_pairs,
        "truncated_blocks": found.truncated_blocks,
        "key_kinds": [kind._asdict() for kind in found.kinds],
    }


def _say_completeness(found: Completeness) -> None:
    say(f"pair completeness {found.pair_completeness:.4f}: {found.compared} of {found.true_pairs} true pairs compared")
    cut = found.sharing_a_key - found.compared
    if found.truncated_blocks:
        say(f"{found.truncated_blocks} over-common blocks were cut; {cut} true pairs share a key but were not compared")
    for kind in found.kinds:
        say(f"  {kind.found:8d} by {kind.kind} ({kind.only} by nothing else)")
