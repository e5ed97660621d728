"""A hub with many sites whose archives are stubs in its process: what is measured is the hub, not archives."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from federation.errors import SourceError, SourceUnavailable
from federation.imaging.studies import SiteStudy, StudyStart
from federation.ports import SiteAnswer, SiteProbe
from federation.sites.directory import SiteDirectory
from federation.sites.site import SiteId
from gateway.bootstrap import Hub, build_hub
from gateway.clock import new_id, utc_now
from gateway.demo_issuer import DemoIssuer
from gateway.settings import AuthSettings, FederationSettings, HttpSettings, Settings, SiteSettings, StoreSettings
from mpi.identity.demographics import AdministrativeSex, Demographics, PartialDate, PersonName
from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.updates import DemographicsUpdate
from mpi.usecases.register_record import RegisterRecord, register_record

DESCRIPTIONS = (
    ("CT", "CT ABD/PELVIS W CONTRAST"), ("MR", "MRI BRAIN WO/W CONTRAST"), ("CR", "XR CHEST 2 VIEWS"),
    ("US", "US RENAL"), ("CT", "CT CHEST WO CONTRAST"), ("MG", "MAMMO SCREENING BILATERAL"), ("MR", "MR KNEE LEFT"),
)  # fmt: skip
_WHO = Demographics(
    name=PersonName("Quillfeather", "Ana", "Maria"), birth_date=PartialDate(1984, 3, 12), sex=AdministrativeSex.FEMALE,
    phones=("202-555-0134",), ssn_last4="4821", national_id="N-17",
)  # fmt: skip


def _who(person: int) -> Demographics:
    """The first is ``_WHO``; nobody is like anybody else, or matching them all would be what is measured."""
    if person == 0:
        return _WHO
    letters = "".join(chr(97 + person // 26**place % 26) for place in range(3))
    return replace(
        _WHO,
        name=PersonName(f"Quill{letters}feather", f"{letters[::-1].title()}ana", "Maria"),
        birth_date=PartialDate(1930 + person * 7 % 70, 1 + person % 12, 1 + person * 5 % 28),
        phones=(f"202-555-{1000 + person}",),
        ssn_last4=f"{person:04d}",
        national_id=f"N-{person}",
    )


def identifier_at(site: int, person: int = 0) -> PatientIdentifier:
    """The number of a person at a site."""
    return PatientIdentifier(_name(site), f"{person:05d}")


def _name(site: int) -> str:
    return f"S{site:03d}"


@dataclass(slots=True)
class StubSource:
    """Answers after ``delay_seconds`` with the studies of whoever is asked for; may hang, or fail by chance.

    ``newest_at`` is when the newest of them was begun, ``newest`` its modality and description (else one of many).
    """

    site_id: SiteId
    studies_each: int
    delay_seconds: float = 0.0
    hangs: bool = False
    failing_share: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    took_seconds: float = 0.0
    at_once: int = 0
    newest_at: dt.datetime = dt.datetime(2026, 1, 5, 9, 30, tzinfo=dt.UTC)
    newest: tuple[str, str] | None = None
    protocol: str = "stub"

    async def search_for_studies(self, identifier: PatientIdentifier, *, timeout_seconds: float) -> SiteAnswer:
        started = time.perf_counter()
        self.at_once += 1
        try:
            if self.hangs:
                await asyncio.Event().wait()
            if self.chance.random() < self.failing_share:
                await self._fail()
            await asyncio.sleep(self.delay_seconds)
            return SiteAnswer(tuple(self._study(identifier, number) for number in range(self.studies_each)))
        finally:
            self.at_once -= 1
            self.took_seconds = time.perf_counter() - started

    async def check(self, *, timeout_seconds: float) -> SiteProbe:
        return SiteProbe(self.site_id, ok=True, latency_ms=0)

    async def aclose(self) -> None:
        return None

    async def _fail(self) -> None:
        errors: tuple[SourceError | None, ...] = (SourceUnavailable("connection_refused"), None)
        error = self.chance.choice(errors)
        if error is not None:
            raise error
        await asyncio.Event().wait()

    def _study(self, identifier: PatientIdentifier, number: int) -> SiteStudy:
        modality, description = DESCRIPTIONS[(number + len(self.site_id)) % len(DESCRIPTIONS)]
        if number == 0 and self.newest is not None:
            modality, description = self.newest
        who = _who(int(identifier.local_patient_id))
        instant = self.newest_at - dt.timedelta(days=37 * number + int(self.site_id[1:]), minutes=number)
        return SiteStudy(
            site_id=self.site_id,
            study_instance_uid=f"2.999.{self.site_id[1:]}.{identifier.local_patient_id}.{number}",
            patient_identifier=identifier,
            started=StudyStart(instant.date(), instant),
            modalities=(modality,),
            description=description,
            accession_number=f"{self.site_id}-{number}",
            series_count=3,
            instance_count=120,
            patient_name=who.name,
            birth_date=who.birth_date,
            sex=who.sex,
        )


@dataclass(slots=True)
class StubWorld:
    """A hub on SQLite; ``people`` persons known at every site. ``token`` lets a physician in."""

    hub: Hub
    sources: list[StubSource]
    issuer: DemoIssuer


@contextmanager
def stub_world(
    folder: Path, *, sites: int, studies_each: int, people: int = 1, patience_ms: int = 15_000
) -> Iterator[StubWorld]:
    """The hub is not served; ``hub.directory`` asks the stubs."""
    issuer = DemoIssuer(issuer="http://127.0.0.1/bench")
    (folder / "jwks.json").write_text(json.dumps(issuer.jwks), encoding="utf-8")
    settings = Settings(
        store=StoreSettings(url=f"sqlite:///{folder / 'hub.db'}"),
        http=HttpSettings(port=0),
        auth=AuthSettings(issuer=issuer.issuer, jwks_file=folder / "jwks.json"),
        federation=FederationSettings(patience_ms=patience_ms),
        sites=tuple(
            SiteSettings(id=_name(n), name=f"Hospital {n}", assigning_authority=_name(n)) for n in range(sites)
        ),
    )
    built = build_hub(settings, migrate=True)
    sources = [StubSource(SiteId(_name(number)), studies_each) for number in range(sites)]
    directory = SiteDirectory(built.directory.sites, {s.site_id: s for s in sources}, built.directory.asking)
    try:
        for person in range(people):
            _register(built, person, sites)
        yield StubWorld(replace(built, directory=directory), sources, issuer)
    finally:
        built.engine.dispose()


def _register(hub: Hub, person: int, sites: int) -> None:
    """One person at all sites: numbers that the sites assert together are one person."""
    who = _who(person)
    identifiers = tuple(identifier_at(number, person) for number in range(sites))
    with hub.units() as uow:
        register_record(
            RegisterRecord(
                site_id=_name(0), identifiers=identifiers, update=DemographicsUpdate(who, frozenset()),
                event_at=utc_now(), source="bench", own_authority=_name(0),
            ),
            uow=uow, matcher=hub.matcher, clock=utc_now, new_id=new_id,
        )  # fmt: skip
        for number in range(1, sites):
            register_record(
                RegisterRecord(
                    site_id=_name(number), identifiers=(identifier_at(number, person),),
                    update=DemographicsUpdate(who, frozenset()), event_at=utc_now(), source="bench",
                    own_authority=_name(number),
                ),
                uow=uow, matcher=hub.matcher, clock=utc_now, new_id=new_id,
            )  # fmt: skip
        uow.commit()
