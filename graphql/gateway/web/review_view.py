"""What the page of one question shows: the two records row by row, and the score as a waterfall that adds up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.web.operations import Answer

ROWS = ("family", "given", "middle", "generation", "birth_date", "sex", "address", "phone")
"""What is shown of two records even where no comparison was made, in the order of the page."""

AGREES = frozenset({"exact", "term_frequency", "nickname", "sounds_alike", "part", "swapped", "middle", "initial"})
HIDDEN = frozenset({"ssn_last4", "strong_id", "local_id"})
"""Compared, but their values are not shown to anybody."""

START, RARITY = "prior", "term_frequency"
"""The line that every score starts with, and the level of a line that says how rare a value is."""

_WIDTH, _ROW_HEIGHT = 320.0, 26


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One row. ``weight`` ``None``: no evidence. ``tone`` is ``good``, ``warn``, ``danger`` or ``none``."""

    comparison: str
    left: str
    right: str
    level: str
    weight: float | None
    tone: str
    sign: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One step of the waterfall, in the drawing's units, and the running sum after it."""

    comparison: str
    level: str
    weight: float
    sum_after: float
    x: float
    y: int
    width: float
    joint: float
    tone: str


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The steps from nothing to the score. ``zero`` is where the axis stands."""

    bars: tuple[Bar, ...]
    zero: float
    width: float
    height: int
    total: float
    total_x: float
    total_width: float


def comparison_rows(item: Answer) -> tuple[ComparisonRow, ...]:
    """Every row of the page, the compared and hidden ones last."""
    evidence: dict[str, list[Answer]] = {}
    for line in item["evidence"]:
        evidence.setdefault(line["comparison"], []).append(line)
    shown = [*ROWS, *(name for name in evidence if name not in ROWS)]
    left, right = (_values(item[side]["record"]) for side in ("left", "right"))
    rows = (_row(name, left.get(name, ""), right.get(name, ""), evidence.get(name, [])) for name in shown)
    return tuple(row for row in rows if row.left or row.right or row.weight is not None)


def waterfall(item: Answer) -> Waterfall | None:
    """The evidence drawn; ``None`` when no score is involved."""
    lines = item["evidence"]
    if not lines:
        return None
    sums = [0.0]
    for line in lines:
        sums.append(sums[-1] + line["matchWeight"])
    low, high = min(sums), max(sums)
    unit = _WIDTH / ((high - low) or 1.0)
    bars = tuple(
        Bar(
            comparison=line["comparison"],
            level=line["level"],
            weight=line["matchWeight"],
            sum_after=after,
            x=round((min(before, after) - low) * unit, 1),
            y=number * _ROW_HEIGHT,
            width=max(1.5, round(abs(after - before) * unit, 1)),
            joint=round((after - low) * unit, 1),
            tone="none" if line["comparison"] == START else _tone(line["level"], line["matchWeight"]),
        )
        for number, (line, before, after) in enumerate(zip(lines, sums, sums[1:], strict=False))
    )
    zero, end = -low * unit, (sums[-1] - low) * unit
    return Waterfall(
        bars,
        zero=round(zero, 1),
        width=_WIDTH,
        height=(len(bars) + 1) * _ROW_HEIGHT,
        total=sums[-1],
        total_x=round(min(zero, end), 1),
        total_width=max(1.5, round(abs(end - zero), 1)),
    )


def _row(name: str, left: str, right: str, lines: Sequence[Answer]) -> ComparisonRow:
    """A comparison may have several lines: the level, and how rare a value is. Their weights are one."""
    if not lines:
        level = "missing" if not (left and right) else "not_compared"
        return ComparisonRow(name, left, right, level, None, "none", "·")
    weight = sum(line["matchWeight"] for line in lines)
    level = next((line["level"] for line in lines if line["level"] != RARITY), RARITY)
    tone = "none" if name == START else _tone(level, weight)
    hidden = "hidden" if name in HIDDEN else ""
    return ComparisonRow(name, left or hidden, right or hidden, level, weight, tone, _SIGNS[tone])


_SIGNS = {"good": "=", "warn": "≈", "danger": "≠", "none": "·"}


def _tone(level: str, weight: float) -> str:
    if weight < 0:
        return "danger"
    return "good" if level in AGREES else "warn"


def _values(record: Answer | None) -> dict[str, str]:
    if record is None:
        return {}
    name, address = record["name"], record["address"] or {}
    return {
        "family": name["family"],
        "given": name["given"],
        "middle": name["middle"],
        "generation": name["suffix"],
        "birth_date": record["birthDate"] or "",
        "sex": record["sex"] or "",
        "address": ", ".join(address[part] for part in ("street", "postalCode", "city") if address.get(part)),
        "phone": " / ".join(record["phones"]),
    }
