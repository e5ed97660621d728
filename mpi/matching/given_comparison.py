"""How well two given names agree: pet names, typing errors, parts, initials, and names that only look alike."""

from __future__ import annotations

from functools import lru_cache

from rapidfuzz.distance import OSA, JaroWinkler

from mpi.matching.comparable import ComparableName
from mpi.matching.given_names import GIVEN_NAMES
from mpi.matching.levels import DIFFERENT, EXACT, MISSING
from mpi.matching.nickname_table import are_nicknames, is_listed, related_names
from mpi.matching.similarity import LONG_NAME, SIMILAR_JARO_WINKLER, are_similar, sound_alike
from mpi.matching.spelling import spelling_key

_ONE_NAME = ("sounds_alike", "typo")
_LONG_GIVEN = 5
_SHORTEST_MISTYPED = 4
_MISTYPED_JARO_WINKLER = 0.87


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
    if sound_alike(a, b):
        return "sounds_alike"
    return "typo" if _mistyped(a, b) else ""


def _mistyped(a: str, b: str) -> bool:
    """An edit or two, by length; short names must begin alike (Jan, Lan and Van are three names)."""
    shorter = min(len(a), len(b))
    if shorter < _SHORTEST_MISTYPED or (shorter < _LONG_GIVEN and a[0] != b[0]):
        return False
    if OSA.distance(a, b, score_cutoff=1) <= 1 or (shorter >= LONG_NAME and OSA.distance(a, b, score_cutoff=2) <= 2):
        return True
    similarity = JaroWinkler.similarity(a, b)
    if _is_known(a) == _is_known(b):
        return similarity >= SIMILAR_JARO_WINKLER
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
