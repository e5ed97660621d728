"""An EHR opens the pages on a patient (SMART App Launch): set out, come back, show the history.

The patient is never in an address: the session keeps whom each launch is about under an opaque id.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from typing import Any

from starlette.responses import RedirectResponse, Response

from federation.usecases.see_person import seconds_to_beat
from gateway.authentication import Caller, caller_of
from gateway.context import HubContext
from gateway.errors import NotAuthenticated
from gateway.web.arrivals import begin_session, page_of_failure
from gateway.web.entrances.code_flow import Entered
from gateway.web.entrances.ehrs import LONGEST_LAUNCH, Ehr
from gateway.web.entrances.failures import SignInFailed
from gateway.web.entrances.pending import Pending
from gateway.web.pages.history import history_page
from gateway.web.sessions import Identity, Launch
from gateway.web.visit import Visit

ACTION = "smart:launch"


async def launch(visit: Visit) -> Response:
    """Where an EHR sends the browser to: on to its own sign-in, if it is one of those that are listed."""
    try:
        ehr, handle = _asked(visit)
        pending = Pending.new(ehr.entrance)
        address = await ehr.flow.address(pending, {"aud": ehr.settings.iss, "launch": handle})
    except SignInFailed as failure:
        return await page_of_failure(visit, failure, ACTION)
    response = RedirectResponse(address, status_code=303)
    visit.web.entrances.launches.write(response, pending, visit.now, is_secure=visit.is_secure)
    return response


async def come_from_ehr(visit: Visit) -> Response:
    """Take what the EHR sent the browser back with: who it is, and which patient."""
    entrances = visit.web.entrances
    caller: Caller | None = None
    try:
        pending = entrances.launches.take(
            visit.request, frozenset(entrances.names), visit.now, is_secure=visit.is_secure
        )
        ehr = entrances.names[pending.entrance]
        entered = await ehr.flow.finish(pending, visit.request.query_params)
        expires_at = _ends(visit, ehr)
        caller = _caller(ehr.claims(entered, expires_at, ""))
        person = await _person(visit, ehr, entered, caller)
        kept = Launch(secrets.token_urlsafe(12), person, ehr.own_authority)
        identity = Identity(ehr.entrance, ehr.claims(entered, expires_at, person), _name(ehr, entered))
        response = await begin_session(visit, identity, ACTION, to=f"/history/launched/{kept.launch_id}", launch=kept)
    except SignInFailed as failure:
        response = await page_of_failure(visit, failure, ACTION, caller=caller)
    entrances.launches.forget(response, visit.request, is_secure=visit.is_secure)
    return response


async def show_launched(visit: Visit) -> Response:
    """The history of the patient of a launch of this session."""
    kept = visit.session.launch(visit.request.path_params["launch_id"])
    found = {} if kept is None else await visit.ask("Person", patient={"enterpriseId": kept.enterprise_id})
    records = found.get("records") or []
    own = [one for one in records if kept is not None and one["identifier"]["assigningAuthority"] == kept.authority]
    if not records:
        return visit.render("launch_over.html", status=404)
    return await history_page(visit, (own or records)[0]["identifier"])


def _asked(visit: Visit) -> tuple[Ehr, str]:
    """The listed EHR, and its opaque handle of the launch: it goes back to that EHR only."""
    sent = visit.request.query_params
    handles = sent.getlist("launch")
    if len(sent.getlist("iss")) != 1 or len(handles) != 1 or not 0 < len(handles[0]) <= LONGEST_LAUNCH:
        raise SignInFailed("launch_incomplete")
    ehr = visit.web.entrances.ehr(sent["iss"])
    if ehr is None:
        raise SignInFailed("ehr_not_listed")
    return ehr, handles[0]


def _name(ehr: Ehr, entered: Entered) -> str:
    """Who is signed in, as the page shows it: by name, if the EHR says one, and from where."""
    name = entered.claims.get("name")
    return f"{name if isinstance(name, str) and name else entered.claims['sub']}, {ehr.settings.name}"[:80]


def _ends(visit: Visit, ehr: Ehr) -> int:
    """When the session ends: as the settings say; the EHR's ID token speaks of the moment of signing in only."""
    longest = int(visit.web.resources.longest_token_life.total_seconds())
    return int(visit.now.timestamp()) + min(60 * ehr.settings.session_minutes, longest)


def _caller(claims: Mapping[str, Any]) -> Caller:
    try:
        return caller_of({name: value for name, value in claims.items() if name not in ("scope", "patient")})
    except NotAuthenticated as refusal:
        raise SignInFailed("no_identity", refusal.reason) from None


async def _person(visit: Visit, ehr: Ehr, entered: Entered, caller: Caller) -> str:
    """Somebody who may not be seen is as unknown as anybody else, and takes as long."""
    sent = await ehr.identifiers(entered)
    context = HubContext(visit.web.resources, visit.web.metrics, caller, visit.correlation_id)
    started = time.monotonic()
    try:
        return await asyncio.to_thread(ehr.person, sent, visit.web.resources, context.viewer("person"))
    except SignInFailed:
        await asyncio.sleep(seconds_to_beat(started))
        raise
