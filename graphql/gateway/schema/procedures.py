"""The canonical procedure, as GraphQL shows it."""

from __future__ import annotations

from functools import lru_cache

import strawberry

from federation.imaging import procedures as domain
from federation.imaging.procedures import Contrast, Laterality, Modality, ProcedureFlag


@strawberry.type(description="One reason for a value of a procedure.")
class ProcedureEvidence:
    source: str = strawberry.field(description="Where it was read: code_map, description, modality or body_part.")
    token: str = strawberry.field(description="What was read.")
    meaning: str = strawberry.field(description="What it was taken to mean.")


@strawberry.type(description="Which examination of what, in words that all sites share.")
class Procedure:
    modality: Modality = strawberry.field(description="Examination class.")
    regions: list[str] = strawberry.field(description="Anatomic regions, head to foot. UNKNOWN when not known.")
    laterality: Laterality = strawberry.field(description="Side.")
    contrast: Contrast = strawberry.field(description="Contrast medium.")
    focus: str | None = strawberry.field(description="A special purpose, such as ANGIO. Null: a routine examination.")
    flags: list[ProcedureFlag] = strawberry.field(description="What limits what it can answer.")
    confidence: float = strawberry.field(description="How far the evidence goes, 0 to 1.")
    evidence: list[ProcedureEvidence] = strawberry.field(description="What the values were read from.")

    @classmethod
    def from_domain(cls, procedure: domain.Procedure) -> Procedure:
        """The same procedure. Many studies show one of few procedures, so it is made once and shared."""
        return _shown(procedure)


@lru_cache(maxsize=4096)
def _shown(procedure: domain.Procedure) -> Procedure:
    return Procedure(
        modality=procedure.modality,
        regions=list(procedure.ordered_regions),
        laterality=procedure.laterality,
        contrast=procedure.contrast,
        focus=procedure.focus,
        flags=sorted(procedure.flags, key=lambda flag: flag.name),
        confidence=procedure.confidence,
        evidence=[ProcedureEvidence(source=e.source, token=e.token, meaning=e.meaning) for e in procedure.evidence],
    )
