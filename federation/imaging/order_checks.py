"""A judged order as it is kept: what was asked, what was found, how far the answer reached, and the verdict."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from federation.imaging.assessment import DuplicateAssessment
from federation.imaging.orders import ImagingOrder
from federation.sites.coverage import Coverage
from mpi.identity.identifiers import EnterpriseId


@dataclass(frozen=True, slots=True)
class OrderCheck:
    """One revision of the check of one order. ``revision`` starts at 1; a later one replaces the verdict, not the row.

    ``identity_under_review``: records that may be this person wait for records staff; they neither raised nor
    silenced an alert.
    """

    check_id: str
    revision: int
    order: ImagingOrder
    enterprise_id: EnterpriseId | None
    assessment: DuplicateAssessment
    coverage: Coverage
    identity_under_review: bool
    checked_at: dt.datetime
    checked_by: str
