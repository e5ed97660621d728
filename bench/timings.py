"""Figures of a list of times."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence


def summary(times_ms: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and maximum, in the unit given."""
    ordered = sorted(times_ms)
    return {
        "p50": round(statistics.median(ordered), 1),
        "p95": round(ordered[math.ceil(0.95 * len(ordered)) - 1], 1),
        "max": round(ordered[-1], 1),
    }
