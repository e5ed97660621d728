"""What records staff see of a record's past, and of the examinations under numbers: plain values for templates."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from gateway.web.operations import Answer
from gateway.web.visit import Visit

MOST_NUMBERS = 100
"""Numbers that one operation takes."""

COMPARISON_OF = {
    "FAMILY": "family", "GIVEN": "given", "MIDDLE": "middle", "SUFFIX": "generation", "BIRTH_DATE": "birth_date",
    "SEX": "sex", "ADDRESS": "address", "PHONE": "phone",
}  # fmt: skip
"""A field of a history to the row of the page that compares it."""

_DATE = re.compile(r"\d{4}(-\d{2}){0,2}")


@dataclass(frozen=True, slots=True)
class PastValue:
    """``form`` is ``date``, ``sex``, ``text`` or ``deleted``; ``door`` where it came in, ``message`` which one."""

    value: str
    form: str
    said_at: str
    door: str
    message: str
    state: str


Past = dict[str, tuple[PastValue, ...]]
"""The rows of which a record said something else before, or was sent something that it did not take."""


@dataclass(frozen=True, slots=True)
class SeenRow:
    """One examination at one hospital."""

    day: str | None
    modalities: str
    description: str
    site: str


@dataclass(frozen=True, slots=True)
class SeenGroup:
    """Examinations under some numbers. ``kind`` is a code of ``words("seen")``, ``name`` whose they are or will be.

    ``sites``: hospital, when it last said so (``None``: never), and how many.
    """

    kind: str
    name: str
    numbers: tuple[str, ...]
    sites: tuple[tuple[str, str | None, int], ...]
    rows: tuple[SeenRow, ...]
    count: int

    @property
    def is_known(self) -> bool:
        """Whether any hospital ever answered; nothing known is not none."""
        return any(as_of is not None for _, as_of, _ in self.sites)


Wanted = tuple[str, str, Collection[Answer]]
"""Kind, name and numbers of a group."""


def key_of(identifier: Answer) -> str:
    """A number as pages write it."""
    return f"{identifier['assigningAuthority']} {identifier['localPatientId']}"


def bare(identifier: Answer) -> Answer:
    """A number as operations take it."""
    return {name: identifier[name] for name in ("assigningAuthority", "localPatientId")}


async def ask_pasts(visit: Visit, identifiers: Iterable[Answer]) -> dict[str, Past]:
    """Number to what its record said before; numbers without a past are left out."""
    wanted = list({key_of(i): bare(i) for i in identifiers}.values())[:MOST_NUMBERS]
    answer = await visit.ask("FieldHistory", numbers=wanted) if wanted else {}
    found = {key_of(record["identifier"]): _past(record) for record in answer.get("records", ())}
    return {number: past for number, past in found.items() if past}


async def ask_seen(visit: Visit, groups: Iterable[Wanted]) -> tuple[SeenGroup, ...]:
    """The examinations under the numbers of each group, as the hospitals last said. Empty groups are left out."""
    groups = [group for group in groups if group[2]]
    wanted = list({key_of(i): bare(i) for _, _, numbers in groups for i in numbers}.values())[:MOST_NUMBERS]
    answer = await visit.ask("LastSeenStudies", numbers=wanted) if wanted else {}
    found = {key_of(number["identifier"]): number["sites"] for number in answer.get("numbers", ())}
    return tuple(_group(kind, name, [key_of(i) for i in numbers], found) for kind, name, numbers in groups)


def _past(record: Answer) -> Past:
    past = {}
    for field in record["fields"]:
        values = tuple(_value(field["field"], value) for value in field["values"])
        if len(values) > 1 or any(value.state != "CURRENT" for value in values):
            past[COMPARISON_OF[field["field"]]] = values
    return past


def _value(field: str, value: Answer) -> PastValue:
    said = value["value"]
    form = "text" if said else "deleted"
    if said and field == "BIRTH_DATE" and _DATE.fullmatch(said):
        form = "date"
    elif said and field == "SEX":
        form = "sex"
    door, _, message = value["source"].partition(":")
    return PastValue(said, form, value["saidAt"], door, message, value["state"])


def _group(kind: str, name: str, numbers: list[str], found: dict[str, list[Answer]]) -> SeenGroup:
    sites: dict[str, list[str | None]] = {}
    counts: dict[str, int] = {}
    rows: dict[tuple[str, str], SeenRow] = {}
    for number in numbers:
        for seen in found.get(number, ()):
            site = seen["site"]
            sites.setdefault(site, []).append(seen["asOf"])
            counts[site] = counts.get(site, 0) + len(seen["studies"])
            for study in seen["studies"]:
                row = SeenRow(study["startedOn"], ", ".join(study["modalities"]), study["description"] or "", site)
                rows[site, study["studyInstanceUid"]] = row
    ordered = sorted(rows.values(), key=lambda row: row.day or "", reverse=True)
    ages = {site: min((at for at in said if at is not None), default=None) for site, said in sites.items()}
    told = tuple((site, ages[site], counts[site]) for site in sorted(sites))
    return SeenGroup(kind, name, tuple(numbers), told, tuple(ordered), len({uid for _, uid in rows}))
