"""Counters for operations. Labels are operations, outcomes, sites and states; never anything about a person."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from federation.sites.circuit import CircuitState
from federation.sites.coverage import Coverage
from federation.sites.directory import SiteDirectory
from gateway.observability import DROPPED_KEYS
from gateway.usefulness_metrics import UsefulnessGauges

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)


_CIRCUIT_VALUES = {CircuitState.CLOSED: 0.0, CircuitState.HALF_OPEN: 1.0, CircuitState.OPEN: 2.0}


class _SiteCollector(Collector):
    """Circuits and open questions of the sites."""

    def __init__(self, directory: SiteDirectory) -> None:
        self._directory = directory

    def collect(self) -> Iterator[Metric]:
        """Asked at each exposition."""
        asking = self._directory.asking
        circuits = GaugeMetricFamily(
            "priorlink_site_circuit", "0 closed, 1 half open, 2 open: the site is left alone", labels=["site_id"]
        )
        for site_id in sorted(self._directory.sources):
            circuits.add_metric([site_id], _CIRCUIT_VALUES[asking.health(site_id).circuit.state])
        yield circuits
        yield GaugeMetricFamily(
            "priorlink_open_questions", "Questions that wait for a site", value=float(asking.open_questions)
        )


class HubMetrics:
    """One registry with all metrics of one hub."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._operations = Counter(
            "priorlink_operations", "Operations answered", ["operation", "outcome"], registry=self.registry
        )
        self._operation_seconds = Histogram(
            "priorlink_operation_seconds",
            "Time to answer, seconds",
            ["operation"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._site_answers = Counter(
            "priorlink_site_answers", "What sites did when asked", ["site_id", "state"], registry=self.registry
        )
        self._site_seconds = Histogram(
            "priorlink_site_seconds",
            "Time a site took, seconds",
            ["site_id"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._refused_tokens = Counter(
            "priorlink_refused_tokens", "Requests without a good token", ["reason"], registry=self.registry
        )
        self._truncated = Counter(
            "priorlink_truncated_matches",
            "Comparisons with only the nearest of too many records",
            ["operation"],
            registry=self.registry,
        )
        self._subscriptions = Counter(
            "priorlink_subscriptions",
            "Subscriptions closed or refused",
            ["operation", "outcome", "reason"],
            registry=self.registry,
        )
        self.usefulness = UsefulnessGauges(self.registry)
        dropped = Gauge("priorlink_log_dropped_keys", "Log keys refused by the allow-list", registry=self.registry)
        dropped.set_function(lambda: float(DROPPED_KEYS.total))

    def watch(self, directory: SiteDirectory) -> None:
        """Show how the directory's sites are asked, as it is when somebody looks."""
        self.registry.register(_SiteCollector(directory))

    def count_operation(self, operation: str, outcome: str, seconds: float) -> None:
        """One operation answered (or refused)."""
        self._operations.labels(operation, outcome).inc()
        self._operation_seconds.labels(operation).observe(seconds)

    def count_sites(self, coverage: Coverage) -> None:
        """What each site did for one answer."""
        for site in coverage.sites:
            self._site_answers.labels(site.site_id, site.state.value).inc()
            if site.latency_ms is not None:
                self._site_seconds.labels(site.site_id).observe(site.latency_ms / 1000)

    def count_refused_token(self, reason: str) -> None:
        """One request that was not let in."""
        self._refused_tokens.labels(reason).inc()

    def count_truncated(self, operation: str) -> None:
        """More records were alike at first sight than were compared."""
        self._truncated.labels(operation).inc()

    def count_subscription(self, operation: str, outcome: str, reason: str) -> None:
        """One subscription closed (or refused); ``reason`` is empty when the client closed it."""
        self._subscriptions.labels(operation, outcome, reason).inc()

    def exposition(self) -> bytes:
        """The text form that Prometheus reads."""
        return generate_latest(self.registry)
