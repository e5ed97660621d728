"""What humans (and a site's own word) said about who is one person, with all it takes to unsay it.

An assertion is a fact beside the scores: ``AlwaysLink`` here, ``NeverLink`` in ``review``. A ``Decision`` is one act of
records staff: the assertions it added and took away, and the links of every record that moved, before and after.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import Enum

from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.records import LinkSource, PersonLink
from mpi.identity.review import NeverLink


@dataclass(frozen=True, slots=True)
class AlwaysLink:
    """*The same person*. ``left < right``. No score parts the pair.

    ``link_source`` MANUAL: records staff said so. AUTO: a message did (A24, A40), and a message may take it back.
    """

    left: PatientIdentifier
    right: PatientIdentifier
    link_source: LinkSource
    said_by: str
    said_at: dt.datetime

    @classmethod
    def of(
        cls,
        one: PatientIdentifier,
        other: PatientIdentifier,
        *,
        link_source: LinkSource,
        said_by: str,
        said_at: dt.datetime,
    ) -> AlwaysLink:
        left, right = sorted((one, other))
        return cls(left, right, link_source, said_by, said_at)

    @property
    def pair(self) -> tuple[PatientIdentifier, PatientIdentifier]:
        return (self.left, self.right)


class DecisionKind(Enum):
    """What the human did."""

    LINK = "link"
    UNLINK = "unlink"
    MERGE = "merge"
    SPLIT = "split"
    DIFFERENT = "different"
    HOLD = "hold"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class LinkChange:
    """The link of one record before and after a decision."""

    identifier: PatientIdentifier
    before: PersonLink
    after: PersonLink


@dataclass(frozen=True, slots=True)
class Assertions:
    """Assertions that a decision added or took away."""

    always: tuple[AlwaysLink, ...] = ()
    never: tuple[NeverLink, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """One act of records staff. ``subjects`` are the records it was about; ``changes`` the records it moved.

    ``opened_items`` and ``closed_items``: questions that came up, and that fell away, because of it. ``held``: the
    record that a HOLD took out of its person, or that a RELEASE gave back to the machine.
    """

    decision_id: str
    kind: DecisionKind
    subjects: tuple[PatientIdentifier, ...]
    decided_by: str
    decided_at: dt.datetime
    reason: str = ""
    review_item_id: str | None = None
    added: Assertions = Assertions()
    removed: Assertions = Assertions()
    changes: tuple[LinkChange, ...] = ()
    opened_items: tuple[str, ...] = ()
    closed_items: tuple[str, ...] = ()
    held: PatientIdentifier | None = None
    undone_by: str | None = None
    undone_at: dt.datetime | None = None

    @property
    def is_undone(self) -> bool:
        return self.undone_at is not None

    @property
    def is_holding(self) -> bool:
        """It took a record out of its person, and was not undone; a later release may have ended it."""
        return self.kind is DecisionKind.HOLD and not self.is_undone

    @property
    def touched(self) -> tuple[PatientIdentifier, ...]:
        """Every record this decision was about or moved, sorted."""
        return tuple(sorted({*self.subjects, *(c.identifier for c in self.changes)}))
