"""One request for a page: who is there, in which language, and what a page may do: ask, render, redirect."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.authentication import Caller
from gateway.context import HubContext
from gateway.http_middleware import CORRELATION_KEY
from gateway.metrics import HubMetrics
from gateway.permissions import decide_access
from gateway.resources import HubResources
from gateway.settings import WebSettings
from gateway.web.catalogue import choose_language
from gateway.web.entrances.entrances import Entrances
from gateway.web.operations import Answer, PublishedOperations
from gateway.web.rendering import Templates
from gateway.web.sessions import Session, SessionCookies

LANGUAGE_COOKIE, THEME_COOKIE = "priorlink_language", "priorlink_theme"
THEMES = ("light", "dark")
LONGEST_HISTORY = 500
"""Studies on one page: shown whole, so that the archives are asked once."""

NAVIGATION = (
    ("/queue", "reviewQueue", "Match queue"),
    ("/persons", "mergePersons", "Persons"),
    ("/history", "imagingHistory", "Imaging history"),
    ("/control", "alertReport", "Control room"),
    ("/quality", "reviewQuality", "Quality"),
    ("/access", "accessReport", "Who looked"),
    ("/sites", "sites", "Hospitals"),
)
"""Address, the operation that it lives on, and its name."""


@dataclass(frozen=True, slots=True)
class Web:
    """What every page works with."""

    resources: HubResources
    metrics: HubMetrics
    settings: WebSettings
    operations: PublishedOperations
    templates: Templates
    cookies: SessionCookies
    entrances: Entrances


@dataclass(slots=True)
class Visit:
    """One request. ``caller`` is ``None`` while nobody is signed in; ``form`` is empty unless something was posted."""

    web: Web
    request: Request
    session: Session
    caller: Caller | None
    now: dt.datetime
    form: FormData = field(default_factory=FormData)

    @property
    def language(self) -> str:
        accepted = self.request.headers.get("accept-language", "")
        return choose_language(self.request.cookies.get(LANGUAGE_COOKIE), accepted)

    @property
    def theme(self) -> str:
        """``light``, ``dark``, or empty: as the system says."""
        chosen = self.request.cookies.get(THEME_COOKIE, "")
        return chosen if chosen in THEMES else ""

    @property
    def is_secure(self) -> bool:
        """Whether cookies are for https alone."""
        return self.web.cookies.is_secure(self.request)

    @property
    def is_fragment(self) -> bool:
        """A script asked for a part of a page."""
        return "hx-request" in self.request.headers

    @property
    def page_path(self) -> str:
        """The page that somebody is at: what a form or a script sends belongs to the page above it."""
        path = self.request.url.path
        return path if self.request.method == "GET" and not self.is_fragment else "/" + path.split("/")[1]

    def field(self, name: str, longest: int = 500) -> str:
        """A field of the form, without blanks around it; empty when it was not sent."""
        value = self.form.get(name, "")
        return value.strip()[:longest] if isinstance(value, str) else ""

    def may(self, operation: str) -> bool:
        """Whether the caller's roles cover an operation."""
        return self.caller is not None and decide_access(operation, self.caller.claims).is_allowed

    async def ask(self, operation: str, **variables: Any) -> Answer:
        """Run a published operation as the caller."""
        assert self.caller is not None  # noqa: S101 - pages for everybody ask nothing
        web = self.web
        context = HubContext(
            web.resources, web.metrics, self.caller, self.correlation_id, longest_history=LONGEST_HISTORY
        )
        return await self.web.operations.run(operation, context, **variables)

    @property
    def correlation_id(self) -> str:
        return str(self.request.scope[CORRELATION_KEY])

    def render(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page, or a part of one."""
        html = self.web.templates.render(template, self.language, {**self._always(), **values})
        return HTMLResponse(html, status_code=status)

    def redirect(self, address: str) -> Response:
        """Go there with GET; a script is told to load the whole page."""
        if self.is_fragment:
            return Response(status_code=204, headers={"HX-Redirect": address})
        return RedirectResponse(address, status_code=303)

    def _always(self) -> dict[str, Any]:
        path = self.request.url.path
        name = "" if self.session.identity is None else self.session.identity.name
        return {
            "language": self.language,
            "theme": self.theme,
            "back": self.page_path,
            "csrf": self.session.csrf,
            "caller": self.caller,
            "caller_name": name or ("" if self.caller is None else self.caller.subject),
            "navigation": [
                {"address": address, "name": name, "is_here": path.startswith(address)}
                for address, operation, name in NAVIGATION
                if self.may(operation)
            ],
            "now": self.now,
            "correlation_id": self.correlation_id,
        }


def landing_page(visit: Visit) -> str | None:
    """Where somebody with these roles begins; ``None`` when there is no page for them."""
    return next((address for address, operation, _ in NAVIGATION if visit.may(operation)), None)
