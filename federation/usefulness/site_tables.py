"""A site's own tables: what an examination costs, and which orderers form a group. Loaded whole or not at all."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from federation.errors import InvalidTable
from federation.imaging.procedures import REGION_ORDER
from federation.sites.site import SiteId

COST_COLUMNS = ("site", "exam_class", "regions", "cost", "currency", "as_of")
GROUP_COLUMNS = ("orderer", "group")
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class CostEntry:
    """What an examination of a class costs at a site. Empty ``regions``: any."""

    site_id: SiteId
    exam_class: str
    regions: frozenset[str]
    cost: Decimal
    currency: str
    as_of: dt.date


@dataclass(frozen=True, slots=True)
class CostTable:
    """Lines; of those that fit, one that names the regions counts before one that does not."""

    entries: tuple[CostEntry, ...] = ()

    def cost_of(self, site_id: SiteId, exam_class: str, regions: frozenset[str]) -> CostEntry | None:
        """The line for an examination; ``None`` when the table says nothing."""
        fitting = [e for e in self.entries if (e.site_id, e.exam_class) == (site_id, exam_class)]
        exact = next((e for e in fitting if e.regions == regions), None)
        return exact or next((e for e in fitting if not e.regions), None)


def parse_cost_table(text: str) -> CostTable:
    """Read the table (CSV with the columns of ``COST_COLUMNS``).

    Raises:
        InvalidTable: names every line that is wrong.
    """
    entries: dict[tuple[object, ...], CostEntry] = {}
    problems: list[str] = []
    for line, cells in _rows(text, COST_COLUMNS):
        try:
            entry = _cost(cells)
        except ValueError as error:
            problems.append(f"line {line}: {error}")
            continue
        key = (entry.site_id, entry.exam_class, entry.regions)
        if key in entries:
            problems.append(f"line {line}: the same site, class and regions stand twice")
        entries[key] = entry
    if problems:
        raise InvalidTable("; ".join(problems))
    return CostTable(tuple(entries.values()))


def parse_orderer_groups(text: str) -> Mapping[str, str]:
    """Read orderer to group (CSV with the columns of ``GROUP_COLUMNS``).

    Raises:
        InvalidTable: names every line that is wrong.
    """
    groups: dict[str, str] = {}
    problems: list[str] = []
    for line, cells in _rows(text, GROUP_COLUMNS):
        if not cells["orderer"] or not cells["group"]:
            problems.append(f"line {line}: orderer and group are needed")
        elif cells["orderer"] in groups:
            problems.append(f"line {line}: the orderer stands twice")
        else:
            groups[cells["orderer"]] = cells["group"]
    if problems:
        raise InvalidTable("; ".join(problems))
    return groups


def _rows(text: str, columns: tuple[str, ...]) -> Iterator[tuple[int, Mapping[str, str]]]:
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), skipinitialspace=True)
    named = tuple(name.strip() for name in reader.fieldnames or ())
    if sorted(named) != sorted(columns):
        raise InvalidTable(f"line 1: the columns must be {', '.join(columns)}")
    reader.fieldnames = list(named)
    for row in reader:
        if None in row or None in row.values():
            raise InvalidTable(f"line {reader.line_num}: not as many cells as the header")
        yield reader.line_num, {name: (row[name] or "").strip() for name in columns}


def _cost(cells: Mapping[str, str]) -> CostEntry:
    empty = [name for name in COST_COLUMNS if not cells[name] and name != "regions"]
    if empty:
        raise ValueError(f"empty: {', '.join(empty)}")
    regions = frozenset(part.strip().upper() for part in cells["regions"].split(";") if part.strip())
    if not regions <= set(REGION_ORDER):
        raise ValueError("regions: not canonical regions")
    if not _CURRENCY.fullmatch(cells["currency"]):
        raise ValueError("currency: must be three capital letters (ISO 4217)")
    try:
        cost = Decimal(cells["cost"])
    except InvalidOperation:
        raise ValueError("cost: must be a number") from None
    if not cost.is_finite() or cost < 0:
        raise ValueError("cost: must be a number of at least 0")
    try:
        as_of = dt.date.fromisoformat(cells["as_of"])
    except ValueError:
        raise ValueError("as_of: must be a day, YYYY-MM-DD") from None
    return CostEntry(SiteId(cells["site"]), cells["exam_class"].upper(), regions, cost, cells["currency"], as_of)
