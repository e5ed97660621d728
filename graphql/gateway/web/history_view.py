"""What the page of a history shows: how far the answer reaches, and the studies on a time line with room for the
recent ones."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.web.operations import Answer

SILENT = frozenset({"TIMED_OUT", "FAILED"})
LATE = "TIMED_OUT"
_WIDTH, _LANE, _LEFT, _MARK = 1000, 30, 64, 13
_TICKS = (
    (30, "1 month"),
    (182, "6 months"),
    (365, "1 year"),
    (730, "2 years"),
    (1826, "5 years"),
    (3652, "10 years"),
    (7305, "20 years"),
)


@dataclass(frozen=True, slots=True)
class Reach:
    """How far an answer goes. ``silent`` said nothing, ``partial`` not all, ``indexed`` speaks from our own index."""

    sites: Sequence[Answer]
    asked: int
    silent: Sequence[Answer]
    partial: Sequence[Answer]
    indexed: Sequence[Answer]
    is_complete: bool
    set_apart: int

    @property
    def is_late(self) -> bool:
        """Somebody may still answer when given more time."""
        return any(site["state"] == LATE or site["reason"] == "deadline" for site in self.sites)


@dataclass(frozen=True, slots=True)
class Mark:
    """One study on the line."""

    number: int
    x: float
    y: int
    lane: str
    is_hollow: bool
    label: str


@dataclass(frozen=True, slots=True)
class Lane:
    """All studies of one modality."""

    modality: str
    y: int


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of the axis; ``label`` is a message."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class TimeLine:
    """The drawing. Undated studies are in the table only."""

    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...]
    ticks: tuple[Tick, ...]
    width: int
    height: int
    left: int
    undated: int


def reach_of(answer: Answer) -> Reach:
    """The coverage of an answer, sorted by what it means to the reader."""
    sites = answer["coverage"]
    asked = [site for site in sites if site["state"] != "SKIPPED" or site["reason"] != "no_identifier"]
    return Reach(
        sites,
        asked=len(asked),
        silent=[site for site in sites if site["state"] in SILENT or _is_skipped(site)],
        partial=[site for site in sites if site["state"] == "PARTIAL"],
        indexed=[site for site in sites if site["state"] == "INDEXED"],
        is_complete=answer["complete"],
        set_apart=sum(site["setApartCount"] for site in sites),
    )


def time_line(studies: Sequence[Answer], now: dt.datetime) -> TimeLine | None:
    """The studies drawn, newest at the right; ``None`` when none has a date."""
    dated = [(n, s, _age_days(s, now)) for n, s in enumerate(studies) if _age_days(s, now) is not None]
    if not dated:
        return None
    oldest = max(30.0, *(age for _, _, age in dated if age is not None)) * 1.04
    modalities = sorted({study["procedure"]["modality"] for _, study, _ in dated})
    lanes: list[Lane] = []
    marks: list[Mark] = []
    y = 8
    for modality in modalities:
        own = [(n, s, _x(age or 0.0, oldest)) for n, s, age in dated if s["procedure"]["modality"] == modality]
        rows = _rows([x for _, _, x in own])
        lanes.append(Lane(modality, y))
        marks += [
            Mark(number, x, y + 14 + row * _MARK, modality, not _has_images(study), _label(study))
            for (number, study, x), row in zip(own, rows, strict=True)
        ]
        y += _LANE + max(rows) * _MARK
    ticks = tuple(Tick(_x(days, oldest), label) for days, label in _TICKS if days < oldest)
    return TimeLine(tuple(lanes), tuple(marks), _apart(ticks), _WIDTH, y + 26, _LEFT, undated=len(studies) - len(dated))


def _is_skipped(site: Answer) -> bool:
    return bool(site["state"] == "SKIPPED" and site["reason"] != "no_identifier")


def _age_days(study: Answer, now: dt.datetime) -> float | None:
    """Days before now; a study dated in the future counts as today's."""
    if study["startedAt"]:
        return max(0.0, (now - dt.datetime.fromisoformat(study["startedAt"])).total_seconds() / 86_400)
    if study["startedOn"]:
        return max(0.0, float((now.date() - dt.date.fromisoformat(study["startedOn"])).days))
    return None


def _x(age_days: float, oldest: float) -> float:
    """Recent time has more room: the place goes with the root of the age."""
    room = _WIDTH - _LEFT - 16
    return round(_LEFT + room * (1 - math.sqrt(age_days / oldest)), 1)


def _rows(places: Sequence[float]) -> list[int]:
    """In which row each mark stands so that none hides another; six rows at most, then they share."""
    taken: list[float] = []
    rows: list[int] = []
    for x in places:
        free = next((n for n, last in enumerate(taken) if abs(last - x) >= _MARK), None)
        if free is None and len(taken) < 6:
            taken.append(x)
            free = len(taken) - 1
        row = free if free is not None else len(rows) % 6
        taken[row] = x
        rows.append(row)
    return rows


def _apart(ticks: Sequence[Tick]) -> tuple[Tick, ...]:
    """Ticks whose labels do not run into each other, the youngest first."""
    kept: list[Tick] = []
    for tick in ticks:
        if tick.x <= _WIDTH - 110 and (not kept or kept[-1].x - tick.x >= 84):
            kept.append(tick)
    return tuple(kept)


def _has_images(study: Answer) -> bool:
    return any(location["imagesAvailable"] is not False for location in study["locations"])


def _label(study: Answer) -> str:
    sites = ", ".join(dict.fromkeys(location["site"] for location in study["locations"]))
    return f"{study['description'] or study['procedure']['modality']} · {sites}"
