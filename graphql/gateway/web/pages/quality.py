"""How the queue is worked on: what was decided at which score, how much, what was taken back, how long things wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from gateway.web.operations import Answer
from gateway.web.visit import Visit

_PERIODS = ("7", "30", "90")
_WIDTH, _HEIGHT, _STEP = 640, 160, 40
_PARTS = (("same", "good"), ("different", "danger"), ("dismissed", "none"), ("overlays", "warn"))


@dataclass(frozen=True, slots=True)
class Column:
    """One band of the chart: where it stands, and its parts from the bottom up (y, height, tone)."""

    x: int
    label: str
    parts: tuple[tuple[float, float, str], ...]


async def show_quality(visit: Visit) -> Response:
    """Figures of the last days."""
    period = visit.request.query_params.get("days", "30")
    period = period if period in _PERIODS else "30"
    quality = await visit.ask("ReviewQuality", days=int(period))
    return visit.render(
        "quality.html",
        quality=quality,
        period=period,
        periods=_PERIODS,
        chart=_chart(quality["bands"]),
        width=_WIDTH,
        height=_HEIGHT,
        days=_by_day(quality["days"]),
    )


def _chart(bands: list[Answer]) -> list[Column]:
    most = max((sum(band[name] for name, _ in _PARTS) for band in bands), default=1)
    unit = (_HEIGHT - 8) / most
    columns = []
    for number, band in enumerate(bands):
        parts, top = [], float(_HEIGHT)
        for name, tone in _PARTS:
            tall = round(band[name] * unit, 1)
            top -= tall
            if tall:
                parts.append((round(top, 1), tall, tone))
        columns.append(Column(20 + number * _STEP, f"{band['scoreFrom']:+d}".replace("-", "\u2212"), tuple(parts)))
    return columns


def _by_day(days: list[Answer]) -> list[dict[str, Any]]:
    """Newest first; every day with who decided how much."""
    found: dict[str, list[Answer]] = {}
    for one in days:
        found.setdefault(one["day"], []).append(one)
    return [{"day": day, "clerks": found[day]} for day in sorted(found, reverse=True)]
