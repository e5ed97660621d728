"""How the hub and its sites' edge agents reach and know each other, from settings."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.edge.channel import Channel
from adapters.edge.errors import TokenRefused, UnusableKey
from adapters.edge.https_channel import EdgeSettings, HttpsChannel
from adapters.edge.keys import KeySetFile, load_private_key
from adapters.edge.mailbox import Mailbox
from adapters.edge.mailbox_channel import MailboxChannel
from adapters.edge.source import EdgeSource
from adapters.edge.tokens import Signer, TokenGate
from federation.sites.site import Site, SiteId
from gateway.archive_settings import EdgeArchive
from gateway.clock import utc_now
from gateway.errors import ConfigurationError
from gateway.settings import AgentsSettings, Settings


def edge_source(archive: EdgeArchive, site: Site, agents: AgentsSettings, mailbox: Mailbox) -> EdgeSource:
    """The source of a site with an agent.

    Raises:
        ConfigurationError: the hub has no key to sign its questions with.
    """
    if agents.signing_key_file is None:
        raise ConfigurationError("agents.signing_key_file: needed to ask a site with an edge agent")
    try:
        key = load_private_key(agents.signing_key_file)
    except UnusableKey as error:
        raise ConfigurationError(f"agents.signing_key_file: {error}") from error
    signer = Signer(key, issuer=agents.hub_id, audience=site.site_id, clock=utc_now)
    return EdgeSource(site, _channel(archive, site.site_id, signer, mailbox))


def agent_gates(settings: Settings) -> Mapping[SiteId, TokenGate]:
    """Who may fetch questions: one gate for each site whose agent dials out.

    Raises:
        ConfigurationError: an agent's keys cannot be read.
    """
    gates = {}
    for site in settings.sites:
        if isinstance(site.archive, EdgeArchive) and site.archive.agent_jwks_file is not None:
            keys = KeySetFile(site.archive.agent_jwks_file)
            try:
                keys.check()
            except TokenRefused as error:
                raise ConfigurationError(f"sites.{site.id}.archive.agent_jwks_file: no usable key set") from error
            gates[SiteId(site.id)] = TokenGate(keys, issuer=site.id, audience=settings.agents.hub_id, clock=utc_now)
    return gates


def _channel(archive: EdgeArchive, site_id: SiteId, signer: Signer, mailbox: Mailbox) -> Channel:
    if archive.url is None:
        return MailboxChannel(mailbox, site_id, signer)
    return HttpsChannel(
        EdgeSettings(
            archive.url,
            signer,
            ca_file=archive.ca_file,
            client_certificate_file=archive.client_certificate_file,
            client_key_file=archive.client_key_file,
        )
    )
