"""Why are (or are not) these two records one person? The score with every line it is made of."""

from __future__ import annotations

from mpi.errors import UnknownIdentifier
from mpi.identity.identifiers import PatientIdentifier
from mpi.matching.scoring import MatchScore
from mpi.ports import UnitOfWork
from mpi.usecases.follow_identifier import follow_identifier
from mpi.usecases.matcher import Matcher


def explain_pair(one: PatientIdentifier, other: PatientIdentifier, *, uow: UnitOfWork, matcher: Matcher) -> MatchScore:
    """Score two records of the index now; retired identifiers stand for their survivor.

    Raises:
        UnknownIdentifier: the index does not know one of them; the text says which (first or second).
    """
    left, right = follow_identifier(one, uow=uow), follow_identifier(other, uow=uow)
    for record, which in ((left, "first"), (right, "second")):
        if record is None or not record.is_active:
            raise UnknownIdentifier(f"no active record has the {which} identifier")
    assert left is not None and right is not None  # noqa: S101, PT018 - checked above
    return matcher.score(matcher.comparable(left), matcher.comparable(right))
