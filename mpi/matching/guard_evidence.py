"""What a file says about its guards: does a guard keep two people apart there, or one person's own records?

No score can tell, because a guard is there for pairs that score high. Two things can: pairs that somebody judged, and
the records of one facility. A facility seldom has two records of one person, so high-scoring pairs inside a facility
are two people; guards that fire far more often across facilities than that predicts are firing on one person's records
(mistyped birth dates, national numbers with typing errors).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

ENOUGH_PAIRS = 20
_ANY = "any"
MOSTLY_ONE_PERSON = 0.98
"""From this share on, guards do more harm than good in a file."""


class GuardedPair(NamedTuple):
    """A pair on which guards fired; ``same`` is what somebody said of it, ``None`` when nobody did."""

    guards: tuple[str, ...]
    is_within_facility: bool
    same: bool | None = None


class GuardEvidence(NamedTuple):
    """How often a guard fired across and within facilities, and the share of one person's own records among those.

    ``one_person_share`` is ``None`` where there is too little to tell. ``does_harm``: that share is high, or it is
    among all pairs that any guard fired on and nobody said otherwise of this one.
    """

    guard: str
    across: int
    within: int
    labelled_same: int
    labelled_different: int
    one_person_share: float | None
    does_harm: bool


def pairs_across_per_pair_within(facilities: Sequence[str]) -> float:
    """How many pairs of records lie across facilities for each pair inside one; 0 with a single facility."""
    sizes = Counter(facilities)
    within = sum(size * (size - 1) // 2 for size in sizes.values())
    across = len(facilities) * (len(facilities) - 1) // 2 - within
    return across / within if within else 0.0


def guard_evidence(pairs: Iterable[GuardedPair], *, across_per_within: float) -> tuple[GuardEvidence, ...]:
    """One line for each guard that fired, in the order of their names."""
    across, within, same, different = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for pair in pairs:
        names = (*pair.guards, _ANY)
        (within if pair.is_within_facility else across).update(names)
        if pair.same is not None:
            (same if pair.same else different).update(names)
    share = {
        guard: _one_person_share(across[guard], within[guard], same[guard], different[guard], across_per_within)
        for guard in sorted({*across, *within})
    }
    lines = []
    for guard in sorted(set(share) - {_ANY}):
        # What all guards together show holds for one that fires inside no facility, rarely as it may fire.
        pooled = not within[guard] and not different[guard] and (share[_ANY] or 0.0) >= MOSTLY_ONE_PERSON
        harm = pooled or (share[guard] or 0.0) >= MOSTLY_ONE_PERSON
        lines.append(
            GuardEvidence(guard, across[guard], within[guard], same[guard], different[guard], share[guard], harm)
        )
    return tuple(lines)


def _one_person_share(across: int, within: int, same: int, different: int, across_per_within: float) -> float | None:
    """Judged pairs outweigh the estimate; one pair more of two people than was seen is always allowed for."""
    if same + different >= ENOUGH_PAIRS:
        return max(0.0, 1 - (different + 0.2) / (same + different))
    if across < ENOUGH_PAIRS or not across_per_within:
        return None
    return max(0.0, 1 - (within + 1) * across_per_within / across)
