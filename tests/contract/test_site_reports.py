"""Reports on the sites: one suite over every store."""

from __future__ import annotations

from dataclasses import replace

from federation.sites.circuit import CircuitState
from federation.sites.reports import Capability, CapabilityReport, HealthReport
from federation.sites.site import SiteId
from tests.contract.stores import NOW, Store, later

HEALTH = HealthReport(SiteId("north"), NOW, CircuitState.HALF_OPEN, 12, 340, 7, 2, NOW, later(minutes=-1), "deadline")
FOUND = (Capability("include_field", "yes"), Capability("server", "Invented 1.0"))
CAPABILITIES = CapabilityReport(SiteId("north"), NOW, True, 31, FOUND)


def test_the_newest_of_each_kind_comes_back_as_it_was(store: Store) -> None:
    unheard = HealthReport(SiteId("east"), NOW, CircuitState.CLOSED, None, None, 0, 0)
    newer = replace(HEALTH, circuit=CircuitState.CLOSED, reported_at=later(minutes=1))
    down = replace(CAPABILITIES, ok=False, capabilities=(), reason="connection_refused")
    with store.begin() as unit:
        unit.site_reports.save_health(HEALTH)
        unit.site_reports.save_capabilities(CAPABILITIES)
        unit.commit()
    with store.begin_reading() as unit:
        assert list(unit.site_reports.health()) == [HEALTH]
        assert list(unit.site_reports.capabilities()) == [CAPABILITIES]
    with store.begin() as unit:
        for report in (newer, unheard):
            unit.site_reports.save_health(report)
        unit.site_reports.save_capabilities(down)
        unit.commit()
    with store.begin_reading() as unit:
        assert list(unit.site_reports.health()) == [unheard, newer]
        assert list(unit.site_reports.capabilities()) == [down]
