"""What became of the alerts of the last 30 days, for Prometheus. Counted anew once a minute at most."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Gauge

from federation.usefulness.outcomes import Outcomes, Tally
from gateway.observability import get_logger

PERIOD = dt.timedelta(days=30)
_FRESH_SECONDS = 60.0
_PATIENCE_SECONDS = 5.0
_OUTCOMES = ("accepted", "overridden", "ignored", "withdrawn", "waiting")
_log = get_logger("gateway.usefulness")


class UsefulnessGauges:
    """The gauges of one hub. A store that fails leaves them as they were."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counted_at: float | None = None
        self._counting: asyncio.Task[Outcomes] | None = None
        self._alerts = Gauge(
            "priorlink_alerts_30_days", "Alerts raised in the last 30 days", ["site_id", "outcome"], registry=registry
        )
        self._tiers = Gauge("priorlink_alert_tiers_30_days", "The same by tier", ["tier", "outcome"], registry=registry)
        self._rates = Gauge(
            "priorlink_rule_override_ratio_30_days", "Overridden of settled alerts, 0 to 1", ["rule"], registry=registry
        )
        self._demote = Gauge(
            "priorlink_rule_to_demote", "1: overridden too often over enough firings", ["rule"], registry=registry
        )

    async def refresh(self, count: Callable[[], Outcomes]) -> None:
        """Count again (in a thread) if the last count is old; wait for it a few seconds at most."""
        if self._counted_at is not None and time.monotonic() - self._counted_at < _FRESH_SECONDS:
            return
        if self._counting is None or self._counting.done():
            self._counting = asyncio.create_task(asyncio.to_thread(count))
        counting = self._counting
        await asyncio.wait([counting], timeout=_PATIENCE_SECONDS)
        if not counting.done():
            return
        error = counting.exception()
        if error is not None:
            _log.warning("usefulness_not_counted", error_type=type(error).__name__)
            return
        self._counted_at = time.monotonic()
        self._show(counting.result())

    def _show(self, outcomes: Outcomes) -> None:
        for gauge in (self._alerts, self._tiers, self._rates, self._demote):
            gauge.clear()
        for site, tally in outcomes.by_site:
            _set(self._alerts, site, tally)
        for tier, tally in outcomes.by_tier:
            _set(self._tiers, tier.name.lower(), tally)
        for use in outcomes.by_rule:
            if use.tally.override_rate is not None:
                self._rates.labels(use.rule).set(use.tally.override_rate)
            self._demote.labels(use.rule).set(use.is_to_demote)


def _set(gauge: Gauge, name: str, tally: Tally) -> None:
    for outcome in _OUTCOMES:
        gauge.labels(name, outcome).set(getattr(tally, outcome))
