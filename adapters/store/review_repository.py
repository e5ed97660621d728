"""The review queue and the *never the same person* assertions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from adapters.store import mapping, review_counts
from adapters.store.change_log import note_change
from adapters.store.standing import standing_rows
from adapters.store.statements import (
    insert_or_update,
    insert_unless_there,
    named,
    named_among,
    names_it,
    names_one_of,
    rows,
)
from adapters.store.tables import never_link, review_item
from federation.changes import ChangeKind
from mpi.errors import StaleDecision
from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.review import NeverLink, ReviewItem, ReviewKind, ReviewStatus
from mpi.identity.review_quality import BandCount, ClerkDay
from mpi.ports import ReviewPage

_item = review_item.c
_URGENCY = (_item.priority.desc(), _item.score.desc().nulls_last(), _item.opened_at, _item.review_item_id)
_IS_OPEN = _item.status == ReviewStatus.OPEN
_OPEN_ABOUT_ONE = (
    sa.select(review_item)
    .where(
        _IS_OPEN,
        sa.or_(
            names_it(_item.left_authority, _item.left_local_patient_id),
            names_it(_item.right_authority, _item.right_local_patient_id),
        ),
    )
    .order_by(*_URGENCY)
)
_NEVER_LEFT = (never_link.c.left_authority, never_link.c.left_local_patient_id)
_NEVER_RIGHT = (never_link.c.right_authority, never_link.c.right_local_patient_id)
_NEVER_LINKS_OF_ONE = (
    sa.select(never_link)
    .where(sa.or_(names_it(*_NEVER_LEFT), names_it(*_NEVER_RIGHT)))
    .order_by(*_NEVER_LEFT, *_NEVER_RIGHT)
)


class SqlReviewRepository:
    """``mpi.ports.ReviewRepository`` on a connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def get(self, review_item_id: str) -> ReviewItem | None:
        found = self._items(sa.select(review_item).where(_item.review_item_id == review_item_id))
        return found[0] if found else None

    def save(self, item: ReviewItem) -> None:
        saved = insert_or_update(
            self._connection,
            review_item,
            mapping.review_values(item),
            key=("review_item_id",),
            returning="review_item_id",
            only_if_next_version=True,
        )
        if saved is None:
            raise StaleDecision(f"review item changed since version {item.version - 1}")
        note_change(self._connection, ChangeKind.REVIEW_ITEM, item.review_item_id, item.version)

    def open_about(self, identifiers: Collection[PatientIdentifier]) -> tuple[ReviewItem, ...]:
        if len(identifiers) == 1 and self._connection.dialect.name == "postgresql":
            return self._standing(_OPEN_ABOUT_ONE, named(*identifiers))
        if not identifiers:
            return ()
        authorities, parameters = named_among(self._connection.dialect.name, identifiers)
        return self._standing(_open_about(self._connection.dialect.name, authorities), parameters)

    def decided_about(self, identifiers: Collection[PatientIdentifier]) -> tuple[ReviewItem, ...]:
        if not identifiers:
            return ()
        authorities, parameters = named_among(self._connection.dialect.name, identifiers)
        return self._standing(_decided_about(self._connection.dialect.name, authorities), parameters)

    def open_page(
        self, *, kinds: Collection[ReviewKind] | None, offset: int, limit: int, escalated: bool | None = None
    ) -> ReviewPage:
        """``kinds`` ``None`` is every kind, an empty collection none."""
        condition = _IS_OPEN if kinds is None else sa.and_(_IS_OPEN, _item.kind.in_(list(kinds)))
        if escalated is not None:
            by = _item.escalated_by
            condition = sa.and_(condition, by.is_not(None) if escalated else by.is_(None))
        statement = sa.select(review_item).where(condition).order_by(*_URGENCY).offset(offset).limit(limit)
        total = self._connection.execute(sa.select(sa.func.count()).select_from(review_item).where(condition))
        return ReviewPage(self._items(statement), total.scalar_one())

    def decided_by_band(self, since: dt.datetime) -> tuple[BandCount, ...]:
        return review_counts.decided_by_band(self._connection, since)

    def decided_by_day(self, since: dt.datetime) -> tuple[ClerkDay, ...]:
        return review_counts.decided_by_day(self._connection, since)

    def open_since(self, instants: Sequence[dt.datetime]) -> tuple[int, ...]:
        return review_counts.open_since(self._connection, instants)

    def assert_never(self, assertion: NeverLink) -> None:
        insert_unless_there(self._connection, never_link, [mapping.never_link_values(assertion)])

    def retract_never(self, assertion: NeverLink) -> None:
        pair = mapping.never_link_values(assertion)
        same_pair = [column == pair[column.name] for column in never_link.primary_key]
        self._connection.execute(sa.delete(never_link).where(*same_pair))

    def never_links_of(self, identifiers: Collection[PatientIdentifier]) -> tuple[NeverLink, ...]:
        if len(identifiers) == 1:
            found = standing_rows(self._connection, _NEVER_LINKS_OF_ONE, named(*identifiers))
        elif identifiers:
            authorities, parameters = named_among(self._connection.dialect.name, identifiers)
            found = standing_rows(
                self._connection, _never_links(self._connection.dialect.name, authorities), parameters
            )
        else:
            found = []
        return tuple(mapping.never_link_from(row) for row in found)

    def _items(self, statement: sa.Executable) -> tuple[ReviewItem, ...]:
        return tuple(mapping.review_from(row) for row in rows(self._connection, statement))

    def _standing(self, statement: sa.Executable, parameters: Mapping[str, Any]) -> tuple[ReviewItem, ...]:
        return tuple(mapping.review_from(row) for row in standing_rows(self._connection, statement, parameters))


def _on_either_side(dialect: str, authorities: int) -> sa.ColumnElement[bool]:
    return sa.or_(
        names_one_of(dialect, _item.left_authority, _item.left_local_patient_id, authorities),
        names_one_of(dialect, _item.right_authority, _item.right_local_patient_id, authorities),
    )


def _has(dialect: str, status: ReviewStatus) -> sa.ColumnElement[bool]:
    """On SQLite beyond the index on the status: between it and the numbers it would take it, and walk the queue."""
    if dialect == "postgresql":
        return _item.status == status
    return sa.literal_column("+review_item.status", sa.String) == status.name


@cache
def _open_about(dialect: str, authorities: int) -> sa.Executable:
    is_open = _has(dialect, ReviewStatus.OPEN)
    return sa.select(review_item).where(is_open, _on_either_side(dialect, authorities)).order_by(*_URGENCY)


@cache
def _decided_about(dialect: str, authorities: int) -> sa.Executable:
    is_decided = _has(dialect, ReviewStatus.DECIDED)
    return (
        sa.select(review_item).where(is_decided, _on_either_side(dialect, authorities)).order_by(_item.review_item_id)
    )


@cache
def _never_links(dialect: str, authorities: int) -> sa.Executable:
    either = sa.or_(names_one_of(dialect, *_NEVER_LEFT, authorities), names_one_of(dialect, *_NEVER_RIGHT, authorities))
    return sa.select(never_link).where(either).order_by(*_NEVER_LEFT, *_NEVER_RIGHT)
