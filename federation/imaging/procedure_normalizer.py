"""Text, header and code become one canonical procedure.

Precedence: a site's code map, the description, BodyPartExamined. The header's modality wins over words, except
densitometry. What is not found stays unknown. Vocabulary: docs/procedures.md; words: ``federation/imaging/lexicon``.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from federation.imaging.code_map import CodeMap
from federation.imaging.normalizing import contrast, focus, laterality, regions
from federation.imaging.normalizing.lexicon import Lexicon, default_lexicon
from federation.imaging.normalizing.modality import header_modality, is_densitometry, words_modality
from federation.imaging.normalizing.reading import Said, find, languages_of, understand
from federation.imaging.procedures import UNKNOWN_REGION, Evidence, Modality, Procedure

_PROJECTION = frozenset({Modality.XR, Modality.RF, Modality.XA})
_ONLY_BODY_PART = 0.6
_ONLY_A_HINT = 0.85
_BODY_PART_CONFLICT = 0.8
_MODALITY_CONFLICT = 0.7
_TYPING_ERROR = 0.9
_UNKNOWN_WORD = 0.97
_UNKNOWN_PROCEDURE = 0.2
_CACHED_DESCRIPTIONS = 65_536
_CACHED_BODY_PARTS = 4_096


def normalize_procedure(
    description: str,
    *,
    dicom_modality: str | Sequence[str] | None = None,
    body_part_examined: str | None = None,
    code: str | None = None,
    code_system: str | None = None,
    code_map: CodeMap | None = None,
    lexicon: Lexicon | None = None,
) -> Procedure:
    """The canonical procedure of an order or study, with confidence (0..1) and evidence.

    ``dicom_modality`` may be a list or a backslash-separated value (ModalitiesInStudy). Nothing found is ``UNKNOWN``.
    """
    mapped = code_map.lookup(code, code_system) if code_map else None
    if mapped:
        return mapped
    header = dicom_modality if isinstance(dicom_modality, str | None) else "\\".join(dicom_modality)
    if lexicon is None:
        return normalize_text(description, header, body_part_examined)
    return _normalize(description, header, body_part_examined, lexicon)


@functools.lru_cache(maxsize=_CACHED_DESCRIPTIONS)
def normalize_text(
    description: str, dicom_modality: str | None = None, body_part_examined: str | None = None
) -> Procedure:
    """As ``normalize_procedure`` with the default lexicon and no code; the same words are answered from memory."""
    return _normalize(description, dicom_modality, body_part_examined, default_lexicon())


@dataclass(frozen=True, slots=True)
class _Named:
    """The words that name the regions, where they come from, and the regions."""

    source: str
    words: tuple[Said, ...]
    regions: frozenset[str]


def _normalize(description: str, header: str | None, body_part: str | None, lexicon: Lexicon) -> Procedure:
    stated = header_modality(header)
    said, modality = _read(description, stated, lexicon)
    part = _body_part(body_part or "", modality, lexicon)
    named = _regions(said, part, modality)
    said = regions.relevant(said, named.regions)
    heard = (*said, *part.words) if named.source == "body_part" else said
    side, side_words = laterality.decide(said, named.words, named.regions)
    value, marks = contrast.decide(said, modality, region_known=UNKNOWN_REGION not in named.regions)
    point, point_words = focus.decide(heard, named.regions, modality, lexicon)
    evidence = [
        _modality_evidence(said, modality, stated, header),
        *_told(named.words, named.source, ";".join(sorted(named.regions))),
        *_told(side_words, "description", side.value),
        *(Evidence("description", mark.written, f"contrast {value.value}") for mark in marks),
        *_told(point_words, named.source if point_words and point_words[0] in part.words else "description", point),
    ]
    result = Procedure(
        modality=modality,
        regions=named.regions,
        laterality=side,
        contrast=value,
        focus=point,
        flags=frozenset(flag for item in said if item.concept for flag in item.concept.flags),
        evidence=tuple(dict.fromkeys(item for item in evidence if item)),
    )
    return _with_confidence(result, said, named, part, _conflict(stated, said), lexicon)


def _read(description: str, stated: Modality | None, lexicon: Lexicon) -> tuple[tuple[Said, ...], Modality]:
    """The meaning of the words and the modality they are read with."""
    found = find(description, lexicon)
    languages = languages_of(found)
    first = understand(found, stated or Modality.UNKNOWN, languages)
    worded = words_modality(first)
    modality = Modality.BMD if is_densitometry(first) else stated or worded or Modality.UNKNOWN
    if modality is (stated or Modality.UNKNOWN):
        return first, modality
    return understand(found, modality, languages), modality


@functools.lru_cache(maxsize=_CACHED_BODY_PARTS)
def _body_part(written: str, modality: Modality, lexicon: Lexicon) -> _Named:
    found = find(written, lexicon)
    said = understand(found, modality, frozenset({"en"}))
    composite = regions.body_part_regions(written, lexicon)
    words = tuple(regions.naming(said))
    if composite is None or (words and _only(words, composite)):
        return _Named("body_part", words, regions.combine(words, frozenset()))
    return _Named("body_part", (Said(None, written.casefold()),), composite)


def _only(words: Sequence[Said], composite: frozenset[str]) -> bool:
    """True when reading as words agrees with the table: the words then also tell a focus (THYROID)."""
    return regions.combine(words, frozenset()) == composite


def _regions(said: Sequence[Said], part: _Named, modality: Modality) -> _Named:
    chosen = tuple(regions.naming(said))
    vague = bool(chosen) and all(item.concept and item.concept.vague for item in chosen)
    no_exam = any(item.concept and item.concept.not_an_acquisition for item in said)
    if chosen and not (vague and part.regions):
        return _Named("description", chosen, regions.combine(chosen, regions.tags_of(said)))
    if part.regions and not no_exam:
        return _Named("body_part", part.words, part.regions)
    if modality is Modality.MG and not no_exam:
        return _Named("modality", (), frozenset({"BREAST"}))
    return _Named("description", (), frozenset({UNKNOWN_REGION}))


def _conflict(stated: Modality | None, said: Sequence[Said]) -> bool:
    """True when the words name a modality and none of them names the one the header states."""
    named = {item.concept.modality for item in said if item.concept and item.concept.modality}
    return bool(stated and named) and not named & {stated, Modality.BMD} and not {stated, *named} <= _PROJECTION


def _with_confidence(
    result: Procedure, said: Sequence[Said], named: _Named, part: _Named, conflict: bool, lexicon: Lexicon
) -> Procedure:
    """How far the evidence goes: each weakness of it takes a share."""
    confidence = 1.0
    if named.source == "body_part":
        confidence *= _ONLY_BODY_PART
    elif any(item.concept and (item.concept.weak or item.concept.vague) for item in named.words):
        confidence *= _ONLY_A_HINT
    elif regions.contradicts(named.regions, part.regions, lexicon):
        confidence *= _BODY_PART_CONFLICT
    if conflict:
        confidence *= _MODALITY_CONFLICT
    confidence *= _TYPING_ERROR ** sum(item.corrected for item in said)
    confidence *= _UNKNOWN_WORD ** sum(item.concept is None and item.written.isalpha() for item in said)
    if result.is_unknown:
        confidence *= _UNKNOWN_PROCEDURE
    if result.modality is Modality.UNKNOWN and UNKNOWN_REGION in result.regions:
        confidence = 0.0
    return Procedure(
        result.modality,
        result.regions,
        result.laterality,
        result.contrast,
        result.focus,
        result.flags,
        round(confidence, 4),
        result.evidence,
    )


def _modality_evidence(
    said: Sequence[Said], modality: Modality, stated: Modality | None, header: str | None
) -> Evidence | None:
    if stated is modality and header:
        return Evidence("modality", header, modality.value)
    word = next(
        (item for item in said if item.concept and modality in (item.concept.modality, item.concept.suggests)), None
    )
    return Evidence("description", word.written, modality.value) if word else None


def _told(words: Iterable[Said], source: str, meaning: str | None) -> list[Evidence]:
    """One reason per word; a word of a region says its own regions, not the whole set."""
    told = []
    for item in words:
        own = ";".join(sorted(item.concept.regions)) if item.concept and meaning and ";" in meaning else ""
        told.append(Evidence(source, item.written, own or meaning or ""))
    return told
