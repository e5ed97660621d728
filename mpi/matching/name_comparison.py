"""How well two family names and middle names agree, and whether family and given name are swapped."""

from __future__ import annotations

from functools import lru_cache

from rapidfuzz.distance import OSA

from mpi.matching.comparable import ComparableName
from mpi.matching.levels import DIFFERENT, EXACT, MISSING
from mpi.matching.similarity import are_similar
from mpi.matching.spelling import are_one_surname, ungendered

_LONG_FAMILY = 5


def compare_family(a: ComparableName, b: ComparableName) -> str:
    """exact, part (one of a compound name), similar, part_similar, different or missing."""
    if not a.family or not b.family:
        return MISSING
    if a.family_text == b.family_text:
        return EXACT
    return _family_level(*sorted((a.family, b.family)))


@lru_cache(maxsize=300_000)
def _family_level(a: tuple[str, ...], b: tuple[str, ...]) -> str:
    joined_a, joined_b = "".join(a), "".join(b)
    if len(a) > 1 and sorted(a) == sorted(b):
        return EXACT
    if (
        are_similar(joined_a, joined_b)
        or _two_edits(joined_a, joined_b)
        or ungendered(joined_a) == ungendered(joined_b)
    ):
        return "similar"
    if are_one_surname(joined_a, joined_b):
        return "similar"
    if set(a) & set(b):
        return "part"
    if (len(a) > 1 or len(b) > 1) and any(are_similar(x, y) for x in a for y in b if len(x) > 3 and len(y) > 3):
        return "part_similar"
    return DIFFERENT


def _two_edits(a: str, b: str) -> bool:
    return min(len(a), len(b)) >= _LONG_FAMILY and a[0] == b[0] and OSA.distance(a, b, score_cutoff=2) <= 2


def compare_middle(a: ComparableName, b: ComparableName, given: str) -> str:
    """exact, initial, different or missing; ``given`` is the level of the given names.

    Where given names differ and one's middle initial is the other's first letter, someone may go by the middle name:
    then the middle names say nothing.
    """
    if not a.middle or not b.middle:
        return MISSING
    if given == DIFFERENT and (a.middle[0] == b.given[0][0] or b.middle[0] == a.given[0][0]):
        return MISSING
    first, second = "".join(a.middle), "".join(b.middle)
    if first == second:
        return EXACT if len(first) > 1 else "initial"
    if first[0] == second[0] and (len(first) == 1 or len(second) == 1):
        return "initial"
    return EXACT if are_similar(first, second) else DIFFERENT


def are_swapped(a: ComparableName, b: ComparableName) -> bool:
    """Family and given name stand in each other's place."""
    if not (a.family and a.given and b.family and b.given):
        return False
    return _swapped(a.family_text, a.given_text, b.family_text, b.given_text)


@lru_cache(maxsize=300_000)
def _swapped(family_a: str, given_a: str, family_b: str, given_b: str) -> bool:
    if len(given_a) < 2 or len(given_b) < 2 or family_a == family_b or given_a == given_b:
        return False
    crossed = are_similar(family_a, given_b) and are_similar(given_a, family_b)
    return crossed and not (are_similar(family_a, family_b) and are_similar(given_a, given_b))
