"""The GraphQL endpoint over websockets: the protocol of the library, with our tokens and our manners.

A caller shows its token in ``connection_init`` (``{"Authorization": "Bearer ..."}``) or in the header of the opening
request. The token is checked again for every operation, so a socket that stays open outlives no token.
Source: GraphQL over WebSocket Protocol (graphql-transport-ws).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.exceptions import NonJsonMessageReceived
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler

from gateway.context import StreamContext
from gateway.errors import NotAuthenticated
from gateway.schema.masking import mask_errors

NOT_A_MESSAGE = "Not a message of this protocol"
_FORBIDDEN = 4403

Admit = Callable[[str | None], Awaitable[StreamContext]]
"""From what the caller showed to a context of its own; raises ``NotAuthenticated``."""


@dataclass(slots=True)
class Opening:
    """A socket whose caller has not said who it is."""

    admit: Admit
    authorization: str | None = field(repr=False)
    connection_params: dict[str, Any] | None = field(default=None, repr=False)

    async def connect(self) -> None:
        """Let the caller in.

        Raises:
            ConnectionRejectionError: without a good token.
        """
        named = {name.lower(): value for name, value in (self.connection_params or {}).items()}
        shown = named.get("authorization", self.authorization)
        self.authorization = shown if isinstance(shown, str) else None
        try:
            await self.admit(self.authorization)
        except NotAuthenticated as refusal:
            raise ConnectionRejectionError from refusal

    async def admitted_again(self) -> StreamContext:
        """A context for one operation.

        Raises:
            NotAuthenticated: the token is good no longer.
        """
        return await self.admit(self.authorization)


class TextSockets(ASGIWebSocketAdapter):
    """Messages are text (the protocol knows no others) and objects."""

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
        """What the client says."""
        async for message in super().iter_json(ignore_parsing_errors=ignore_parsing_errors):
            if not isinstance(message, dict) or not _is_well_formed(message):
                raise NonJsonMessageReceived
            yield message

    async def send_json(self, message: Mapping[str, object]) -> None:
        """One message to the client."""
        await self.ws.send_text(orjson.dumps(message).decode())


def _is_well_formed(message: dict[str, Any]) -> bool:
    if message.get("type") != "subscribe":
        return isinstance(message.get("type"), str) and isinstance(message.get("id", ""), str)
    payload = message.get("payload")
    return (
        isinstance(message.get("id"), str)
        and isinstance(payload, dict)
        and isinstance(payload.get("query"), str)
        and bool(payload["query"].strip())
        and isinstance(payload.get("variables"), dict | None)
        and isinstance(payload.get("operationName"), str | None)
    )


class SocketHandler(BaseGraphQLTransportWSHandler[Any, None]):
    """One socket. ``context`` is its ``Opening`` until an operation begins, then what resolvers get."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._opening: Opening = self.context

    async def handle_subscribe(self, message: Any) -> None:
        """Start an operation with a context of its own, if the token is still good."""
        if self.connection_acknowledged:
            try:
                self.context = await self._opening.admitted_again()
            except NotAuthenticated:
                await self.websocket.close(_FORBIDDEN, "Forbidden")
                return
        await super().handle_subscribe(message)

    async def handle_invalid_message(self, error_message: str) -> None:
        """Say that it is wrong, not what it was."""
        await super().handle_invalid_message(NOT_A_MESSAGE)

    async def _handle_pre_execution_error(self, operation: Any, result: Any) -> None:
        """What the caller wrote wrong is told as errors of the operation, masked, and closes nothing."""
        await operation.send_initial_errors(mask_errors(result.errors, self.context.correlation_id))
