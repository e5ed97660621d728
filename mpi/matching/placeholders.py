"""Values that stand where a value should be: BABY BOY, UNKNOWN MALE, ZZTEST, 1900-01-01, 555-5555, 9999."""

from __future__ import annotations

import re

from mpi.identity.demographics import PartialDate
from mpi.matching.comparable import PlaceholderName

_NEWBORN_WORDS = frozenset(
    "newborn bb bg babyboy babygirl babyb babyg neonate infant nb nbb nbg bby twin triplet".split()
)
_CHILD_WORDS = frozenset("boy girl male female child infant twin b g m f of bb bg a c d 1 2 3 one two three".split())
_CHILD_OF = re.compile(r"['’`]s\s+(?:baby\s+)?(?:boy|girl|baby|twin)\b|\b[bg]/o\b", re.IGNORECASE)
_UNIDENTIFIED = frozenset("unknown unidentified unk trauma anonymous nn noname unnamed undetermined".split())
_UNIDENTIFIED_PAIRS = frozenset({("doe", "john"), ("doe", "jane"), ("doe", "baby")})
_TEST = re.compile(r"^(?:zz+\w*|xx+\w*|(?:z+|x+)?test(?:s|er|ing|patient|person|record|case)?|donotuse|dummy|demo)$")
_TEST_PAIRS = frozenset({("mouse", "mickey"), ("mouse", "minnie"), ("duck", "donald"), ("patient", "test")})
_ORDER = re.compile(r"^(?:[a-d]|[1-4])$")
_ORDER_WORDS = {"one": "1", "two": "2", "three": "3", "a": "1", "b": "2", "c": "3", "d": "4"}
_ONE_DIGIT = re.compile(r"(\d)\1*")
_RUNS = frozenset({"0123456789", "1234567890", "9876543210", "1234567", "2345678"})
EARLIEST_YEAR = 2


def placeholder_name(family: tuple[str, ...], given: tuple[str, ...], raw_given: str) -> PlaceholderName | None:
    """Which placeholder a folded name is, or ``None`` for a real name."""
    words = (*family, *given)
    joined = ("".join(family), "".join(given))
    if any(_TEST.match(word) for word in words) and (len(words) <= 2 or _TEST.match(words[0])):
        return PlaceholderName.TEST
    if joined in _TEST_PAIRS:
        return PlaceholderName.TEST
    if _is_newborn(given, raw_given) or _is_newborn(family, ""):
        return PlaceholderName.NEWBORN
    if joined in _UNIDENTIFIED_PAIRS or any(word in _UNIDENTIFIED for word in words):
        return PlaceholderName.UNIDENTIFIED
    return None


def _is_newborn(words: tuple[str, ...], raw: str) -> bool:
    if not words:
        return False
    if words[0] in _NEWBORN_WORDS:
        return True
    if words[0] in ("baby", "bby", "babe") and (len(words) == 1 or words[1] in _CHILD_WORDS):
        return True
    if words[0] in ("boy", "girl", "male", "female") and len(words) <= 2 and set(words[1:]) <= _CHILD_WORDS:
        return words[0] in ("boy", "girl")
    return bool(_CHILD_OF.search(raw))


def words_beside_newborn(words: tuple[str, ...]) -> tuple[str, ...]:
    """What stands beside BABY BOY, NEWBORN ... in one name field: a family name where the family is not said apart."""
    stop = _NEWBORN_WORDS | _CHILD_WORDS | {"baby", "babe"}
    return tuple(word for word in words if word not in stop)


def newborn_order(words: tuple[str, ...], raw_given: str) -> str:
    """The place among twins that a newborn's name tells (``1``, ``2`` ...), or empty text."""
    last = raw_given.rsplit(maxsplit=1)[-1].casefold() if raw_given.split() else ""
    if len(words) < 2 and not last.isdigit():
        return ""
    if _ORDER.match(last) or last in _ORDER_WORDS:
        return _ORDER_WORDS.get(last, last)
    return ""


def is_placeholder_date(date: PartialDate) -> bool:
    """1900-01-01, the first years of the calendar and years of nines; old dates are not placeholders."""
    if date.year < EARLIEST_YEAR or date.year == 9999:
        return True
    return (date.year, date.month or 1, date.day or 1) in ((1900, 1, 1), (1800, 1, 1), (1111, 11, 11))


def is_placeholder_number(digits: str) -> bool:
    """All digits the same, or a plain run: nobody's phone, social security or national number."""
    return not digits or _ONE_DIGIT.fullmatch(digits) is not None or digits in _RUNS


def is_placeholder_phone(digits: str) -> bool:
    """Also a number whose last seven digits are all the same, or that is 555-01xx without an area."""
    return is_placeholder_number(digits) or is_placeholder_number(digits[-7:])


def is_placeholder_ssn_last4(digits: str) -> bool:
    """0000 and 9999 are typed for *not known*; other repeats are numbers that people have."""
    return digits in ("0000", "9999")
