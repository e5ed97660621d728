"""Look at one record of the index again with the present model, and ask staff where it would decide otherwise.

Nothing moves by itself: what would join or part becomes a question. Only where the caller allows it does a record that
is alone in its person, by the machine's own choice, join the one person that fits it, as it would were it sent today.
A manual link or a held record is never questioned, and *not the same person* is never asked again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mpi.events import IdentityChange
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import SourceRecord
from mpi.identity.review import EvidenceLine, ReviewKind
from mpi.matching.guards import MatchDecision
from mpi.matching.scoring import MatchScore
from mpi.ports import Clock, NewId, UnitOfWork
from mpi.usecases.companions import has_evidence, may_match, other_members
from mpi.usecases.matcher import Matcher
from mpi.usecases.open_review import open_review
from mpi.usecases.settle_neighbourhood import publish_change, settle_neighbourhood

SOURCE = "rematch"


class RematchMode(Enum):
    """LOOK changes nothing at all; ASK opens questions; LINK also lets lone records join."""

    LOOK = "look"
    ASK = "ask"
    LINK = "link"


class RematchFinding(Enum):
    """What the present model says of a record beside what is stored."""

    SAME = "same"
    MANUAL = "manual"
    NO_EVIDENCE = "no_evidence"
    LINKED = "linked"
    WOULD_LINK = "would_link"
    WOULD_PART = "would_part"
    QUESTION = "question"


@dataclass(frozen=True, slots=True)
class RematchedPair:
    """A pair that the model judges otherwise than is stored; ``review_item_id`` where a question was opened."""

    finding: RematchFinding
    record: PatientIdentifier
    other: PatientIdentifier
    score: MatchScore
    review_item_id: str | None = None


@dataclass(frozen=True, slots=True)
class Rematched:
    """The most that was found for the record, and every pair it was found on."""

    finding: RematchFinding
    pairs: tuple[RematchedPair, ...] = ()


@dataclass(frozen=True, slots=True)
class _Fit:
    """How a person fits the record: its best member, and whether no member speaks against a link."""

    best: SourceRecord
    members: tuple[SourceRecord, ...]
    score: MatchScore
    can_link: bool


def rematch_record(
    record: SourceRecord, *, mode: RematchMode, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId
) -> Rematched:
    """Judge an active record anew; its blocking keys are brought up to date unless ``mode`` is LOOK."""
    keys = matcher.blocking_keys(record)
    if mode is not RematchMode.LOOK:
        uow.lock(keys)
        stored = uow.records.get(record.identifier)
        if stored is None or not stored.is_active:
            return Rematched(RematchFinding.SAME)
        record = stored
        uow.records.save(record, blocking_keys=matcher.blocking_keys(record))
    if record.is_manually_linked or record.is_held:
        return Rematched(RematchFinding.MANUAL)
    if not has_evidence(record):
        return Rematched(RematchFinding.NO_EVIDENCE)
    others = other_members(record, uow)
    fits = _fits(record, uow, matcher)
    linkable = [fit for fit in fits if fit.can_link]
    if mode is RematchMode.LINK and not others and len(linkable) == 1:
        settled = settle_neighbourhood(
            [record], former=(record,), source=SOURCE, uow=uow, matcher=matcher, clock=clock, new_id=new_id
        )
        placed, items = settled.records.get(record.identifier, record), settled.opened_items
        publish_change(IdentityChange.RECORD_LINKED, settled, [placed.enterprise_id], uow=uow, clock=clock)
        finding = RematchFinding.QUESTION if placed.enterprise_id == record.enterprise_id else RematchFinding.LINKED
        fit = linkable[0]
        pair = RematchedPair(finding, record.identifier, fit.best.identifier, fit.score, next(iter(items), None))
        return Rematched(finding, (pair,))
    found = [*_parting(record, others, matcher), *_joining(record, fits)]
    if mode is not RematchMode.LOOK:
        found = [_asked(pair, record, uow, clock, new_id) for pair in found]
    return Rematched(_worst(found), tuple(found))


def _fits(record: SourceRecord, uow: UnitOfWork, matcher: Matcher) -> list[_Fit]:
    """Other persons with a record that shares a key and is alike enough to ask, best first."""
    comparable = matcher.comparable(record)
    candidates = uow.records.sharing_keys(matcher.blocking_keys(record), limit=matcher.max_candidates)
    persons: set[EnterpriseId] = {c.enterprise_id for c in candidates.records if c.enterprise_id is not None}
    never = {i for said in uow.reviews.never_links_of((record.identifier,)) for i in (said.left, said.right)}
    fits = []
    for members in uow.records.of_persons(persons - {record.enterprise_id}).values():
        scored = [(matcher.score(comparable, matcher.comparable(m)), m) for m in members if may_match(m)]
        if not scored or any(m.identifier in never for m in members):
            continue
        score, best = max(scored, key=lambda found: (found[0].decision, found[0].score))
        vetoed = any(guard.vetoes for judged, _ in scored for guard in judged.guards)
        if score.decision is not MatchDecision.NO:
            fits.append(_Fit(best, members, score, score.decision is MatchDecision.LINK and not vetoed))
    return sorted(fits, key=lambda fit: (-fit.score.score, fit.best.identifier))


def _joining(record: SourceRecord, fits: list[_Fit]) -> list[RematchedPair]:
    return [
        RematchedPair(
            RematchFinding.WOULD_LINK if fit.can_link else RematchFinding.QUESTION,
            record.identifier,
            fit.best.identifier,
            fit.score,
        )
        for fit in fits
    ]


def _parting(record: SourceRecord, others: tuple[SourceRecord, ...], matcher: Matcher) -> list[RematchedPair]:
    """The record was linked by a score, and with the present model no member of its person is even alike."""
    if record.link is None or record.link.match_weight is None:
        return []
    comparable = matcher.comparable(record)
    scored = [(matcher.score(comparable, matcher.comparable(o)), o) for o in others if has_evidence(o)]
    if not scored or any(score.decision is not MatchDecision.NO for score, _ in scored):
        return []
    score, best = max(scored, key=lambda found: (found[0].score, found[1].identifier))
    return [RematchedPair(RematchFinding.WOULD_PART, record.identifier, best.identifier, score)]


def _asked(pair: RematchedPair, record: SourceRecord, uow: UnitOfWork, clock: Clock, new_id: NewId) -> RematchedPair:
    """The pair with the question opened about it; none where the two persons are asked about already."""
    parts = pair.finding is RematchFinding.WOULD_PART
    if not parts and _is_asked(record, pair.other, uow):
        return pair
    item = open_review(
        ReviewKind.SUSPECTED_OVERLAY if parts else ReviewKind.POSSIBLE_MATCH,
        pair.record,
        pair.other,
        source=SOURCE,
        uow=uow,
        clock=clock,
        new_id=new_id,
        priority=1 if parts else 0,
        evidence=tuple(EvidenceLine(w.comparison, w.level, w.match_weight) for w in pair.score.weights),
        score=pair.score.score,
        match_probability=pair.score.match_probability,
        model_version=pair.score.model_version,
        guards=tuple(guard.name for guard in pair.score.guards),
    )
    return RematchedPair(pair.finding, pair.record, pair.other, pair.score, item)


def _is_asked(record: SourceRecord, other: PatientIdentifier, uow: UnitOfWork) -> bool:
    """An open question lies between a record of the one person and a record of the other."""
    stored = uow.records.get(other)
    if stored is None or stored.enterprise_id is None or record.enterprise_id is None:
        return False
    persons = uow.records.of_persons((record.enterprise_id, stored.enterprise_id))
    own = {r.identifier for r in persons[record.enterprise_id]}
    theirs = {r.identifier for r in persons[stored.enterprise_id]}
    return any(
        (item.left in own and item.right in theirs) or (item.left in theirs and item.right in own)
        for item in uow.reviews.open_about(own)
    )


def _worst(found: list[RematchedPair]) -> RematchFinding:
    order = (RematchFinding.WOULD_PART, RematchFinding.WOULD_LINK, RematchFinding.QUESTION)
    return next((kind for kind in order if any(p.finding is kind for p in found)), RematchFinding.SAME)
