"""The control room: how the hospitals do, whether the alerts help, and who looked at whom."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

from starlette.responses import Response

from gateway.web.operations import Answer
from gateway.web.visit import Visit

_AUDIT_SHOWN, _REPORT_PAGE = 100, 50
OUTCOMES = ("SUCCESS", "REFUSED", "FAILED")


async def show_sites(visit: Visit) -> Response:
    """Every hospital: its circuit, its last answer, how fast it is."""
    return _sites_page(visit, await visit.ask("Sites"))


async def test_sites(visit: Visit) -> Response:
    """Ask every archive now."""
    return _sites_page(visit, await visit.ask("Sites", check=True), is_tested=True)


async def show_control(visit: Visit) -> Response:
    """Whether the alerts help, what the hub works with and has still to do, and what happened lately."""
    report, trail, status = await asyncio.gather(
        visit.ask("AlertReport"), visit.ask("AuditEvents", first=25), visit.ask("HubStatus")
    )
    return visit.render(
        "control.html",
        report=report if report["__typename"] == "AlertReport" else None,
        events=trail.get("events", []),
        hub=status,
    )


async def show_access(visit: Visit) -> Response:
    """The two questions a privacy officer asks."""
    return await _access_page(visit)


async def who_looked(visit: Visit) -> Response:
    """Who looked at one patient, and who changed something about them."""
    patient = {"assigningAuthority": visit.field("authority", 64), "localPatientId": visit.field("number", 64)}
    report = await visit.ask("AccessReport", patient=patient, first=_REPORT_PAGE, after=visit.field("after") or None)
    if report["__typename"] != "AccessReport":
        return await _access_page(visit, problem="nobody", status=404)
    return await _access_page(visit, report=report, patient=patient)


async def search_audit(visit: Visit) -> Response:
    """Entries by who, what, how it ended and when, newest first."""
    asked: dict[str, Any] = {"actor": visit.field("actor", 64), "action": visit.field("action", 64)}
    if visit.field("outcome") in OUTCOMES:
        asked["outcome"] = visit.field("outcome")
    since, until = _day(visit.field("since")), _day(visit.field("until"))
    if since is not None:
        asked["since"] = since.isoformat()
    if until is not None:
        asked["until"] = (until + dt.timedelta(days=1)).isoformat()
    trail = await visit.ask("AuditEvents", first=_AUDIT_SHOWN, after=visit.field("after") or None, filter=asked)
    return await _access_page(visit, trail=trail if trail["__typename"] == "AuditTrail" else None)


def _day(text: str) -> dt.datetime | None:
    """The beginning of a day, UTC as all times on the pages; ``None`` for what is no day."""
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=dt.UTC)
    except ValueError:
        return None


def _sites_page(visit: Visit, answer: Answer, *, is_tested: bool = False) -> Response:
    return visit.render("sites.html", sites=answer["sites"], as_of=answer["asOf"], is_tested=is_tested)


async def _access_page(visit: Visit, *, status: int = 200, **values: Any) -> Response:
    sites = await visit.ask("Sites")
    names = ("actor", "action", "outcome", "since", "until", "authority", "number")
    shown = {"problem": "", "report": None, "patient": None, "trail": None, **values}
    return visit.render(
        "access.html",
        status=status,
        authorities=sorted({site["assigningAuthority"] for site in sites["sites"]}),
        sent={name: visit.field(name, 64) for name in names},
        outcomes=OUTCOMES,
        **shown,
    )
