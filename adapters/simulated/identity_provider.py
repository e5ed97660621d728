"""A hospital's identity provider on loopback, for the demo and tests: a page with its people, OpenID Connect behind.

Whoever opens it chooses who they are; there are no passwords. Source: OpenID Connect Core 3.1, Discovery 4,
RP-Initiated Logout 1.0.
"""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from adapters.simulated.authorization_server import AuthorizationServer, Refusal, RegisteredClient, utc_now
from adapters.simulated.faults import Fault, FaultSwitch
from adapters.simulated.sign_in_pages import form_fields, page
from adapters.simulated.web_server import LOOPBACK, WebServer, suffer


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody whom the provider knows. ``claims`` go into the ID token (``roles`` ...)."""

    subject: str
    name: str
    claims: Mapping[str, Any] = field(default_factory=dict)


class IdentityProvider:
    """Serves the provider from a thread of its own."""

    def __init__(self, name: str, members: Sequence[Member], *, clock: Callable[[], dt.datetime] = utc_now) -> None:
        self.name, self.members = name, tuple(members)
        self.faults = FaultSwitch()
        self.server = AuthorizationServer(clock)
        self.signed_out: list[Mapping[str, str]] = []
        routes = [
            Route("/.well-known/openid-configuration", self._metadata),
            Route("/keys", self._keys),
            Route("/authorize", self._choose, methods=["GET"]),
            Route("/authorize", self._chosen, methods=["POST"]),
            Route("/token", self._token, methods=["POST"]),
            Route("/sign-out", self._sign_out),
        ]
        self._web = WebServer(Starlette(routes=routes), "identity-provider", self.faults)

    @property
    def issuer(self) -> str:
        """Its address."""
        return f"http://{LOOPBACK}:{self._web.port}"

    def register(self, client: RegisteredClient) -> None:
        """Let a program send people here."""
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

    async def _metadata(self, _: Request) -> Response:
        await suffer(self.faults)
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/sign-out",
            "code_challenge_methods_supported": ["S256"],
            **self.server.trouble.metadata,
        }
        return JSONResponse({name: value for name, value in said.items() if value is not None})

    async def _keys(self, _: Request) -> Response:
        return JSONResponse(self.server.jwks)

    async def _choose(self, request: Request) -> Response:
        asked = dict(request.query_params)
        try:
            self.server.check(asked)
        except Refusal as refusal:
            return HTMLResponse(page(self.name, f"<p>{refusal.error}</p>"), 400)
        people = "".join(
            f'<button name="who" value="{html.escape(one.subject)}">{html.escape(one.name)}</button>'
            for one in self.members
        )
        body = f"""<p>Who are you?</p><form method="post" action="/authorize">{form_fields(asked)}{people}
        <button name="who" value="" class="plain">Cancel</button></form>"""
        return HTMLResponse(page(self.name, body))

    async def _chosen(self, request: Request) -> Response:
        sent = {name: str(value) for name, value in (await request.form()).items()}
        who = sent.pop("who", "")
        member = next((one for one in self.members if one.subject == who), None)
        try:
            if member is None:
                return RedirectResponse(self.server.back_without(sent, "access_denied"), 303)
            claims = {"sub": member.subject, "name": member.name, **member.claims}
            return RedirectResponse(self.server.back(sent, claims, {}), 303)
        except Refusal as refusal:
            return HTMLResponse(page(self.name, f"<p>{refusal.error}</p>"), 400)

    async def _token(self, request: Request) -> Response:
        return await token_response(request, self.server, self.issuer)

    async def _sign_out(self, request: Request) -> Response:
        self.signed_out.append(dict(request.query_params))
        return RedirectResponse(request.query_params["post_logout_redirect_uri"], 303)


async def token_response(request: Request, server: AuthorizationServer, issuer: str) -> Response:
    """The answer of a token endpoint."""
    sent = {name: str(value) for name, value in (await request.form()).items()}
    try:
        answer = server.exchange(sent, request.headers.get("authorization", ""), issuer)
    except Refusal as refusal:
        return JSONResponse({"error": refusal.error}, 400)
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})
