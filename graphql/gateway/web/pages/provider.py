"""Signing in and out at the hospital's identity provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from gateway.authentication import caller_of
from gateway.errors import NotAuthenticated
from gateway.web.arrivals import begin_session, page_of_failure, return_address
from gateway.web.entrances.code_flow import Entered
from gateway.web.entrances.entrances import OIDC, Provider
from gateway.web.entrances.failures import SignInFailed
from gateway.web.entrances.pending import Pending
from gateway.web.sessions import Identity
from gateway.web.visit import Visit

ACTION = "oidc:signIn"
_KEPT_CLAIMS = ("sub", "roles", "purpose_of_use", "sites", "scope", "patient", "jti", "iat")
_NAMES = ("name", "preferred_username")


async def go_to_provider(visit: Visit) -> Response:
    """Set out to the provider; what comes back is taken by this browser only."""
    try:
        provider = _provider(visit)
        pending = Pending.new(OIDC, visit.session.return_to)
        response: Response = RedirectResponse(await provider.flow.address(pending, {}), status_code=303)
    except SignInFailed as failure:
        return await page_of_failure(visit, failure, ACTION, again="/sign-in/provider")
    visit.web.entrances.sign_ins.write(response, pending, visit.now, is_secure=visit.is_secure)
    return response


async def come_from_provider(visit: Visit) -> Response:
    """Take what the provider sent the browser back with, once."""
    cookies = visit.web.entrances.sign_ins
    try:
        provider = _provider(visit)
        pending = cookies.take(visit.request, frozenset({OIDC}), visit.now, is_secure=visit.is_secure)
        entered = await provider.flow.finish(pending, visit.request.query_params)
        identity = _identity(provider, entered, visit)
        to = return_address(pending.return_to, caller_of(identity.claims))
        response = await begin_session(visit, identity, ACTION, to=to)
    except SignInFailed as failure:
        response = await page_of_failure(visit, failure, ACTION, again="/sign-in/provider")
    cookies.forget(response, visit.request, is_secure=visit.is_secure)
    return response


async def address_of_sign_out(visit: Visit) -> str:
    """Where the provider ends its own session; empty when it cannot, or need not.

    Source: OpenID Connect RP-Initiated Logout 1.0.
    """
    provider, identity = visit.web.entrances.provider, visit.session.identity
    if provider is None or identity is None or identity.entrance != OIDC or not provider.settings.sign_out_there:
        return ""
    try:
        place = (await provider.flow.metadata()).end_session_endpoint
    except SignInFailed:
        return ""
    if place is None:
        return ""
    said = {
        "client_id": provider.settings.client_id,
        "post_logout_redirect_uri": f"{visit.web.entrances.public_url}/sign-in",
        **({"id_token_hint": identity.id_token} if identity.id_token else {}),
    }
    return f"{place}{'&' if '?' in place else '?'}{urlencode(said)}"


def _provider(visit: Visit) -> Provider:
    provider = visit.web.entrances.provider
    if provider is None:
        raise SignInFailed("not_offered")
    return provider


def _identity(provider: Provider, entered: Entered, visit: Visit) -> Identity:
    """Who it is, read as a bearer token is read; for as long as the settings or the ID token say."""
    claims: dict[str, Any] = {name: entered.claims[name] for name in _KEPT_CLAIMS if name in entered.claims}
    now, minutes = int(visit.now.timestamp()), provider.settings.session_minutes
    longest = now + int(visit.web.resources.longest_token_life.total_seconds())
    claims["exp"] = min(int(entered.claims["exp"]) if minutes is None else now + 60 * minutes, longest)
    try:
        caller_of(claims)
    except NotAuthenticated as refusal:
        raise SignInFailed("token_refused", refusal.reason) from None
    return Identity(OIDC, claims, _name(entered.claims), entered.id_token)


def _name(claims: Mapping[str, Any]) -> str:
    return next((str(claims[one])[:80] for one in _NAMES if isinstance(claims.get(one), str) and claims[one]), "")
