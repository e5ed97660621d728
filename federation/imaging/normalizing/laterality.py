"""Laterality: the written side, or what a plural means; it is never guessed."""

from __future__ import annotations

from collections.abc import Sequence

from federation.imaging.normalizing.reading import Said
from federation.imaging.procedures import PAIRED_REGIONS, UNKNOWN_REGION, Laterality

_PAIRED = frozenset(PAIRED_REGIONS)
_NAMED = frozenset({Laterality.LEFT, Laterality.RIGHT, Laterality.BILATERAL})


def decide(said: Sequence[Said], named: Sequence[Said], regions: frozenset[str]) -> tuple[Laterality, list[Said]]:
    """The side of the examination and the words that say it.

    A side beside unpaired regions only counts for a paired structure inside one (a kidney, one pleural space).
    """
    if UNKNOWN_REGION in regions or not regions:
        return Laterality.UNKNOWN, []
    paired = regions & _PAIRED
    if not paired and not any(item.concept and item.concept.sided for item in said):
        return Laterality.NONE, []
    sides = [item for item in said if _counts(item, paired=bool(paired))]
    values = {item.concept.side for item in sides if item.concept}
    if values & _NAMED:
        return _written(values & _NAMED, len(paired)), sides
    if not paired:
        return Laterality.NONE, []
    if values:
        return Laterality.UNKNOWN, sides
    return _by_default(said, named)


def _counts(item: Said, *, paired: bool) -> bool:
    return bool(item.concept and item.concept.side and (paired or not item.concept.view))


def _written(values: set[Laterality | None], paired_count: int) -> Laterality:
    if Laterality.BILATERAL in values:
        return Laterality.BILATERAL
    if len(values) == 2:
        return Laterality.BILATERAL if paired_count <= 1 else Laterality.UNKNOWN
    return Laterality.LEFT if Laterality.LEFT in values else Laterality.RIGHT


def _by_default(said: Sequence[Said], named: Sequence[Said]) -> tuple[Laterality, list[Said]]:
    plural = [item for item in named if item.plural]
    if plural:
        return Laterality.BILATERAL, plural
    usual = [item for item in said if item.concept and item.concept.side_default]
    return (Laterality.BILATERAL, usual) if usual else (Laterality.UNKNOWN, [])
