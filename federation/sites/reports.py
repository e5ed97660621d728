"""What is known of the sites themselves, kept for other processes: how they do, what their archives support."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from federation.sites.circuit import CircuitState
from federation.sites.health import SiteHealth
from federation.sites.site import SiteId


@dataclass(frozen=True, slots=True)
class HealthReport:
    """How a site did in the process that last told. Latencies are of its newest answers, ``None`` before the first."""

    site_id: SiteId
    reported_at: dt.datetime
    circuit: CircuitState
    p50_latency_ms: int | None
    p95_latency_ms: int | None
    answered_count: int
    failed_count: int
    last_answered_at: dt.datetime | None = None
    last_failed_at: dt.datetime | None = None
    last_reason: str | None = None


def health_report(site_id: SiteId, health: SiteHealth, at: dt.datetime) -> HealthReport:
    """The health of a site at a moment."""
    return HealthReport(
        site_id=site_id,
        reported_at=at,
        circuit=health.circuit.state,
        p50_latency_ms=health.latency_ms(0.5),
        p95_latency_ms=health.latency_ms(0.95),
        answered_count=health.answered_count,
        failed_count=health.failed_count,
        last_answered_at=health.last_answered_at,
        last_failed_at=health.last_failed_at,
        last_reason=health.last_reason,
    )


@dataclass(frozen=True, slots=True)
class Capability:
    """One thing that an archive supports, or how it does something: ``include_field`` = ``yes``."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class CapabilityReport:
    """What the last probe of a site's archive found. ``reason`` says why it was not there."""

    site_id: SiteId
    probed_at: dt.datetime
    ok: bool
    latency_ms: int
    capabilities: tuple[Capability, ...] = ()
    reason: str | None = None
