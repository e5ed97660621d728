"""Focus: what tells two protocols of the same region apart; one value or none."""

from __future__ import annotations

from collections.abc import Sequence

from federation.imaging.normalizing.lexicon import Lexicon
from federation.imaging.normalizing.reading import Said
from federation.imaging.normalizing.regions import tags_of
from federation.imaging.procedures import Modality

_LIMBS = frozenset({"LOWER_EXTREMITY", "UPPER_EXTREMITY"})
_CROSS_SECTION = frozenset({Modality.CT, Modality.MR, Modality.XA})
_NO_VESSEL_STUDIES = frozenset({Modality.NM, Modality.PT})
_BRAIN_MODALITIES = frozenset({Modality.CT, Modality.MR, Modality.PT, Modality.US})


def decide(
    said: Sequence[Said], regions: frozenset[str], modality: Modality, lexicon: Lexicon
) -> tuple[str | None, list[Said]]:
    """The focus and the words that say it."""
    telling = [item for item in said if item.concept and item.concept.focus]
    foci = list(dict.fromkeys(item.concept.focus for item in telling if item.concept and item.concept.focus))
    focus = _of_vessels(said, foci, regions, modality) or _chosen(foci, tags_of(said), modality, lexicon)
    if focus is None and regions == {"HEAD"} and modality in _BRAIN_MODALITIES:
        focus = "BRAIN"
    return focus, [item for item in telling if item.concept and item.concept.focus == focus]


def _of_vessels(said: Sequence[Said], foci: Sequence[str], regions: frozenset[str], modality: Modality) -> str | None:
    """The focus of a vessel study, or ``None`` when the words speak of no vessel."""
    tags = tags_of(said)
    vessels = [item.concept for item in said if item.concept and item.concept.vessel]
    venogram = any(item.concept and item.concept.venogram for item in said)
    if "ARTHROGRAM" in foci:
        return "ARTHROGRAM"
    if "venous" in tags and modality in _CROSS_SECTION and "HEAD" in regions:
        return "VENOUS_SINUSES"
    if "venous" in tags and regions & _LIMBS and "runoff" not in tags:
        return "VEINS"
    if "venous" in tags and venogram:
        return None
    angiogram = "angio" in tags or modality is Modality.XA
    named = {concept.focus for concept in vessels if concept.focus}
    if vessels and named == {"CAROTID"} and modality in _CROSS_SECTION:
        only = regions == {"NECK"} and all(concept.focus for concept in vessels)
        return "CAROTID" if only else "ARTERIES"
    if named:
        return None
    if angiogram and "KIDNEYS" in foci:
        return "RENAL_ARTERIES"
    limb_arteries = "arterial" in tags and bool(regions & _LIMBS)
    if modality in _NO_VESSEL_STUDIES:
        return None
    return "ARTERIES" if "angio" in tags or vessels or limb_arteries else None


def _chosen(foci: Sequence[str], tags: frozenset[str], modality: Modality, lexicon: Lexicon) -> str | None:
    if modality is Modality.US and "doppler" in tags and "LIVER" in foci:
        return "LIVER_DOPPLER"
    for focus in lexicon.focus_priority:
        if focus in foci:
            return focus
    left = set(foci)
    for target, *parts in lexicon.focus_together:
        if left >= set(parts):
            left.add(target)
    for winner, *absorbed in lexicon.focus_absorbs:
        if winner in left:
            left -= set(absorbed)
    return left.pop() if len(left) == 1 else None
