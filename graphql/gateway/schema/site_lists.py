"""The hospitals that take part."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Annotated, TypeAlias

import strawberry

from federation import ports
from federation.sites import site as domain
from federation.sites.circuit import CircuitState
from federation.sites.directory import SiteDirectory
from federation.sites.reports import CapabilityReport, HealthReport, health_report
from gateway.context import HubInfo
from gateway.loaders import load_capabilities
from gateway.schema.refusals import NotAllowed
from gateway.site_probes import probe_sites


@strawberry.type(description="Something an archive said of itself.")
class ProbeDetail:
    name: str = strawberry.field(description="What it is about.")
    value: str = strawberry.field(description="What it said.")


@strawberry.type(description="What asking an archive just now found.")
class SiteProbe:
    ok: bool = strawberry.field(description="It is there and takes our questions.")
    latency_ms: int = strawberry.field(description="Time until it answered or was given up, milliseconds.")
    reason: str | None = strawberry.field(description="Why it is not ok: a stable code.")
    details: list[ProbeDetail] = strawberry.field(description="What it said of itself.")

    @classmethod
    def from_domain(cls, probe: ports.SiteProbe) -> SiteProbe:
        """The same probe."""
        details = [ProbeDetail(name=name, value=value) for name, value in probe.details]
        return cls(ok=probe.ok, latency_ms=probe.latency_ms, reason=probe.reason, details=details)


@strawberry.type(description="How a site has been doing when this hub asked it, since the hub began.")
class SiteHealth:
    circuit: CircuitState = strawberry.field(description="Whether it is asked at all.")
    p50_latency_ms: int | None = strawberry.field(description="Median of its newest answers, milliseconds.")
    p95_latency_ms: int | None = strawberry.field(description="95th percentile of its newest answers, milliseconds.")
    answered_count: int = strawberry.field(description="Questions that it answered.")
    failed_count: int = strawberry.field(description="Questions that it failed to answer.")
    last_answered_at: dt.datetime | None = strawberry.field(description="Its last answer. Null: none yet.")
    last_failed_at: dt.datetime | None = strawberry.field(description="Its last failure. Null: none yet.")
    last_reason: str | None = strawberry.field(description="Why it failed then: a stable code.")

    @classmethod
    def from_domain(cls, report: HealthReport) -> SiteHealth:
        """The same health."""
        return cls(
            circuit=report.circuit,
            p50_latency_ms=report.p50_latency_ms,
            p95_latency_ms=report.p95_latency_ms,
            answered_count=report.answered_count,
            failed_count=report.failed_count,
            last_answered_at=report.last_answered_at,
            last_failed_at=report.last_failed_at,
            last_reason=report.last_reason,
        )


@strawberry.type(description="What the last kept probe of a site's archive found (`priorlink sites check`).")
class SiteCapabilities:
    ok: bool = strawberry.field(description="It was there and took our questions.")
    probed_at: dt.datetime = strawberry.field(description="When it was probed.")
    reason: str | None = strawberry.field(description="Why it was not ok: a stable code.")
    found: list[ProbeDetail] = strawberry.field(description="What it supports, and how.")

    @classmethod
    def from_domain(cls, report: CapabilityReport) -> SiteCapabilities:
        """The same report."""
        found = [ProbeDetail(name=one.name, value=one.value) for one in report.capabilities]
        return cls(ok=report.ok, probed_at=report.probed_at, reason=report.reason, found=found)


@strawberry.type(description="A hospital that takes part.")
class Site:
    id: strawberry.ID = strawberry.field(description="Short stable name.")
    name: str = strawberry.field(description="What people call it.")
    assigning_authority: str = strawberry.field(description="Issuer of the numbers its archive files studies under.")
    protocol: str | None = strawberry.field(description="How its archive is asked. Null: it only sends identities.")
    time_zone: str = strawberry.field(description="IANA name of its time zone.")
    probe: SiteProbe | None = strawberry.field(description="Null unless `check` was asked for, or without an archive.")
    health: SiteHealth | None = strawberry.field(description="How it has been doing. Null: it has no archive.")
    capabilities: SiteCapabilities | None = strawberry.field(description="What it supports. Null: never probed.")

    @classmethod
    def from_domain(
        cls,
        site: domain.Site,
        directory: SiteDirectory,
        probe: ports.SiteProbe | None,
        kept: CapabilityReport | None,
        now: dt.datetime,
    ) -> Site:
        """The same site, with how it is asked and how it does."""
        report = health_report(site.site_id, directory.asking.health(site.site_id), now)
        source = directory.sources.get(site.site_id)
        return cls(
            id=strawberry.ID(site.site_id),
            name=site.name,
            assigning_authority=site.assigning_authority,
            protocol=None if source is None else source.protocol,
            time_zone=site.time_zone,
            probe=None if probe is None else SiteProbe.from_domain(probe),
            health=None if source is None else SiteHealth.from_domain(report),
            capabilities=None if kept is None else SiteCapabilities.from_domain(kept),
        )


@strawberry.type(description="All hospitals that take part.")
class SiteList:
    sites: list[Site] = strawberry.field(description="The sites, by id.")
    as_of: dt.datetime = strawberry.field(description="When the list was put together.")


SitesResult: TypeAlias = Annotated[
    SiteList | NotAllowed, strawberry.union("SitesResult", description="The sites, or why not.")
]


async def resolve_sites(info: HubInfo, check: bool = False) -> SitesResult:
    """The registered sites; with ``check`` each archive is asked now."""
    resources = info.context.resources
    directory = resources.directory
    probes = await probe_sites(directory) if check else {}
    now = resources.clock()
    known = [directory.sites[site_id] for site_id in sorted(directory.sites)]
    kept = await asyncio.to_thread(load_capabilities, resources.read)
    sites = [Site.from_domain(s, directory, probes.get(s.site_id), kept.get(s.site_id), now) for s in known]
    return SiteList(sites=sites, as_of=now)
