"""Bring the review queue in line with what was decided about a neighbourhood.

A question that scores raised is closed when it no longer stands (superseded) and stays when it asks about the same two
persons. What staff dismissed is not asked again; what they were asked about by a message is theirs to close.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.review import EvidenceLine, ReviewDecision, ReviewItem, ReviewKind
from mpi.matching.neighbourhood import Neighbourhood, Persons, Question
from mpi.ports import Clock, NewId, SettlingUnit
from mpi.usecases.open_review import put_question
from mpi.usecases.supersede_reviews import supersede_item

_SETTLED_BY_ONE_PERSON = frozenset(
    {ReviewKind.POSSIBLE_MATCH, ReviewKind.MERGE_CONFLICT, ReviewKind.SUSPECTED_REUSE, ReviewKind.SUSPECTED_OVERLAY}
)


class SettledQuestions(NamedTuple):
    """Ids of the items that were opened, and of those that no longer stand."""

    opened: tuple[str, ...]
    closed: tuple[str, ...]


def settle_questions(
    hood: Neighbourhood,
    persons: Persons,
    raised_by: Collection[PatientIdentifier],
    *,
    source: str,
    uow: SettlingUnit,
    clock: Clock,
    new_id: NewId,
) -> SettledQuestions:
    """Close and open items."""
    placed = [hood.records[key].identifier for key in hood.core if hood.records[key].link is not None]
    wanted = {_persons_of(q.left, q.right, persons): q for q in persons.questions}
    standing: set[object] = set()
    closed: list[ReviewItem] = []
    for item in uow.reviews.open_about(placed):
        about = _persons_of(item.left, item.right, persons)
        if item.left == item.right:
            continue
        if len(about) == 1 and item.kind in _SETTLED_BY_ONE_PERSON:
            closed.append(item)
        elif not _is_raised_by_score(item):
            standing.add((item.kind, frozenset((item.left, item.right))))
        elif about in wanted and about not in standing:
            standing.add(about)
        else:
            closed.append(item)
    for item in closed:
        supersede_item(item, uow=uow, clock=clock)
    new = [
        q
        for about, q in wanted.items()
        if about not in standing and (q.kind, frozenset((q.left, q.right))) not in standing
    ]
    asked = _not_answered(new, set(placed), uow)
    opened = tuple(_open(question, set(raised_by), source, uow, clock, new_id) for question in asked)
    return SettledQuestions(opened, tuple(item.review_item_id for item in closed))


def _persons_of(left: PatientIdentifier, right: PatientIdentifier, persons: Persons) -> frozenset[object]:
    return frozenset(persons.persons.get(i, i) for i in (left, right))


def _is_raised_by_score(item: ReviewItem) -> bool:
    return item.kind is ReviewKind.POSSIBLE_MATCH and item.score is not None


def _not_answered(
    questions: Collection[Question], placed: Collection[PatientIdentifier], uow: SettlingUnit
) -> list[Question]:
    """Without what staff dismissed, and without words they have answered in any way."""
    answers: dict[frozenset[PatientIdentifier], set[ReviewDecision | None]] = {}
    subjects = {i for q in questions for i in (q.left, q.right) if i in placed}
    for item in uow.reviews.decided_about(subjects):
        answers.setdefault(frozenset((item.left, item.right)), set()).add(item.decision)
    return [
        q
        for q in questions
        if not (found := answers.get(frozenset((q.left, q.right)), set()))
        or (q.score is not None and ReviewDecision.DISMISSED not in found)
    ]


def _open(
    question: Question,
    raised_by: set[PatientIdentifier],
    source: str,
    uow: SettlingUnit,
    clock: Clock,
    new_id: NewId,
) -> str:
    left, right = question.left, question.right
    if right in raised_by and left not in raised_by:
        left, right = right, left
    scored = question.score
    return put_question(
        question.kind,
        left,
        right,
        source=source,
        uow=uow,
        clock=clock,
        new_id=new_id,
        priority=question.priority,
        evidence=() if scored is None else tuple(EvidenceLine(*line) for line in scored.weights),
        score=None if scored is None else scored.score,
        match_probability=None if scored is None else scored.match_probability,
        model_version=None if scored is None else scored.model_version,
        guards=question.guards,
    )
