"""The usefulness report: one period, counted by what became of its alerts."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from federation.usefulness.avoided import AvoidedExams, OverriddenExams
from federation.usefulness.outcomes import Outcomes


@dataclass(frozen=True, slots=True)
class UsefulnessReport:
    """Alerts raised from ``since`` on and before ``until``, as of ``as_of``. Names nobody but orderer groups."""

    since: dt.datetime
    until: dt.datetime
    as_of: dt.datetime
    outcomes: Outcomes
    avoided: AvoidedExams
    overridden: OverriddenExams
    dose_table: str
