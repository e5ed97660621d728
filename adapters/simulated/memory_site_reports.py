"""In-memory reports on the sites."""

from __future__ import annotations

from adapters.simulated.memory_state import MemoryTransaction
from federation.sites.reports import CapabilityReport, HealthReport


class MemorySiteReportRepository:
    """``federation.ports.SiteReportRepository`` in memory."""

    def __init__(self, transaction: MemoryTransaction) -> None:
        self._transaction = transaction

    def save_health(self, report: HealthReport) -> None:
        self._transaction.writable().site_health[report.site_id] = report

    def health(self) -> tuple[HealthReport, ...]:
        kept = self._transaction.state.site_health
        return tuple(kept[site_id] for site_id in sorted(kept))

    def save_capabilities(self, report: CapabilityReport) -> None:
        self._transaction.writable().site_capabilities[report.site_id] = report

    def capabilities(self) -> tuple[CapabilityReport, ...]:
        kept = self._transaction.state.site_capabilities
        return tuple(kept[site_id] for site_id in sorted(kept))
