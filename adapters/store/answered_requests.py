"""Requests that a client gave a key, with the answers they got."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Any

import sqlalchemy as sa

from adapters.store.statements import insert_of, rows
from adapters.store.tables import answered_request
from federation.ports import AnsweredRequest

_T = answered_request.c
_FORGET = sa.delete(answered_request).where(_T.claimed_at < sa.bindparam("before"))


class SqlAnsweredRequests:
    """``federation.ports.AnsweredRequests`` on a connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def claim(
        self, caller: str, key: str, *, request_hash: str, at: dt.datetime, stale_before: dt.datetime
    ) -> AnsweredRequest | None:
        mine = {"caller": caller, "request_key": key, "request_hash": request_hash, "claimed_at": at, "answer": None}
        if self._connection.execute(_claim(self._connection.dialect.name), mine).first() is not None:
            return None
        (stored,) = rows(self._connection, sa.select(answered_request).where(_is(caller, key)).with_for_update())
        if stored["answer"] is None and stored["claimed_at"] < stale_before:
            self._connection.execute(sa.update(answered_request).where(_is(caller, key)).values(mine))
            return None
        answer = stored["answer"]
        return AnsweredRequest(stored["request_hash"], None if answer is None else bytes(answer))

    def keep(self, caller: str, key: str, *, answer: bytes) -> None:
        self._connection.execute(sa.update(answered_request).where(_is(caller, key)).values(answer=answer))

    def release(self, caller: str, key: str) -> None:
        self._connection.execute(sa.delete(answered_request).where(_is(caller, key), _T.answer.is_(None)))

    def forget_before(self, instant: dt.datetime) -> None:
        self._connection.execute(_FORGET, {"before": instant})


@cache
def _claim(dialect: str) -> sa.Executable:
    return insert_of(dialect, answered_request).on_conflict_do_nothing().returning(_T.caller)


def _is(caller: str, key: str) -> sa.ColumnElement[Any]:
    return sa.and_(_T.caller == caller, _T.request_key == key)
