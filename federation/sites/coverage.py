"""How far an answer reaches: what each site did when it was asked.

"No prior found" is not "the site did not answer": every answer that leaves the federation carries a ``Coverage``.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import Enum

from federation.sites.site import SiteId


class CoverageState(Enum):
    """What a site did. Only ANSWERED lets us say that the site has no (other) priors."""

    ANSWERED = "ANSWERED"
    PARTIAL = "PARTIAL"
    INDEXED = "INDEXED"
    TIMED_OUT = "TIMED_OUT"
    FAILED = "FAILED"
    WITHHELD = "WITHHELD"
    SKIPPED = "SKIPPED"


@dataclass(frozen=True, slots=True)
class SiteCoverage:
    """One site's part of an answer.

    ``reason`` is a stable code without values (``connection_refused``, ``deadline``, ``no_identifier`` ...).
    ``as_of`` is when the site said what is shown; ``None`` when it said nothing.
    ``set_apart_count`` counts returned studies that contradict the person asked for and are not shown.
    """

    site_id: SiteId
    state: CoverageState
    latency_ms: int | None = None
    as_of: dt.datetime | None = None
    study_count: int = 0
    set_apart_count: int = 0
    reason: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """Every site that was to be asked, once each, ordered by site id."""

    sites: tuple[SiteCoverage, ...]

    @property
    def is_complete(self) -> bool:
        """True only when every site answered in full (a site where the person has no identifier counts)."""
        return all(
            s.state is CoverageState.ANSWERED or (s.state is CoverageState.SKIPPED and s.reason == NO_IDENTIFIER)
            for s in self.sites
        )


NO_IDENTIFIER = "no_identifier"
"""Reason of a SKIPPED site at which the person is not known: there is nothing to ask."""
