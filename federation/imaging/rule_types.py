"""What a rule-set consists of, ready for judging: windows, classes, region tables, focus answers, steps, caps.

Types only. Rule-set files are read in ``federation.imaging.rule_set``; the judging is in
``federation.imaging.duplicate_rules``. Tables are spread out per modality here, so that judging a pair is a few
look-ups and small set operations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from federation.imaging.assessment import FiredRule, Tier
from federation.imaging.orders import ClinicalFlag
from federation.imaging.procedures import Modality, Procedure, ProcedureFlag
from federation.imaging.studies import StudyStatus

RegionTable = Mapping[Modality, Mapping[str, frozenset[str]]]
"""For each modality and region: the regions it covers, or those it overlaps."""


@dataclass(frozen=True, slots=True)
class Window:
    """Inclusive upper ages in days for each tier; ``None`` = never."""

    interruptive_days: float | None
    warning_days: float | None
    info_days: float | None

    def tier_at(self, age_days: float) -> Tier:
        """The tier of an equivalent prior of this age; NONE when it is too old."""
        if self.interruptive_days is not None and age_days <= self.interruptive_days:
            return Tier.INTERRUPTIVE
        if self.warning_days is not None and age_days <= self.warning_days:
            return Tier.WARNING
        if self.info_days is not None and age_days <= self.info_days:
            return Tier.INFO
        return Tier.NONE

    def days_of(self, tier: Tier) -> float | None:
        """The upper age of a tier, ``None`` = never (and for NONE)."""
        return {
            Tier.INTERRUPTIVE: self.interruptive_days,
            Tier.WARNING: self.warning_days,
            Tier.INFO: self.info_days,
        }.get(tier)


@dataclass(frozen=True, slots=True)
class ExamClass:
    """Orders that share a window. ``region`` and ``focus`` narrow the modality; ``None`` = any."""

    name: str
    modality: Modality
    window: Window
    region: str | None = None
    focus: str | None = None

    def fits(self, procedure: Procedure) -> bool:
        """Whether an order for this procedure belongs to the class."""
        return (
            procedure.modality is self.modality
            and (self.region is None or self.region in procedure.regions)
            and (self.focus is None or self.focus == procedure.focus)
        )


@dataclass(frozen=True, slots=True)
class Exemption:
    """An order that carries one of these never alerts."""

    rule: FiredRule
    flags: frozenset[ClinicalFlag] = frozenset()
    procedure_flags: frozenset[ProcedureFlag] = frozenset()
    regions: frozenset[str] = frozenset()
    unknown_procedure: bool = False


class Doubt(Enum):
    """What can take a tier down one step."""

    CONTRAST_UNKNOWN = "contrast_unknown"
    SIDE_UNKNOWN = "side_unknown"


@dataclass(frozen=True, slots=True)
class Step:
    """One step down when the doubt holds for an order of one of ``modalities``."""

    rule: FiredRule
    doubt: Doubt
    modalities: frozenset[Modality]


class Circumstance(Enum):
    """What can put a ceiling on a tier."""

    IMAGES_NOT_RETRIEVABLE = "images_not_retrievable"
    IMAGES_AND_REPORT_NOT_RETRIEVABLE = "images_and_report_not_retrievable"
    REPORT_NOT_FINAL = "report_not_final"
    PRIOR_NON_DIAGNOSTIC = "prior_non_diagnostic"
    LIFE_THREATENING = "life_threatening"
    ED_CONTEXT = "ed_context"
    ONCOLOGY_RESTAGING = "oncology_restaging"


@dataclass(frozen=True, slots=True)
class Cap:
    """No tier above ``tier`` under this circumstance; ``for_pending``: also for an exam that is still to come."""

    rule: FiredRule
    circumstance: Circumstance
    tier: Tier
    for_pending: bool


@dataclass(frozen=True, slots=True)
class FocusNeed:
    """What a prior must be besides its focus to answer another focus."""

    prior_region: str | None = None
    prior_complete: bool = False


FocusAnswers = Mapping[Modality, Mapping[str | None, Mapping[str | None, FocusNeed]]]
"""For each modality and order focus: the prior focuses that answer it. ``None`` = no focus."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """An order that is the intended next step after such a prior, so no repeat of it."""

    modality: Modality
    order_focus: str
    prior_focus: str


@dataclass(frozen=True, slots=True)
class Options:
    """What a site may set without touching the rules."""

    ordering_site_gate: bool = True
    ed_context_when_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """Ages that belong to no class."""

    future_tolerance_days: float
    cross_days: float
    pending_days: float
    restaging_days: float


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A whole rule-set. ``classes`` are tried in order; ``overlaps`` holds both directions of each pair."""

    name: str
    options: Options
    limits: Limits
    exemptions: tuple[Exemption, ...]
    completed_statuses: frozenset[StudyStatus]
    pending_statuses: frozenset[StudyStatus]
    covers: RegionTable
    overlaps: RegionTable
    cross: frozenset[tuple[Modality, Modality]]
    next_steps: tuple[NextStep, ...]
    contrast_ignored: frozenset[Modality]
    never_equivalent_regions: frozenset[str]
    low_dose_focuses: frozenset[str]
    focus_answers: FocusAnswers
    classes: tuple[ExamClass, ...]
    steps: tuple[Step, ...]
    caps: tuple[Cap, ...]

    def class_of(self, procedure: Procedure) -> ExamClass | None:
        """The class of an order; ``None`` only for an unknown modality."""
        for exam_class in self.classes:
            if exam_class.fits(procedure):
                return exam_class
        return None

    def expand(self, regions: frozenset[str], modality: Modality) -> frozenset[str]:
        """The regions that an examination of ``regions`` shows."""
        table = self.covers[modality]
        shown = [table[region] for region in regions if region in table]
        return regions.union(*shown) if shown else regions

    def is_low_dose(self, procedure: Procedure) -> bool:
        """Low dose by flag or by the nature of its focus."""
        return ProcedureFlag.LOW_DOSE in procedure.flags or procedure.focus in self.low_dose_focuses

    @property
    def flags_of_unknown_context(self) -> frozenset[ClinicalFlag]:
        """Flags to add to an order whose care setting and priority the door cannot tell."""
        return frozenset({ClinicalFlag.ED_CONTEXT}) if self.options.ed_context_when_unknown else frozenset()
