"""Records that are more than a number, and the numbers that only stand for one.

A *companion* is a record without demographics of its own: a number that a sender gave beside its own one (a national
id, another hospital's number). It has no mind of its own and goes where the record goes that asserted it.
"""

from __future__ import annotations

from mpi.identity.records import SourceRecord
from mpi.ports import UnitOfWork


def has_evidence(record: SourceRecord) -> bool:
    """False for a companion: there is nothing in it to compare."""
    return not record.demographics.name.is_empty or record.demographics.birth_date is not None


def may_match(record: SourceRecord) -> bool:
    """There is something to compare, and it is not held as possibly two people's data."""
    return has_evidence(record) and not record.is_held


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
