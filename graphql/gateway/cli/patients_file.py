"""A patients file as records to link: every row mapped, or the file refused."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.cli.csv_files import CsvRow, CsvTable, read_table
from gateway.cli.output import say
from gateway.errors import InputRefused
from mpi.errors import InvalidDemographics, InvalidIdentifier, MpiError
from mpi.identity.patient_rows import COLUMNS, PatientRow, patient_row
from mpi.matching.link_batch import LinkRow
from mpi.matching.normalize import normalize_record

NATIONAL_ID = frozenset({"NATIONAL"})


def read_link_rows(file: Path, date_format: str | None) -> list[LinkRow]:
    """The records of a file that ``mpi link``, ``train`` and the like read.

    Raises:
        InputRefused: a row cannot be used; the text names its line. A run on part of a file would mislead.
    """
    table = read_table(file, required=("record_id",), known=COLUMNS)
    note_columns(table)
    return [_comparable(patient) for patient in _patients(file, table, date_format)]


@contextmanager
def whole_file_in_memory() -> Iterator[None]:
    """Keep the collector of reference cycles away while a file is worked on: it makes none, and looking costs a fifth.

    Records, keys and pairs go when nothing names them any more, as always.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def note_columns(table: CsvTable) -> None:
    """Say which columns were ignored."""
    if table.unknown_columns:
        say(f"ignored columns: {', '.join(table.unknown_columns)}")


def _patients(file: Path, table: CsvTable, date_format: str | None) -> list[PatientRow]:
    patients: list[PatientRow] = []
    problems: list[tuple[int, str]] = []
    undated: list[int] = []
    seen: set[str] = set()
    for row in table.rows:
        try:
            if row.problem is not None:
                raise InvalidIdentifier(row.problem)
            patient = _patient(row, date_format, undated)
            if not patient.record_id:
                raise InvalidIdentifier("record_id is empty")
            if patient.record_id in seen:
                raise InvalidIdentifier("record_id stands twice")
        except MpiError as error:
            problems.append((row.line, str(error)))
            continue
        seen.add(patient.record_id)
        patients.append(patient)
    if problems:
        line, text = problems[0]
        more = f" (and {len(problems) - 1} more lines)" if len(problems) > 1 else ""
        raise InputRefused(f"{file} line {line}: {text}{more}")
    if undated:
        lines = ", ".join(map(str, undated[:10])) + (" ..." if len(undated) > 10 else "")
        say(f"birth dates that cannot be read count as missing, {len(undated)} rows: lines {lines}")
    return patients


def _patient(row: CsvRow, date_format: str | None, undated: list[int]) -> PatientRow:
    """The row; a birth date in a form that was not declared is no evidence here, where nothing is stored."""
    try:
        return patient_row(row.values, date_format=date_format)
    except InvalidDemographics:
        undated.append(row.line)
        return patient_row({**row.values, "birth_date": ""}, date_format=date_format)


def _comparable(patient: PatientRow) -> LinkRow:
    known = () if patient.identifier is None else (patient.identifier,)
    record = normalize_record(known, patient.demographics, strong_authorities=NATIONAL_ID)
    return LinkRow(patient.record_id, record, patient.facility)
