"""Can these two descriptions be one person at all? Used where a number says *same* and the rest must not say *no*.

Not a match score: a score asks how likely two records are one person; this asks whether one record holds two.
Missing values contradict nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from anyascii import anyascii
from rapidfuzz.distance import OSA, JaroWinkler

from mpi.identity.demographics import Demographics, PartialDate, PersonName

_ALIKE = 0.84
"""Jaro-Winkler from which two name parts may be one misspelt part."""

_NAMES_KEPT = 8_192
"""The hospitals of a person spell the name alike, and are asked about it again and again."""


@dataclass(frozen=True, slots=True)
class Contradictions:
    """Which parts cannot both be true of one person."""

    name: bool
    birth_date: bool
    sex: bool

    @property
    def is_other_person(self) -> bool:
        """Name and birth date both differ, or one of them with the sex: two persons under one number."""
        return (self.name and self.birth_date) or (self.sex and (self.name or self.birth_date))


def contradictions(one: Demographics, other: Demographics) -> Contradictions:
    """Compare what two messages (or a record and an archive's study) say under the same number."""
    return Contradictions(
        name=_names_differ(one, other),
        birth_date=_dates_differ(one.birth_date, other.birth_date),
        sex=one.sex is not None and other.sex is not None and one.sex is not other.sex,
    )


def _names_differ(one: Demographics, other: Demographics) -> bool:
    """True when no part of any name of one is like any part of any name of the other.

    A married name leaves the given name, a swapped name both; so one like part is enough to keep them together.
    """
    left = _parts((one.name, *one.aliases))
    right = _parts((other.name, *other.aliases))
    if not left or not right:
        return False
    return not any(a[:1] == b or a == b[:1] or JaroWinkler.similarity(a, b) >= _ALIKE for a in left for b in right)


@lru_cache(maxsize=_NAMES_KEPT)
def _parts(names: tuple[PersonName, ...]) -> frozenset[str]:
    text = " ".join(f"{n.family} {n.given} {n.middle}" for n in names)
    latin = anyascii(text).casefold()
    return frozenset("".join(c if c.isalnum() else " " for c in latin).split())


def _dates_differ(one: PartialDate | None, other: PartialDate | None) -> bool:
    """True when two dates are no typing error of one another (more than one edit, and no swapped day and month)."""
    if one is None or other is None:
        return False
    if one.year == other.year and (one.month, one.day) == (other.day, other.month):
        return False
    left, right = one.isoformat().replace("-", ""), other.isoformat().replace("-", "")
    shorter = min(len(left), len(right))
    return OSA.distance(left[:shorter], right[:shorter]) > 1
