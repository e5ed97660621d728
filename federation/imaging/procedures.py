"""The canonical procedure: which examination of what, so that two sites' words can be compared.

Vocabulary and meaning of each value: docs/procedures.md. This module holds the types only; text becomes a
``Procedure`` in ``federation.imaging.procedure_normalizer``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Modality(Enum):
    """Examination class, coarser than the DICOM modality (CR, DX, PX, RG, IO are all XR)."""

    CT = "CT"
    MR = "MR"
    XR = "XR"
    US = "US"
    NM = "NM"
    PT = "PT"
    MG = "MG"
    RF = "RF"
    XA = "XA"
    BMD = "BMD"
    UNKNOWN = "UNKNOWN"


class Laterality(Enum):
    """``NONE``: unpaired region. ``UNKNOWN``: paired region whose side is not stated."""

    LEFT = "left"
    RIGHT = "right"
    BILATERAL = "bilateral"
    NONE = "none"
    UNKNOWN = "unknown"


class Contrast(Enum):
    """Intravenous contrast for CT, MR, US, XA, MG; the usual route for arthrography and RF."""

    WITH = "with"
    WITHOUT = "without"
    BOTH = "both"
    UNKNOWN = "unknown"


class ProcedureFlag(Enum):
    """Things that change what an examination can answer."""

    GUIDANCE = "guidance"
    LIMITED = "limited"
    LOW_DOSE = "low_dose"
    PORTABLE = "portable"


UNPAIRED_REGIONS = (
    "HEAD FACE SINUS ORBIT TEMPORAL_BONE SELLA SKULL JAW NOSE NECK CHEST HEART STERNUM ABDOMEN PELVIS SCROTUM "
    "FETUS CSPINE TSPINE LSPINE SACRUM WHOLE_BODY UNKNOWN"
).split()
PAIRED_REGIONS = (
    "BREAST RIBS CLAVICLE SCAPULA SHOULDER HUMERUS ELBOW FOREARM WRIST HAND FINGER UPPER_EXTREMITY HIP FEMUR KNEE "
    "LEG ANKLE FOOT CALCANEUS TOE LOWER_EXTREMITY SI_JOINT TMJ"
).split()
REGION_ORDER = tuple(UNPAIRED_REGIONS + PAIRED_REGIONS)
"""Canonical order of regions when a set is written out (head to foot, unpaired first)."""

UNKNOWN_REGION = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason for a value: ``token`` of ``source`` (code_map, description, modality, body_part) said ``meaning``."""

    source: str
    token: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Procedure:
    """A canonical procedure. ``regions`` compare as a set; ``focus`` is ``None`` when routine.

    ``confidence`` is in 0..1 and says how far the evidence goes, not how likely a repeat is.
    """

    modality: Modality
    regions: frozenset[str]
    laterality: Laterality = Laterality.NONE
    contrast: Contrast = Contrast.UNKNOWN
    focus: str | None = None
    flags: frozenset[ProcedureFlag] = frozenset()
    confidence: float = 1.0
    evidence: tuple[Evidence, ...] = ()

    @property
    def is_unknown(self) -> bool:
        """True when modality or region is not known: such a procedure never alerts."""
        return self.modality is Modality.UNKNOWN or UNKNOWN_REGION in self.regions or not self.regions

    @property
    def ordered_regions(self) -> tuple[str, ...]:
        return tuple(sorted(self.regions, key=REGION_ORDER.index))


UNKNOWN_PROCEDURE = Procedure(Modality.UNKNOWN, frozenset({UNKNOWN_REGION}), Laterality.UNKNOWN, confidence=0.0)
