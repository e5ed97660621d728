"""Which persons fit a record, and how well: what a dry run of matching answers.

Compared member by member, decided on persons: one member that vetoes (another strong id, a different generation, *not
the same person*) keeps the record out of the whole person.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import SourceRecord
from mpi.matching.comparable import ComparableRecord
from mpi.matching.guards import MatchDecision
from mpi.matching.scoring import MatchScore, has_support
from mpi.ports import UnitOfWork
from mpi.usecases.companions import may_match
from mpi.usecases.matcher import Matcher


@dataclass(frozen=True, slots=True)
class PersonMatch:
    """How one person fits: the best member's score, and what keeps the record out all the same.

    ``members`` are all active records of the person. ``vetoed``: a member cannot be the same person. ``never``: a
    human said so. ``is_thin``: the person has several records, and with none of them more agrees than name, birth date
    and sex; namesakes would pile up in one person.
    """

    enterprise_id: EnterpriseId
    members: tuple[SourceRecord, ...]
    best: SourceRecord
    score: MatchScore
    vetoed: bool
    never: bool
    is_thin: bool

    @property
    def can_link(self) -> bool:
        return self.score.decision is MatchDecision.LINK and not (self.vetoed or self.never or self.is_thin)

    @property
    def is_question(self) -> bool:
        """Alike enough to ask; what a human called different is not asked again."""
        return self.score.decision is not MatchDecision.NO and not self.never


Seen = Callable[[EnterpriseId], Collection[PatientIdentifier]]
"""The numbers of a person's records that the asker may see; none when there is no such person for them."""


class PersonMatches(NamedTuple):
    """Best first. ``truncated``: more records shared a key than are compared."""

    matches: tuple[PersonMatch, ...]
    truncated: bool


def chosen_match(matches: Sequence[PersonMatch]) -> PersonMatch | None:
    """The one person that the record is linked to without asking: the only one that fits."""
    linkable = [m for m in matches if m.can_link]
    return linkable[0] if len(linkable) == 1 else None


def person_matches(
    record: SourceRecord,
    comparable: ComparableRecord,
    keys: frozenset[str],
    uow: UnitOfWork,
    matcher: Matcher,
    *,
    seen: Seen | None = None,
) -> PersonMatches:
    """Every person with a record that shares a key, best first; ties by enterprise id, so arrival order is no rule.

    With ``seen`` only what the asker may see is compared, as if the index held nothing else.
    """
    found = uow.records.sharing_keys(keys, limit=matcher.max_candidates)
    persons = {c.enterprise_id for c in found.records if c.enterprise_id is not None} - {record.enterprise_id}
    never = _never_partners(record.identifier, uow) if persons else frozenset()
    found_persons = uow.records.of_persons(persons).items()
    matches = [m for i, members in found_persons if (m := _match(i, members, comparable, never, matcher)) is not None]
    if seen is not None:
        matches = [m for match in matches if (m := _as_seen(match, seen, comparable, never, matcher)) is not None]
    ranked = sorted(matches, key=lambda m: (-m.score.score, m.enterprise_id))
    return PersonMatches(tuple(ranked), found.truncated)


def _match(
    enterprise_id: EnterpriseId,
    members: tuple[SourceRecord, ...],
    comparable: ComparableRecord,
    never: frozenset[PatientIdentifier],
    matcher: Matcher,
) -> PersonMatch | None:
    """How the person fits; ``None`` when none of the members says anything."""
    scored = [(m, matcher.score(comparable, matcher.comparable(m))) for m in members if may_match(m)]
    if not scored:
        return None
    best, score = max(scored, key=lambda pair: (pair[1].decision, pair[1].score, _reversed(pair[0].identifier)))
    vetoed = any(guard.vetoes for _, s in scored for guard in s.guards)
    is_never = any(m.identifier in never for m in members)
    is_thin = len(scored) > 1 and not any(_agrees(s) for _, s in scored)
    return PersonMatch(enterprise_id, members, best, score, vetoed, is_never, is_thin)


def _as_seen(
    match: PersonMatch,
    seen: Seen,
    comparable: ComparableRecord,
    never: frozenset[PatientIdentifier],
    matcher: Matcher,
) -> PersonMatch | None:
    """The match without records that are hidden. Fewer records never fit better: who does not fit is not asked for."""
    if match.score.score < matcher.model.lower:
        return match
    visible = seen(match.enterprise_id)
    members = tuple(member for member in match.members if member.identifier in visible)
    return match if members == match.members else _match(match.enterprise_id, members, comparable, never, matcher)


def _agrees(score: MatchScore) -> bool:
    return score.decision is MatchDecision.LINK and has_support(score)


def _reversed(identifier: PatientIdentifier) -> tuple[int, ...]:
    """Sort key that makes ``max`` prefer the smaller identifier among equals."""
    return tuple(-ord(c) for c in str(identifier))


def _never_partners(identifier: PatientIdentifier, uow: UnitOfWork) -> frozenset[PatientIdentifier]:
    said = uow.reviews.never_links_of((identifier,))
    return frozenset(i for n in said for i in (n.left, n.right) if i != identifier)
