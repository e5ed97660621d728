"""Counts over the review queue and over staff's decisions, made by the database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa

from adapters.store.tables import identity_decision, review_item
from mpi.identity.review import ReviewDecision, ReviewStatus
from mpi.identity.review_quality import BAND_BITS, HIGHEST_BAND, LOWEST_BAND, BandCount, ClerkDay, TakenBack

_item, _act = review_item.c, identity_decision.c
_EDGES = range(HIGHEST_BAND, LOWEST_BAND, -BAND_BITS)
_BAND = sa.case(*((_item.score >= edge, edge) for edge in _EDGES), else_=LOWEST_BAND)


def decided_by_band(connection: sa.Connection, since: dt.datetime) -> tuple[BandCount, ...]:
    """See ``mpi.ports.ReviewRepository``."""
    band = _BAND.label("band")
    statement = (
        sa.select(band, _item.decision, sa.func.count())
        .where(_item.status == ReviewStatus.DECIDED, _item.decided_at >= since, _item.score.is_not(None))
        .group_by(band, _item.decision)
    )
    counts = [BandCount(score_from, decision, count) for score_from, decision, count in connection.execute(statement)]
    order = list(ReviewDecision)
    return tuple(sorted(counts, key=lambda one: (one.score_from, order.index(one.decision))))


def decided_by_day(connection: sa.Connection, since: dt.datetime) -> tuple[ClerkDay, ...]:
    """See ``mpi.ports.ReviewRepository``."""
    in_utc = sa.func.timezone("UTC", _item.decided_at) if connection.dialect.name == "postgresql" else _item.decided_at
    day = sa.func.date(in_utc).label("day")
    statement = (
        sa.select(sa.cast(day, sa.String).label("day"), _item.decided_by, sa.func.count())
        .where(_item.status == ReviewStatus.DECIDED, _item.decided_at >= since)
        .group_by(day, _item.decided_by)
        .order_by(day, _item.decided_by)
    )
    return tuple(ClerkDay(dt.date.fromisoformat(on), by, count) for on, by, count in connection.execute(statement))


def open_since(connection: sa.Connection, instants: Sequence[dt.datetime]) -> tuple[int, ...]:
    """See ``mpi.ports.ReviewRepository``."""
    counts = [sa.func.count(sa.case((_item.opened_at <= instant, 1))) for instant in instants]
    return tuple(connection.execute(sa.select(*counts).where(_item.status == ReviewStatus.OPEN)).one())


def taken_back(connection: sa.Connection, since: dt.datetime) -> TakenBack:
    """See ``mpi.ports.DecisionRepository``."""
    is_own = _act.content["undone_by"].as_string() == _act.decided_by
    is_undone = _act.undone_at.is_not(None)
    counts = sa.select(
        sa.func.count(),
        sa.func.count(sa.case((sa.and_(is_undone, is_own), 1))),
        sa.func.count(sa.case((sa.and_(is_undone, sa.not_(is_own)), 1))),
    ).where(_act.decided_at >= since)
    return TakenBack(*connection.execute(counts).one())
