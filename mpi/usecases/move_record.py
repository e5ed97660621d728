"""Link a record to a person, with the numbers that only stand for it.

A *companion* is a record without demographics of its own: a number that a sender gave beside its own one (a national
id, another hospital's number). It has no mind of its own and goes where the record goes that asserted it.
"""

from __future__ import annotations

from dataclasses import replace

from mpi.identity.records import PersonLink, SourceRecord
from mpi.ports import UnitOfWork
from mpi.usecases.matcher import Matcher


def has_evidence(record: SourceRecord) -> bool:
    """False for a companion: there is nothing in it to compare."""
    return not record.demographics.name.is_empty or record.demographics.birth_date is not None


def companions_of(record: SourceRecord, uow: UnitOfWork) -> tuple[SourceRecord, ...]:
    """The companions that only this record asserts in its person."""
    if record.enterprise_id is None:
        return ()
    members = uow.records.of_person(record.enterprise_id)
    claimed = {i for m in members if m.identifier != record.identifier for i in m.asserted_identifiers}
    wanted = set(record.asserted_identifiers) - claimed
    return tuple(m for m in members if m.identifier in wanted and not has_evidence(m))


def other_members(record: SourceRecord, uow: UnitOfWork) -> tuple[SourceRecord, ...]:
    """Members of the record's person besides it and its companions."""
    if record.enterprise_id is None:
        return ()
    own = {record.identifier, *(c.identifier for c in companions_of(record, uow))}
    return tuple(m for m in uow.records.of_person(record.enterprise_id) if m.identifier not in own)


def move_record(record: SourceRecord, link: PersonLink, *, uow: UnitOfWork, matcher: Matcher) -> SourceRecord:
    """Store the record and its companions with the link; return the record as stored."""
    companions = companions_of(record, uow)
    moved = record.linked(link)
    uow.records.save(moved, blocking_keys=matcher.blocking_keys(moved))
    for companion in companions:
        follower = companion.linked(replace(link, match_weight=None, model_version=None))
        uow.records.save(follower, blocking_keys=matcher.blocking_keys(follower))
    return moved
