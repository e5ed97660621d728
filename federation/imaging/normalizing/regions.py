"""Regions: the set of body regions the words name, and what BodyPartExamined adds when they name none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from federation.imaging.normalizing.lexicon import Lexicon
from federation.imaging.normalizing.reading import Said
from federation.imaging.procedures import REGION_ORDER

_SKULL_BASE_TO_THIGH = frozenset({"NECK", "CHEST", "ABDOMEN", "PELVIS"})
_ARM = frozenset(REGION_ORDER[REGION_ORDER.index("CLAVICLE") : REGION_ORDER.index("UPPER_EXTREMITY")])
_LEG = frozenset(REGION_ORDER[REGION_ORDER.index("HIP") : REGION_ORDER.index("LOWER_EXTREMITY")])
_VESSEL_TAGS = frozenset({"venous", "arterial", "angio", "doppler"})
_WHOLE_LIMB = {"LEG": "LOWER_EXTREMITY", "HUMERUS": "UPPER_EXTREMITY", "FOREARM": "UPPER_EXTREMITY"}
"""The regions whose vessels are examined as those of the whole limb."""


def tags_of(said: Iterable[Said]) -> frozenset[str]:
    """Every tag the words carry."""
    return frozenset(tag for item in said if item.concept for tag in item.concept.tags)


def naming(said: Sequence[Said]) -> list[Said]:
    """The words that name a region and count: strong before weak; a vendor's folder (``Head^``) only if alone."""
    named = [item for item in said if item.concept and item.concept.regions]
    has_caret = any(item.after_caret for item in said)
    inner = [item for item in named if item.after_caret] if has_caret else []
    counted = inner or named
    for strength in (_is_strong, _is_weak, _is_vague):
        chosen = [item for item in counted if strength(item)]
        if chosen:
            return chosen
    return []


def _is_strong(item: Said) -> bool:
    return bool(item.concept) and not _is_weak(item) and not _is_vague(item)


def _is_weak(item: Said) -> bool:
    return bool(item.concept and item.concept.weak)


def _is_vague(item: Said) -> bool:
    return bool(item.concept and item.concept.vague)


def combine(named: Sequence[Said], tags: frozenset[str]) -> frozenset[str]:
    """The set of regions of these words."""
    regions = frozenset[str]().union(*(item.concept.regions for item in named if item.concept))
    if "FETUS" in regions:
        return frozenset({"FETUS"})
    if regions >= _SKULL_BASE_TO_THIGH:
        regions -= {"WHOLE_BODY"}
    if tags & _VESSEL_TAGS:
        return frozenset(_WHOLE_LIMB.get(region, region) for region in regions)
    for whole, parts in (("LOWER_EXTREMITY", _LEG), ("UPPER_EXTREMITY", _ARM)):
        if regions & parts:
            regions -= {whole}
    return regions


def relevant(said: Sequence[Said], regions: frozenset[str]) -> tuple[Said, ...]:
    """The words without those that only mean something in a region which is not examined here."""
    return tuple(item for item in said if not _is_elsewhere(item, regions))


def _is_elsewhere(item: Said, regions: frozenset[str]) -> bool:
    concept = item.concept
    return bool(concept and concept.only_here and not concept.regions & regions)


def body_part_regions(written: str, lexicon: Lexicon) -> frozenset[str] | None:
    """The composite or abbreviation a BodyPartExamined stands for, or ``None`` when it must be read as words."""
    return lexicon.body_parts.get(re.sub(r"[^A-Z]", "", written.upper()))


def contradicts(described: frozenset[str], body_part: frozenset[str], lexicon: Lexicon) -> bool:
    """True when a BodyPartExamined is neither among the described regions nor in their neighbourhood."""
    if not described or not body_part or described & body_part:
        return False
    return not any(area & described and area & body_part for area in lexicon.areas)
