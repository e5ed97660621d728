"""Keys that spellings of one name share: romanisations, spelling variants, surnames of one sign, Slavic endings."""

from __future__ import annotations

import re
from functools import lru_cache
from sys import intern

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
    (re.compile(r"(.)\1+"), r"\1"),
    (re.compile(r"(?<=.)[aeiouyh]"), ""),
    (re.compile(r"^[aeiouy]+"), "a"),
)


@lru_cache(maxsize=100_000)
def romanisation_key(word: str) -> str:
    """A consonant skeleton with the class of its first vowel, which romanisations of one name share.

    The vowel keeps Hassan and Hussein apart; names from a script without vowels have none. Empty below three letters.
    """
    if len(word) < 3:
        return ""
    vowel = _FIRST_VOWEL.search(word)
    for pattern, replacement in _ROMANISATION:
        word = pattern.sub(replacement, word)
    return intern(word + _VOWEL_CLASS[vowel.group()] if vowel else word)


_FIRST_VOWEL = re.compile(r"[aeiou]")
_VOWEL_CLASS = {"a": "a", "e": "e", "i": "e", "o": "o", "u": "o"}
_SPELLING = (
    (re.compile(r"x"), "ks"),
    (re.compile(r"ph|v"), "f"),
    (re.compile(r"ck|q|c(?![eiyh])"), "k"),
    (re.compile(r"ch(?=r)"), "k"),
    (re.compile(r"z"), "s"),
    (re.compile(r"y|ie|ee"), "i"),
    (re.compile(r"(?<=[a-z])h"), ""),
    (re.compile(r"(.)\1+"), r"\1"),
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
        "kang gang", "cho jo", "yoon yun", "lim im rim", "shin sin", "song soong", "kwon gwon", "zhang chang cheung",
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
