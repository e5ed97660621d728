"""Who of the index may be meant by a few words? Persons that fit, graded as matching grades them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from anyascii import anyascii

from mpi.identity.demographics import Demographics
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import MatchGrade, SourceRecord
from mpi.matching.scoring import MatchScore
from mpi.ports import Clock, UnitOfWork
from mpi.usecases.follow_identifier import follow_identifier
from mpi.usecases.match_person import match_person
from mpi.usecases.matcher import Matcher
from mpi.usecases.search_people import search_people
from mpi.usecases.seen_candidates import Seen

_RANKS = {grade: rank for rank, grade in enumerate(MatchGrade)}


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """A person and how sure it is that this one is meant. ``score`` ``None``: it fits what was given, which is little.

    ``best`` is the record that gave the score, or fits.
    """

    enterprise_id: EnterpriseId
    members: tuple[SourceRecord, ...]
    best: SourceRecord
    grade: MatchGrade
    score: MatchScore | None = None


@dataclass(frozen=True, slots=True)
class FoundPersons:
    """Best first. ``truncated``: so many were alike at first sight that only the nearest were looked at."""

    persons: tuple[FoundPerson, ...]
    truncated: bool


def find_persons(
    identifiers: tuple[PatientIdentifier, ...],
    described: Demographics,
    *,
    uow: UnitOfWork,
    matcher: Matcher,
    clock: Clock,
    seen: Seen | None = None,
) -> FoundPersons | None:
    """Everybody that registering the description would link or ask about, and everybody else whom it fits so far.

    With ``seen`` it is as if the index held only what the asker may see. ``None`` when there is too little to look
    anybody up: no number, and no two parts that make a key.
    """
    if described == Demographics():
        return FoundPersons(tuple(_by_number(identifiers, uow)), truncated=False) if identifiers else None
    matched = match_person(identifiers, described, uow=uow, matcher=matcher, clock=clock, seen=seen)
    found = [FoundPerson(c.enterprise_id, c.members, c.best, c.grade, c.score) for c in matched.candidates]
    alike = search_people(described, uow=uow, matcher=matcher, clock=clock, seen=seen)
    if alike is None and not identifiers:
        return None
    known = {person.enterprise_id for person in found}
    # Whoever carries a number that was asked for, but is described otherwise, is not passed over in silence.
    carriers = [p for p in _by_number(identifiers, uow) if p.enterprise_id not in known]
    found += [replace(person, grade=MatchGrade.POSSIBLE) for person in carriers]
    known |= {person.enterprise_id for person in carriers}
    others = [] if alike is None else [person for person in alike.enterprise_ids if person not in known]
    for person, members in uow.records.of_persons(others).items() if others else ():
        fitting = [member for member in members if _fits(member.demographics, described)]
        visible = frozenset(m.identifier for m in fitting) if seen is None or not fitting else seen(person)
        best = next((member for member in fitting if member.identifier in visible), None)
        if best is not None:
            found.append(FoundPerson(person, members, best, MatchGrade.POSSIBLE))
    ranked = sorted(found, key=lambda p: (_RANKS[p.grade], -(p.score.score if p.score else -1e9), p.enterprise_id))
    return FoundPersons(tuple(ranked), matched.truncated or (alike is not None and alike.truncated))


def _by_number(identifiers: tuple[PatientIdentifier, ...], uow: UnitOfWork) -> list[FoundPerson]:
    """Who carries one of the numbers, retired ones followed."""
    found: dict[EnterpriseId, FoundPerson] = {}
    for identifier in identifiers:
        record = follow_identifier(identifier, uow=uow)
        if record is not None and record.enterprise_id is not None and record.enterprise_id not in found:
            members = uow.records.of_person(record.enterprise_id)
            found[record.enterprise_id] = FoundPerson(record.enterprise_id, members, record, MatchGrade.CERTAIN)
    return list(found.values())


def _fits(said: Demographics, asked: Demographics) -> bool:
    """Names by their beginning, dates as far as they are given, the rest as a whole; not given is not asked."""
    names = (said.name, *said.aliases)
    born = "" if said.birth_date is None else said.birth_date.isoformat()
    wanted = "" if asked.birth_date is None else asked.birth_date.isoformat()
    return (
        any(_begins(n.family, asked.name.family) for n in names)
        and any(_begins(f"{n.given} {n.middle}", asked.name.given) for n in names)
        and born.startswith(wanted)
        and asked.sex in (None, said.sex)
        and said.address.postal_code.startswith(asked.address.postal_code)
        and _begins(said.address.city, asked.address.city)
        and (not asked.phones or not {_digits(p) for p in asked.phones}.isdisjoint(_digits(p) for p in said.phones))
    )


def _begins(sent: str, asked: str) -> bool:
    name, wanted = anyascii(sent).casefold(), anyascii(asked).casefold().strip()
    return name.startswith(wanted) or any(word.startswith(wanted) for word in name.replace("-", " ").split())


def _digits(phone: str) -> str:
    return "".join(c for c in phone if c.isdigit())[-10:]
