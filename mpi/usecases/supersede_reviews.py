"""Close questions that no longer stand."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from mpi.errors import StaleDecision
from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.review import ReviewItem, ReviewStatus
from mpi.ports import Clock, SettlingUnit, UnitOfWork
from mpi.units import UnitConflict


def supersede_reviews(identifiers: Collection[PatientIdentifier], *, uow: UnitOfWork, clock: Clock) -> None:
    """Every open item about one of these records becomes superseded (the record is gone)."""
    for item in uow.reviews.open_about(identifiers):
        supersede_item(item, uow=uow, clock=clock)


def supersede_settled(
    one_person: Collection[PatientIdentifier], *, uow: UnitOfWork, clock: Clock, except_item: str | None = None
) -> None:
    """Open questions *are these two one person?* whose two records are in one person now need no answer."""
    for item in uow.reviews.open_about(one_person):
        if (
            item.review_item_id != except_item
            and item.left != item.right
            and {item.left, item.right} <= set(one_person)
        ):
            supersede_item(item, uow=uow, clock=clock)


def supersede_item(item: ReviewItem, *, uow: SettlingUnit, clock: Clock) -> None:
    """The question no longer stands.

    Raises:
        UnitConflict: somebody else changed the item just now; whether it stands is to be found out again.
    """
    closed = replace(item, status=ReviewStatus.SUPERSEDED, decided_at=clock(), version=item.version + 1)
    try:
        uow.reviews.save(closed)
    except StaleDecision as changed:
        raise UnitConflict from changed
