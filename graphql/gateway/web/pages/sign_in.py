"""Signing in and out, and what a visitor likes: language and theme."""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from gateway.errors import NotAuthenticated
from gateway.observability import get_logger
from gateway.web.arrivals import return_address
from gateway.web.catalogue import LANGUAGES
from gateway.web.pages.provider import address_of_sign_out
from gateway.web.sessions import SessionTooLarge
from gateway.web.visit import LANGUAGE_COOKIE, THEME_COOKIE, THEMES, Visit, landing_page

_YEAR_SECONDS = 365 * 86_400
_log = get_logger("gateway.web")


async def show_start(visit: Visit) -> Response:
    """Everybody's first page: the one of their role."""
    if visit.caller is None:
        return visit.redirect("/sign-in")
    first = landing_page(visit)
    return visit.render("no_page.html", status=403) if first is None else visit.redirect(first)


async def show_sign_in(visit: Visit) -> Response:
    """The ways in that this hub offers."""
    if visit.caller is not None:
        return visit.redirect("/")
    return _sign_in_page(visit, problem="session_ended" if visit.session.has_ended else "")


async def sign_in_with_token(visit: Visit) -> Response:
    """Take a pasted token, where the settings allow that."""
    if not visit.web.settings.token_sign_in:
        return _sign_in_page(visit, problem="not_offered", status=403)
    return await enter(visit, "".join(visit.field("token", 8_000).split()))


async def enter(visit: Visit, token: str) -> Response:
    """Begin a session for the caller behind a token."""
    try:
        caller = await asyncio.to_thread(visit.web.resources.authenticate, f"Bearer {token}")
        response = visit.redirect(return_address(visit.session.return_to, caller))
        visit.web.cookies.write(response, visit.request, visit.session.signed_in(token, visit.now), visit.now)
    except NotAuthenticated as refusal:
        visit.web.metrics.count_refused_token(refusal.reason)
        _log.info("sign_in_refused", reason=refusal.reason)
        return _sign_in_page(visit, problem=refusal.reason, status=401)
    except SessionTooLarge:
        return _sign_in_page(visit, problem="token_too_long", status=401)
    return response


async def sign_out(visit: Visit) -> Response:
    """End the session in this browser."""
    address = await address_of_sign_out(visit)
    if address and visit.web.entrances.provider is not None:
        name = visit.web.entrances.provider.settings.name
        visit.caller = None
        response = visit.render("signing_out.html", address=address, provider=name)
    else:
        response = visit.redirect("/sign-in")
    visit.web.cookies.forget(response, visit.request)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


async def keep_preference(visit: Visit) -> Response:
    """Remember a language or a theme in this browser, and go back."""
    response = visit.redirect(_own_address(visit.field("back")))
    language, theme = visit.field("language"), visit.field("theme")
    if language in LANGUAGES:
        _remember(visit, response, LANGUAGE_COOKIE, language)
    if theme in THEMES:
        _remember(visit, response, THEME_COOKIE, theme)
    return response


def _remember(visit: Visit, response: Response, name: str, value: str) -> None:
    secure = visit.web.cookies.is_secure(visit.request)
    response.set_cookie(name, value, max_age=_YEAR_SECONDS, path="/", secure=secure, httponly=True, samesite="lax")


def _own_address(address: str) -> str:
    """Only a path of this hub: nobody is led elsewhere."""
    is_own = address.startswith("/") and not address.startswith(("//", "/\\")) and "\n" not in address
    return address if is_own else "/"


def _sign_in_page(visit: Visit, *, problem: str = "", status: int = 200) -> Response:
    settings = visit.web.settings
    return visit.render(
        "sign_in.html",
        status=status,
        problem=problem,
        takes_token=settings.token_sign_in,
        provider=settings.oidc.name if settings.oidc is not None else "",
        ehrs=[ehr.name for ehr in settings.ehrs],
    )
