"""CSV in and out: UTF-8, commas, a header; gzip by its ending. Errors name the line; output appears whole or not.

A row's line is where it begins (the header is line 1): a quoted cell may span lines.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import InputRefused

_OTHER_SEPARATORS = ";\t|"
_NOT_COMMAS = "columns must be separated by commas"
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row; ``problem`` says why it cannot be used, then ``values`` holds nothing."""

    line: int
    values: Mapping[str, str]
    cells: tuple[str, ...]
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A whole file. ``unknown_columns`` were ignored."""

    columns: tuple[str, ...]
    rows: tuple[CsvRow, ...]
    unknown_columns: tuple[str, ...] = ()


def read_table(path: Path, *, required: Sequence[str], known: Sequence[str] | None = None) -> CsvTable:
    """Read a file.

    Raises:
        InputRefused: not there, not UTF-8, not commas, a required column is missing or a column stands twice.
    """
    text = _decode(path)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[CsvRow] = []
    try:
        columns = _header(next(reader, []), path, required)
        begins = reader.line_num + 1
        for cells in reader:
            if cells:
                rows.append(_row(begins, cells, columns))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise InputRefused(f"{path} line {reader.line_num}: {error}") from error
    unknown = tuple(c for c in columns if known is not None and c not in known)
    return CsvTable(columns, tuple(rows), unknown)


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """Write a file whole: it replaces what was there only once all rows are in it."""
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise InputRefused(f"cannot write {path}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(columns)
            for row in rows:
                writer.writerow([escape_cell(row.get(column, "")) for column in columns])
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def escape_cell(text: str) -> str:
    """A spreadsheet must not run a text cell: one that starts with = + - @ gets an apostrophe; numbers stay."""
    if text[:1] in ("=", "+", "-", "@", "\t", "\r") and not _is_number(text):
        return f"'{text}"
    return text


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


def _decode(path: Path) -> str:
    try:
        raw = path.read_bytes()
        if path.suffix == ".gz":
            raw = gzip.decompress(raw)
    except OSError as error:
        raise InputRefused(f"cannot read {path}: {error.strerror or 'not a gzip file'}") from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        header = raw.partition(b"\n")[0].decode("latin-1")
        also = f"; {_NOT_COMMAS}" if "," not in header and any(mark in header for mark in _OTHER_SEPARATORS) else ""
        raise InputRefused(f"{path} line {line}: not UTF-8{also}") from error


def _header(cells: Sequence[str], path: Path, required: Sequence[str]) -> tuple[str, ...]:
    columns = tuple(cell.strip() for cell in cells)
    if len(columns) == 1 and any(mark in columns[0] for mark in _OTHER_SEPARATORS):
        raise InputRefused(f"{path} line 1: {_NOT_COMMAS}")
    missing = [name for name in required if name not in columns]
    if missing:
        raise InputRefused(f"{path} line 1: column {missing[0]} is missing")
    twice = [name for name in columns if columns.count(name) > 1]
    if twice:
        raise InputRefused(f"{path} line 1: column {twice[0]} stands twice")
    return columns


def _row(line: int, cells: Sequence[str], columns: Sequence[str]) -> CsvRow:
    if len(cells) != len(columns):
        problem = f"{len(cells)} cells where the header has {len(columns)}"
        return CsvRow(line, {}, tuple(cells), problem)
    return CsvRow(line, dict(zip(columns, cells, strict=True)), tuple(cells))
