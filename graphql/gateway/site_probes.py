"""Asks archives now whether they are there."""

from __future__ import annotations

import asyncio

from federation.ports import PriorSource, SiteProbe
from federation.sites.directory import SiteDirectory
from federation.sites.site import SiteId

PROBE_TIMEOUT_SECONDS = 3.0
_MARGIN_SECONDS = 0.5


async def probe_sites(
    directory: SiteDirectory, *, timeout_seconds: float = PROBE_TIMEOUT_SECONDS
) -> dict[SiteId, SiteProbe]:
    """Every archive's probe, all at once. An archive that does not answer in time is a result too."""
    probes = await asyncio.gather(
        *(_probe(source, timeout_seconds) for source in directory.sources.values()), return_exceptions=True
    )
    return {
        site_id: probe if isinstance(probe, SiteProbe) else SiteProbe(site_id, False, 0, reason="internal_error")
        for site_id, probe in zip(directory.sources, probes, strict=True)
    }


async def _probe(source: PriorSource, timeout_seconds: float) -> SiteProbe:
    try:
        async with asyncio.timeout(timeout_seconds + _MARGIN_SECONDS):
            return await source.check(timeout_seconds=timeout_seconds)
    except TimeoutError:
        return SiteProbe(source.site_id, ok=False, latency_ms=int(timeout_seconds * 1000), reason="deadline")
