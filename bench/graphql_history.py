"""An imaging history of 50 studies: the hub beside a bare strawberry schema that gives the same shape, same server.

The hub does all it does for a caller (token, permission, rates, identity from SQLite, fan-out to four archives that
answer at once, right patient, dedupe, normalising, coverage, audit committed before the answer). The bare schema is
given the finished answer and has nothing to do but put it out: once as strawberry comes, once with the parser and
validation caches that the hub has too. Servers are processes of their own; the three are measured in turn.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import strawberry
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache

from adapters.store.engine import make_engine
from adapters.store.migrate import upgrade
from adapters.store.unit_of_work import unit_of_work_factory
from federation.imaging.procedure_normalizer import normalize_procedure
from federation.imaging.procedures import Procedure
from federation.imaging.studies import SiteStudy
from federation.sites.consent import ANYBODY
from gateway.long_lived import set_long_lived_aside
from gateway.observability import configure_logging
from gateway.operations_files import operation
from gateway.permissions import Role
from gateway.rate_limits import RateLimits, Rates
from gateway.schema.enums import register_enums
from gateway.schema.histories import ImagingHistory, ImagingHistoryResult
from gateway.schema.inputs import HistoryFilterInput, PatientRefInput, RelevantToInput
from gateway.schema.refusals import Refusal
from gateway.schema.studies import PriorStudyConnection
from mpi.identity.identifiers import PatientIdentifier
from tests.integration.hub_world import ANA, ANAS, Hub, answering, study
from tests.servers.http_app import served

STUDIES = 50
SITES = ("NGH", "LKM", "RDI", "OTH")
SECONDS = 8.0
CALLERS = (16, 50)
KINDS = ("hub", "bare", "bare_with_caches")
VERIFICATIONS = 2_000


def run(seconds: float = SECONDS) -> dict[str, object]:
    """Requests a second and milliseconds, by kind of server and callers at once."""
    found: dict[str, Any] = {"studies": STUDIES, "sites": len(SITES), "seconds_each": seconds}
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            with _server(kind, Path(folder)) as (address, token):
                found[kind] = {
                    f"{callers}_callers": asyncio.run(_load(address, token, callers, seconds)) for callers in CALLERS
                }
    for callers in CALLERS:
        key = f"{callers}_callers"
        for bare in KINDS[1:]:
            ratio = found["hub"][key]["requests_a_second"] / found[bare][key]["requests_a_second"]
            found[f"hub_over_{bare}_{key}"] = round(ratio, 3)
    found["token_check_ms"] = _token_check_ms()
    return found


@contextmanager
def _server(kind: str, folder: Path) -> Iterator[tuple[str, str]]:
    command = [sys.executable, "-m", "bench.graphql_history", kind, str(folder / f"{kind}.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise AssertionError("a process with pipes has them")
        try:
            ready = json.loads(process.stdout.readline())
            yield ready["address"], ready["token"]
        finally:
            process.stdin.close()
            process.wait(30)


async def _load(address: str, token: str, callers: int, seconds: float) -> dict[str, float]:
    host, _, port = address.rpartition(":")
    body = json.dumps({"query": operation("ImagingHistory"), "variables": {"patient": ANAS}}).encode()
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    request = head.encode() + body
    times: list[float] = []
    warm = asyncio.Barrier(callers)

    async def call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, keep: bool) -> None:
        started = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        answer = await reader.readexactly(length)
        if keep:
            times.append((time.perf_counter() - started) * 1000)
            return
        edges = json.loads(answer)["data"]["imagingHistory"]["studies"]["edges"]
        if len(edges) != STUDIES:
            raise AssertionError(f"expected {STUDIES} studies, got {len(edges)}")

    async def caller() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        await call(reader, writer, keep=False)
        await warm.wait()
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            await call(reader, writer, keep=True)
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(caller() for _ in range(callers)))
    ordered = sorted(times)
    return {
        "requests_a_second": round(len(ordered) / seconds, 1),
        "p50_ms": round(statistics.median(ordered), 1),
        "p99_ms": round(ordered[int(len(ordered) * 0.99) - 1], 1),
    }


def _token_check_ms() -> float:
    hub = Hub(answering("NGH"))
    header = f"Bearer {hub.issuer.token(Role.PHYSICIAN)}"
    hub.resources.authenticate(header)
    started = time.perf_counter()
    for _ in range(VERIFICATIONS):
        hub.resources.authenticate(header)
    return round((time.perf_counter() - started) / VERIFICATIONS * 1000, 4)


# The servers


def _real_procedure(row: SiteStudy) -> Procedure:
    return normalize_procedure(
        row.description or "", dicom_modality=row.imaging_modalities, body_part_examined=row.body_part_examined
    )


def _hub(path: Path) -> Hub:
    engine = make_engine(f"sqlite:///{path}")
    upgrade(engine)
    rows = [study(f"2.999.{n}", f"{SITES[n % len(SITES)]}|0007", days_ago=n) for n in range(STUDIES)]
    sources = [answering(site, [row for row in rows if row.site_id == site]) for site in SITES]
    hub = Hub(
        *sources,
        units=unit_of_work_factory(engine),
        sites=SITES,
        deadline_seconds=10,
        procedure_of=_real_procedure,
        rates=RateLimits(Rates(client=10**9, address=10**9, anonymous=120)),
    )
    for site in SITES:
        hub.index.register(f"{site}|0007", as_=ANA)
    return hub


def _bare(path: Path, *, with_caches: bool) -> Starlette:
    hub = _hub(path)
    found = asyncio.run(
        hub.resources.imaging_history(PatientIdentifier("NGH", "0007"), deadline_seconds=10, viewer=ANYBODY),
    )
    page = PriorStudyConnection.page_of(found.history.studies, {}, first=STUDIES, after=None)
    answer = ImagingHistory.from_domain(found, page, hub.resources.directory, hub.resources.trust)
    register_enums()

    @strawberry.type
    class Query:
        @strawberry.field
        def imaging_history(
            self,
            patient: PatientRefInput | None = None,
            filter: HistoryFilterInput | None = None,  # noqa: A002 - the name is published
            relevant_to: RelevantToInput | None = None,
            deadline_ms: int | None = None,
            first: int = 50,
            after: str | None = None,
        ) -> ImagingHistoryResult:
            return answer

    extensions = [lambda: ParserCache(256), lambda: ValidationCache(256)] if with_caches else []
    schema = strawberry.Schema(Query, extensions=extensions, types=[Refusal])
    return Starlette(routes=[Route("/graphql", endpoint=GraphQL[Any, None](schema, graphql_ide=None))])


def serve(kind: str, path: Path) -> None:
    """One server, until its input ends. Says its address and a token first."""
    hub = _hub(path) if kind == "hub" else None
    app = _bare(path, with_caches=kind == "bare_with_caches") if hub is None else hub.app
    token = "none" if hub is None else hub.issuer.token(Role.PHYSICIAN)
    with path.with_suffix(".log").open("w") as log, served(app, loop="uvloop", http="httptools") as address:
        configure_logging(log)
        set_long_lived_aside()  # as a served hub does; the bare schemas, too
        print(json.dumps({"address": address, "token": token}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    serve(sys.argv[1], Path(sys.argv[2]))
