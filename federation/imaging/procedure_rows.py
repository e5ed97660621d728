"""Lists of descriptions in, the same lists with their canonical procedure out (``priorlink procedures normalize``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from federation.imaging.code_map import CodeMap
from federation.imaging.procedure_normalizer import normalize_procedure
from federation.imaging.procedures import Procedure

OUTPUT_COLUMNS = (
    "canonical_modality",
    "canonical_regions",
    "laterality",
    "contrast",
    "focus",
    "confidence",
    "evidence",
)


def normalize_rows(rows: Iterable[Mapping[str, str]], code_map: CodeMap | None = None) -> Iterator[dict[str, str]]:
    """Each row with the output columns added; a column of the same name is replaced.

    Read: ``description`` (a missing one counts as empty), ``dicom_modality``, ``body_part_examined``, ``code``,
    ``code_system``.
    """
    for row in rows:
        procedure = normalize_procedure(
            row.get("description") or "",
            dicom_modality=row.get("dicom_modality") or None,
            body_part_examined=row.get("body_part_examined") or None,
            code=row.get("code") or None,
            code_system=row.get("code_system") or None,
            code_map=code_map,
        )
        yield {**row, **procedure_columns(procedure)}


def procedure_columns(procedure: Procedure) -> dict[str, str]:
    """A procedure as text cells: regions joined by ``;`` in canonical order, confidence with two decimals."""
    return {
        "canonical_modality": procedure.modality.value,
        "canonical_regions": ";".join(procedure.ordered_regions),
        "laterality": procedure.laterality.value,
        "contrast": procedure.contrast.value,
        "focus": procedure.focus or "",
        "confidence": f"{procedure.confidence:.2f}",
        "evidence": "; ".join(f"{item.source}:{item.token}={item.meaning}" for item in procedure.evidence),
    }
