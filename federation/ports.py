"""What the federation needs from outside: archives to ask, and a store for what it judged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from federation.imaging.order_checks import OrderCheck
from federation.imaging.studies import SiteStudy
from federation.sites.site import SiteId
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.ports import UnitOfWork as IdentityUnitOfWork


@dataclass(frozen=True, slots=True)
class SiteAnswer:
    """What one archive said about one patient identifier.

    ``is_complete`` is false when the list may be cut (state PARTIAL). ``warnings`` are stable codes
    (``missing_study_uid``, ``unrequested_patient``, ``bad_number`` ...). ``dropped_count`` counts rows that were not
    about the identifier asked for: they are in no list.
    """

    studies: tuple[SiteStudy, ...]
    is_complete: bool = True
    warnings: tuple[str, ...] = ()
    dropped_count: int = 0


@dataclass(frozen=True, slots=True)
class SiteProbe:
    """What a check of an archive found. ``latency_ms`` of the probe; ``details`` are capabilities, name to text."""

    site_id: SiteId
    ok: bool
    latency_ms: int
    details: tuple[tuple[str, str], ...] = ()
    reason: str | None = None


class PriorSource(Protocol):
    """An archive that can be asked for the studies of one patient identifier."""

    @property
    def site_id(self) -> SiteId: ...

    @property
    def protocol(self) -> str:
        """How it is asked, for people: ``DICOMweb``, ``DIMSE`` ..."""

    async def search_for_studies(self, identifier: PatientIdentifier, *, timeout_seconds: float) -> SiteAnswer:
        """All studies filed under exactly this identifier.

        Never returns a study of another identifier, and never an empty answer for a failure.

        Raises:
            SourceError: one of its kinds, always; no library's error leaves a source.
        """

    async def check(self, *, timeout_seconds: float) -> SiteProbe:
        """Ask whether the archive is there and what it supports. A failure is a result, not an error."""

    async def aclose(self) -> None:
        """Give up connections. Idempotent."""


class OrderCheckRepository(Protocol):
    """Judged orders; history is append-only, one row a revision."""

    def append(self, check: OrderCheck) -> None:
        """Keep one revision; ``(check_id, revision)`` is unique."""

    def newest(self, check_id: str) -> OrderCheck | None: ...

    def open_checks_of(self, enterprise_ids: Collection[EnterpriseId], *, since: dt.datetime) -> Sequence[OrderCheck]:
        """Newest revision of each check about one of these persons (or whose order's identifier resolves to one)."""


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """One event waiting to be told. ``kind`` is ``person_changed``; ``body`` holds ids only."""

    outbox_id: int
    kind: str
    body: dict[str, object]
    created_at: dt.datetime
    attempts: int = 0


class Outbox(Protocol):
    """The durable queue: rows written with the change they tell of, carried to the workers by a relay."""

    def due(self, *, limit: int, now: dt.datetime, retry_after_seconds: float) -> Sequence[OutboxMessage]:
        """Rows neither done nor handed to a worker during the last ``retry_after_seconds``, oldest first."""

    def mark_enqueued(self, outbox_ids: Collection[int], *, at: dt.datetime) -> None: ...

    def get(self, outbox_id: int) -> OutboxMessage | None:
        """The row if it is not done, locked for this unit of work; ``None`` when done (a repeat has no effect)."""

    def mark_done(self, outbox_id: int, *, at: dt.datetime) -> None: ...


class UnitOfWork(IdentityUnitOfWork, Protocol):
    """The index's unit of work, with what the federation keeps."""

    @property
    def order_checks(self) -> OrderCheckRepository: ...
    @property
    def outbox(self) -> Outbox: ...
