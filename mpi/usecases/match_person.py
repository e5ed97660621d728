"""Who of the index could this be? A dry run of registering: the same candidates, guards and scores; nothing is kept."""

from __future__ import annotations

from dataclasses import dataclass

from mpi.identity.demographics import Demographics
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import MatchGrade, SourceRecord
from mpi.matching.guards import MatchDecision
from mpi.matching.scoring import MatchScore
from mpi.ports import Clock, UnitOfWork
from mpi.usecases.follow_identifier import follow_identifier
from mpi.usecases.matcher import Matcher
from mpi.usecases.person_matches import PersonMatch, chosen_match, person_matches
from mpi.usecases.register_record import primary_identifier
from mpi.usecases.seen_candidates import Seen

_NOBODY = PatientIdentifier("dry-run", "-")
"""Stands for the number of somebody who was sent without one; no registered authority issues it."""


@dataclass(frozen=True, slots=True)
class PersonCandidate:
    """A person that may be meant. ``members`` are the active records, ``best`` the one that gave the score."""

    enterprise_id: EnterpriseId
    members: tuple[SourceRecord, ...]
    best: SourceRecord
    score: MatchScore
    grade: MatchGrade


@dataclass(frozen=True, slots=True)
class MatchedPersons:
    """Best first: those that registering would link or ask staff about, and those that only a guard keeps away.

    ``truncated``: so many records were alike at first sight that only the nearest were compared.
    """

    candidates: tuple[PersonCandidate, ...]
    truncated: bool


def match_person(
    identifiers: tuple[PatientIdentifier, ...],
    demographics: Demographics,
    *,
    uow: UnitOfWork,
    matcher: Matcher,
    clock: Clock,
    seen: Seen | None = None,
) -> MatchedPersons:
    """Compare a description with the index, or with what of it the asker may see (``seen``).

    ``certain`` is what registering would link without asking.

    A number that was merged away stands for its survivor, as it does when a record is registered.
    """
    current = _current(identifiers, uow) or (_NOBODY,)
    primary = primary_identifier(current, "", matcher.authorities)
    record = SourceRecord(
        identifier=primary,
        site_id="",
        demographics=demographics,
        demographics_at=clock(),
        asserted_identifiers=tuple(i for i in current if i != primary),
    )
    comparable = matcher.comparable(record)
    found = person_matches(record, comparable, matcher.blocking_keys(record), uow, matcher, seen=seen)
    chosen = chosen_match(found.matches)
    candidates = [_candidate(m, is_chosen=m is chosen) for m in found.matches if m.score.score >= matcher.model.lower]
    ranked = sorted(candidates, key=lambda c: (_RANKS[c.grade], -c.score.score, c.enterprise_id))
    return MatchedPersons(tuple(ranked), found.truncated)


_RANKS = {grade: rank for rank, grade in enumerate(MatchGrade)}


def _current(identifiers: tuple[PatientIdentifier, ...], uow: UnitOfWork) -> tuple[PatientIdentifier, ...]:
    known = uow.records.get_many(identifiers)
    retired = {i for i, record in known.items() if not record.is_active}
    return tuple(dict.fromkeys(_survivor(i, uow) if i in retired else i for i in identifiers))


def _survivor(identifier: PatientIdentifier, uow: UnitOfWork) -> PatientIdentifier:
    record = follow_identifier(identifier, uow=uow)
    return identifier if record is None else record.surviving_identifier or record.identifier


def _candidate(match: PersonMatch, *, is_chosen: bool) -> PersonCandidate:
    return PersonCandidate(
        match.enterprise_id, match.members, match.best, match.score, _grade(match, is_chosen=is_chosen)
    )


def _grade(match: PersonMatch, *, is_chosen: bool) -> MatchGrade:
    if is_chosen:
        return MatchGrade.CERTAIN
    if match.score.decision is MatchDecision.NO or match.never:
        return MatchGrade.CERTAINLY_NOT
    # The score alone would link; another person that fits as well, or another member, keeps the machine from it.
    return MatchGrade.PROBABLE if match.score.decision is MatchDecision.LINK else match.score.grade
