"""The sites that take part, with the source each is asked through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from federation.asking.asking import Asking
from federation.errors import UnknownSite
from federation.ports import PriorSource
from federation.sites.consent import ConsentPolicy, ConsentRules
from federation.sites.site import Site, SiteId


@dataclass(frozen=True, slots=True)
class SiteDirectory:
    """Registered sites by id. A site without a source sends identities but has no archive we can ask.

    ``asking`` is how all of them are asked: what was heard before, who is left alone, what is still awaited.
    ``consent`` says which studies are sensitive in themselves.
    """

    sites: Mapping[SiteId, Site]
    sources: Mapping[SiteId, PriorSource]
    asking: Asking = field(default_factory=Asking)
    consent: ConsentPolicy = field(default_factory=ConsentPolicy)

    @property
    def consent_rules(self) -> ConsentRules:
        """What persons are seen by."""
        return ConsentRules(self.consent, self.sites)

    def site(self, site_id: str) -> Site:
        """The registered site.

        Raises:
            UnknownSite: nobody registered it.
        """
        try:
            return self.sites[SiteId(site_id)]
        except KeyError:
            raise UnknownSite("no site is registered under this id") from None

    async def aclose(self) -> None:
        """Give up what is still asked and every source's connections."""
        await self.asking.aclose()
        for source in self.sources.values():
            await source.aclose()
