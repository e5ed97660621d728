"""Invented people for a hub, as rows and as FHIR Patients: those in its index, and those who come to it later."""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.hub import SYSTEM
from bench.patients import people
from mpi.identity.patient_rows import COLUMNS

_GENDERS = {"F": "female", "M": "male"}


@dataclass(frozen=True, slots=True)
class Crowd:
    """``known`` are rows to load; ``arriving`` come later: every other one is a further record of somebody known."""

    known: list[dict[str, str]]
    arriving: list[dict[str, str]]

    def write(self, path: Path) -> None:
        """The known rows as a facility's export."""
        with path.open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.known)


def crowd(persons: int, arriving: int, *, seed: int = 11) -> Crowd:
    """So many persons to load, and so many records that arrive."""
    draw = random.Random(seed)
    drawn = people(persons + arriving // 2, seed=seed)
    known, strangers = drawn[:persons], drawn[persons:]
    again = draw.sample([rows for rows in known if len(rows) > 1], arriving - len(strangers))
    further = [rows.pop() for rows in again]
    loaded = [row for rows in known for row in rows]
    coming = further + [rows[0] for rows in strangers]
    draw.shuffle(loaded)
    draw.shuffle(coming)
    return Crowd(loaded, coming)


def fhir_patient(row: dict[str, str]) -> dict[str, Any]:
    """What a registration desk's system sends of the row."""
    return {
        "resourceType": "Patient",
        "identifier": [{"system": SYSTEM.format(row["facility"].lower()), "value": row["mrn"]}],
        "name": [{"family": row["family"], "given": [part for part in (row["given"], row["middle"]) if part]}],
        "birthDate": row["birth_date"],
        "gender": _GENDERS[row["sex"]],
        "telecom": [{"system": "phone", "value": row["phone"]}] if row["phone"] else [],
        "address": [
            {"line": [row["street"]] if row["street"] else [], "city": row["city"], "postalCode": row["postal_code"]}
        ],
    }
