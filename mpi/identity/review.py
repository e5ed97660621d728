"""Questions that only records staff may answer, and the answers they gave.

Decisions carry their reasons: an item holds the evidence it was raised on, line by line, summing to its score.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from enum import Enum

from mpi.identity.identifiers import PatientIdentifier

MESSAGE_PREFIX = "hl7:"
"""Begins ``said_by`` and ``source`` of what a message said."""


class ReviewKind(Enum):
    """Why staff are asked."""

    POSSIBLE_MATCH = "possible_match"
    MERGE_CONFLICT = "merge_conflict"
    MERGE_REVERSED = "merge_reversed"
    MERGE_REFUSED = "merge_refused"
    SUSPECTED_REUSE = "suspected_reuse"
    SUSPECTED_OVERLAY = "suspected_overlay"


class ReviewStatus(Enum):
    """SUPERSEDED: what was asked no longer stands (a record was merged away, another decision settled it)."""

    OPEN = "open"
    DECIDED = "decided"
    SUPERSEDED = "superseded"


class ReviewDecision(Enum):
    """SAME: one person. DIFFERENT: never the same person, kept for ever. DISMISSED: nothing to do.

    POSSIBLE_OVERLAY: one of the two records may hold two people's data; it is held until it is clear.
    """

    SAME = "same"
    DIFFERENT = "different"
    DISMISSED = "dismissed"
    POSSIBLE_OVERLAY = "possible_overlay"


class RecordSide(Enum):
    """One of the two records of a question."""

    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """One comparison: the level reached and what it adds to the score, in bits."""

    comparison: str
    level: str
    match_weight: float


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """One question about two records. ``left`` is the record that raised it; ``right`` may be unknown to the index.

    ``score`` is the sum of the evidence in bits, ``None`` when no score is involved. ``priority`` 0 is normal, higher
    is more urgent. ``version`` changes with every change: a decision names the version it was made on. ``claimed_by``
    works on it until ``claimed_until``; after that the item is free. ``escalated_by`` handed it to somebody senior.
    """

    review_item_id: str
    kind: ReviewKind
    left: PatientIdentifier
    right: PatientIdentifier
    opened_at: dt.datetime
    source: str
    status: ReviewStatus = ReviewStatus.OPEN
    priority: int = 0
    score: float | None = None
    match_probability: float | None = None
    model_version: str | None = None
    evidence: tuple[EvidenceLine, ...] = ()
    guards: tuple[str, ...] = ()
    decision: ReviewDecision | None = None
    decided_by: str | None = None
    decided_at: dt.datetime | None = None
    decision_reason: str | None = None
    version: int = 1
    claimed_by: str | None = None
    claimed_until: dt.datetime | None = None
    escalated_by: str | None = None
    escalated_at: dt.datetime | None = None
    escalation_reason: str | None = None

    def record_at(self, side: RecordSide) -> PatientIdentifier:
        """The number on that side."""
        return self.left if side is RecordSide.LEFT else self.right

    @property
    def is_escalated(self) -> bool:
        """Somebody senior is to answer it. Kept when it is answered."""
        return self.escalated_by is not None

    def is_claimed_by_other(self, who: str, now: dt.datetime) -> bool:
        """Somebody else is at it. A claim that ran out binds nobody."""
        return self.claimed_by not in (None, who) and self.claimed_until is not None and now < self.claimed_until


def reopened(item: ReviewItem) -> ReviewItem:
    """The question asked again, with its evidence and without its answer."""
    return replace(
        item,
        status=ReviewStatus.OPEN,
        decision=None,
        decided_by=None,
        decided_at=None,
        decision_reason=None,
        claimed_by=None,
        claimed_until=None,
        version=item.version + 1,
    )


@dataclass(frozen=True, slots=True)
class NeverLink:
    """*Not the same person*, said by a human (or by an A37). ``left < right``. No score links the pair again."""

    left: PatientIdentifier
    right: PatientIdentifier
    said_by: str
    said_at: dt.datetime

    @property
    def is_by_message(self) -> bool:
        """Said by a site's message, which staff outrank."""
        return self.said_by.startswith(MESSAGE_PREFIX)

    @classmethod
    def of(cls, one: PatientIdentifier, other: PatientIdentifier, *, said_by: str, said_at: dt.datetime) -> NeverLink:
        left, right = sorted((one, other))
        return cls(left, right, said_by, said_at)
