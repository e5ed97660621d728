"""Where each study stands on the timeline: pure geometry in the units of the drawing. What it looks like is CSS.

One lane a modality, newest at the right. Studies without a date are not drawn; the table has them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 1000
LEFT, RIGHT = 64, 28
LANE_HEIGHT, TOP, BOTTOM = 34, 10, 26
FEWEST_DAYS = 90
MOST_TICKS = 12
_LANES = ("CT", "MR", "XR", "US", "NM", "PT", "MG", "RF", "XA", "BMD")
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Mark:
    """One study; ``row`` is its place in the table, from 1."""

    x: float
    y: float
    row: int
    modality: str
    has_images: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """The first day of a year or of a month, as ISO text (``2024`` or ``2024-05``)."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One modality's line."""

    y: float
    modality: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """The drawing."""

    height: float
    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    undated: int
    width: int = WIDTH
    left: int = LEFT
    right: int = WIDTH - RIGHT


def draw_timeline(studies: Sequence[dict[str, Any]], today: dt.date) -> Timeline | None:
    """The timeline of studies as ``ImagingHistory`` gives them; ``None`` when none of them has a date."""
    dated = [
        (row, dt.date.fromisoformat(one["startedOn"]), one) for row, one in enumerate(studies, 1) if one["startedOn"]
    ]
    if not dated:
        return None
    first, last = min(day for _, day, _ in dated), max(today, *(day for _, day, _ in dated))
    first = min(first, last - dt.timedelta(days=FEWEST_DAYS))
    shown = [name for name in (*_LANES, OTHER) if any(_lane_of(one) == name for _, _, one in dated)]
    line = {name: TOP + LANE_HEIGHT * (number + 0.5) for number, name in enumerate(shown)}

    def x_of(day: dt.date) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (day - first).days / (last - first).days, 1)

    marks = tuple(
        Mark(x_of(day), line[_lane_of(one)], row, _lane_of(one), any(at["imagesAvailable"] for at in one["locations"]))
        for row, day, one in dated
    )
    return Timeline(
        height=TOP + LANE_HEIGHT * len(shown) + BOTTOM,
        lanes=tuple(Lane(line[name], name) for name in shown),
        ticks=tuple(Tick(x_of(day), label) for day, label in _ticks(first, last)),
        marks=marks,
        undated=len(studies) - len(dated),
    )


def _lane_of(one: dict[str, Any]) -> str:
    modality = one["procedure"]["modality"]
    return modality if modality in _LANES else OTHER


def _ticks(first: dt.date, last: dt.date) -> list[tuple[dt.date, str]]:
    years = [(dt.date(year, 1, 1), str(year)) for year in range(first.year + 1, last.year + 1)]
    if len(years) > 1:
        return years[:: -(-len(years) // MOST_TICKS)]
    months = ((first.year * 12 + first.month + step) for step in range(24))
    starts = [dt.date(number // 12, number % 12 + 1, 1) for number in months]
    inside = [(day, f"{day:%Y-%m}") for day in starts if day <= last]
    return inside[:: -(-len(inside) // MOST_TICKS) or 1]
