"""The HTTP server around the hub's application."""

from __future__ import annotations

import asyncio
import datetime as dt
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette

from gateway.asgi import create_app
from gateway.audit_heads import HeadFile, HeadKeeper
from gateway.authentication import Authenticate, build_verifier
from gateway.bootstrap import Hub
from gateway.cds_hooks.door import cds_routes
from gateway.clock import new_id, utc_now
from gateway.edge_agents import agent_gates
from gateway.edge_door.routes import edge_routes
from gateway.fhir.routes import fhir_routes, identifier_systems
from gateway.metrics import HubMetrics
from gateway.rate_limits import RateLimits, Rates
from gateway.remembered_tokens import RememberedTokens
from gateway.resources import HubResources
from gateway.revoked_tokens import WithoutRevoked
from gateway.schema.build import build_schema
from gateway.service_tokens import EitherIssuer, ServiceTokens, service_tokens
from gateway.settings import HttpSettings
from gateway.site_files import load_report_tables
from gateway.site_notices import notice_routes
from gateway.token_door import token_routes
from gateway.used_tokens import remember_used
from gateway.web.routes import web_routes
from mpi.identity.survivorship import TrustOrder

GRACE_SECONDS = 10


def hub_authenticate(hub: Hub, tokens: ServiceTokens | None) -> WithoutRevoked:
    """Who is let in: by the issuer's tokens or the hub's own, unless they are taken back."""
    settings = hub.settings.auth
    verifier: Authenticate = build_verifier(settings, clock=utc_now)
    if tokens is not None:
        verifier = EitherIssuer(verifier, tokens)
    remembered = RememberedTokens(verifier, utc_now)
    return WithoutRevoked(
        remembered, hub.read, utc_now, keep_seconds=settings.revocation_seconds, known_good=remembered.known
    )


def hub_resources(hub: Hub, authenticate: WithoutRevoked | None = None) -> HubResources:
    """What the resolvers work with, from the hub's parts."""
    authenticate = authenticate or hub_authenticate(hub, None)
    longest_life = dt.timedelta(hours=hub.settings.auth.longest_token_hours, seconds=hub.settings.auth.leeway_seconds)
    return HubResources(
        units=hub.units,
        read=hub.read,
        directory=hub.directory,
        matcher=hub.matcher,
        rules=hub.rules,
        procedure_of=hub.procedure_of,
        normalize_order=hub.normalize_order,
        clock=utc_now,
        new_id=new_id,
        default_deadline_seconds=hub.settings.federation.deadline_ms / 1000,
        trust=TrustOrder(hub.settings.survivorship.trusted_sites, hub.settings.survivorship.by_field),
        report_tables=load_report_tables(hub.settings.usefulness),
        rates=_rates(hub.settings.http),
        authenticate=authenticate,
        is_denied=authenticate.denies,
        known_caller=authenticate.known,
        longest_token_life=longest_life,
    )


def _rates(http: HttpSettings) -> RateLimits:
    rates = Rates(http.client_requests_per_minute, http.address_requests_per_minute, http.anonymous_requests_per_minute)
    return RateLimits(rates, http.rates_url)


def hub_app(hub: Hub, *, is_stopping: Callable[[], bool]) -> Starlette:
    """The application with every door that the settings open; each route has a row in ``gateway.doors``."""
    tokens = service_tokens(hub.settings.auth, clock=utc_now, use_token=remember_used(hub.units, utc_now))
    resources, metrics = hub_resources(hub, hub_authenticate(hub, tokens)), HubMetrics()
    routes = (
        *fhir_routes(resources, metrics, identifier_systems(hub.settings, hub.matcher.authorities)),
        *cds_routes(resources, hub.settings.cds_hooks),
        *token_routes(resources, tokens),
        *edge_routes(hub.mailbox, agent_gates(hub.settings), is_stopping=is_stopping),
        *notice_routes(resources, hub.settings),
        *web_routes(
            resources, metrics, hub.settings.web, build_schema(), leeway_seconds=hub.settings.auth.leeway_seconds
        ),
    )

    @asynccontextmanager
    async def closing(_: Starlette) -> AsyncIterator[None]:
        yield
        await resources.rates.aclose()

    return create_app(resources, hub.settings, routes=routes, metrics=metrics, lifespan=closing)


class _QuietServer(uvicorn.Server):
    """Leaves signals to us: uvicorn raises them again after a clean end, and the process then counts as killed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HubServer:
    """Serves one hub on one listening socket until it is told to stop (or by SIGTERM, in the main thread)."""

    def __init__(self, hub: Hub, listening: socket.socket) -> None:
        self._hub = hub
        self._listening = listening
        app = hub_app(hub, is_stopping=lambda: self._server.should_exit)
        self._server = _QuietServer(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                loop="uvloop",
                http="httptools",
                server_header=False,
                proxy_headers=bool(hub.settings.http.trusted_proxies),
                forwarded_allow_ips=list(hub.settings.http.trusted_proxies),
                ssl_certfile=hub.settings.http.tls_certificate_file,
                ssl_keyfile=hub.settings.http.tls_key_file,
                ws_max_size=hub.settings.http.max_request_bytes,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )

    @property
    def port(self) -> int:
        port: int = self._listening.getsockname()[1]
        return port

    def run(self, *, on_ready: Callable[[int], None]) -> None:
        """Serve in this thread; returns after the last request is answered."""
        with asyncio.Runner(loop_factory=self._server.config.get_loop_factory()) as runner:
            runner.run(self._serve(on_ready))

    def stop(self) -> None:
        """From any thread: finish the requests in hand and return from ``run``."""
        self._server.should_exit = True

    async def _serve(self, on_ready: Callable[[int], None]) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, self.stop)
        serving = asyncio.create_task(self._server.serve(sockets=[self._listening]))
        heads = self._keep_heads()
        while not self._server.started and not serving.done():
            await asyncio.sleep(0.01)
        if not serving.done():
            on_ready(self.port)
        await serving
        if heads is not None:
            heads.cancel()
            await asyncio.wait([heads])
        await self._hub.aclose()

    def _keep_heads(self) -> asyncio.Task[None] | None:
        audit = self._hub.settings.audit
        if audit.head_file is None:
            return None
        keeper = HeadKeeper(HeadFile(audit.head_file), self._hub.read, utc_now, every_seconds=audit.head_every_seconds)
        return asyncio.create_task(keeper.run())


class ServerThread:
    """A hub server in a thread, for the demo and for tests: ``with`` it."""

    def __init__(self, server: HubServer) -> None:
        self.server = server
        self._ready = threading.Event()
        self._thread = threading.Thread(
            target=server.run, kwargs={"on_ready": lambda _port: self._ready.set()}, name="hub-http", daemon=True
        )

    def __enter__(self) -> ServerThread:
        self._thread.start()
        if not self._ready.wait(30):
            raise RuntimeError("the hub did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()
        self._thread.join(GRACE_SECONDS)
