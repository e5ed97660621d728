"""The control room: how the hospitals do, whether the alerts help, and who looked at whom."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response

from gateway.web.operations import Answer
from gateway.web.visit import Visit

_AUDIT_SEARCHED, _AUDIT_SHOWN, _REPORT_PAGE = 500, 100, 50
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
    """Entries among the newest, by who, what and how it ended."""
    trail = await visit.ask("AuditEvents", first=_AUDIT_SEARCHED)
    actor, action, outcome = visit.field("actor", 64).lower(), visit.field("action", 64).lower(), visit.field("outcome")
    found = [
        event
        for event in trail.get("events", [])
        if actor in event["actor"].lower() and action in event["action"].lower() and outcome in ("", event["outcome"])
    ]
    return await _access_page(visit, events=found[:_AUDIT_SHOWN], found_count=len(found))


def _sites_page(visit: Visit, answer: Answer, *, is_tested: bool = False) -> Response:
    return visit.render("sites.html", sites=answer["sites"], as_of=answer["asOf"], is_tested=is_tested)


async def _access_page(visit: Visit, *, status: int = 200, **values: Any) -> Response:
    sites = await visit.ask("Sites")
    names = ("actor", "action", "outcome", "authority", "number")
    shown = {"problem": "", "report": None, "patient": None, "events": None, "found_count": 0, **values}
    return visit.render(
        "access.html",
        status=status,
        authorities=sorted({site["assigningAuthority"] for site in sites["sites"]}),
        sent={name: visit.field(name, 64) for name in names},
        outcomes=OUTCOMES,
        searched=_AUDIT_SEARCHED,
        **shown,
    )
