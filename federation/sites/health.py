"""How a site has been doing when it was asked: its circuit, how long it took, when it last answered."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field, replace

from federation.sites.circuit import Circuit

LATENCIES_KEPT = 200


@dataclass(frozen=True, slots=True)
class SiteHealth:
    """Since this process began. ``latencies_ms`` of the newest answers; failures are in ``failed_count`` only."""

    circuit: Circuit = field(default_factory=Circuit)
    latencies_ms: tuple[int, ...] = ()
    answered_count: int = 0
    failed_count: int = 0
    last_answered_at: dt.datetime | None = None
    last_failed_at: dt.datetime | None = None
    last_reason: str | None = None

    def latency_ms(self, fraction: float) -> int | None:
        """The latency that this fraction of the newest answers stayed within; ``None`` before the first."""
        if not self.latencies_ms:
            return None
        ordered = sorted(self.latencies_ms)
        return ordered[max(0, math.ceil(fraction * len(ordered)) - 1)]


def answered(health: SiteHealth, circuit: Circuit, at: dt.datetime, latency_ms: int) -> SiteHealth:
    """After an answer."""
    return replace(
        health,
        circuit=circuit,
        latencies_ms=(*health.latencies_ms[1 - LATENCIES_KEPT :], latency_ms),
        answered_count=health.answered_count + 1,
        last_answered_at=at,
    )


def failed(health: SiteHealth, circuit: Circuit, at: dt.datetime, reason: str) -> SiteHealth:
    """After a failure; ``reason`` is a stable code."""
    return replace(health, circuit=circuit, failed_count=health.failed_count + 1, last_failed_at=at, last_reason=reason)
