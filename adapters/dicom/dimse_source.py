"""Asks an archive by C-FIND (Study Root, STUDY level). Threads carry the exchanges, the event loop never waits.

Source: DICOM PS3.4 C.4.1 (C-FIND), PS3.7 9.1.2, 9.1.5 (C-ECHO).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count
from typing import TypeVar

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom.association import Association

from adapters.connection.so_far import SoFar
from adapters.dicom.attributes import Attributes
from adapters.dicom.dataset import UNREADABLE, read_dataset
from adapters.dicom.dimse_association import Call, find_model, find_models
from adapters.dicom.dimse_pool import AssociationPool
from adapters.dicom.dimse_probe import Found, probed
from adapters.dicom.dimse_query import (
    CANCELLED,
    IDENTIFIER_MISMATCH,
    PENDING,
    SUCCESS,
    error_of_status,
    is_warning,
    study_query,
)
from adapters.dicom.dimse_socket import socket_of
from adapters.dicom.question import Question
from adapters.dicom.quiet_libraries import silence_pynetdicom
from adapters.dicom.row_collector import RowCollector
from adapters.dicom.settings import DimseSettings
from federation.errors import SourceError, SourceProtocolError, SourceTimedOut, SourceUnavailable
from federation.ports import SiteAnswer, SiteProbe
from federation.sites.issuers import check_identifier
from federation.sites.site import Site, SiteId
from mpi.identity.identifiers import PatientIdentifier

T = TypeVar("T")

_SAFETY_SECONDS = 0.5
"""pynetdicom's own timeout lies this far behind ours, so that ours decides."""
_MOST_SURPLUS_ROWS = 200
"""So many rows may still come after the peer was asked to stop."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How an exchange ended. ``status`` is ``None`` when the association was lost first.

    ``is_running``: the peer goes on sending what nobody wants. ``is_stopped``: it ended the list as we asked it to.
    """

    status: int | None
    unreadable_count: int = 0
    is_cut: bool = False
    is_too_large: bool = False
    is_running: bool = False
    is_stopped: bool = False
    details: tuple[tuple[str, str], ...] = ()

    @property
    def is_lost(self) -> bool:
        """Broken off by the peer or on the way: another association may do better."""
        return self.status is None and not self.is_too_large

    @property
    def is_usable(self) -> bool:
        """Whether the association can serve another exchange."""
        return self.status is not None and not self.is_running


class DimseSource:
    """A ``PriorSource`` over C-FIND. One instance a site; associations are kept and reused."""

    protocol = "DIMSE"

    def __init__(
        self,
        site: Site,
        settings: DimseSettings,
        *,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        silence_pynetdicom()
        self._site = site
        self._settings = settings
        self._clock = clock
        self._pool = AssociationPool(settings)
        self._threads = ThreadPoolExecutor(settings.max_associations, thread_name_prefix=f"dimse-{site.site_id}")
        self._calls: set[Call] = set()
        self._so_far = SoFar()
        self._message_ids = count(1)
        self._knows_optional_keys = settings.asks_optional_keys
        self._is_closed = False

    @property
    def site_id(self) -> SiteId:
        return self._site.site_id

    async def search_for_studies(self, identifier: PatientIdentifier, *, timeout_seconds: float) -> SiteAnswer:
        """See ``PriorSource``. Rows that arrived before a break or the deadline are kept: the answer is partial."""
        check_identifier(identifier)
        question = Question(self._site, identifier, self._clock(), self._settings.issuers)
        call = Call(time.monotonic() + timeout_seconds)
        try:
            with self._so_far.hearing(identifier, lambda: _answer(question, tuple(call.rows), (), is_complete=False)):
                outcome = await self._in_thread(call, lambda: self._find(call, identifier.local_patient_id))
        except SourceTimedOut as error:
            rows = tuple(call.rows)
            if not rows:
                raise
            return _answer(question, rows, (error.reason,), is_complete=False)
        return _judge(question, call.rows, outcome)

    def said_so_far(self, identifier: PatientIdentifier) -> SiteAnswer | None:
        """See ``HearsInParts``: the rows that have come."""
        return self._so_far.of(identifier)

    async def check(self, *, timeout_seconds: float) -> SiteProbe:
        """C-ECHO, what the archive accepted, and what it supports."""
        started = time.monotonic()
        call = Call(started + timeout_seconds)
        details: tuple[tuple[str, str], ...] = ()
        reason: str | None = None
        try:
            details = await self._in_thread(call, lambda: self._echo(call))
            details = (*details, *await self._supported(call))
        except SourceError as error:
            reason = error.reason
        return SiteProbe(self.site_id, reason is None, int((time.monotonic() - started) * 1000), details, reason)

    async def aclose(self) -> None:
        """See ``PriorSource``. Exchanges in flight are cut off; no thread is left."""
        self._is_closed = True
        for call in tuple(self._calls):
            call.sever()
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._pool.close()

    async def _in_thread(self, call: Call, work: Callable[[], T]) -> T:
        """Run blocking work until the call's deadline; then, or when cancelled, cut it off without waiting for it."""
        if self._is_closed:
            raise SourceUnavailable("closed")
        self._calls.add(call)
        try:
            async with asyncio.timeout(call.seconds_left):
                return await asyncio.wrap_future(self._threads.submit(work))
        except TimeoutError:
            call.sever()
            raise SourceTimedOut("deadline") from None
        except asyncio.CancelledError:
            call.sever()
            if self._is_closed:
                raise SourceUnavailable("closed") from None
            raise
        finally:
            self._calls.discard(call)

    def _find(self, call: Call, local_patient_id: str) -> _Outcome:
        """Carry one query, in a plainer form if the archive refuses the keys it does not know."""
        found = self._carry(call, lambda association: self._find_on(association, call, local_patient_id))
        if found.status == IDENTIFIER_MISMATCH and self._knows_optional_keys and not call.rows:
            self._knows_optional_keys = False
            found = self._carry(call, lambda association: self._find_on(association, call, local_patient_id))
        return found

    def _carry(self, call: Call, exchange: Callable[[Association], _Outcome]) -> _Outcome:
        """Run an exchange on a kept association, once more on a new one if the kept one turns out broken."""
        association, was_used = self._pool.take(call)
        outcome = self._run(association, call, exchange)
        if outcome.is_lost and was_used and not call.rows and not call.severed.is_set():
            outcome = self._run(self._pool.open(call), call, exchange)
        return outcome

    def _run(self, association: Association, call: Call, exchange: Callable[[Association], _Outcome]) -> _Outcome:
        is_usable = False
        association.dimse_timeout = call.seconds_left + _SAFETY_SECONDS
        connection = socket_of(association)
        if connection is not None:
            connection.bytes_allowed = self._settings.max_answer_bytes
        try:
            outcome = exchange(association)
            if connection is not None and connection.is_overfed:
                outcome = replace(outcome, is_too_large=True)
            is_usable = outcome.is_usable
        except (*UNREADABLE, RuntimeError):
            return _Outcome(None)
        finally:
            call.detach()
            self._pool.give_back(association, is_usable=is_usable)
        return outcome

    def _find_on(self, association: Association, call: Call, local_patient_id: str) -> _Outcome:
        query = study_query(local_patient_id, with_optional_keys=self._knows_optional_keys)
        return self._read_rows(association, call, query, self._settings.max_rows)

    def _read_rows(self, association: Association, call: Call, query: Dataset, most_rows: int) -> _Outcome:
        """Read rows to the end, or to the limit: then the peer is asked to stop, and what it still sends is not kept.

        Many archives ignore C-CANCEL; one that sends on and on is cut off.
        """
        model, message_id = find_model(association), self._message_id()
        unreadable_count = surplus_count = 0
        for answer, row in association.send_c_find(query, model, msg_id=message_id):
            status = answer.get("Status")
            if status not in PENDING:
                is_stopped = surplus_count > 0 and status == CANCELLED
                return _Outcome(
                    SUCCESS if is_stopped else status,
                    unreadable_count,
                    is_cut=surplus_count > 0,
                    is_stopped=is_stopped,
                )
            if len(call.rows) >= most_rows:
                surplus_count += 1
                if surplus_count == 1:
                    association.send_c_cancel(message_id, query_model=model)
                elif surplus_count > _MOST_SURPLUS_ROWS:
                    return _Outcome(SUCCESS, unreadable_count, is_cut=True, is_running=True)
            elif row is None:
                unreadable_count += 1
            else:
                call.rows.append(read_dataset(row, fallback_charset=self._settings.fallback_charset))
        return _Outcome(None, unreadable_count)

    def _echo(self, call: Call) -> tuple[tuple[str, str], ...]:
        outcome = self._carry(call, self._echo_on)
        if outcome.is_lost:
            raise SourceUnavailable("association_lost")
        error = error_of_status(outcome.status or SUCCESS)
        if error is not None:
            raise error
        return outcome.details

    def _echo_on(self, association: Association) -> _Outcome:
        details = (
            ("find_model", UID(find_model(association)).name),
            ("find_models_taken", " ".join(find_models(association))),
            ("implementation", association.acceptor.implementation_version_name or ""),
            ("largest_pdu", str(association.acceptor.maximum_length)),
        )
        status = association.send_c_echo(msg_id=self._message_id()).get("Status")
        return _Outcome(status, details=tuple((name, text) for name, text in details if text))

    async def _supported(self, call: Call) -> tuple[tuple[str, str], ...]:
        """What it does not say before the deadline is not known; the archive is there all the same."""

        def ask(query: Dataset, most_rows: int) -> Found:
            call.rows.clear()
            outcome = self._carry(call, lambda association: self._read_rows(association, call, query, most_rows))
            return Found(CANCELLED if outcome.is_stopped else outcome.status, tuple(call.rows), outcome.is_cut)

        def probe() -> tuple[tuple[str, str], ...]:
            settings = self._settings
            return probed(ask, settings.test_patient_id, with_optional_keys=settings.asks_optional_keys)

        try:
            return await self._in_thread(call, probe)
        except SourceTimedOut as error:
            return (("probe", error.reason),)

    def _message_id(self) -> int:
        return next(self._message_ids) % 65_535 + 1


def _judge(question: Question, rows: Sequence[Attributes], outcome: _Outcome) -> SiteAnswer:
    """The answer that a finished C-FIND amounts to. Source: PS3.4 table C.4-1."""
    if outcome.status is None and not rows:
        raise SourceProtocolError("answer_too_large") if outcome.is_too_large else SourceUnavailable("association_lost")
    error = None if outcome.status is None else error_of_status(outcome.status)
    if error is not None:
        raise error
    if outcome.unreadable_count and not rows:
        raise SourceProtocolError("unreadable_rows")
    warnings = {
        "association_lost": outcome.is_lost,
        "answer_too_large": outcome.is_too_large,
        "cancelled": outcome.status == CANCELLED,
        "site_warning": outcome.status is not None and is_warning(outcome.status),
        "too_many_rows": outcome.is_cut,
        "bad_row": outcome.unreadable_count > 0,
    }
    is_complete = outcome.status == SUCCESS and not outcome.is_cut
    return _answer(question, rows, (name for name, holds in warnings.items() if holds), is_complete=is_complete)


def _answer(
    question: Question, rows: Iterable[Attributes], warnings: Iterable[str], *, is_complete: bool
) -> SiteAnswer:
    collector = RowCollector(question)
    for warning in warnings:
        collector.warn(warning)
    for row in rows:
        collector.add(row)
    return collector.answer(is_complete=is_complete)
