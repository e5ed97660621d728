"""What the HL7 v2 door has to know of each sending site."""

from __future__ import annotations

import codecs
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.hl7v2.header import PROCESSING_IDS


@dataclass(frozen=True, slots=True)
class Hl7SiteSettings:
    """One sending facility (MSH-4).

    ``time_zone`` is used for times without offset; ``fallback_charset`` (a Python codec) when MSH-18 is empty and
    the text is no UTF-8, or when the declared set cannot read it; ``assigning_authority`` issues the numbers that
    name no authority, empty: the one called like the facility.

    Raises:
        LookupError: no codec is called so.
    """

    time_zone: dt.tzinfo = dt.UTC
    fallback_charset: str = "cp1252"
    assigning_authority: str = ""

    def __post_init__(self) -> None:
        codecs.lookup(self.fallback_charset)


@dataclass(frozen=True, slots=True)
class Hl7Settings:
    """``sites`` by facility; a facility that is not listed gets ``default``.

    ``refresh_events``: trigger events (A01, R01 ...) after which the patient's archives are asked in the background.
    """

    sites: Mapping[str, Hl7SiteSettings] = field(default_factory=dict)
    default: Hl7SiteSettings = field(default_factory=Hl7SiteSettings)
    processing_ids: frozenset[str] = PROCESSING_IDS
    refresh_events: frozenset[str] = frozenset()

    def site(self, facility: str) -> Hl7SiteSettings:
        return self.sites.get(facility, self.default)
