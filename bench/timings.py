"""Figures of a list of times."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence


def timed(act: Callable[[], object], rounds: int) -> list[float]:
    """Milliseconds of each round, after one that does not count."""
    act()
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        act()
        taken.append((time.perf_counter() - started) * 1000)
    return taken


def summary(times_ms: Sequence[float], digits: int = 1) -> dict[str, float]:
    """Median, 95th percentile and maximum, in the unit given."""
    ordered = sorted(times_ms)
    return {
        "p50": round(statistics.median(ordered), digits),
        "p95": round(ordered[math.ceil(0.95 * len(ordered)) - 1], digits),
        "max": round(ordered[-1], digits),
    }
