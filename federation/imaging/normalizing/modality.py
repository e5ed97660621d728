"""Which modality: the DICOM header first, then the words."""

from __future__ import annotations

from collections.abc import Sequence

from federation.imaging.normalizing.reading import Said
from federation.imaging.procedures import Modality

_HEADER = {
    **dict.fromkeys("CT".split(), Modality.CT),
    **dict.fromkeys("MR MRI MS MA".split(), Modality.MR),
    **dict.fromkeys("CR DX PX RG IO XR DR".split(), Modality.XR),
    **dict.fromkeys("US IVUS EC CD DD".split(), Modality.US),
    **dict.fromkeys("NM ST".split(), Modality.NM),
    **dict.fromkeys("PT PET".split(), Modality.PT),
    **dict.fromkeys("MG".split(), Modality.MG),
    **dict.fromkeys("RF DF VF".split(), Modality.RF),
    **dict.fromkeys("XA CF".split(), Modality.XA),
    **dict.fromkeys("BMD DXA".split(), Modality.BMD),
}
"""DICOM PS3.3 C.7.3.1.1.1 (with retired values still found in archives) -> examination class."""

_NOT_AN_EXAM = frozenset("SR KO PR SEG REG DOC PLAN RTSTRUCT RTDOSE RTPLAN FID RWV AU".split())

_RANK = [Modality(name) for name in "BMD PT NM MR CT MG XA US RF XR".split()]
"""Of several words or header values, the first here names the examination (PET/CT is PT, SPECT/CT is NM)."""


def header_modality(written: str | Sequence[str] | None) -> Modality | None:
    """The class the header states; ``UNKNOWN`` for a value that is no class (OT), ``None`` when nothing is stated."""
    parts = written.replace("\\", ",").replace(";", ",").split(",") if isinstance(written, str) else written or ()
    values = [value for value in (part.strip().upper() for part in parts) if value]
    if not values:
        return None
    exams = [value for value in values if value not in _NOT_AN_EXAM]
    return _first({_HEADER[value] for value in exams if value in _HEADER}) or Modality.UNKNOWN


def words_modality(said: Sequence[Said]) -> Modality | None:
    """The class the words name, else the one they suggest."""
    concepts = [item.concept for item in said if item.concept]
    named = _first({concept.modality for concept in concepts if concept.modality})
    return named or next((concept.suggests for concept in concepts if concept.suggests), None)


def is_densitometry(said: Sequence[Said]) -> bool:
    """DXA in the text is the one word that outranks the header."""
    return any(item.concept and "dxa" in item.concept.tags for item in said)


def _first(candidates: set[Modality]) -> Modality | None:
    return next((modality for modality in _RANK if modality in candidates), None)
