"""Whether two folded words are one word: typing errors, Jaro-Winkler, romanisations."""

from __future__ import annotations

from functools import lru_cache

from rapidfuzz.distance import OSA, JaroWinkler

from mpi.matching.spelling import romanisation_key

SIMILAR_JARO_WINKLER = 0.92
LONG_NAME = 8
"""From so many letters on, two edits are one typing error."""
_SOUND_ALIKE_JARO_WINKLER = 0.85


@lru_cache(maxsize=500_000)
def are_similar(a: str, b: str) -> bool:
    """Equal, one edit apart (two in long names), alike by Jaro-Winkler, or romanisations of one name."""
    if a == b:
        return True
    shorter = min(len(a), len(b))
    if shorter < 2:
        return False
    if shorter > 2 and OSA.distance(a, b, score_cutoff=2) <= (2 if shorter >= LONG_NAME else 1):
        return True
    if shorter > 3 and JaroWinkler.similarity(a, b, score_cutoff=SIMILAR_JARO_WINKLER) > 0:
        return True
    return sound_alike(a, b)


def sound_alike(a: str, b: str) -> bool:
    """Romanisations of one name; short ones must also be alike by Jaro-Winkler."""
    key_a, key_b = romanisation_key(a), romanisation_key(b)
    if not (_has_vowel(a) and _has_vowel(b)):
        key_a, key_b = key_a.rstrip("aeo"), key_b.rstrip("aeo")
        return len(key_a) > 2 and key_a == key_b
    if len(key_a) < 3 or key_a != key_b or abs(len(a) - len(b)) > 3:
        return False
    return len(key_a) > 3 or JaroWinkler.similarity(a, b) >= _SOUND_ALIKE_JARO_WINKLER


def _has_vowel(word: str) -> bool:
    return any(letter in "aeiou" for letter in word)
