"""How far an answer reaches, site by site."""

from __future__ import annotations

import datetime as dt

import strawberry

from federation.sites import coverage as domain
from federation.sites.coverage import CoverageState
from federation.sites.directory import SiteDirectory


@strawberry.type(
    description="What one site did for this answer. No studies from a site that did not answer is not news."
)
class SiteCoverage:
    site: strawberry.ID = strawberry.field(description="Id of the site.")
    site_name: str = strawberry.field(description="What people call it.")
    state: CoverageState = strawberry.field(description="What it did.")
    latency_ms: int | None = strawberry.field(description="Time until it answered or was given up, milliseconds.")
    as_of: dt.datetime | None = strawberry.field(description="When it said what is shown; null when it said nothing.")
    study_count: int = strawberry.field(description="Studies it returned for this person.")
    set_apart_count: int = strawberry.field(
        description="Returned studies that contradict the person asked for. They are not shown and judge nothing."
    )
    reason: str | None = strawberry.field(description="Why it did not answer in full: a stable code.")
    warnings: list[str] = strawberry.field(description="Stable codes of oddities in its answer.")

    @classmethod
    def from_domain(cls, site: domain.SiteCoverage, directory: SiteDirectory) -> SiteCoverage:
        """The same, with the site's name."""
        known = directory.sites.get(site.site_id)
        return cls(
            site=strawberry.ID(site.site_id),
            site_name=site.site_id if known is None else known.name,
            state=site.state,
            latency_ms=site.latency_ms,
            as_of=site.as_of,
            study_count=site.study_count,
            set_apart_count=site.set_apart_count,
            reason=site.reason,
            warnings=list(site.warnings),
        )


def coverage_list(coverage: domain.Coverage, directory: SiteDirectory) -> list[SiteCoverage]:
    """Every site, once."""
    return [SiteCoverage.from_domain(site, directory) for site in coverage.sites]
