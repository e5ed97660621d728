"""/graphql, over HTTP and websockets: who asks is settled before anything is parsed; who is not let in is audited.

POST answers JSON; with ``Accept: text/event-stream`` it answers as server-sent events, which is how a subscription is
had without a websocket.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from cross_web import HTTPException
from graphql import FieldNode, GraphQLError, OperationDefinitionNode, parse
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult

from gateway.context import StreamContext, keep_audit
from gateway.errors import NotAuthenticated
from gateway.graphql_sockets import Opening, SocketHandler, TextSockets
from gateway.http_middleware import CORRELATION_KEY
from gateway.idempotency import answer_once
from gateway.metrics import HubMetrics
from gateway.permissions import ROLES_ALLOWED
from gateway.rate_limits import TooFast, refuse_too_fast
from gateway.resources import HubResources
from gateway.schema.build import HubSchema
from gateway.schema.limits import MAX_TOKENS
from gateway.schema.masking import mask_errors
from gateway.settings import SubscriptionSettings
from gateway.stream_tools import StreamTools
from gateway.trusted_documents import TrustedDocuments, UnknownDocument
from mpi.audit import AuditEvent, AuditOutcome

GRAPHIQL = Path(__file__).with_name("static") / "graphiql"
_CONTEXT_KEY = "priorlink.context"
_IDE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src data:; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""Everything comes from the hub itself; the editor writes its own style elements."""


class _HubGraphQL(GraphQL[StreamContext | Opening, None]):
    websocket_adapter_class = TextSockets
    graphql_transport_ws_handler_class = SocketHandler

    def __init__(self, schema: HubSchema, trusted: TrustedDocuments, sockets: SubscriptionSettings) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            allow_queries_via_get=False,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL),
            connection_init_wait_timeout=dt.timedelta(seconds=sockets.init_timeout_seconds),
            max_subscriptions_per_connection=sockets.max_open_per_caller,
            allowed_origins=sockets.allowed_origins,
        )
        self._trusted = trusted

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> StreamContext | Opening:
        context: StreamContext | Opening = request.scope[_CONTEXT_KEY]
        return context

    async def on_ws_connect(self, context: StreamContext | Opening) -> dict[str, object]:
        if isinstance(context, Opening):
            await context.connect()
        return {}

    def parse_json(self, data: str | bytes) -> dict[str, Any]:
        try:
            body = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise HTTPException(400, "the body is not JSON") from error
        if not isinstance(body, dict) or not isinstance(body.get("operationName"), str | None):
            raise HTTPException(400, "the body is not a GraphQL request")
        named = self._trusted.text_of(body)
        return body if named is None else {**body, "query": named}

    def encode_json(self, data: object) -> bytes:
        return orjson.dumps(data)

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        if result.errors:
            result.errors = mask_errors(result.errors, request.scope[CORRELATION_KEY])
        return await super().process_result(request, result)


class GraphqlDoor:
    """ASGI application of the GraphQL endpoint."""

    def __init__(
        self,
        schema: HubSchema,
        resources: HubResources,
        metrics: HubMetrics,
        streams: StreamTools,
        trusted: TrustedDocuments,
        *,
        graphiql: bool,
        sockets: SubscriptionSettings,
    ) -> None:
        self._resources, self._metrics, self._graphiql = resources, metrics, graphiql
        self._streams = streams
        self._graphql = _HubGraphQL(schema, trusted, sockets)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let callers with a good token in."""
        if scope["type"] == "websocket":
            await self._take_socket(scope, receive, send)
            return
        request = Request(scope, receive)
        if request.method != "POST":
            await self._answer_other_methods(request, send)
            return
        correlation_id = scope[CORRELATION_KEY]
        try:
            context = scope[_CONTEXT_KEY] = await self._admit(request.headers.get("authorization"), correlation_id)
        except NotAuthenticated as refusal:
            if await self._resources.rates.are_anonymous_too_many(scope):
                await refuse_too_fast(scope, receive, send)
                return
            await self._keep_refusal(await _operations_in(request), refusal.reason, correlation_id)
            await _unauthenticated(refusal.reason, correlation_id)(scope, receive, send)
            return
        except TooFast:
            await refuse_too_fast(scope, receive, send)
            return
        try:
            await answer_once(self._graphql, context, scope, receive, send)
        except UnknownDocument as unknown:
            extensions = {"code": "DOCUMENT_NOT_FOUND", "correlationId": correlation_id}
            await _errors(str(unknown), extensions, 400, {})(scope, receive, send)

    async def _take_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        correlation_id = scope[CORRELATION_KEY]

        async def admit(authorization: str | None) -> StreamContext:
            try:
                return await self._admit(authorization, correlation_id)
            except TooFast:
                raise NotAuthenticated("too_many_requests") from None
            except NotAuthenticated as refusal:
                if await self._resources.rates.are_anonymous_too_many(scope):
                    raise
                await self._keep_refusal(("graphql",), refusal.reason, correlation_id)
                raise

        scope[_CONTEXT_KEY] = Opening(admit, Headers(scope=scope).get("authorization"))
        await self._graphql(scope, receive, send)

    async def _admit(self, authorization: str | None, correlation_id: str) -> StreamContext:
        caller = await self._resources.caller(authorization)
        if await self._resources.rates.is_client_too_fast(caller.subject):
            raise TooFast
        return StreamContext(
            self._resources, self._metrics, caller, correlation_id, self._streams, authorization=authorization
        )

    async def _answer_other_methods(self, request: Request, send: Send) -> None:
        wants_page = "text/html" in request.headers.get("accept", "")
        if self._graphiql and request.method == "GET" and wants_page:
            page = FileResponse(GRAPHIQL / "index.html", headers={"Content-Security-Policy": _IDE_POLICY})
            await page(request.scope, request.receive, send)
            return
        answer = _errors("only POST is taken here", {"code": "METHOD_NOT_ALLOWED"}, 405, {"Allow": "POST"})
        await answer(request.scope, request.receive, send)

    async def _keep_refusal(self, operations: tuple[str, ...], reason: str, correlation_id: str) -> None:
        self._metrics.count_refused_token(reason)
        events = [
            AuditEvent(
                at=self._resources.clock(),
                actor="anonymous",
                role="",
                action=operation,
                outcome=AuditOutcome.REFUSED,
                correlation_id=correlation_id,
                detail=reason,
            )
            for operation in operations
        ]
        await keep_audit(events, self._resources)


async def _operations_in(request: Request) -> tuple[str, ...]:
    """Names of the operations that were tried, as far as they are ours; ``graphql`` when none can be made out."""
    try:
        body = orjson.loads(await request.body())
        document = parse(str(body["query"]), no_location=True, max_tokens=MAX_TOKENS)
    except (ValueError, TypeError, KeyError, GraphQLError, RecursionError):
        return ("graphql",)
    tried = (
        selection.name.value
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode)
        for selection in definition.selection_set.selections
        if isinstance(selection, FieldNode)
    )
    return tuple(dict.fromkeys(name for name in tried if name in ROLES_ALLOWED)) or ("graphql",)


def _unauthenticated(reason: str, correlation_id: str) -> Response:
    extensions = {"code": "UNAUTHENTICATED", "reason": reason, "correlationId": correlation_id}
    return _errors("a valid token is needed", extensions, 401, {"WWW-Authenticate": "Bearer"})


def _errors(message: str, extensions: dict[str, Any], status: int, headers: Mapping[str, str]) -> Response:
    body = {"errors": [{"message": message, "extensions": extensions}]}
    return JSONResponse(body, status_code=status, headers=dict(headers))
