"""The shared labelled linkage set, where it is there."""

from __future__ import annotations

import csv
import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mpi.identity.patient_rows import PatientRow, patient_row
from mpi.matching.link_batch import LinkRow
from mpi.matching.normalize import normalize_record

LINKAGE = Path(__file__).resolve().parents[1] / ".." / "shared" / "cases" / "linkage"

needs_linkage_cases = pytest.mark.skipif(
    not (LINKAGE / "records.csv.gz").exists(), reason="the shared linkage cases are not beside this checkout"
)


@cache
def patient_rows() -> tuple[PatientRow, ...]:
    """Rows with an identifier, each identifier once, ordered by true person: neighbours are in reach of each other."""
    with gzip.open(LINKAGE / "records.csv.gz", "rt", encoding="utf-8") as lines:
        mapped = [patient_row(row) for row in csv.DictReader(lines)]
    first = {row.identifier: row for row in reversed(mapped) if row.identifier is not None}
    return tuple(sorted(first.values(), key=lambda row: (person_of()[row.record_id], row.record_id)))


@cache
def rows() -> tuple[LinkRow, ...]:
    with gzip.open(LINKAGE / "records.csv.gz", "rt", encoding="utf-8") as lines:
        mapped = [patient_row(row) for row in csv.DictReader(lines)]
    return tuple(
        LinkRow(
            row.record_id,
            normalize_record(
                [row.identifier] if row.identifier else [], row.demographics, strong_authorities=frozenset()
            ),
        )
        for row in mapped
    )


@cache
def person_of() -> dict[str, str]:
    with gzip.open(LINKAGE / "truth.csv.gz", "rt", encoding="utf-8") as lines:
        return {row["record_id"]: row["person_id"] for row in csv.DictReader(lines)}


@cache
def labelled_pairs() -> tuple[dict[str, Any], ...]:
    with gzip.open(LINKAGE / "pairs.jsonl.gz", "rt", encoding="utf-8") as lines:
        return tuple(json.loads(line) for line in lines)
