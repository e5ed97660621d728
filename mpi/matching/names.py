"""Canonical names: folding, titles, generation suffixes, particles, names packed into one field.

Not here: spellings of one name (``spelling``), pet names (``nickname_table``), placeholder names (``placeholders``),
whether two names agree (``name_comparison``).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from sys import intern

from anyascii import anyascii

from mpi.identity.demographics import PersonName
from mpi.matching.comparable import ComparableName

PARTICLES = frozenset(
    "al el de del della da das do dos di du la las le los y e van von der den ter bin bint ibn abu st san zu".split()
)
_TITLES = frozenset(
    "mr mrs ms miss mx dr prof rev fr sir madam master lady lord capt lt col sgt maj herr frau sra srta don dona "
    "md phd esq rn dds do jd cpa".split()
)
_GENERATIONS = {
    "sr": 1, "senior": 1, "snr": 1, "i": 1, "1st": 1,
    "jr": 2, "junior": 2, "jnr": 2, "ii": 2, "2nd": 2,
    "iii": 3, "3rd": 3, "iv": 4, "4th": 4, "v": 5, "5th": 5,
}  # fmt: skip
_UNAMBIGUOUS_GENERATIONS = frozenset(_GENERATIONS) - {"i", "v", "senior", "junior"}
_APOSTROPHES = re.compile(r"['`´’‘ʼ]")
_NOT_WORD = re.compile(r"[^0-9a-z]+")


@lru_cache(maxsize=100_000)
def fold(text: str) -> str:
    """Lower-case ASCII words with single blanks: NFKC, transliterated, case folded, punctuation to blanks."""
    ascii_text = anyascii(_APOSTROPHES.sub("", unicodedata.normalize("NFKC", text))).casefold()
    return _NOT_WORD.sub(" ", _APOSTROPHES.sub("", ascii_text)).strip()


def tokens(text: str) -> tuple[str, ...]:
    """The folded words of a text; digits alone are no part of a name."""
    return tuple(intern(word) for word in fold(text).split() if not word.isdigit())


def split_packed_name(name: PersonName) -> PersonName:
    """Unpack a whole name that stands in ``family`` as ``FAMILY^GIVEN^MIDDLE^PREFIX^SUFFIX`` or ``FAMILY, GIVEN M``."""
    if "^" in name.family:
        parts = [part.strip() for part in name.family.split("=", 1)[0].split("^")]
        family, given, middle, prefix, suffix = (parts + [""] * 5)[:5]
        return PersonName(
            family=family,
            given=given or name.given,
            middle=middle or name.middle,
            prefix=prefix or name.prefix,
            suffix=suffix or name.suffix,
            use=name.use,
        )
    if "," in name.family and not name.given:
        family, _, rest = name.family.partition(",")
        words = rest.split()
        if len(fold(rest)) > 1 and fold(rest) not in _GENERATIONS and words:
            middle = words.pop() if len(words) > 1 and len(fold(words[-1])) == 1 else name.middle
            return PersonName(family.strip(), " ".join(words), middle, name.prefix, name.suffix, name.use)
    return name


def comparable_name(name: PersonName) -> tuple[ComparableName, int]:
    """The canonical form of one unpacked name, and its generation (0 when not said)."""
    family, from_family = _without_generation(tokens(name.family))
    given, from_given = _without_generation(_without_titles(tokens(name.given)))
    middle, from_middle = _without_generation(tokens(name.middle))
    generation = generation_of(name.suffix) or from_family or from_given or from_middle
    family = tuple(word for word in family if word not in PARTICLES) or _unless_stray(family)
    return build_name(family, given, middle), generation


def _unless_stray(particles: tuple[str, ...]) -> tuple[str, ...]:
    # DE or DEL alone is what is left of a cut surname; LE, VAN or DO alone is a surname.
    return () if set(particles) <= {"de", "del"} else particles


def build_name(family: tuple[str, ...], given: tuple[str, ...], middle: tuple[str, ...]) -> ComparableName:
    """Put folded words together as one name."""
    return ComparableName(family, given, middle, intern("".join(family)), intern("".join(given)))


def generation_of(suffix: str) -> int:
    """1 for Sr, 2 for Jr or II, 3 for III ...; 0 when the suffix tells no generation."""
    for word in fold(suffix).split():
        if word in _GENERATIONS:
            return _GENERATIONS[word]
    return 0


def _without_titles(words: tuple[str, ...]) -> tuple[str, ...]:
    return words[1:] if len(words) > 1 and words[0] in _TITLES else words


def _without_generation(words: tuple[str, ...]) -> tuple[tuple[str, ...], int]:
    generation = 0
    while len(words) > 1 and (words[-1] in _UNAMBIGUOUS_GENERATIONS or words[-1] in _TITLES - PARTICLES):
        generation = generation or _GENERATIONS.get(words[-1], 0)
        words = words[:-1]
    return words, generation
