"""An order for imaging, as far as the duplicate check needs it. (``imaging_order``; never "request".)"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import Enum

from federation.imaging.procedures import Procedure
from federation.sites.site import SiteId
from mpi.identity.identifiers import PatientIdentifier


class ClinicalFlag(Enum):
    """Context that exempts an order or caps its alert (``dup-rules/1``). Absent means false."""

    SERIAL_MONITORING = "serial_monitoring"
    DEVICE_CHECK = "device_check"
    FOLLOW_UP_RECOMMENDED = "follow_up_recommended"
    INTERVENTION_SINCE_PRIOR = "intervention_since_prior"
    NEW_INJURY_SINCE_PRIOR = "new_injury_since_prior"
    ACUTE_CHANGE = "acute_change"
    IMAGE_GUIDANCE = "image_guidance"
    RT_PLANNING = "rt_planning"
    RESEARCH_PROTOCOL = "research_protocol"
    ONCOLOGY_RESTAGING = "oncology_restaging"
    LIFE_THREATENING = "life_threatening"
    ED_CONTEXT = "ed_context"


@dataclass(frozen=True, slots=True)
class ContextEvidence:
    """Why a flag is set: ``said`` is a code or a phrase of our own tables, never free text of the order."""

    flag: ClinicalFlag
    said: str


@dataclass(frozen=True, slots=True, repr=False)
class ImagingOrder:
    """What is ordered, for whom, where and when. ``requested_at`` is aware.

    ``context`` explains flags that were read from reason codes or priority.
    """

    patient_identifier: PatientIdentifier
    ordering_site: SiteId
    requested_at: dt.datetime
    procedure: Procedure
    description: str = ""
    code: str | None = None
    code_system: str | None = None
    placer_order_number: str | None = None
    flags: frozenset[ClinicalFlag] = frozenset()
    overridden_priors: frozenset[str] = frozenset()
    context: tuple[ContextEvidence, ...] = ()

    def __repr__(self) -> str:
        return f"ImagingOrder(site={self.ordering_site})"
