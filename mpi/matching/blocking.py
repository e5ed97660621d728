"""Blocking keys: two records are compared only when they share one.

Many OR-ed keys, each made of at least two fields (a strong id or a local id stands alone: issuer and number). A key
with a missing part is not made. Keys are hashed, so that a stored key shows nobody's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2s
from itertools import combinations
from typing import NamedTuple

import jellyfish

from mpi.matching.comparable import ComparableDate, ComparableName, ComparableRecord
from mpi.matching.nickname_table import formal_names
from mpi.matching.spelling import romanisation_key, ungendered

KEY_BYTES = 8
_MOST_FORMAL_NAMES = 4
_SHORTEST_CODED_NAME = 2
_FIELDS = ("date", "phone", "street", "ssn", "postal")


def blocking_keys(record: ComparableRecord) -> frozenset[str]:
    """The hashed keys of a record: 16 hexadecimal digits each; none for a record that says too little."""
    return frozenset(_hashed(part) for part in key_parts(record))


def keys_by_kind(record: ComparableRecord) -> dict[str, frozenset[str]]:
    """The same keys, told apart by what they are made of (``names+year``, ``date+phone`` ...)."""
    found: dict[str, set[str]] = {}
    for part in key_parts(record):
        found.setdefault(_kind(part), set()).add(_hashed(part))
    return {kind: frozenset(keys) for kind, keys in found.items()}


def key_parts(record: ComparableRecord) -> list[tuple[str, ...]]:
    """What each key is made of before it is hashed; it shows values, so it is for counting and never for keeping."""
    if record.placeholder is not None and not record.name.family:
        return list(_id_parts(record))
    return list(_all_parts(record))


def _hashed(part: tuple[str, ...]) -> str:
    return blake2s("\x1f".join(part).encode(), digest_size=KEY_BYTES).hexdigest()


def _kind(part: tuple[str, ...]) -> str:
    """The names of fields in a key: in (``date``, day, ``phone``, number) those at even places."""
    if "+" in part[0] or part[0] in ("strong", "local"):
        return part[0]
    fields = [text for text in part if text in _FIELDS]
    return "+".join(fields if len(fields) > 1 else [*fields, "name"])


def _all_parts(record: ComparableRecord) -> Iterator[tuple[str, ...]]:
    yield from _id_parts(record)
    codes = _codes(record.names)
    places = list(_places(record))
    date = record.birth_date
    if date is not None:
        yield from (("names+year", pair, f"{date.year}") for pair in codes.pairs)
    if date is not None and date.is_complete:
        day = _date_part(date)
        yield from (("date+name", day, code) for code in codes.wide)
        yield from (("date+initials", day, pair) for pair in codes.initials)
        yield from (("date", day, *place) for place in places)
        if record.address.postal_code:
            yield ("date", day, "postal", record.address.postal_code)
        yield from (("names+day", pair, day[4:]) for pair in codes.pairs)
    for place in places:
        yield from ((*place, code) for code in codes.narrow)
    postal = [("postal", record.address.postal_code)] if record.address.postal_code else []
    yield from ((*one, *other) for one, other in combinations((*places, *postal), 2) if one[0] != "street")
    if record.address.postal_code:
        yield from (("names+postal", pair, record.address.postal_code) for pair in codes.pairs)


def _id_parts(record: ComparableRecord) -> Iterator[tuple[str, ...]]:
    yield from (("strong", kind, value) for kind, value in record.strong_ids)
    yield from (("local", authority, number) for authority, number in record.local_ids)


def _places(record: ComparableRecord) -> Iterator[tuple[str, ...]]:
    """What narrows people to a handful but names nobody: each is joined with a name or the birth date."""
    yield from (("phone", phone) for phone in record.phones)
    address = record.address
    if address.house_number and address.street:
        yield ("street", address.house_number, address.street)
    if record.ssn_last4:
        yield ("ssn", record.ssn_last4)


def _date_part(date: ComparableDate) -> str:
    first, second = sorted((date.month, date.day))
    return f"{date.year:04d}{first:02d}{second:02d}"


class _NameCodes(NamedTuple):
    """Codes of one record's names: single names by every code, by soundex alone; family-given pairs in either order."""

    wide: tuple[str, ...]
    narrow: tuple[str, ...]
    pairs: tuple[str, ...]
    initials: tuple[str, ...]


def _codes(names: tuple[ComparableName, ...]) -> _NameCodes:
    wide: dict[str, None] = {}
    narrow: dict[str, None] = {}
    pairs: dict[str, None] = {}
    initials: dict[str, None] = {}
    for name in names:
        families = [_family_codes(word) for word in _words(name.family, name.family_text)]
        givens = [_given_codes(word) for word in _words(name.given, name.given_text)]
        middles = [_given_codes(word) for word in name.middle if len(word) > 2]
        wide |= dict.fromkeys(code for codes in (*families, *givens, *middles) for code in codes)
        first = [codes[0] for codes in (*families, *givens) if codes]
        narrow |= dict.fromkeys(first)
        family, given = [c[0] for c in families if c], [code for c in givens for code in c[:-1]]
        pairs |= dict.fromkeys("+".join(sorted((f, g))) for f in family[:3] for g in given[:4])
        if family and given:
            initials["".join(sorted(name.family_text[:1] + name.given_text[:1]))] = None
    return _NameCodes(tuple(wide), tuple(narrow), tuple(pairs), tuple(initials))


def _words(words: tuple[str, ...], text: str) -> tuple[str, ...]:
    return words if len(words) < 2 else (*words, text)


@lru_cache(maxsize=100_000)
def _family_codes(word: str) -> tuple[str, ...]:
    if len(word) < _SHORTEST_CODED_NAME:
        return ()
    return tuple(dict.fromkeys((jellyfish.soundex(ungendered(word)), romanisation_key(word) or word)))


@lru_cache(maxsize=100_000)
def _given_codes(word: str) -> tuple[str, ...]:
    if len(word) < _SHORTEST_CODED_NAME:
        return ()
    formal = sorted(formal_names(word) - {word})[:_MOST_FORMAL_NAMES]
    codes = [jellyfish.soundex(name.replace(" ", "")) for name in (word, *formal)]
    return (*dict.fromkeys(codes), romanisation_key(word) or word)
