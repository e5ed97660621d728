"""Invented patients in any number: one person has one to three records, with the errors that records have.

python -m bench.patients 100000 records.csv truth.csv
"""

from __future__ import annotations

import csv
import random
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from mpi.identity.patient_rows import COLUMNS

_ONSETS = ("b", "br", "c", "d", "dr", "f", "g", "gr", "h", "k", "l", "m", "n", "p", "r", "s", "st", "t", "v", "w")
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "ou")
_CODAS = ("", "l", "n", "r", "s", "ck", "nd", "rt", "m", "ll")
FACILITIES = ("NORTH", "LAKE", "RIVER", "HILL")


def write_patients(count: int, records: Path, truth: Path, *, seed: int = 7) -> None:
    """Write so many records, in the form that ``priorlink mpi train`` and ``link`` read, and whose they are."""
    with records.open("w", encoding="utf-8", newline="") as out, truth.open("w", encoding="utf-8", newline="") as said:
        rows, persons = (
            csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n"),
            csv.writer(said, lineterminator="\n"),
        )
        rows.writeheader()
        persons.writerow(("record_id", "person_id"))
        for number, (person, row) in enumerate(patients(count, seed=seed)):
            rows.writerow({**row, "record_id": f"R{number}"})
            persons.writerow((f"R{number}", f"P{person}"))


def patients(count: int, *, seed: int) -> Iterator[tuple[int, dict[str, str]]]:
    """(person, row) of so many records, in random order."""
    draw = random.Random(seed)
    found: list[tuple[int, dict[str, str]]] = []
    for person, rows in enumerate(_persons(draw)):
        found.extend((person, row) for row in rows)
        if len(found) >= count:
            break
    found = found[:count]
    draw.shuffle(found)
    yield from found


def people(count: int, *, seed: int) -> list[list[dict[str, str]]]:
    """The rows of so many persons, one to three each."""
    return list(islice(_persons(random.Random(seed)), count))


def _persons(draw: random.Random) -> Iterator[list[dict[str, str]]]:
    """The rows of one person after the other, without end; four in ten live with the one before."""
    families, givens, streets = _names(draw, 6_000, 3), _names(draw, 1_200, 2), _names(draw, 1_500, 2)
    towns = _names(draw, 250, 2)
    household = _household(draw, families, streets, towns)
    while True:
        if draw.random() < 0.6:
            household = _household(draw, families, streets, towns)
        someone = _person(draw, household, givens)
        times = draw.choices((1, 2, 3), (0.5, 0.35, 0.15))[0]
        yield [_seen(draw, someone, families, streets, towns) for _ in range(times)]


def _names(draw: random.Random, count: int, syllables: int) -> Callable[[], str]:
    """A name; the n-th is about n times rarer than the first."""
    made: dict[str, None] = {}
    while len(made) < count:
        parts = (
            draw.choice(_ONSETS) + draw.choice(_VOWELS) + draw.choice(_CODAS)
            for _ in range(draw.randint(max(1, syllables - 1), syllables))
        )
        made["".join(parts).capitalize()] = None
    names = list(made)
    weights = [1 / (rank + 8) for rank in range(count)]
    stock = iter(draw.choices(names, weights, k=1_000_000))
    return lambda: next(stock)


def _household(
    draw: random.Random, families: Callable[[], str], streets: Callable[[], str], towns: Callable[[], str]
) -> dict[str, str]:
    town = towns()
    return {
        "family": families(),
        "phone": _digits(draw, 10),
        "street": f"{draw.randint(1, 400)} {streets()} Street",
        "city": town,
        "postal_code": f"{sum(map(ord, town)) * 37 % 90_000 + 10_000}",
    }


def _person(draw: random.Random, household: dict[str, str], givens: Callable[[], str]) -> dict[str, str]:
    return {
        **household,
        "given": givens(),
        "middle": draw.choice((givens(), "", "")),
        "birth_date": f"{draw.randint(1925, 2022)}-{draw.randint(1, 12):02d}-{draw.randint(1, 28):02d}",
        "sex": draw.choice("FM"),
        "ssn_last4": _digits(draw, 4),
        "national_id": _digits(draw, 9) if draw.random() < 0.5 else "",
    }


def _seen(
    draw: random.Random,
    someone: dict[str, str],
    families: Callable[[], str],
    streets: Callable[[], str],
    towns: Callable[[], str],
) -> dict[str, str]:
    """The person as one registration desk wrote it down."""
    row = dict(someone)
    if draw.random() < 0.15:
        row |= {"street": f"{draw.randint(1, 400)} {streets()} Street", "phone": _digits(draw, 10)}
    if draw.random() < 0.05:
        row["city"] = towns()
    if draw.random() < 0.03:
        row["family"] = families()
    for column, chance in (("family", 0.05), ("given", 0.05), ("street", 0.05)):
        if draw.random() < chance:
            row[column] = _mistyped(draw, row[column])
    if draw.random() < 0.01:
        year, month, day = row["birth_date"].split("-")
        row["birth_date"] = f"{year}-{day}-{month}" if int(day) <= 12 else f"{int(year) + 1}-{month}-{day}"
    for column, chance in (("phone", 0.15), ("ssn_last4", 0.5), ("national_id", 0.4), ("street", 0.1), ("middle", 0.4)):
        if draw.random() < chance:
            row[column] = ""
    return {**row, "facility": draw.choice(FACILITIES), "mrn": _digits(draw, 8), "registered_on": "2024-01-01"}


def _mistyped(draw: random.Random, text: str) -> str:
    at = draw.randrange(len(text))
    return draw.choice(
        (
            text[:at] + text[at + 1 :],
            text[:at] + draw.choice("abcdefghijklmnopqrstuvwxyz") + text[at:],
            text[:at] + text[at + 1 : at + 2] + text[at : at + 1] + text[at + 2 :],
        )
    )


def _digits(draw: random.Random, count: int) -> str:
    return "".join(draw.choices("0123456789", k=count))


if __name__ == "__main__":
    write_patients(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
