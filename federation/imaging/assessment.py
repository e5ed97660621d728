"""The verdict on an order: tier, best prior, relation and the rules that fired. Decisions carry their reasons."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import Enum, IntEnum

from federation.imaging.orders import ClinicalFlag
from federation.imaging.procedures import Procedure
from federation.imaging.studies import ReportStatus, StudyStatus


class Tier(IntEnum):
    """How strongly the order should be reconsidered. Ordered: a higher tier is a stronger alert."""

    NONE = 0
    INFO = 1
    WARNING = 2
    INTERRUPTIVE = 3


class Relation(Enum):
    """How a prior answers an order."""

    EQUIVALENT = "EQUIVALENT"
    PARTIAL = "PARTIAL"
    CROSS = "CROSS"
    UNRELATED = "UNRELATED"
    NONE = "NONE"


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What the rules read of an order."""

    procedure: Procedure
    site_id: str
    requested_at: dt.datetime
    flags: frozenset[ClinicalFlag] = frozenset()
    overridden_priors: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PriorFacts:
    """What the rules read of a prior. ``prior_id`` is the StudyInstanceUID (or a scenario's id).

    ``performed_at`` is ``None`` when the study is undated; ``performing_site_id`` is where the exam was done
    (``None`` when that is not known). ``is_date_only``: only the day is known and ``performed_at`` is its noon in
    UTC; the rules then count the least age that the exam can have.
    """

    prior_id: str
    procedure: Procedure
    performed_at: dt.datetime | None
    performing_site_id: str | None
    status: StudyStatus = StudyStatus.COMPLETED
    report_status: ReportStatus = ReportStatus.FINAL
    report_available: bool = True
    images_available: bool = True
    is_diagnostic: bool = True
    consent_permits: bool = True
    match_is_certain: bool = True
    is_image_object: bool = True
    is_rt_planning: bool = False
    is_research: bool = False
    is_date_only: bool = False


@dataclass(frozen=True, slots=True)
class FiredRule:
    """One rule that had an effect, with its reason in plain words (no patient data)."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class PriorVerdict:
    """What the rules say of one prior."""

    prior_id: str
    tier: Tier
    relation: Relation
    rules: tuple[FiredRule, ...]
    age_days: float | None = None


@dataclass(frozen=True, slots=True)
class DuplicateAssessment:
    """The verdict on the order. ``best`` is ``None`` when no prior is above tier none.

    ``context`` says which flags of the order were counted, and why each is set.
    """

    rule_set: str
    tier: Tier
    relation: Relation
    rules: tuple[FiredRule, ...]
    best: PriorVerdict | None = None
    verdicts: tuple[PriorVerdict, ...] = ()
    context: tuple[FiredRule, ...] = ()

    @property
    def explanation(self) -> tuple[FiredRule, ...]:
        """The rules that fired, and the context they were given."""
        return (*self.rules, *self.context)

    @property
    def best_prior_id(self) -> str | None:
        return None if self.best is None else self.best.prior_id
