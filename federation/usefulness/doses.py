"""Typical dose of an examination, for "avoided" figures. A table that a site may edit; never a measured dose.

For adults a range in mSv. For children (and where the age is not known) the relative radiation level instead: an
adult's mSv would say too much of a child.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from federation.errors import InvalidTable
from federation.imaging.procedures import REGION_ORDER, Contrast, Modality, Procedure

ADULT_FROM_YEARS = 18
LEVEL_BOUNDS_MSV = (0.0, 0.1, 1.0, 10.0, 30.0)
"""Upper ends of the relative radiation levels 0 to 4 of adults; above is 5. Level 0 is no ionising radiation."""


@dataclass(frozen=True, slots=True)
class Dose:
    """What is typical for an adult, mSv. Two ends where the description leaves open what was to be done."""

    low_msv: float
    high_msv: float

    @property
    def level(self) -> int:
        """The relative radiation level of the higher end, 0 to 5."""
        return next((level for level, most in enumerate(LEVEL_BOUNDS_MSV) if self.high_msv <= most), 5)


@dataclass(frozen=True, slots=True)
class DoseEntry:
    """One line of the table: what it is for, and the dose of one phase and of both."""

    modality: Modality
    regions: frozenset[str] | None
    focus: str | None
    msv: float
    both_phases_msv: float

    def fits(self, procedure: Procedure) -> bool:
        """Whether the examination is of this kind; what the line leaves open fits everything."""
        return (
            procedure.modality is self.modality
            and (self.regions is None or procedure.regions <= self.regions)
            and self.focus in (None, procedure.focus)
        )


@dataclass(frozen=True, slots=True)
class DoseTable:
    """Lines, the first that fits counts. Source: typical adult values as published; ``version`` says which."""

    version: str
    entries: tuple[DoseEntry, ...]

    def dose_of(self, procedure: Procedure) -> Dose | None:
        """The typical dose; ``None`` when the table says nothing of such an examination."""
        entry = next((entry for entry in self.entries if entry.fits(procedure)), None)
        if entry is None:
            return None
        match procedure.contrast:
            case Contrast.BOTH:
                return Dose(entry.both_phases_msv, entry.both_phases_msv)
            case Contrast.UNKNOWN:
                return Dose(entry.msv, entry.both_phases_msv)
            case Contrast.WITH | Contrast.WITHOUT:
                return Dose(entry.msv, entry.msv)


def parse_dose_table(text: str) -> DoseTable:
    """Read a table (TOML).

    Raises:
        InvalidTable: names the entry and the field.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidTable(f"not TOML: {error}") from error
    version, entries = document.get("version"), document.get("dose")
    if not isinstance(version, str) or not isinstance(entries, list):
        raise InvalidTable("version (text) and at least one [[dose]] are needed")
    return DoseTable(version, tuple(_entry(entry, number) for number, entry in enumerate(entries, 1)))


@cache
def default_dose_table() -> DoseTable:
    """The table that ships."""
    return parse_dose_table((files(__package__) / "tables" / "doses-1.toml").read_text(encoding="utf-8"))


def _entry(entry: object, number: int) -> DoseEntry:
    where = f"dose {number}"
    if not isinstance(entry, dict) or not {"modality", "msv"} <= entry.keys():
        raise InvalidTable(f"{where}: modality and msv are needed")
    unknown = entry.keys() - {"modality", "regions", "focus", "msv", "both_phases_msv"}
    if unknown:
        raise InvalidTable(f"{where}: unknown field {min(unknown)}")
    try:
        modality = Modality(entry["modality"])
    except ValueError:
        raise InvalidTable(f"{where}: modality is not one") from None
    regions, focus = entry.get("regions"), entry.get("focus")
    if regions is not None and (not _are_texts(regions) or not set(regions) <= set(REGION_ORDER)):
        raise InvalidTable(f"{where}: regions must be canonical regions")
    if not isinstance(focus, str | None):
        raise InvalidTable(f"{where}: focus must be text")
    msv = _dose(entry["msv"])
    both = msv if "both_phases_msv" not in entry else _dose(entry["both_phases_msv"])
    if msv is None or both is None or both < msv:
        raise InvalidTable(f"{where}: msv must be a number of at least 0, and both_phases_msv not less")
    return DoseEntry(modality, None if regions is None else frozenset(regions), focus, msv, both)


def _are_texts(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str) and all(isinstance(part, str) for part in value)


def _dose(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < float("inf"):
        return None
    return float(value)
