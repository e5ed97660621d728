"""Whom does this partial description lead to? Persons found by blocking keys, for the caller to look through."""

from __future__ import annotations

from dataclasses import dataclass

from mpi.identity.demographics import Demographics
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import SourceRecord
from mpi.ports import Clock, UnitOfWork
from mpi.usecases.matcher import Matcher
from mpi.usecases.seen_candidates import Seen, seen_candidates

_NOBODY = PatientIdentifier("search", "-")


@dataclass(frozen=True, slots=True)
class FoundPeople:
    """Those who share most keys first. ``truncated``: more shared one than are looked at."""

    enterprise_ids: tuple[EnterpriseId, ...]
    truncated: bool


def search_people(
    description: Demographics, *, uow: UnitOfWork, matcher: Matcher, clock: Clock, seen: Seen | None = None
) -> FoundPeople | None:
    """Persons with a record that is alike at first sight; ``None`` when the description is too thin to look up.

    With ``seen`` nobody whom the asker may not see takes the place of somebody else, or makes it ``truncated``.
    """
    keys = matcher.blocking_keys(SourceRecord(_NOBODY, "", description, clock()))
    if not keys:
        return None
    found = seen_candidates(keys, limit=matcher.max_candidates, uow=uow, seen=seen)
    persons = dict.fromkeys(r.enterprise_id for r in found.records if r.enterprise_id is not None)
    return FoundPeople(tuple(persons), found.truncated)
