"""One patient's imaging across all sites, for a physician with ten seconds: found, shown, filled in, an order checked.

A patient is named in the body of a POST only; no address, title or stored value says who it is.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response

from gateway.web.operations import Answer
from gateway.web.timeline import draw_timeline
from gateway.web.visit import LONGEST_HISTORY, Visit

FIRST_DEADLINE_MS = 700
"""The first look shows what is there by then; the page then asks for the rest."""
FULL_DEADLINE_MS = 8_000
LOOKS = 3
"""How often the page asks again for sites that were late."""
MOST_FOUND = 20

LATE = frozenset({"TIMED_OUT"})
SILENT = frozenset({"TIMED_OUT", "FAILED", "SKIPPED"})
FLAGS = (
    "LIFE_THREATENING", "ED_CONTEXT", "ACUTE_CHANGE", "NEW_INJURY_SINCE_PRIOR", "INTERVENTION_SINCE_PRIOR",
    "FOLLOW_UP_RECOMMENDED", "SERIAL_MONITORING", "ONCOLOGY_RESTAGING", "IMAGE_GUIDANCE", "DEVICE_CHECK",
    "RT_PLANNING", "RESEARCH_PROTOCOL",
)  # fmt: skip
REASONS = (
    "CLINICAL_CHANGE", "DIFFERENT_QUESTION", "IMAGES_NOT_ACCESSIBLE", "REPORT_NOT_ACCESSIBLE",
    "PRIOR_QUALITY_INADEQUATE", "FOLLOW_UP_INTERVAL_DUE", "SPECIALIST_OR_PROTOCOL_REQUEST", "URGENT_NO_TIME",
)  # fmt: skip


async def show_search(visit: Visit) -> Response:
    """Who is meant."""
    return await _search_page(visit)


async def show_history(visit: Visit) -> Response:
    """The patient, what is known of them, and the history as far as sites have answered by the first deadline."""
    patient = _patient(visit)
    if patient is None:
        return await _search_page(visit, problem="number_needed", status=400)
    return await history_page(visit, patient)


async def history_page(visit: Visit, patient: dict[str, str]) -> Response:
    """The same for a patient who is named by other means than a form."""
    person, history, sites = await asyncio.gather(
        visit.ask("Person", patient=patient), _history(visit, patient, FIRST_DEADLINE_MS), _sites(visit)
    )
    if history["__typename"] != "ImagingHistory":
        return await _search_page(visit, problem=history["code"], status=404)
    person = person if person["__typename"] == "Person" else {}
    return visit.render("history.html", person=person, sites=sites, **_shown(visit, patient, history, look=1))


async def find_patient(visit: Visit) -> Response:
    """Those whom a description fits, best first; each leads on to the history."""
    described = {name: visit.field(name, 100) for name in ("family", "given", "birthDate", "phone")}
    found = await visit.ask("SearchPersons", described={k: v for k, v in described.items() if v}, first=MOST_FOUND)
    if found["__typename"] != "PersonMatchList":
        return await _search_page(visit, problem="not_described", status=400)
    return await _search_page(visit, found=found)


async def fill_in(visit: Visit) -> Response:
    """The history again, with more time for those who were late."""
    patient, look = _patient(visit), _number(visit.field("look"))
    if patient is None:
        return _part(visit, "_problem.html", status=400, problem="number_needed")
    history = await _history(visit, patient, FULL_DEADLINE_MS)
    if history["__typename"] != "ImagingHistory":
        return _part(visit, "_problem.html", problem=history["code"])
    return visit.render("_history.html", **_shown(visit, patient, history, look=look + 1))


async def check_order(visit: Visit) -> Response:
    """Whether an order would repeat one of these."""
    patient = _patient(visit)
    if patient is None:
        return _part(visit, "_problem.html", status=400, problem="number_needed")
    order = {
        "patient": patient,
        "orderingSite": visit.field("site"),
        "description": visit.field("description"),
        "flags": [flag for flag in visit.form.getlist("flag") if flag in FLAGS],
    }
    if not order["description"]:
        return _part(visit, "_problem.html", problem="description_needed")
    verdict = await visit.ask("CheckOrder", order=order)
    if verdict["__typename"] != "OrderCheck":
        return _part(visit, "_problem.html", problem=verdict["code"])
    names = {one["site"]: one["siteName"] for one in verdict["coverage"]}
    return _part(
        visit, "_verdict.html", verdict=verdict, site_names=names, silent=_silent(verdict), override_reasons=REASONS
    )


async def answer_alert(visit: Visit) -> Response:
    """The order is given up for the prior, or stands for a reason."""
    alert_id, reason = visit.field("alert"), visit.field("reason")
    if visit.field("answer") == "accept":
        answered = await visit.ask("AcceptAlert", alertId=alert_id)
    elif reason in REASONS:
        answered = await visit.ask("OverrideAlert", alertId=alert_id, reason=reason, comment=visit.field("comment"))
    else:
        return _part(visit, "_problem.html", problem="reason_needed")
    if answered["__typename"] not in ("AlertAnswered", "AlertNotOpen"):
        return _part(visit, "_problem.html", problem=answered["code"])
    alert = answered.get("alert") or answered["current"]
    return _part(visit, "_answered.html", alert=alert, is_late=answered["__typename"] == "AlertNotOpen")


def _part(visit: Visit, template: str, *, status: int = 200, **values: Any) -> Response:
    """A part of the page; a page of its own where no script asked for it (none runs, or it was not there yet)."""
    if visit.is_fragment:
        return visit.render(template, status=status, **values)
    return visit.render("part.html", status=status, part=template, **values)


async def _history(visit: Visit, patient: dict[str, str], deadline_ms: int) -> Answer:
    return await visit.ask("ImagingHistory", patient=patient, deadlineMs=deadline_ms, first=LONGEST_HISTORY)


async def _sites(visit: Visit) -> list[dict[str, Any]]:
    answer = await visit.ask("Sites")
    return list(answer.get("sites", []))


async def _search_page(visit: Visit, *, problem: str = "", found: Answer | None = None, status: int = 200) -> Response:
    sites = await _sites(visit)
    return visit.render(
        "history_search.html", status=status, sites=sites, problem=problem, sent=visit.form, found=found
    )


def _shown(visit: Visit, patient: dict[str, str], history: Answer, *, look: int) -> dict[str, Any]:
    studies = [edge["node"] for edge in history["studies"]["edges"]]
    late = [one for one in history["coverage"] if one["state"] in LATE]
    return {
        "patient": patient,
        "history": history,
        "studies": studies,
        "timeline": draw_timeline(studies, visit.now.date()),
        "silent": _silent(history),
        "site_names": {one["site"]: one["siteName"] for one in history["coverage"]},
        "asks_again": bool(late) and look < LOOKS,
        "late": late,
        "look": look,
        "flags": FLAGS,
    }


def _silent(answer: Answer) -> list[dict[str, Any]]:
    return [one for one in answer["coverage"] if one["state"] in SILENT]


def _patient(visit: Visit) -> dict[str, str] | None:
    authority, number = visit.field("authority"), visit.field("number")
    return {"assigningAuthority": authority, "localPatientId": number} if authority and number else None


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 3 else LOOKS
