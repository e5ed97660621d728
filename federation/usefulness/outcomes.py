"""What became of alerts: counted by tier, rule, site and orderer group. Pure.

An alert counts once, in the period in which it was raised, as what it is now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from federation.imaging.alerts import AlertState, OverrideReason
from federation.imaging.assessment import Tier
from federation.sites.site import SiteId

DEMOTE_ABOVE = 0.85
"""A rule that is overridden more often than this ..."""

DEMOTE_FROM_FIRINGS = 200
"""... over at least so many firings is to be demoted."""

_Key = TypeVar("_Key")

UNGROUPED = ""
"""The group of orderers that are in no group."""


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """So many alerts with everything in common that the report tells apart. ``raised_by`` is who ordered."""

    tier: Tier
    state: AlertState
    site_id: SiteId
    raised_by: str
    override_reason: OverrideReason | None
    count: int


@dataclass(frozen=True, slots=True)
class RuleCount:
    """So many alerts in which a rule fired."""

    rule: str
    state: AlertState
    count: int


@dataclass(frozen=True, slots=True)
class Tally:
    """Alerts by what became of them. ``ignored``: expired unanswered. ``withdrawn``: what it was about fell away."""

    accepted: int = 0
    overridden: int = 0
    ignored: int = 0
    withdrawn: int = 0
    waiting: int = 0

    @property
    def raised(self) -> int:
        """All of them."""
        return self.accepted + self.overridden + self.ignored + self.withdrawn + self.waiting

    @property
    def settled(self) -> int:
        """Those that were answered, or had the time to be."""
        return self.accepted + self.overridden + self.ignored

    @property
    def override_rate(self) -> float | None:
        """Part of the settled ones that were overridden, 0 to 1; ``None`` without any."""
        return self.overridden / self.settled if self.settled else None

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.accepted + other.accepted,
            self.overridden + other.overridden,
            self.ignored + other.ignored,
            self.withdrawn + other.withdrawn,
            self.waiting + other.waiting,
        )


@dataclass(frozen=True, slots=True)
class RuleUse:
    """What became of the alerts in which one rule fired."""

    rule: str
    tally: Tally

    @property
    def is_to_demote(self) -> bool:
        """Overridden too often, over enough firings to say so."""
        rate = self.tally.override_rate
        return rate is not None and self.tally.settled >= DEMOTE_FROM_FIRINGS and rate > DEMOTE_ABOVE


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The counts of one period; lists are ordered by name, tiers strongest first."""

    total: Tally
    by_tier: tuple[tuple[Tier, Tally], ...]
    by_site: tuple[tuple[SiteId, Tally], ...]
    by_orderer_group: tuple[tuple[str, Tally], ...]
    by_rule: tuple[RuleUse, ...]
    by_override_reason: tuple[tuple[OverrideReason | None, int], ...]


def count_outcomes(
    counts: Iterable[OutcomeCount], rules: Iterable[RuleCount], *, group_of: Mapping[str, str]
) -> Outcomes:
    """Put the store's counts together. ``group_of``: orderer to group."""
    counts = tuple(counts)
    reasons: dict[OverrideReason | None, int] = defaultdict(int)
    for entry in counts:
        if entry.state is AlertState.OVERRIDDEN:
            reasons[entry.override_reason] += entry.count
    by_rule: dict[str, Tally] = defaultdict(Tally)
    for fired in rules:
        by_rule[fired.rule] += _tally(fired.state, fired.count)
    return Outcomes(
        total=sum((_tally(entry.state, entry.count) for entry in counts), Tally()),
        by_tier=tuple(sorted(_by(counts, lambda entry: entry.tier).items(), reverse=True)),
        by_site=tuple(sorted(_by(counts, lambda entry: entry.site_id).items())),
        by_orderer_group=tuple(sorted(_by(counts, lambda entry: group_of.get(entry.raised_by, UNGROUPED)).items())),
        by_rule=tuple(RuleUse(rule, tally) for rule, tally in sorted(by_rule.items())),
        by_override_reason=tuple(sorted(reasons.items(), key=lambda entry: (-entry[1], str(entry[0])))),
    )


def _by(counts: Iterable[OutcomeCount], key: Callable[[OutcomeCount], _Key]) -> dict[_Key, Tally]:
    found: dict[_Key, Tally] = defaultdict(Tally)
    for entry in counts:
        found[key(entry)] += _tally(entry.state, entry.count)
    return found


def _tally(state: AlertState, count: int) -> Tally:
    match state:
        case AlertState.ACCEPTED:
            return Tally(accepted=count)
        case AlertState.OVERRIDDEN:
            return Tally(overridden=count)
        case AlertState.EXPIRED:
            return Tally(ignored=count)
        case AlertState.SUPERSEDED:
            return Tally(withdrawn=count)
        case AlertState.RAISED | AlertState.SHOWN:
            return Tally(waiting=count)
