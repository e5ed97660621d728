"""The HL7 v2 door as a sender meets it: a listener on loopback over a store, and acknowledgements taken apart."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count

import sqlalchemy as sa

from adapters.hl7v2.dispatch import Dispatcher
from adapters.hl7v2.framing import FrameReader
from adapters.hl7v2.mllp import MllpListener, MllpSettings
from adapters.hl7v2.settings import Hl7Settings
from adapters.simulated.memory_store import MemoryStore, memory_unit_of_work_factory
from adapters.store.engine import make_engine
from adapters.store.tables import source_record
from adapters.store.unit_of_work import unit_of_work_factory
from federation.ports import UnitOfWork
from mpi.identity.identifiers import AuthorityRegistry, PatientIdentifier
from mpi.identity.records import SourceRecord
from mpi.matching.match_model import default_model
from mpi.usecases.matcher import Matcher
from tests.builders import AUTHORITIES

RECEIVED_AT = dt.datetime(2026, 3, 20, 8, 0, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class OpenStore:
    """Units of work, and every record there is (no port lists them all: nothing but a test wants to)."""

    units: Callable[[], UnitOfWork]
    all_records: Callable[[], list[SourceRecord]]


def memory_store() -> OpenStore:
    units = memory_unit_of_work_factory(store := MemoryStore())

    def all_records() -> list[SourceRecord]:
        transaction = store.begin(read_only=True)
        try:
            return list(transaction.state.records.values())
        finally:
            transaction.end(keep=False)

    return OpenStore(units, all_records)


@contextmanager
def sql_store(url: str) -> Iterator[OpenStore]:
    """A store on a migrated database."""
    engine = make_engine(url)
    units = unit_of_work_factory(engine)

    def all_records() -> list[SourceRecord]:
        columns = (source_record.c.assigning_authority, source_record.c.local_patient_id)
        with engine.connect() as connection:
            ids = [PatientIdentifier(*row) for row in connection.execute(sa.select(*columns))]
        with units() as uow:
            return list(uow.records.get_many(ids).values())

    try:
        yield OpenStore(units, all_records)
    finally:
        engine.dispose()


@dataclass
class Door:
    """A dispatcher over a store; ``told`` is what it let be observed."""

    units: Callable[[], UnitOfWork]
    authorities: AuthorityRegistry = AUTHORITIES
    settings: Hl7Settings = field(default_factory=Hl7Settings)
    told: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    clock: Callable[[], dt.datetime] = lambda: RECEIVED_AT

    def __post_init__(self) -> None:
        ids = count(1)
        self.dispatcher = Dispatcher(
            self.units,
            matcher=Matcher(default_model(), self.authorities),
            clock=self.clock,
            new_id=lambda: f"id-{next(ids):05d}",
            settings=self.settings,
            observe=self.observe,
        )

    def observe(self, event: str, fields: Mapping[str, object]) -> None:
        self.told.append((event, fields))

    def send(self, message: bytes | str) -> Ack:
        """Without the network."""
        return Ack.parse(self.dispatcher.handle(message if isinstance(message, bytes) else message.encode()))

    @asynccontextmanager
    async def listening(self, **settings: float) -> AsyncIterator[MllpListener]:
        listener = MllpListener(
            self.dispatcher.handle,
            refuse_oversized=self.dispatcher.refuse_oversized,
            settings=MllpSettings(port=0, **settings),  # type: ignore[arg-type]
            observe=self.observe,
        )
        async with listener:
            yield listener


@dataclass(frozen=True)
class Ack:
    """An acknowledgement taken apart by its own separators."""

    segments: Mapping[str, Sequence[str]]

    @classmethod
    def parse(cls, data: bytes) -> Ack:
        lines = [line for line in data.decode("utf-8", "surrogateescape").split("\r") if line]
        separator = lines[0][3]
        rows = [line.split(separator) for line in lines]
        rows[0].insert(1, separator)
        return cls({row[0]: row for row in rows})

    def get(self, place: str) -> str:
        """``MSH-9.2`` and the like; empty when absent."""
        segment, _, number = place.partition("-")
        field_number, _, component = number.partition(".")
        row = self.segments.get(segment, ())
        text = row[int(field_number)] if int(field_number) < len(row) else ""
        if not component:
            return text
        parts = text.split("^")
        return parts[int(component) - 1] if int(component) <= len(parts) else ""

    @property
    def code(self) -> str:
        return self.get("MSA-1")

    @property
    def control_id(self) -> str:
        return self.get("MSA-2")

    @property
    def error(self) -> str:
        """``PID^1^3 / 101``, or empty."""
        return f"{self.get('ERR-2')} / {self.get('ERR-3.1')}" if "ERR" in self.segments else ""


async def converse(
    port: int, data: bytes, *, chunks: Collection[int] = (), answers: int, timeout_seconds: float = 20
) -> list[Ack]:
    """Write the bytes in writes of these sizes over one connection and read that many acknowledgements."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        position = 0
        for size in (*chunks, len(data)):
            writer.write(data[position : position + size])
            await writer.drain()
            await asyncio.sleep(0)
            position += size
        frames = FrameReader(max_frame_bytes=1 << 20)
        found: list[Ack] = []
        async with asyncio.timeout(timeout_seconds):
            while len(found) < answers:
                received = await reader.read(65_536)
                if not received:
                    break
                found += [Ack.parse(frame.content) for frame in frames.feed(received)]
        return found
    finally:
        writer.close()
        await writer.wait_closed()
