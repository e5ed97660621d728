"""The HTTP application of the hub: GraphQL, health and metrics; other doors are given to it as routes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Lifespan

from federation.usefulness.outcomes import Outcomes
from gateway.change_feed import ChangeFeed
from gateway.graphql_door import GRAPHIQL, GraphqlDoor
from gateway.http_middleware import CORRELATION_HEADER, CORRELATION_KEY, CarefulHeaders, CorrelationId
from gateway.metrics import HubMetrics
from gateway.observability import get_logger
from gateway.rate_limits import AddressRate
from gateway.resources import HubResources
from gateway.schema.build import build_schema
from gateway.schema.masking import INTERNAL_ERROR
from gateway.settings import Settings, SubscriptionSettings
from gateway.stream_tools import OpenStreams, StreamTools
from gateway.trusted_documents import load_trusted_documents
from gateway.usefulness_metrics import PERIOD

_READY_TIMEOUT_SECONDS = 2.0
_log = get_logger("gateway.asgi")


def create_app(
    resources: HubResources,
    settings: Settings,
    *,
    routes: Sequence[BaseRoute] = (),
    metrics: HubMetrics | None = None,
    streams: StreamTools | None = None,
    lifespan: Lifespan[Starlette] | None = None,
) -> Starlette:
    """The application. ``routes`` are further doors (FHIR, pages ...), asked after the ones here; ``metrics`` are
    those that they count in, too."""
    metrics = metrics or HubMetrics()
    metrics.watch(resources.directory)
    door = _graphql_door(resources, metrics, settings, streams or stream_tools(resources, settings.subscriptions))

    async def readyz(_: Request) -> Response:
        is_ready = await _is_store_reachable(resources)
        return JSONResponse({"status": "ready" if is_ready else "unavailable"}, status_code=200 if is_ready else 503)

    def recent_outcomes() -> Outcomes:
        now = resources.clock()
        return resources.alert_outcomes(now - PERIOD, now)

    async def show_metrics(_: Request) -> Response:
        await metrics.usefulness.refresh(recent_outcomes)
        return PlainTextResponse(metrics.exposition(), media_type="text/plain; version=0.0.4")

    return Starlette(
        routes=[
            Route("/graphql", endpoint=door),
            WebSocketRoute("/graphql", endpoint=door),
            Route("/healthz", endpoint=healthz),
            Route("/readyz", endpoint=readyz),
            Route("/metrics", endpoint=show_metrics),
            *([Mount("/static/graphiql", StaticFiles(directory=GRAPHIQL))] if settings.http.graphiql else []),
            *routes,
        ],
        middleware=[
            Middleware(CorrelationId),
            Middleware(CarefulHeaders),
            Middleware(AddressRate, limits=resources.rates),
            *_cross_origin(settings.http.allowed_origins),
            Middleware(RequestBodyLimitMiddleware, max_body_size=settings.http.max_request_bytes),
        ],
        exception_handlers={Exception: answer_internal_error},
        lifespan=lifespan,
    )


def _cross_origin(origins: Sequence[str]) -> list[Middleware]:
    """Pages of these origins may call us with a token of their own; cookies are not for them."""
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["POST"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key"],
            expose_headers=[CORRELATION_HEADER],
            max_age=600,
        )
    ]


def _graphql_door(
    resources: HubResources, metrics: HubMetrics, settings: Settings, streams: StreamTools
) -> GraphqlDoor:
    http = settings.http
    trusted = load_trusted_documents(http.trusted_documents_folder)
    schema = build_schema(
        introspection=http.introspection or http.graphiql,
        only_trusted=trusted if http.only_trusted_documents else None,
    )
    return GraphqlDoor(
        schema, resources, metrics, streams, trusted, graphiql=http.graphiql, sockets=settings.subscriptions
    )


def stream_tools(resources: HubResources, settings: SubscriptionSettings) -> StreamTools:
    """What the subscriptions of one process share, as the settings say."""
    return StreamTools(
        ChangeFeed(resources.read, poll_seconds=settings.poll_ms / 1000, queue_length=settings.queue_length),
        OpenStreams(settings.max_open, settings.max_open_per_caller),
        settings.recheck_seconds,
    )


async def healthz(_: Request) -> Response:
    """The process runs."""
    return JSONResponse({"status": "ok"})


async def answer_internal_error(request: Request, error: Exception) -> Response:
    """What a caller sees of an error of ours: nothing but the id to ask us with."""
    correlation_id = request.scope.get(CORRELATION_KEY, "")
    _log.error("request_failed", error_type=type(error).__name__, correlation_id=correlation_id)
    extensions = {"code": "INTERNAL_ERROR", "correlationId": correlation_id}
    return JSONResponse({"errors": [{"message": INTERNAL_ERROR, "extensions": extensions}]}, status_code=500)


async def _is_store_reachable(resources: HubResources) -> bool:
    try:
        async with asyncio.timeout(_READY_TIMEOUT_SECONDS):
            await asyncio.to_thread(_read_something, resources)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong, we are not ready
        _log.warning("store_not_reachable", error_type=type(error).__name__)
        return False
    return True


def _read_something(resources: HubResources) -> None:
    with resources.read() as uow:
        uow.reviews.get("readiness")
