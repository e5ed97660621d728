"""``priorlink-edge check``: are settings, policy, keys, audit file and archive as they should be?"""

from __future__ import annotations

import asyncio

from adapters.edge.errors import TokenRefused
from adapters.edge.keys import KeySetFile, load_private_key
from edge.agent import archive_source
from edge.audit_file import verify
from edge.errors import ConfigurationError
from edge.policy_lists import PolicyLists
from edge.settings import Settings
from federation.ports import SiteProbe
from federation.sites.site import Site, SiteId

PROBE_TIMEOUT_SECONDS = 5.0


def check_agent(settings: Settings) -> dict[str, object]:
    """What was found. The agent may be running meanwhile.

    Raises:
        ConfigurationError: a file of the settings cannot be used.
        PolicyUnavailable: a list of the policy cannot be read.
        AuditBroken: the audit file was changed by somebody else.
    """
    try:
        KeySetFile(settings.hub.jwks_file).check()
    except TokenRefused as error:
        raise ConfigurationError(f"hub.jwks_file: {settings.hub.jwks_file}: no usable key set") from error
    if settings.outbound is not None:
        load_private_key(settings.outbound.key_file)
    PolicyLists(settings.policy).current()
    audited = verify(settings.audit.file) if settings.audit.file.exists() else 0
    probe = asyncio.run(_probe(settings))
    return {
        "ok": probe.ok,
        "site": settings.site.id,
        "archive": settings.archive.protocol,
        "archive_ok": probe.ok,
        "reason": probe.reason,
        "latency_ms": probe.latency_ms,
        "audit_lines": audited,
    }


async def _probe(settings: Settings) -> SiteProbe:
    site = Site(SiteId(settings.site.id), settings.site.name, settings.site.assigning_authority)
    source = archive_source(settings, site)
    try:
        return await source.check(timeout_seconds=PROBE_TIMEOUT_SECONDS)
    finally:
        await source.aclose()
