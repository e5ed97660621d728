"""Which person is this record? Link it, ask staff, or begin a new person.

Decided on persons, not on pairs: a record that fits two persons goes to review with both; one member that vetoes
(another strong id, a different generation, *not the same person*) keeps the record out of the whole person.
A manual link is never touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mpi.events import IdentityChange, PersonChanged
from mpi.identity.contradiction import contradictions
from mpi.identity.demographics import Demographics
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import LinkSource, MatchGrade, PersonLink, SourceRecord
from mpi.identity.review import EvidenceLine, ReviewKind
from mpi.matching.comparable import ComparableRecord
from mpi.matching.guards import MatchDecision
from mpi.matching.scoring import MatchScore, has_support
from mpi.ports import Clock, NewId, UnitOfWork
from mpi.usecases.matcher import Matcher
from mpi.usecases.move_record import has_evidence, move_record, other_members
from mpi.usecases.open_review import open_review
from mpi.usecases.supersede_reviews import supersede_settled

Placed = tuple[SourceRecord, tuple[str, ...]]
"""The stored record and the ids of review items that were opened."""


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


class PersonMatches(NamedTuple):
    """Best first. ``truncated``: more records shared a key than are compared."""

    matches: tuple[PersonMatch, ...]
    truncated: bool


def place_record(
    record: SourceRecord, *, source: str, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId
) -> Placed:
    """Store the record with a link to exactly one person."""
    comparable = matcher.comparable(record)
    keys = matcher.blocking_keys(record)
    uow.lock(keys)
    if not _may_move(record, uow):
        return _keep(record, keys, source, uow, clock, new_id)
    matches = person_matches(record, comparable, keys, uow, matcher).matches
    chosen = chosen_match(matches)
    linked = move_record(record, _link(record, chosen, clock, new_id), uow=uow, matcher=matcher)
    questions = [m for m in matches if m is not chosen and m.is_question]
    items = [_ask(linked, m, source, uow, clock, new_id) for m in questions]
    _tell(record, linked, uow, clock, is_alone=chosen is None)
    return linked, tuple(i for i in items if i is not None)


def _may_move(record: SourceRecord, uow: UnitOfWork) -> bool:
    """A new record, or one alone in its person by the machine's own choice."""
    return not record.is_manually_linked and not other_members(record, uow)


def _keep(
    record: SourceRecord, keys: frozenset[str], source: str, uow: UnitOfWork, clock: Clock, new_id: NewId
) -> Placed:
    """The record stays with its person; if it now contradicts every other member, staff are asked (overlay)."""
    uow.records.save(record, blocking_keys=keys)
    assert record.enterprise_id is not None  # noqa: S101 - only linked records are kept
    others = [
        r for r in uow.records.of_person(record.enterprise_id) if r.identifier != record.identifier and has_evidence(r)
    ]
    if not others or not all(contradictions(record.demographics, r.demographics).is_other_person for r in others):
        return record, ()
    item = open_review(
        ReviewKind.SUSPECTED_OVERLAY,
        record.identifier,
        others[0].identifier,
        source=source,
        uow=uow,
        clock=clock,
        new_id=new_id,
        priority=1,
    )
    return record, () if item is None else (item,)


def chosen_match(matches: Sequence[PersonMatch]) -> PersonMatch | None:
    """The one person that the record is linked to without asking: the only one that fits."""
    linkable = [m for m in matches if m.can_link]
    return linkable[0] if len(linkable) == 1 else None


def person_matches(
    record: SourceRecord, comparable: ComparableRecord, keys: frozenset[str], uow: UnitOfWork, matcher: Matcher
) -> PersonMatches:
    """Every person with a record that shares a key, best first; ties by enterprise id, so arrival order is no rule."""
    found = uow.records.sharing_keys(keys, limit=matcher.max_candidates)
    persons = {c.enterprise_id for c in found.records if c.enterprise_id is not None} - {record.enterprise_id}
    never = _never_partners(record.identifier, uow)
    matches = []
    for enterprise_id, members in uow.records.of_persons(persons).items():
        scored = [(m, matcher.score(comparable, matcher.comparable(m))) for m in members if has_evidence(m)]
        if not scored:
            continue
        best, score = max(scored, key=lambda pair: (pair[1].decision, pair[1].score, _reversed(pair[0].identifier)))
        vetoed = any(guard.vetoes for _, s in scored for guard in s.guards)
        is_never = any(m.identifier in never for m in members)
        is_thin = len(scored) > 1 and not any(_agrees(s) for _, s in scored)
        matches.append(PersonMatch(enterprise_id, members, best, score, vetoed, is_never, is_thin))
    ranked = sorted(matches, key=lambda m: (-m.score.score, m.enterprise_id))
    return PersonMatches(tuple(ranked), found.truncated)


def _agrees(score: MatchScore) -> bool:
    return score.decision is MatchDecision.LINK and has_support(score)


def _reversed(identifier: PatientIdentifier) -> tuple[int, ...]:
    """Sort key that makes ``max`` prefer the smaller identifier among equals."""
    return tuple(-ord(c) for c in str(identifier))


def _never_partners(identifier: PatientIdentifier, uow: UnitOfWork) -> frozenset[PatientIdentifier]:
    said = uow.reviews.never_links_of((identifier,))
    return frozenset(i for n in said for i in (n.left, n.right) if i != identifier)


def _link(record: SourceRecord, chosen: PersonMatch | None, clock: Clock, new_id: NewId) -> PersonLink:
    if chosen is not None:
        return PersonLink(
            enterprise_id=chosen.enterprise_id,
            link_source=LinkSource.AUTO,
            match_grade=MatchGrade.CERTAIN,
            linked_at=clock(),
            match_weight=chosen.score.score,
            model_version=chosen.score.model_version,
        )
    if record.link is not None:
        return record.link
    return PersonLink(EnterpriseId(new_id()), LinkSource.AUTO, MatchGrade.CERTAIN, clock())


def _ask(
    record: SourceRecord, match: PersonMatch, source: str, uow: UnitOfWork, clock: Clock, new_id: NewId
) -> str | None:
    return open_review(
        ReviewKind.POSSIBLE_MATCH,
        record.identifier,
        match.best.identifier,
        source=source,
        uow=uow,
        clock=clock,
        new_id=new_id,
        evidence=tuple(EvidenceLine(w.comparison, w.level, w.match_weight) for w in match.score.weights),
        score=match.score.score,
        match_probability=match.score.match_probability,
        model_version=match.score.model_version,
        guards=tuple(g.name for g in match.score.guards),
    )


def _tell(before: SourceRecord, after: SourceRecord, uow: UnitOfWork, clock: Clock, *, is_alone: bool = False) -> None:
    """``is_alone``: a person that begins with this record; no question can be settled by that."""
    assert after.enterprise_id is not None  # noqa: S101 - it was linked just now
    changed = [after.enterprise_id]
    if before.enterprise_id is not None and before.enterprise_id != after.enterprise_id:
        changed.append(before.enterprise_id)
    if before.enterprise_id is not None or not is_alone:
        members = [r.identifier for r in uow.records.of_person(after.enterprise_id)]
        supersede_settled(members, uow=uow, clock=clock)
    uow.events.publish(PersonChanged(IdentityChange.RECORD_LINKED, tuple(changed), clock()))


def join_asserted(
    record: SourceRecord, *, source: str, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId
) -> Placed:
    """Bring the other registered numbers that the sender gave into the same person.

    A number never seen becomes a record without demographics of its own. A known one joins unless its person
    contradicts this record, was parted from it by staff, or has other records as this one's has: then staff decide.
    """
    items: list[str] = []
    current = record
    for identifier in _registered(record.asserted_identifiers, matcher):
        known = uow.records.get(identifier)
        if known is None:
            current = _assert_new(current, identifier, uow, matcher, clock)
        elif known.is_active and known.enterprise_id != current.enterprise_id:
            current, asked = _join_known(current, known, source, uow, matcher, clock, new_id)
            items += asked
    return current, tuple(items)


def _registered(identifiers: Iterable[PatientIdentifier], matcher: Matcher) -> list[PatientIdentifier]:
    return [i for i in identifiers if matcher.authorities.is_registered(i.assigning_authority)]


def _assert_new(
    record: SourceRecord, identifier: PatientIdentifier, uow: UnitOfWork, matcher: Matcher, clock: Clock
) -> SourceRecord:
    assert record.enterprise_id is not None  # noqa: S101 - it was placed before
    other = SourceRecord(
        identifier=identifier,
        site_id=record.site_id,
        demographics=Demographics(),
        demographics_at=record.demographics_at,
        link=PersonLink(record.enterprise_id, LinkSource.AUTO, MatchGrade.CERTAIN, clock()),
    )
    uow.records.save(other, blocking_keys=matcher.blocking_keys(other))
    return record


def _join_known(
    record: SourceRecord,
    known: SourceRecord,
    source: str,
    uow: UnitOfWork,
    matcher: Matcher,
    clock: Clock,
    new_id: NewId,
) -> tuple[SourceRecord, list[str]]:
    assert known.enterprise_id is not None  # noqa: S101 - known is active
    members = uow.records.of_person(known.enterprise_id)
    never = _never_partners(record.identifier, uow)
    contradicted = any(contradictions(record.demographics, m.demographics).is_other_person for m in members)
    parted = any(m.identifier in never for m in members)
    if contradicted or parted or not _may_move(record, uow):
        kind = ReviewKind.SUSPECTED_REUSE if contradicted else ReviewKind.POSSIBLE_MATCH
        item = open_review(
            kind, record.identifier, known.identifier, source=source, uow=uow, clock=clock, new_id=new_id, priority=1
        )
        return record, [] if item is None else [item]
    link = PersonLink(known.enterprise_id, LinkSource.AUTO, MatchGrade.CERTAIN, clock())
    moved = move_record(record, link, uow=uow, matcher=matcher)
    _tell(record, moved, uow, clock)
    return moved, []
