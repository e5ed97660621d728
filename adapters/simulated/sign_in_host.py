"""What the simulated identity provider and the EHR have in common: OAuth's addresses, served from a thread.

Source: RFC 6749 3.2, RFC 8414.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.simulated.authorization_server import AuthorizationServer, Refusal, RegisteredClient
from adapters.simulated.faults import Fault, FaultSwitch
from adapters.simulated.web_server import LOOPBACK, WebServer, suffer


class SignInHost:
    """Serves keys, tokens and the routes it is given. ``path`` stands behind the address in what it calls itself."""

    def __init__(
        self, name: str, thread_name: str, routes: Sequence[Route], clock: Callable[[], dt.datetime], *, path: str = ""
    ) -> None:
        self.name = name
        self.faults = FaultSwitch()
        self.server = AuthorizationServer(clock)
        self._path = path
        common = [Route("/keys", self._keys), Route("/token", self._token, methods=["POST"])]
        self._web = WebServer(Starlette(routes=[*routes, *common]), thread_name, self.faults)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{LOOPBACK}:{self._web.port}"

    @property
    def issuer(self) -> str:
        """What it calls itself in its tokens."""
        return f"{self.url}{self._path}"

    def register(self, client: RegisteredClient) -> None:
        """Let a program send people here, or be opened."""
        self.server.register(client)

    def start(self) -> int:
        """Listen on loopback; see ``WebServer``."""
        return self._web.start()

    def stop(self) -> None:
        """Stop listening. Idempotent."""
        self._web.stop()

    def set_fault(self, fault: Fault) -> None:
        """Switch trouble on or off."""
        self._web.set_fault(fault)

    async def metadata_with(self, **more: Any) -> Response:
        """What it says of itself: what every one says, and more."""
        await suffer(self.faults)
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "code_challenge_methods_supported": ["S256"],
            **more,
            **self.server.trouble.metadata,
        }
        return JSONResponse({name: value for name, value in said.items() if value is not None})

    async def _keys(self, _: Request) -> Response:
        return JSONResponse(self.server.jwks)

    async def _token(self, request: Request) -> Response:
        sent = {name: str(value) for name, value in (await request.form()).items()}
        try:
            answer = self.server.exchange(sent, request.headers.get("authorization", ""), self.issuer)
        except Refusal as refusal:
            return JSONResponse({"error": refusal.error}, 400)
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})
