"""The version of a person: a short text that is another one after every change of what staff see of the person."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import astuple

from mpi.identity.records import SourceRecord

_BYTES = 12


def person_version(records: Collection[SourceRecord]) -> str:
    """Of the active records of one person, in any order: who belongs to it, by whose word, and what each site says."""
    told = sorted((str(r.identifier), repr(_told(r))) for r in records)
    return hashlib.blake2b(repr(told).encode(), digest_size=_BYTES).hexdigest()


def _told(record: SourceRecord) -> tuple[object, ...]:
    link = record.link
    return (
        None if link is None else (link.enterprise_id, link.link_source.value, link.linked_at.timestamp()),
        record.demographics_at.timestamp(),
        sorted(map(str, record.asserted_identifiers)),
        astuple(record.demographics),
        record.hold,
    )
