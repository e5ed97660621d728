"""Canonical names: folding, titles, generation suffixes, particles, nicknames and romanisation keys.

Not here: whether two names agree (``name_comparison``) and placeholder names (``placeholders``).
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


_ROMANISATION = (
    (re.compile(r"^[ae]l(?=[a-z]{4})"), ""),
    (re.compile(r"tsch|tch|tsh|ch|cz|sch|sh|sz|zh"), "x"),
    (re.compile(r"ph|v|w|ff"), "f"),
    (re.compile(r"kh|gh|q|ck|g"), "k"),
    (re.compile(r"c(?=[eiy])|z|ts|th(?=$)"), "s"),
    (re.compile(r"c"), "k"),
    (re.compile(r"dj|dzh|j"), "y"),
    (re.compile(r"ks"), "s"),
    (re.compile(r"b"), "p"),
    (re.compile(r"d"), "t"),
    (re.compile(r"th"), "t"),
    (re.compile(r"(?<=.)[aeiouyh]"), ""),
    (re.compile(r"^[aeiouyh]+"), "a"),
    (re.compile(r"(.)\1+"), r"\1"),
)


@lru_cache(maxsize=100_000)
def romanisation_key(word: str) -> str:
    """A consonant skeleton with the class of its first vowel, which romanisations of one name share.

    The vowel keeps Hassan and Hussein apart. Empty below three letters.
    """
    if len(word) < 3:
        return ""
    vowel = _FIRST_VOWEL.search(word)
    for pattern, replacement in _ROMANISATION:
        word = pattern.sub(replacement, word)
    return intern(word + _VOWEL_CLASS[vowel.group()] if vowel else word)


_FIRST_VOWEL = re.compile(r"[aeiouy]")
_VOWEL_CLASS = {"a": "a", "e": "e", "i": "e", "y": "e", "o": "o", "u": "o"}
_SPELLING = (
    (re.compile(r"x"), "ks"),
    (re.compile(r"ph|v"), "f"),
    (re.compile(r"ck|q|c(?![eiyh])"), "k"),
    (re.compile(r"ch(?=r)"), "k"),
    (re.compile(r"z"), "s"),
    (re.compile(r"y|ie|ee"), "i"),
    (re.compile(r"(?<=[a-z])h"), ""),
    (re.compile(r"(.)\1+"), r"\1"),
    (re.compile(r"(?<=[bcdfgklmnprst])e$"), ""),
)


@lru_cache(maxsize=100_000)
def spelling_key(word: str) -> str:
    """What is left when spellings of one name are levelled (Sara, Sarah; Steven, Stephen); vowels stay."""
    for pattern, replacement in _SPELLING:
        word = pattern.sub(replacement, word)
    return intern(word)


_SURNAMES_OF_ONE_SIGN = tuple(
    frozenset(group.split())
    for group in (
        "park pak bak bac paik", "kim gim", "lee li yi rhee rhie", "choi choe chwe", "jung jeong chung cheong",
        "kang gang", "cho jo", "yoon yun", "lim im rim", "shin sin", "song soong", "kwon gwon", "zhang chang cheung teo",
        "wang wong ong", "luo law lo", "chen chan tan", "liu lau low lew", "huang wong hwang ng", "zhou chow chou",
        "xu hsu tsui", "zhao chao chiu", "wu ng", "guo kwok kuo", "xie hsieh tse", "yang yeung young yeoh",
        "lin lam lim", "he ho", "zheng cheng tay", "ye yip yeh", "jiang chiang kong", "cai tsai choi", "deng teng tang",
        "xiao hsiao siu", "zhu chu choo", "sun suen", "ma mah", "feng fung", "cao tsao", "qiu chiu", "gao kao ko",
    )
)  # fmt: skip


@lru_cache(maxsize=100_000)
def are_one_surname(a: str, b: str) -> bool:
    """Two ways of writing one Chinese or Korean surname in Latin letters."""
    return len(a) < 7 and len(b) < 7 and any(a in group and b in group for group in _SURNAMES_OF_ONE_SIGN)


_GENDERED = (("skaya", "ski"), ("skaia", "ski"), ("ska", "ski"), ("cka", "cki"), ("dzka", "dzki"), ("skyi", "ski"),
             ("skiy", "ski"), ("sky", "ski"), ("ova", "ov"), ("eva", "ev"), ("ina", "in"))  # fmt: skip


@lru_cache(maxsize=100_000)
def ungendered(family: str) -> str:
    """A Slavic surname in its male form; any other surname as it is."""
    for ending, male in _GENDERED:
        if family.endswith(ending) and len(family) > len(ending) + 1:
            return intern(family[: -len(ending)] + male)
    return family
