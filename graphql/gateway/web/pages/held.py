"""Records that are held as possible overlays, for records staff: which, why, since when, and their release.

Where the list goes on travels in a POST body: the place is a patient number.
"""

from __future__ import annotations

from starlette.responses import Response

from gateway.web.operations import Answer
from gateway.web.visit import Visit

_PAGE = 50


async def show_held(visit: Visit) -> Response:
    """The held records, by patient number."""
    return await _list(visit, after=visit.field("after") or None)


async def release_held(visit: Visit) -> Response:
    """End one hold, unless its record changed since it was shown."""
    number = {"assigningAuthority": visit.field("authority", 64), "localPatientId": visit.field("number", 64)}
    version, reason = visit.field("version", 80), visit.field("reason", 500)
    answer = await visit.ask("ReleaseHeldRecord", identifier=number, expectedVersions=[version], reason=reason)
    if answer["__typename"] == "IdentityDecided":
        return await _list(visit, done={**answer, "number": number})
    return await _list(visit, problem=answer["code"], status=409)


async def _list(
    visit: Visit, *, after: str | None = None, done: Answer | None = None, problem: str = "", status: int = 200
) -> Response:
    held = await visit.ask("HeldRecords", first=_PAGE, after=after)
    if held["__typename"] != "HeldRecordConnection":
        return visit.redirect("/persons/held")
    return visit.render("held.html", status=status, held=held, done=done, problem=problem)
