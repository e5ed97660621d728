"""The audit log as a hash chain: each row is bound to the one before it, so no row can be edited, lost or moved unseen.

hash of row n = SHA-256(hash of row n-1, canonical form of row n with its number). Numbers go up by one from 1. The
canonical form never changes for a row that was written: a field that is added to events later enters it only where it
is set. What a chain cannot show by itself is a cut at its end: for that, heads are kept outside of the store.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from mpi.audit import AuditEvent

BEFORE_THE_FIRST = bytes(32)
"""Stands for the hash of a row 0."""

PRUNE_ACTION = "audit prune"
"""Action of the entry that says that old rows were pruned; its detail is ``pruned_detail`` of the last of them."""


@dataclass(frozen=True, slots=True)
class AuditHead:
    """A place in the chain: the row's number and hash. Head 0 is the beginning of an empty chain."""

    number: int
    chain_hash: bytes


EMPTY_CHAIN = AuditHead(0, BEFORE_THE_FIRST)


@dataclass(frozen=True, slots=True)
class KeptEvent:
    """An entry with its number in the chain."""

    number: int
    event: AuditEvent


@dataclass(frozen=True, slots=True)
class ChainRow:
    """A row as the store has it now. ``event`` is ``None`` when what stands there is no audit event."""

    number: int
    event: AuditEvent | None
    chain_hash: bytes | None


class ChainFault(Enum):
    """What is wrong with a row.

    CHANGED: it is not what was written. MISSING: it was deleted, or numbered anew. NOT_EXPECTED: a row before the
    beginning of the chain. CUT_OFF: the chain ends before a head that was kept. REWRITTEN: the chain is sound, but not
    the one that a head was kept of. PRUNED_UNRECORDED: older rows are gone and no entry says that they were pruned.
    """

    CHANGED = "changed"
    MISSING = "missing"
    NOT_EXPECTED = "not_expected"
    CUT_OFF = "cut_off"
    REWRITTEN = "rewritten"
    PRUNED_UNRECORDED = "pruned_unrecorded"


@dataclass(frozen=True, slots=True)
class ChainProblem:
    """The first row that is not as it was written."""

    number: int
    fault: ChainFault


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What was found. ``head`` is the last sound row; ``anchor`` what the chain begins after."""

    anchor: AuditHead
    head: AuditHead
    row_count: int
    problem: ChainProblem | None = None


def canonical_form(number: int, event: AuditEvent) -> bytes:
    """The bytes that the hash of a row is taken of: the same on every database and in every process.

    Raises:
        ValueError: the event's instant has no offset.
    """
    if event.at.tzinfo is None:
        raise ValueError("an instant needs an offset")
    content = [
        "priorlink-audit-1",
        number,
        event.at.astimezone(dt.UTC).isoformat(timespec="microseconds"),
        event.actor,
        event.role,
        event.action,
        event.outcome.name,
        event.subject,
        event.purpose_of_use,
        event.correlation_id,
        event.detail,
    ]
    return json.dumps(content, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def next_hash(previous: bytes, number: int, event: AuditEvent) -> bytes:
    """The hash of a row that follows one with the hash ``previous``."""
    return hashlib.sha256(previous + canonical_form(number, event)).digest()


def chained(head: AuditHead, events: Sequence[AuditEvent]) -> Iterator[ChainRow]:
    """The events as the rows that follow the head."""
    number, previous = head.number, head.chain_hash
    for event in events:
        number += 1
        previous = next_hash(previous, number, event)
        yield ChainRow(number, event, previous)


def pruned_detail(number: int) -> str:
    """Detail of the entry for a pruning up to and with this row."""
    return f"through={number}"
