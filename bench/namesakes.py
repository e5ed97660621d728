"""Seconds of processor time to link very many people of one name and birth date; beside them, as many ordinary records.

python -m bench.namesakes 200 400    tries it out and records nothing
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Iterable, Sequence

from bench.strangers import records
from mpi.identity.patient_rows import patient_row
from mpi.matching.link_batch import LinkRow, link_records
from mpi.matching.match_model import default_model
from mpi.matching.normalize import normalize_record

SIZES = (200, 400, 800, 1_600)
_STREETS = ("Elm Street", "Oak Road", "Mill Lane", "Harbour Way")


def scattered(size: int) -> list[dict[str, str]]:
    """Other phones and addresses, or none; a few have a middle name or the last digits of a number."""
    draw = random.Random(5)
    rows = [_anna(number) for number in range(size)]
    for number, row in enumerate(rows):
        if number % 2 == 0:
            row["phone"] = f"555{draw.randrange(10**7):07d}"
        if number % 4 < 2:
            row.update(_place(f"{draw.randrange(1, 900)} {draw.choice(_STREETS)}", draw.randrange(100, 400)))
        if number % 7 == 0:
            row["middle"] = draw.choice(("Rose", "Kate", "Jane"))
        if number % 11 == 0:
            row["ssn_last4"] = f"{draw.randrange(10**4):04d}"
    return rows


def couples(size: int) -> list[dict[str, str]]:
    """Two and two at one address, neighbours in one street: chains of links between clusters with a veto somewhere."""
    rows = [_anna(number) for number in range(size)]
    for number, row in enumerate(rows):
        row.update(_place(f"{number // 2 + 1} Elm Street", 100 + number // 2 % 7))
        if number % 3 == 0:
            row["phone"] = f"555{number // 2:07d}"
    return rows


def households(size: int) -> list[dict[str, str]]:
    """Every other one has only a name and a date; the others share places by four."""
    rows = [_anna(number) for number in range(size)]
    for number, row in enumerate(rows):
        if number % 2:
            row.update(_place(f"{number // 8 + 1} Elm Street", 184) | {"phone": f"555{number // 8:07d}"})
    return rows


def link_rows(rows: Iterable[dict[str, str]]) -> list[LinkRow]:
    """The rows as canonical records."""
    linked = []
    for number, row in enumerate(rows):
        mapped = patient_row({**row, "record_id": f"N{number:05d}"})
        ids = [mapped.identifier] if mapped.identifier else []
        record = normalize_record(ids, mapped.demographics, strong_authorities=frozenset())
        linked.append(LinkRow(mapped.record_id, record, mapped.facility))
    return linked


def _anna(number: int) -> dict[str, str]:
    named = {"family": "Marlow", "given": "Anna", "birth_date": "1961-04-07", "sex": "F"}
    return {"facility": f"F{number % 5}", "mrn": f"{number:06d}", **named}


def _place(street: str, postal_code: int) -> dict[str, str]:
    return {"street": street, "city": "Quillby", "postal_code": f"{postal_code:05d}"}


def _ordinary(size: int) -> list[dict[str, str]]:
    return [row for _, row in records(size, seed=11)][:size]


POPULATIONS: dict[str, Callable[[int], list[dict[str, str]]]] = {
    "ordinary": _ordinary,
    "scattered": scattered,
    "couples": couples,
    "households": households,
}


def run(sizes: Sequence[int] = SIZES) -> dict[str, object]:
    """``ordinary`` is the baseline."""
    return {name: [_measure(make(size)) for size in sizes] for name, make in POPULATIONS.items()}


def _measure(rows: list[dict[str, str]]) -> dict[str, object]:
    prepared = link_rows(rows)
    began = time.process_time()
    result = link_records(prepared, default_model())
    return {
        "records": len(prepared),
        "processor_seconds": round(time.process_time() - began, 2),
        "persons": len(set(result.clusters.values())),
        "review_pairs": len(result.review),
        "candidate_pairs": result.candidate_pairs,
        "truncated_blocks": result.truncated_blocks,
    }


if __name__ == "__main__":
    print(json.dumps(run([int(text) for text in sys.argv[1:]] or SIZES), indent=2))
