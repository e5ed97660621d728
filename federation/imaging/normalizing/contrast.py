"""Contrast: what the words state, what the protocol implies, and what is usual for the modality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from federation.imaging.normalizing.reading import Said
from federation.imaging.procedures import Contrast, Modality

_USUAL = {
    **dict.fromkeys((Modality.XR, Modality.US, Modality.MG, Modality.NM, Modality.BMD), Contrast.WITHOUT),
    **dict.fromkeys((Modality.RF, Modality.XA), Contrast.WITH),
}
_BARE_COUNTS = frozenset({Modality.CT, Modality.MR, Modality.XA, Modality.UNKNOWN})
_IMPLIED_COUNTS = _BARE_COUNTS | {Modality.RF, Modality.XR}
_NO_REGION_NO_CONTRAST = frozenset({Modality.CT, Modality.MR, Modality.UNKNOWN})
_JOINS = frozenset({"and", "or"})
_PREPOSITIONS = frozenset({"with", "without"})
_AGENTS = frozenset({"agent", "oral"})


@dataclass(frozen=True, slots=True)
class Mark:
    """One statement about contrast; ``value`` ``None`` is *oral only*, ``UNKNOWN`` is *with or without*."""

    value: Contrast | None
    written: str


def stated_marks(said: Sequence[Said], modality: Modality) -> list[Mark]:
    """Everything the words state about contrast, in order."""
    marks: list[Mark] = []
    at = 0
    while at < len(said):
        concept = said[at].concept
        if concept and concept.stated:
            marks.append(Mark(concept.stated, said[at].written))
            at += 1
        elif _role(said, at) in _PREPOSITIONS | _AGENTS:
            end, found = _statement(said, at, modality)
            marks += [Mark(value, _written(said[at:end])) for value in found]
            at = end
        elif _role(said, at) == "or" and _role(said, at + 1) in _AGENTS:
            marks.append(Mark(Contrast.UNKNOWN, _written(said[at : at + 2])))
            at += 2
        else:
            at += 1
    return marks


def _written(part: Sequence[Said]) -> str:
    return " ".join(item.written for item in part)


def _role(said: Sequence[Said], at: int) -> str | None:
    concept = said[at].concept if 0 <= at < len(said) else None
    return concept.role if concept else None


def _run(said: Sequence[Said], at: int, wanted: frozenset[str]) -> tuple[int, list[int], bool]:
    """A run of wanted words joined by *and* / *or* or nothing: (end, their places, whether *or* joined them)."""
    places: list[int] = []
    either = False
    end = at
    while True:
        step = end
        joined: set[str | None] = set()
        while places and _role(said, step) in _JOINS:
            joined.add(_role(said, step))
            step += 1
        if _role(said, step) not in wanted:
            return end, places, either
        either = either or "or" in joined
        places.append(step)
        end = step + 1


def _statement(said: Sequence[Said], at: int, modality: Modality) -> tuple[int, list[Contrast | None]]:
    """One statement from ``at``: prepositions, then agents. Returns where it ends and what it says."""
    after, prepositions, either = _run(said, at, _PREPOSITIONS)
    end, agents, _ = _run(said, after, _AGENTS)
    roles = {_role(said, place) for place in prepositions}
    named = {_role(said, place) for place in agents}
    if not agents:
        return after, _without_agent(said, prepositions, after, roles, modality, either=either)
    if either and roles == _PREPOSITIONS:
        return end, [Contrast.UNKNOWN]
    if "agent" not in named:
        return end, [] if roles == {"without"} else [None]
    values: list[Contrast | None] = [Contrast.WITH] if "with" in roles or not roles else []
    return end, [*values, Contrast.WITHOUT] if "without" in roles else values


def _without_agent(
    said: Sequence[Said],
    prepositions: Sequence[int],
    after: int,
    roles: set[str | None],
    modality: Modality,
    *,
    either: bool,
) -> list[Contrast | None]:
    if modality not in _BARE_COUNTS:
        return []
    if len(roles) == 2:
        return [Contrast.UNKNOWN] if either else [Contrast.WITH, Contrast.WITHOUT]
    concepts = [said[place].concept for place in prepositions]
    if not all(concept and concept.bare for concept in concepts):
        return []
    if roles == {"without"}:
        return [Contrast.WITHOUT]
    return [Contrast.WITH] if _ends_phrase(said, after) else []


def _ends_phrase(said: Sequence[Said], at: int) -> bool:
    """True when nothing follows that ``W`` could belong to (``W PELVIS``, ``W LASIX`` are no contrast)."""
    if at >= len(said) or said[at].breaks:
        return True
    concept = said[at].concept
    if concept is None or concept.addition or concept.view or concept.generic:
        return False
    return concept.says_nothing or concept.side is not None or bool(concept.flags)


def decide(said: Sequence[Said], modality: Modality, *, region_known: bool) -> tuple[Contrast, list[Mark]]:
    """The contrast of the examination and the words that decided it."""
    marks = stated_marks(said, modality)
    if marks:
        return _combine({mark.value for mark in marks}, modality), marks
    if not region_known and modality in _NO_REGION_NO_CONTRAST:
        return Contrast.UNKNOWN, []
    implied = _implied(said, modality)
    if implied:
        return _combine({mark.value for mark in implied}, modality), implied
    return _USUAL.get(modality, Contrast.UNKNOWN), []


def _implied(said: Sequence[Said], modality: Modality) -> list[Mark]:
    if modality not in _IMPLIED_COUNTS:
        return []
    return [
        Mark(item.concept.implies, item.written)
        for item in said
        if item.concept
        and item.concept.implies
        and (not item.concept.implies_only or modality in item.concept.implies_only)
    ]


def _combine(values: set[Contrast | None], modality: Modality) -> Contrast:
    if Contrast.BOTH in values or {Contrast.WITH, Contrast.WITHOUT} <= values:
        return Contrast.BOTH
    for value in (Contrast.WITH, Contrast.WITHOUT, Contrast.UNKNOWN):
        if value in values:
            return value
    return Contrast.WITH if modality is Modality.RF else Contrast.WITHOUT
