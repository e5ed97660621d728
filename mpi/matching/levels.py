"""The levels of every comparison, and the levels of one pair.

``missing`` is no evidence and never has a weight. The order of ``LEVELS`` is the order of lines in a score.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

MISSING = "missing"
EXACT = "exact"
DIFFERENT = "different"

LEVELS: Mapping[str, tuple[str, ...]] = {
    "family": ("exact", "similar", "part", "part_similar", "swapped", "different"),
    "given": (
        "exact", "nickname", "sounds_alike", "typo", "part", "initial", "middle", "alike_names", "swapped", "different"
    ),
    "middle": ("exact", "initial", "different"),
    "birth_date": (
        "exact", "day_month_swapped", "one_digit", "near", "partial", "year_only", "default_day", "different"
    ),
    "sex": ("exact", "different"),
    "phone": ("exact", "one_digit", "different"),
    "address": ("exact", "similar", "same_area", "different"),
    "ssn_last4": ("exact", "one_digit", "different"),
    "strong_id": ("exact", "one_digit", "different"),
    "local_id": ("exact",),
    "generation": ("exact", "different"),
}  # fmt: skip
"""Comparison -> levels that carry evidence, best first."""


class PairLevels(NamedTuple):
    """The level of every comparison of one pair, in the order of ``LEVELS``."""

    family: str
    given: str
    middle: str
    birth_date: str
    sex: str
    phone: str
    address: str
    ssn_last4: str
    strong_id: str
    local_id: str
    generation: str
