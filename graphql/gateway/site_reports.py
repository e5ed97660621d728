"""What the store holds of the sites themselves: how they did when a hub asked them, what probes of them found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from adapters.store.unit_of_work import SqlUnitOfWork
from federation.ports import SiteProbe
from federation.sites.reports import Capability, CapabilityReport, HealthReport
from federation.sites.site import SiteId
from gateway.bootstrap import open_store
from gateway.clock import utc_now
from gateway.errors import ServiceMissing
from gateway.settings import Settings


@dataclass(frozen=True, slots=True)
class StoredReports:
    """The newest ones, by site."""

    health: Mapping[SiteId, HealthReport] = field(default_factory=dict)
    capabilities: Mapping[SiteId, CapabilityReport] = field(default_factory=dict)


def stored_reports(settings: Settings) -> StoredReports | None:
    """What the store holds; ``None`` when there is no store that could be read. Makes no database."""
    url = sa.make_url(settings.store.url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        return None
    try:
        engine = open_store(settings)
    except ServiceMissing:
        return None
    try:
        with SqlUnitOfWork(engine, read_only=True) as uow:
            return StoredReports(
                {report.site_id: report for report in uow.site_reports.health()},
                {report.site_id: report for report in uow.site_reports.capabilities()},
            )
    finally:
        engine.dispose()


def capability_report(probe: SiteProbe) -> CapabilityReport:
    """A probe as it is kept."""
    found = tuple(Capability(name, value) for name, value in probe.details)
    return CapabilityReport(probe.site_id, utc_now(), probe.ok, probe.latency_ms, found, probe.reason)


def health_document(report: HealthReport | None) -> dict[str, object] | None:
    """A health report for people and programs."""
    if report is None:
        return None
    last_answered, last_failed = report.last_answered_at, report.last_failed_at
    return {
        "circuit": report.circuit.name,
        "p50_latency_ms": report.p50_latency_ms,
        "p95_latency_ms": report.p95_latency_ms,
        "answered_count": report.answered_count,
        "failed_count": report.failed_count,
        "last_answered_at": None if last_answered is None else last_answered.isoformat(),
        "last_failed_at": None if last_failed is None else last_failed.isoformat(),
        "last_reason": report.last_reason,
        "reported_at": report.reported_at.isoformat(),
    }


def capabilities_document(report: CapabilityReport | None) -> dict[str, object] | None:
    """A capability report for people and programs."""
    if report is None:
        return None
    return {
        "ok": report.ok,
        "probed_at": report.probed_at.isoformat(),
        "latency_ms": report.latency_ms,
        "reason": report.reason,
        "found": {capability.name: capability.value for capability in report.capabilities},
    }
