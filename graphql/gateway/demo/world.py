"""Starts everything the demo needs on free loopback ports, and takes it down again.

hospitals (DIMSE, DICOMweb servers) <- hub (HTTP) <- people        hospitals -> MLLP listener -> index
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.hl7v2.mllp import send_messages
from adapters.simulated.adt_feed import adt_messages
from adapters.simulated.dicomweb_hospital import DicomwebHospital
from adapters.simulated.dimse_hospital import DimseHospital
from adapters.simulated.hospital import Protocol, SimulatedHospital
from adapters.simulated.population import simulate_hospitals
from adapters.simulated.story import NATIONAL_AUTHORITY, STORY
from gateway.access_settings import AuthSettings
from gateway.archive_settings import DicomwebArchive, DimseArchive
from gateway.bootstrap import build_hub
from gateway.cli.serving import bind
from gateway.clock import utc_now
from gateway.demo.ehr import DemoEhr, cds_hooks_settings, make_demo_ehr
from gateway.demo.entrances import DemoEntrances, start_entrances
from gateway.demo_issuer import DemoIssuer
from gateway.listener import make_listener
from gateway.loop_thread import LoopThread
from gateway.serving import HubServer, ServerThread
from gateway.settings import (
    AuthoritySettings,
    CdsHooksSettings,
    FederationSettings,
    HttpSettings,
    MllpSettings,
    Settings,
    SiteSettings,
    StoreSettings,
    WebSettings,
)
from gateway.worker import running_worker

DEADLINE_MS = 2_000
VIEWER = "https://viewer.example/viewer?StudyInstanceUIDs={study_instance_uid}"

HospitalServer = DimseHospital | DicomwebHospital


@dataclass(frozen=True, slots=True)
class DemoWorld:
    """A running demo. ``feed_connections`` deliver HL7 messages to ``mllp_port``; ``ehr`` may call CDS Hooks.

    ``entrances`` are a provider and an EHR that lead to the pages.
    """

    hospitals: dict[str, SimulatedHospital]
    servers: dict[str, HospitalServer]
    issuer: DemoIssuer
    ehr: DemoEhr
    entrances: DemoEntrances
    http_port: int
    mllp_port: int
    now: dt.datetime

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def send(self, messages: list[str]) -> list[bytes]:
        """Deliver HL7 messages over one MLLP connection; the acknowledgements in order."""
        return asyncio.run(send_messages("127.0.0.1", self.mllp_port, [m.encode() for m in messages]))


@contextmanager
def demo_world(folder: Path, *, people: int = 300, studies: int = 1_500) -> Iterator[DemoWorld]:
    """The hub, its worker and listener, and four hospitals, until the block is left. ``folder`` holds the store."""
    now = utc_now()
    hospitals = simulate_hospitals(now, people=people, studies=studies)
    issuer = DemoIssuer(issuer="http://127.0.0.1/demo")
    (folder / "jwks.json").write_text(json.dumps(issuer.jwks), encoding="utf-8")
    with ExitStack() as stack:
        servers = {str(h.site_id): _start(h, stack) for h in hospitals}
        listening_http = bind("127.0.0.1", 0)
        ehr = make_demo_ehr(folder)
        url = f"http://127.0.0.1:{listening_http.getsockname()[1]}"
        entrances = start_entrances(url, stack)
        cds_hooks = cds_hooks_settings(
            ehr,
            base_url=url,
            site=STORY.ordering_site,
            authority=STORY.marta_here.assigning_authority,
            deadline_ms=DEADLINE_MS,
        )
        settings = demo_settings(folder, hospitals, servers, issuer.issuer, cds_hooks, entrances.settings)
        hub = build_hub(settings, migrate=True)
        server = stack.enter_context(ServerThread(HubServer(hub, listening_http))).server
        listening = stack.enter_context(LoopThread("mllp"))
        listener = make_listener(hub)
        listening.run(listener.__aenter__())
        stack.callback(lambda: listening.run(listener.__aexit__(None, None, None)))
        worker_hub = build_hub(settings)
        stack.callback(worker_hub.engine.dispose)
        stack.enter_context(running_worker(worker_hub))
        by_site = {str(h.site_id): h for h in hospitals}
        yield DemoWorld(by_site, servers, issuer, ehr, entrances, server.port, listener.port, now)


def _start(hospital: SimulatedHospital, stack: ExitStack) -> HospitalServer:
    is_dimse = hospital.protocol is Protocol.DIMSE
    server: HospitalServer = DimseHospital(hospital) if is_dimse else DicomwebHospital(hospital)
    server.start()
    stack.callback(server.stop)
    return server


def demo_settings(
    folder: Path,
    hospitals: tuple[SimulatedHospital, ...],
    servers: dict[str, HospitalServer],
    issuer: str,
    cds_hooks: CdsHooksSettings,
    web: WebSettings,
) -> Settings:
    """The hub's settings, as a hospital's IT would write them."""
    return Settings(
        store=StoreSettings(url=f"sqlite:///{folder / 'demo.db'}"),
        http=HttpSettings(port=0, graphiql=True),
        mllp=MllpSettings(port=0),
        auth=AuthSettings(issuer=issuer, jwks_file=folder / "jwks.json"),
        federation=FederationSettings(deadline_ms=DEADLINE_MS, refresh_events=()),
        cds_hooks=cds_hooks,
        web=web,
        authorities=(AuthoritySettings(name=NATIONAL_AUTHORITY, strong=True),),
        sites=tuple(
            SiteSettings(
                id=str(h.site_id),
                name=h.name,
                assigning_authority=h.authority,
                time_zone=h.time_zone,
                sr_means_final_report=True,
                viewer_url_template=VIEWER,
                archive=_archive(servers[str(h.site_id)]),
            )
            for h in hospitals
        ),
    )


def _archive(server: HospitalServer) -> DimseArchive | DicomwebArchive:
    if isinstance(server, DimseHospital):
        return DimseArchive(protocol="dimse", host="127.0.0.1", port=server.port, called_ae_title=server.ae_title)
    return DicomwebArchive(protocol="dicomweb", url=server.base_url)


async def feed(world: DemoWorld, advance: Callable[[int], None]) -> int:
    """Every hospital sends its patients, each over its own connection; how many were not accepted."""
    done = 0
    refused = 0

    async def one_hospital(hospital: SimulatedHospital) -> None:
        nonlocal done, refused
        messages = [m.encode() for m in adt_messages(hospital, world.now)]
        for start in range(0, len(messages), 20):
            batch = messages[start : start + 20]
            acknowledgements = await send_messages("127.0.0.1", world.mllp_port, batch)
            refused += sum(b"\rMSA|AA|" not in a for a in acknowledgements)
            done += len(batch)
            advance(done)

    await asyncio.gather(*(one_hospital(h) for h in world.hospitals.values()))
    return refused
