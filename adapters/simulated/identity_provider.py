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

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from adapters.simulated.authorization_server import Refusal, utc_now
from adapters.simulated.sign_in_host import SignInHost
from adapters.simulated.sign_in_pages import form_fields, page


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody whom the provider knows. ``claims`` go into the ID token (``roles`` ...)."""

    subject: str
    name: str
    claims: Mapping[str, Any] = field(default_factory=dict)


class IdentityProvider(SignInHost):
    """Serves the provider from a thread of its own."""

    def __init__(self, name: str, members: Sequence[Member], *, clock: Callable[[], dt.datetime] = utc_now) -> None:
        self.members = tuple(members)
        self.signed_out: list[Mapping[str, str]] = []
        routes = [
            Route("/.well-known/openid-configuration", self._metadata),
            Route("/authorize", self._choose, methods=["GET"]),
            Route("/authorize", self._chosen, methods=["POST"]),
            Route("/sign-out", self._sign_out),
        ]
        super().__init__(name, "identity-provider", routes, clock)

    async def _metadata(self, _: Request) -> Response:
        return await self.metadata_with(end_session_endpoint=f"{self.issuer}/sign-out")

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

    async def _sign_out(self, request: Request) -> Response:
        self.signed_out.append(dict(request.query_params))
        return RedirectResponse(request.query_params["post_logout_redirect_uri"], 303)
