"""The sites that take part, with the source each is asked through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from federation.errors import UnknownSite
from federation.ports import PriorSource
from federation.sites.site import Site, SiteId


@dataclass(frozen=True, slots=True)
class SiteDirectory:
    """Registered sites by id. A site without a source sends identities but has no archive we can ask."""

    sites: Mapping[SiteId, Site]
    sources: Mapping[SiteId, PriorSource]

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
        """Give up every source's connections."""
        for source in self.sources.values():
            await source.aclose()
