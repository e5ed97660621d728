"""How well two family names, given names and middle names agree. Symmetric; missing on a side is ``missing``."""

from __future__ import annotations

from functools import lru_cache

from rapidfuzz.distance import OSA, JaroWinkler

from mpi.matching.comparable import ComparableName
from mpi.matching.given_names import GIVEN_NAMES
from mpi.matching.nickname_table import are_nicknames, is_listed, related_names
from mpi.matching.spelling import are_one_surname, romanisation_key, spelling_key, ungendered

MISSING = "missing"
EXACT = "exact"
DIFFERENT = "different"
_SIMILAR_JARO_WINKLER = 0.92
_SOUND_ALIKE_JARO_WINKLER = 0.85
_ONE_NAME = ("sounds_alike", "typo")
_LONG_NAME = 8
_LONG_FAMILY = 5
_LONG_GIVEN = 5
_SHORTEST_MISTYPED = 4
_MISTYPED_JARO_WINKLER = 0.87


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


def compare_given(a: ComparableName, b: ComparableName) -> str:
    """exact, nickname, sounds_alike, typo, part, initial, middle, alike_names, different or missing.

    ``alike_names`` are two names that differ by a letter or two and both are names people bear (Jayden, Jaylen).
    """
    if not a.given or not b.given:
        return MISSING
    if a.given_text == b.given_text:
        return EXACT if len(a.given_text) > 1 else "initial"
    if a.given < b.given:
        return _given_level(a.given, a.middle, b.given, b.middle)
    return _given_level(b.given, b.middle, a.given, a.middle)


@lru_cache(maxsize=500_000)
def _given_level(a: tuple[str, ...], middle_a: tuple[str, ...], b: tuple[str, ...], middle_b: tuple[str, ...]) -> str:
    all_a, all_b = sorted((*a, *middle_a)), sorted((*b, *middle_b))
    if all_a == all_b and (len(a) > 1 or len(b) > 1):
        return EXACT
    joined_a, joined_b = "".join(a), "".join(b)
    if are_nicknames(joined_a, joined_b) or are_nicknames(" ".join(a), " ".join(b)):
        return "nickname"
    if len(a) == len(b) > 1:
        return _word_by_word(a, b)
    level = _spelling_level(joined_a, joined_b) if len(a) == len(b) == 1 else _joined_level(joined_a, joined_b)
    if level:
        return level
    if len(joined_a) == 1 or len(joined_b) == 1:
        return "initial" if joined_a[0] == joined_b[0] else DIFFERENT
    return _partial_level(a, middle_a, b, middle_b)


def _spelling_level(a: str, b: str) -> str:
    if len(a) > 2 and len(b) > 2 and spelling_key(a) == spelling_key(b):
        return "sounds_alike"
    if _is_known(a) and _is_known(b):
        return "alike_names" if are_similar(a, b) else ""
    if _sound_alike(a, b):
        return "sounds_alike"
    return "typo" if _mistyped(a, b) else ""


def _mistyped(a: str, b: str) -> bool:
    """An edit or two, by length; short names must begin alike (Jan, Lan and Van are three names)."""
    shorter = min(len(a), len(b))
    if shorter < _SHORTEST_MISTYPED or (shorter < _LONG_GIVEN and a[0] != b[0]):
        return False
    if OSA.distance(a, b, score_cutoff=1) <= 1 or (shorter >= _LONG_NAME and OSA.distance(a, b, score_cutoff=2) <= 2):
        return True
    similarity = JaroWinkler.similarity(a, b)
    if _is_known(a) == _is_known(b):
        return similarity >= _SIMILAR_JARO_WINKLER
    return shorter >= _LONG_GIVEN and similarity >= _MISTYPED_JARO_WINKLER and OSA.distance(a, b, score_cutoff=2) <= 2


def _joined_level(a: str, b: str) -> str:
    """Names of several words written apart here and together there (Soo-hyun, Soohyn)."""
    return "typo" if min(len(a), len(b)) >= _LONG_GIVEN and OSA.distance(a, b, score_cutoff=1) <= 1 else ""


def _is_known(given: str) -> bool:
    return given in GIVEN_NAMES or is_listed(given)


def _word_by_word(a: tuple[str, ...], b: tuple[str, ...]) -> str:
    """Two names of as many words: one other word makes another child (Jose Juan, Jose Luis)."""
    levels = [EXACT if x == y else _spelling_level(x, y) or DIFFERENT for x, y in zip(a, b, strict=True)]
    if DIFFERENT in levels:
        if sorted(a) == sorted(b):
            return "sounds_alike"
        if are_similar("".join(a), "".join(b)) and min(len(w) for w in (*a, *b)) < 3:
            return "typo"
        return DIFFERENT if set(levels) == {DIFFERENT} else "alike_names"
    return next(level for level in ("alike_names", "typo", "sounds_alike") if level in levels)


def _partial_level(a: tuple[str, ...], middle_a: tuple[str, ...], b: tuple[str, ...], middle_b: tuple[str, ...]) -> str:
    words_a, words_b = {w for w in a if len(w) > 1}, {w for w in b if len(w) > 1}
    if words_a & words_b:
        return "part" if words_a <= words_b or words_b <= words_a else "alike_names"
    if (len(a) > 1) != (len(b) > 1):
        single, several = ("".join(a), b) if len(a) == 1 else ("".join(b), a)
        if any(are_nicknames(single, word) or _spelling_level(single, word) in _ONE_NAME for word in several):
            return "part"
    if _is_cut_short(a, b) or (len(a) == len(b) == 1 and _nearly_nicknames(a[0], b[0])):
        return "part"
    if any(_same_middle(x, y) for x in ("".join(a), *a) for y in ("".join(middle_b), *middle_b)) or any(
        _same_middle(x, y) for x in ("".join(b), *b) for y in ("".join(middle_a), *middle_a)
    ):
        return "middle"
    return DIFFERENT


def _nearly_nicknames(a: str, b: str) -> bool:
    """A typing error in a pet name or in the formal name (Bobby, Rober)."""
    if min(len(a), len(b)) < _LONG_GIVEN or (_is_known(a) and _is_known(b)):
        return False
    return any(
        len(name) > 3 and OSA.distance(name, other, score_cutoff=1) <= 1 and are_nicknames(one, name)
        for one, other in ((a, b), (b, a))
        for name in related_names(one)
    )


def _is_cut_short(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    """One is the beginning of the other (Barb, Barbara; Jun, Junrong), and they are not two names."""
    shorter, longer = sorted(("".join(a), "".join(b)), key=len)
    if not 2 <= len(shorter) <= len(longer) - 2 or not longer.startswith(shorter):
        return False
    return (len(shorter) > 2 or len(longer) >= _LONG_GIVEN) and not (_is_known(shorter) and _is_known(longer))


def _same_middle(given: str, middle: str) -> bool:
    return len(given) > 2 and len(middle) > 2 and (given == middle or (len(given) > 3 and are_similar(given, middle)))


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


@lru_cache(maxsize=500_000)
def are_similar(a: str, b: str) -> bool:
    """Equal, one edit apart (two in long names), alike by Jaro-Winkler, or romanisations of one name."""
    if a == b:
        return True
    shorter = min(len(a), len(b))
    if shorter < 2:
        return False
    if shorter > 2 and OSA.distance(a, b, score_cutoff=2) <= (2 if shorter >= _LONG_NAME else 1):
        return True
    if shorter > 3 and JaroWinkler.similarity(a, b, score_cutoff=_SIMILAR_JARO_WINKLER) > 0:
        return True
    return _sound_alike(a, b)


def _sound_alike(a: str, b: str) -> bool:
    key_a, key_b = romanisation_key(a), romanisation_key(b)
    if len(key_a) < 3 or key_a != key_b or abs(len(a) - len(b)) > 3:
        return False
    return len(key_a) > 3 or JaroWinkler.similarity(a, b) >= _SOUND_ALIKE_JARO_WINKLER
