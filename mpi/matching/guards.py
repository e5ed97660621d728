"""Guards: situations in which a high score is not to be trusted, because whole families share the evidence.

A guard caps the decision and never changes the score. A guard that ``vetoes`` says *these are two people*: no chain of
other links may bring the two records together (``clustering``).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from enum import IntEnum
from typing import NamedTuple

from mpi.matching.comparable import ComparableRecord, PlaceholderName
from mpi.matching.levels import PairLevels
from mpi.matching.match_model import MatchModel

_OTHER_GIVEN = frozenset({"different", "alike_names"})
_OTHER_DATE = frozenset({"different"})
_DOUBTFUL_DATE = frozenset({"one_digit", "near", "year_only", "default_day", "day_month_swapped"})
_NO_OTHER_GIVEN = frozenset({"exact", "missing", "swapped", "initial"})
_SAME_GIVEN = frozenset({"exact", "nickname", "sounds_alike", "typo", "swapped"})
_SAME_PLACE = frozenset({"exact", "similar"})
_AGREES = frozenset({"exact", "initial"})
_GENERATION_YEARS = 15


class MatchDecision(IntEnum):
    """What is done with a pair. Ordered: a guard's cap is a minimum."""

    NO = 0
    REVIEW = 1
    LINK = 2


class Guard(NamedTuple):
    """A guard that fired."""

    name: str
    cap: MatchDecision
    vetoes: bool = False


_Finding = tuple[MatchDecision, bool] | None
_TWO_PEOPLE: _Finding = (MatchDecision.NO, True)
_NOT_ENOUGH: _Finding = (MatchDecision.NO, False)
_ASK: _Finding = (MatchDecision.REVIEW, False)
_ASK_AND_KEEP_APART: _Finding = (MatchDecision.REVIEW, True)


ALWAYS_TWO_PEOPLE = frozenset({"test_record", "generation", "household"})
"""Guards that say *these are two people* whenever they fire, whatever else agrees; others only ask, or it depends."""


def fired_guards(a: ComparableRecord, b: ComparableRecord, levels: PairLevels, model: MatchModel) -> tuple[Guard, ...]:
    """Every guard of the model that fires on the pair, in a fixed order."""
    return _fired(a, b, levels, model.guards)


def all_fired_guards(a: ComparableRecord, b: ComparableRecord, levels: PairLevels) -> tuple[Guard, ...]:
    """Every guard there is that fires on the pair, whatever a model says."""
    return _fired(a, b, levels, _CHECKS.keys())


def _fired(
    a: ComparableRecord, b: ComparableRecord, levels: PairLevels, switched_on: Container[str]
) -> tuple[Guard, ...]:
    fired = []
    for name, check in _CHECKS.items():
        if name in switched_on:
            finding = check(a, b, levels)
            if finding is not None:
                fired.append(Guard(name, *finding))
    return tuple(fired)


def _ids_agree(levels: PairLevels) -> bool:
    return levels.strong_id == "exact" or levels.ssn_last4 == "exact"


def _contact_agrees(levels: PairLevels) -> bool:
    return levels.phone == "exact" or levels.address in _SAME_PLACE


def _test_record(a: ComparableRecord, b: ComparableRecord, levels: PairLevels) -> _Finding:
    return _TWO_PEOPLE if PlaceholderName.TEST in (a.placeholder, b.placeholder) else None


def _unidentified(a: ComparableRecord, b: ComparableRecord, levels: PairLevels) -> _Finding:
    if PlaceholderName.UNIDENTIFIED not in (a.placeholder, b.placeholder):
        return None
    return _ASK if _ids_agree(levels) else _NOT_ENOUGH


def _newborn(a: ComparableRecord, b: ComparableRecord, levels: PairLevels) -> _Finding:
    if PlaceholderName.NEWBORN not in (a.placeholder, b.placeholder):
        return None
    if a.birth_order and b.birth_order and a.birth_order != b.birth_order:
        return _TWO_PEOPLE
    if levels.strong_id == "exact" or (a.placeholder is not b.placeholder and _is_named_later(a, b, levels)):
        return None
    return _ASK if levels.birth_date != "missing" else _NOT_ENOUGH


def _is_named_later(a: ComparableRecord, b: ComparableRecord, levels: PairLevels) -> bool:
    """A newborn that is not counted among twins, and a child of the same day, sex, family and place."""
    if a.birth_order or b.birth_order or (levels.birth_date, levels.sex) != ("exact", "exact"):
        return False
    places = (levels.phone == "exact") + (levels.address in _SAME_PLACE)
    if places == 1:
        return levels.family == "exact" and "missing" in (levels.phone, levels.address)
    return places == 2 and levels.family in ("exact", "similar", "part")


def _strong_id_conflict(a: ComparableRecord, b: ComparableRecord, levels: PairLevels) -> _Finding:
    if levels.strong_id == "one_digit":
        return None if _all_else_agrees(levels) else _ASK
    if levels.strong_id != "different":
        return None
    return _ASK_AND_KEEP_APART if _all_else_agrees(levels) else _TWO_PEOPLE


def _all_else_agrees(levels: PairLevels) -> bool:
    """Name, birth date and place are one: a number that differs is then more likely mistyped than another person's."""
    return (
        levels.given in _SAME_GIVEN
        and levels.family not in ("different", "missing")
        and (levels.birth_date == "exact" or levels.ssn_last4 == "exact")
        and _contact_agrees(levels)
    )


def _reused_local_id(a: ComparableRecord, b: ComparableRecord, levels: PairLevels) -> _Finding:
    if levels.local_id != "exact" or levels.strong_id == "exact":
        return None
    if levels.given in _OTHER_GIVEN and (levels.family == "different" or levels.birth_date in _OTHER_DATE):
        return _ASK
    return None


def _generation(a: ComparableRecord, b: ComparableRecord, levels: PairLevels) -> _Finding:
    return _TWO_PEOPLE if levels.generation == "different" else None


def _birth_date(a: ComparableRecord, b: ComparableRecord, levels: PairLevels) -> _Finding:
    if levels.strong_id == "exact":
        return None
    if levels.birth_date in _OTHER_DATE:
        if levels.ssn_last4 != "exact" or levels.given in _OTHER_GIVEN:
            return _TWO_PEOPLE
        return None if _all_else_agrees(levels) else _ASK
    if levels.birth_date in _DOUBTFUL_DATE and not (_ids_agree(levels) or _contact_agrees(levels)):
        return _ASK if levels.middle in _AGREES or levels.birth_date == "day_month_swapped" else _NOT_ENOUGH
    if _is_a_generation_apart(a, b) and not _ids_agree(levels):
        return _ASK
    if levels.birth_date == "near" and levels.given != "exact" and not _ids_agree(levels):
        return _ASK
    return None


def _is_a_generation_apart(a: ComparableRecord, b: ComparableRecord) -> bool:
    """Father and son may share name, home and birthday; a mistyped decade looks the same."""
    if a.birth_date is None or b.birth_date is None or a.sex == b.sex == "F":
        return False
    return abs(a.birth_date.year - b.birth_date.year) >= _GENERATION_YEARS


def _birth_date_missing(a: ComparableRecord, b: ComparableRecord, levels: PairLevels) -> _Finding:
    if levels.birth_date not in ("missing", "partial", "default_day") or levels.strong_id == "exact":
        return None
    if a.birth_date is None and b.birth_date is None:
        return _ASK
    if levels.ssn_last4 == "exact":
        return None
    if levels.given in _OTHER_GIVEN:
        return _NOT_ENOUGH
    # Father and son share name, phone and address; nothing but the birth date tells them apart.
    no_namesake = levels.middle in _AGREES or (a.sex == b.sex == "F" and not (a.generation or b.generation))
    sure = levels.phone == "exact" and levels.address in _SAME_PLACE and no_namesake
    return None if sure and levels.given in ("exact", "nickname", "sounds_alike") else _ASK


def _twin(a: ComparableRecord, b: ComparableRecord, levels: PairLevels) -> _Finding:
    """Same birth date, family and place; only the given name tells two children apart."""
    if levels.strong_id == "exact" or levels.birth_date in _OTHER_DATE or levels.given in _NO_OTHER_GIVEN:
        return None
    if levels.given not in _OTHER_GIVEN:
        return _ASK if levels.sex == "different" and levels.ssn_last4 != "exact" else None
    if levels.ssn_last4 == "exact":
        return _ASK
    if "different" in (levels.sex, levels.ssn_last4, levels.middle):
        return _TWO_PEOPLE
    return _ASK_AND_KEEP_APART if levels.given == "alike_names" else _ASK


def _household(a: ComparableRecord, b: ComparableRecord, levels: PairLevels) -> _Finding:
    if levels.given in _OTHER_GIVEN and levels.birth_date in _OTHER_DATE and levels.strong_id != "exact":
        return _TWO_PEOPLE
    return None


def _namesake(a: ComparableRecord, b: ComparableRecord, levels: PairLevels) -> _Finding:
    """Same name and birth date and nothing else that agrees: no score can tell."""
    if _ids_agree(levels) or levels.local_id == "exact" or _contact_agrees(levels):
        return None
    return _ASK_AND_KEEP_APART if levels.middle == "different" else None


def _ssn_conflict(a: ComparableRecord, b: ComparableRecord, levels: PairLevels) -> _Finding:
    if levels.ssn_last4 != "different" or levels.strong_id == "exact":
        return None
    if levels.given not in _NO_OTHER_GIVEN:
        return _TWO_PEOPLE
    if levels.given == "exact" and _all_else_agrees(levels):
        return None
    return _ASK if _contact_agrees(levels) else _ASK_AND_KEEP_APART


_Check = Callable[[ComparableRecord, ComparableRecord, PairLevels], _Finding]
_CHECKS: Mapping[str, _Check] = {
    "test_record": _test_record,
    "unidentified": _unidentified,
    "newborn": _newborn,
    "strong_id_conflict": _strong_id_conflict,
    "reused_local_id": _reused_local_id,
    "generation": _generation,
    "birth_date": _birth_date,
    "birth_date_missing": _birth_date_missing,
    "twin": _twin,
    "household": _household,
    "namesake": _namesake,
    "ssn_conflict": _ssn_conflict,
}
