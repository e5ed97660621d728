"""The comparisons of a candidate pair, each giving one of the ``levels``. Every function is symmetric."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from rapidfuzz.distance import OSA

from mpi.matching.comparable import ComparableAddress, ComparableDate, ComparableName, ComparableRecord
from mpi.matching.given_comparison import compare_given
from mpi.matching.levels import DIFFERENT, EXACT, LEVELS, MISSING, PairLevels
from mpi.matching.name_comparison import are_swapped, compare_family, compare_middle
from mpi.matching.similarity import are_similar

_DEFAULT_DAYS = ((1, 1), (7, 1))


class ComparedPair(NamedTuple):
    """Levels, and the two names that gave them (the best pair of names and aliases)."""

    levels: PairLevels
    name_a: ComparableName
    name_b: ComparableName


def compare_records(a: ComparableRecord, b: ComparableRecord) -> ComparedPair:
    """Compare two canonical records field by field."""
    family, given, name_a, name_b = _compare_names(a, b)
    levels = PairLevels(
        family=family,
        given=given,
        middle=MISSING if given in ("swapped", "middle") else compare_middle(name_a, name_b, given),
        birth_date=compare_birth_date(a.birth_date, b.birth_date),
        sex=_equal_or_different(a.sex, b.sex),
        phone=_compare_phones(a.phones, b.phones),
        address=compare_address(a.address, b.address),
        ssn_last4=_compare_digits(a.ssn_last4, b.ssn_last4),
        strong_id=_compare_strong_ids(a.strong_ids, b.strong_ids),
        local_id=EXACT if a.local_ids and b.local_ids and not set(a.local_ids).isdisjoint(b.local_ids) else MISSING,
        generation=_equal_or_different(a.generation or "", b.generation or ""),
    )
    return ComparedPair(levels, name_a, name_b)


_FAMILY_RANK = {level: rank for rank, level in enumerate((*LEVELS["family"][:-1], MISSING, DIFFERENT))}
_GIVEN_RANK = {level: rank for rank, level in enumerate((*LEVELS["given"][:-1], MISSING, DIFFERENT))}


def _compare_names(a: ComparableRecord, b: ComparableRecord) -> tuple[str, str, ComparableName, ComparableName]:
    family, given = _compare_name_pair(a.name, b.name)
    if not (a.aliases or b.aliases):
        return family, given, a.name, b.name
    best = (_FAMILY_RANK[family] + _GIVEN_RANK[given], family, given, a.name, b.name)
    for name_a in a.names:
        for name_b in b.names:
            family, given = _compare_name_pair(name_a, name_b)
            rank = _FAMILY_RANK[family] + _GIVEN_RANK[given]
            if rank < best[0]:
                best = (rank, family, given, name_a, name_b)
    return best[1:]


def _compare_name_pair(a: ComparableName, b: ComparableName) -> tuple[str, str]:
    family, given = compare_family(a, b), compare_given(a, b)
    if EXACT not in (family, given) and are_swapped(a, b):
        return "swapped", "swapped"
    return family, given


def _equal_or_different(a: object, b: object) -> str:
    if not a or not b:
        return MISSING
    return EXACT if a == b else DIFFERENT


def compare_birth_date(a: ComparableDate | None, b: ComparableDate | None) -> str:
    """exact, day_month_swapped, one_digit, near, partial, year_only, default_day, different or missing.

    ``partial``: one is known less precisely and nothing contradicts. One is a first of January or July, which many
    systems put for *only the year is known*: ``year_only`` when the years agree, ``default_day`` when not even they do.
    """
    if a is None or b is None:
        return MISSING
    if a == b:
        return EXACT if a.is_complete else "partial"
    return _date_level(*sorted((a, b)))


@lru_cache(maxsize=300_000)
def _date_level(a: ComparableDate, b: ComparableDate) -> str:
    if not (a.is_complete and b.is_complete):
        agree = a.year == b.year and (not a.month or not b.month or a.month == b.month)
        return "partial" if agree else DIFFERENT
    if a.year == b.year and (a.month, a.day) == (b.day, b.month):
        return "day_month_swapped"
    text_a, text_b = (f"{d.year:04d}{d.month:02d}{d.day:02d}" for d in (a, b))
    if OSA.distance(text_a, text_b, score_cutoff=1) <= 1:
        return "one_digit"
    if (a.month, a.day) in _DEFAULT_DAYS or (b.month, b.day) in _DEFAULT_DAYS:
        return "year_only" if a.year == b.year else _default_day(a, b)
    same = (a.year == b.year) + (a.month == b.month) + (a.day == b.day)
    return "near" if same == 2 and abs(a.year - b.year) <= 10 else DIFFERENT


def _default_day(a: ComparableDate, b: ComparableDate) -> str:
    # A first of July is put for a known year only; a first of January (of 1901, 1970 ...) for nothing at all.
    return "default_day" if (1, 1) in ((a.month, a.day), (b.month, b.day)) else DIFFERENT


def _compare_phones(a: tuple[str, ...], b: tuple[str, ...]) -> str:
    if not a or not b:
        return MISSING
    if a == b or not set(a).isdisjoint(b):
        return EXACT
    if any(OSA.distance(x, y, score_cutoff=1) <= 1 for x in a for y in b):
        return "one_digit"
    return DIFFERENT


def compare_address(a: ComparableAddress, b: ComparableAddress) -> str:
    """exact (number, street and place), similar (a typing error), same_area (place only), different or missing."""
    same_place = _same_place(a, b)
    if not a.street or not b.street:
        if same_place is None:
            return MISSING
        return "same_area" if same_place else DIFFERENT
    same_street = a.street == b.street
    if same_street and a.house_number == b.house_number:
        if a.unit and b.unit and a.unit != b.unit:
            return "same_area"
        return EXACT if same_place is not False else "similar"
    if same_place is not False and _similar_street(a, b):
        return "similar"
    return "same_area" if same_place else DIFFERENT


def _same_place(a: ComparableAddress, b: ComparableAddress) -> bool | None:
    same_city = a.city == b.city if a.city and b.city else None
    if not (a.postal_code and b.postal_code):
        return same_city
    if a.postal_code == b.postal_code:
        return True
    return same_city is True and OSA.distance(a.postal_code, b.postal_code, score_cutoff=1) <= 1


def _similar_street(a: ComparableAddress, b: ComparableAddress) -> bool:
    if a.house_number == b.house_number or not (a.house_number and b.house_number):
        return bool(a.house_number or b.house_number) and _alike_texts(a.street_text, b.street_text)
    if a.street != b.street or OSA.distance(a.house_number, b.house_number, score_cutoff=1) > 1:
        return False
    return len(a.house_number) > 2 or len(b.house_number) > 2


def _alike_texts(a: str, b: str) -> bool:
    return a == b or are_similar(a, b)


def _compare_digits(a: str, b: str) -> str:
    if not a or not b:
        return MISSING
    if a == b:
        return EXACT
    return "one_digit" if OSA.distance(a, b, score_cutoff=1) <= 1 else DIFFERENT


def _compare_strong_ids(a: tuple[tuple[str, str], ...], b: tuple[tuple[str, str], ...]) -> str:
    if not a or not b:
        return MISSING
    by_kind: dict[str, list[str]] = {}
    for kind, value in b:
        by_kind.setdefault(kind, []).append(value)
    found = [_compare_digits(value, other) for kind, value in a for other in by_kind.get(kind, ())]
    for level in (EXACT, "one_digit", DIFFERENT):
        if level in found:
            return level
    return MISSING
