"""Put a question to records staff, once."""

from __future__ import annotations

from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.review import EvidenceLine, ReviewItem, ReviewKind
from mpi.ports import Clock, NewId, SettlingUnit


def open_review(
    kind: ReviewKind,
    left: PatientIdentifier,
    right: PatientIdentifier,
    *,
    source: str,
    uow: SettlingUnit,
    clock: Clock,
    new_id: NewId,
    priority: int = 0,
    evidence: tuple[EvidenceLine, ...] = (),
    score: float | None = None,
    match_probability: float | None = None,
    model_version: str | None = None,
    guards: tuple[str, ...] = (),
) -> str | None:
    """Open an item about two records and return its id; ``None`` when the same question is open already."""
    pair = {left, right}
    for item in uow.reviews.open_about(pair):
        if item.kind is kind and {item.left, item.right} == pair:
            return None
    return put_question(
        kind,
        left,
        right,
        source=source,
        uow=uow,
        clock=clock,
        new_id=new_id,
        priority=priority,
        evidence=evidence,
        score=score,
        match_probability=match_probability,
        model_version=model_version,
        guards=guards,
    )


def put_question(
    kind: ReviewKind,
    left: PatientIdentifier,
    right: PatientIdentifier,
    *,
    source: str,
    uow: SettlingUnit,
    clock: Clock,
    new_id: NewId,
    priority: int = 0,
    evidence: tuple[EvidenceLine, ...] = (),
    score: float | None = None,
    match_probability: float | None = None,
    model_version: str | None = None,
    guards: tuple[str, ...] = (),
) -> str:
    """Open an item that the caller knows is not open already; its id."""
    item_id = new_id()
    uow.reviews.save(
        ReviewItem(
            review_item_id=item_id,
            kind=kind,
            left=left,
            right=right,
            opened_at=clock(),
            source=source,
            priority=priority,
            score=score,
            match_probability=match_probability,
            model_version=model_version,
            evidence=evidence,
            guards=guards,
        )
    )
    return item_id
