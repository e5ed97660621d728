"""Hospitals whose archives can be slow, down or well again, an index of studies behind them, one event loop."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field

from adapters.simulated.memory_store import MemoryStore, MemoryUnitOfWork
from federation.asking.answer_keeper import AnswerKeeper
from federation.asking.asking import Asking
from federation.asking.rules import AskingRules
from federation.errors import SourceError, SourceUnavailable
from federation.imaging.orders import ImagingOrder
from federation.imaging.procedures import Contrast, Laterality, Modality, Procedure
from federation.imaging.rule_set import default_rule_set
from federation.imaging.studies import SiteStudy, StudyStart
from federation.imaging.study_index import IndexedAnswer
from federation.ports import SiteAnswer, SiteProbe
from federation.sites.circuit import CircuitRules
from federation.sites.coverage import SiteCoverage
from federation.sites.directory import SiteDirectory
from federation.sites.site import Site, SiteId
from federation.usecases.check_order import CheckedOrder, check_order
from federation.usecases.imaging_history import PersonHistory, imaging_history
from federation.usecases.reassess_alerts import reassess_alerts
from gateway.outbox_work import OutboxWork
from mpi.identity.demographics import PartialDate, PersonName
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from tests.builders import NOON, Index, person, pid

CT_ABDOMEN = Procedure(Modality.CT, frozenset({"ABDOMEN", "PELVIS"}), Laterality.NONE, Contrast.WITH)
ANA = person("Arroyo", "Ana", born="1984-03-12", sex="F", phone="202-555-0134", ssn_last4="4821")
BAYO = person("Okafor", "Bayo", born="1961-11-30", sex="M", phone="202-555-0188", ssn_last4="1177")
SITES = ("LKM", "NGH", "RDI")


def study(uid: str, patient: str, *, days_ago: float = 3, name: PersonName | None = None,
          born: PartialDate | None = None) -> SiteStudy:  # fmt: skip
    instant = NOON - dt.timedelta(days=days_ago)
    return SiteStudy(
        site_id=SiteId(patient.partition("|")[0]),
        study_instance_uid=uid,
        patient_identifier=pid(patient),
        started=StudyStart(instant.date(), instant),
        modalities=("CT", "SR"),
        description="CT ABD/PELVIS W CONTRAST",
        images_available=True,
        patient_name=name or PersonName("ARROYO", "ANA"),
        birth_date=born or PartialDate(1984, 3, 12),
    )


@dataclass(slots=True)
class Archive:
    """An archive that holds rows; ``gate`` closed makes it wait, ``error`` makes it fail, ``whole`` false cuts."""

    site_id: SiteId
    rows: list[SiteStudy] = field(default_factory=list)
    error: SourceError | None = None
    whole: bool = True
    asked: list[PatientIdentifier] = field(default_factory=list)
    gate: asyncio.Event | None = None
    failing_numbers: set[PatientIdentifier] = field(default_factory=set)
    protocol: str = "fake"

    async def search_for_studies(self, identifier: PatientIdentifier, *, timeout_seconds: float) -> SiteAnswer:
        self.asked.append(identifier)
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        if identifier in self.failing_numbers:
            raise SourceUnavailable("connection_refused")
        return SiteAnswer(tuple(r for r in self.rows if r.patient_identifier == identifier), is_complete=self.whole)

    async def check(self, *, timeout_seconds: float) -> SiteProbe:
        return SiteProbe(self.site_id, ok=True, latency_ms=0)

    async def aclose(self) -> None:
        return None

    def hang(self) -> asyncio.Event:
        """From now on it waits for the event."""
        self.gate = asyncio.Event()
        return self.gate


class LateWorld:
    """Use ``asyncio.run(story(world))``: everything happens in one loop, as in the hub."""

    def __init__(self, *rows: SiteStudy, rules: AskingRules | None = None, with_index: bool = True) -> None:
        self.store = MemoryStore()
        self.now = NOON
        self.monotonic = 1000.0
        self.index_is_down = False
        self.index = Index(self.units)
        self.archives = {s: Archive(SiteId(s), [r for r in rows if r.site_id == s]) for s in SITES}
        self.keeper = AnswerKeeper(self.units, clock=self.clock, new_id=self.index.new_id)
        self.asking = Asking(
            rules=rules or AskingRules(circuit=CircuitRules(failures_to_open=3, open_seconds=10.0)),
            read=self.reading if with_index else None,
            keeper=self.keeper if with_index else None,
            seconds=lambda: self.monotonic,
        )
        sites = {SiteId(s): Site(SiteId(s), f"{s} Hospital", s, sr_means_final_report=True) for s in SITES}
        sources = {archive.site_id: archive for archive in self.archives.values()}
        self.directory = SiteDirectory(sites, sources, self.asking)

    def clock(self) -> dt.datetime:
        return self.now

    def units(self) -> MemoryUnitOfWork:
        return MemoryUnitOfWork(self.store)

    def reading(self) -> MemoryUnitOfWork:
        if self.index_is_down:
            raise OSError("the database is away")
        return MemoryUnitOfWork(self.store, read_only=True)

    async def history(self, patient: str, *, deadline_seconds: float = 0.3) -> PersonHistory:
        return await imaging_history(
            pid(patient), read=self.units, directory=self.directory, procedure_of=lambda _: CT_ABDOMEN,
            deadline_seconds=deadline_seconds, clock=self.clock,
        )  # fmt: skip

    async def check(self, patient: str, *, deadline_seconds: float = 0.3) -> CheckedOrder:
        order = ImagingOrder(pid(patient), SiteId("NGH"), self.now, CT_ABDOMEN)
        return await check_order(
            order, checked_by="physician-1", units=self.units, read=self.units, directory=self.directory,
            procedure_of=lambda _: CT_ABDOMEN, rules=default_rule_set(), deadline_seconds=deadline_seconds,
            clock=self.clock, new_id=self.index.new_id,
        )  # fmt: skip

    async def reassess(self, *persons: EnterpriseId) -> int:
        return await reassess_alerts(
            persons, units=self.units, read=self.units, directory=self.directory, procedure_of=lambda _: CT_ABDOMEN,
            rules=default_rule_set(), deadline_seconds=0.3, clock=self.clock,
        )  # fmt: skip

    def entry(self, site: str, identifier: str) -> IndexedAnswer | None:
        with self.reading() as uow:
            found = [entry for entry in uow.study_index.of([pid(identifier)]) if entry.site_id == site]
        return found[0] if found else None

    def outbox(self) -> list[str]:
        """Kinds of the rows that wait."""
        with self.units() as uow:
            return [m.kind for m in uow.outbox.due(limit=100, now=self.now, retry_after_seconds=0)]

    def empty_outbox(self) -> None:
        """Forget what waits."""
        with self.units() as uow:
            for message in uow.outbox.due(limit=100, now=self.now, retry_after_seconds=0):
                uow.outbox.mark_done(message.outbox_id, at=self.now)
            uow.commit()

    async def work(self) -> None:
        """Do what waits in the outbox, as the worker does."""
        loop = asyncio.get_running_loop()
        worker = OutboxWork(
            units=self.units, read=self.units, directory=self.directory, procedure_of=lambda _: CT_ABDOMEN,
            rules=default_rule_set(), deadline_seconds=0.3, clock=self.clock, new_id=self.index.new_id,
            run=lambda work: asyncio.run_coroutine_threadsafe(work, loop).result(),
        )  # fmt: skip
        with self.units() as uow:
            waiting = [m.outbox_id for m in uow.outbox.due(limit=100, now=self.now, retry_after_seconds=0)]
        for outbox_id in waiting:
            await asyncio.to_thread(worker, outbox_id)


def coverage(found: PersonHistory | CheckedOrder, site: str) -> SiteCoverage:
    return next(entry for entry in found.history.coverage.sites if entry.site_id == site)


def uids(found: PersonHistory | CheckedOrder) -> list[str]:
    return [each.study_instance_uid for each in found.history.studies]


def world_of_ana(*rows: SiteStudy, numbers: Iterable[str] = ("NGH|1", "LKM|9"), **how: object) -> LateWorld:
    """Ana is known at two hospitals; unless told otherwise one of them did a scan of hers three days ago."""
    world = LateWorld(*(rows or (study("2.999.1", "LKM|9"),)), **how)  # type: ignore[arg-type]
    for number in numbers:
        world.index.register(number, as_=ANA)
    world.empty_outbox()
    return world
