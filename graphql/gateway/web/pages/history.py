"""A patient's imaging across all sites: the search, and the history that fills in while sites answer.

A round asks every site with one deadline; a later, longer one follows only while a site is late.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response

from gateway.web.history_view import reach_of, time_line
from gateway.web.operations import Answer
from gateway.web.visit import Visit

MOST_STUDIES = 100
MODALITIES = ("CT", "MR", "XR", "US", "MG", "NM", "PT", "RF", "XA", "BMD")


async def show_search(visit: Visit) -> Response:
    """The two ways to name a patient."""
    return await _search_page(visit)


async def find_patient(visit: Visit) -> Response:
    """By number: on to the history. By description: those who may be meant."""
    number, authority = visit.field("number", 64), visit.field("authority", 64)
    if number:
        found = await visit.ask("Person", patient={"assigningAuthority": authority, "localPatientId": number})
        if found["__typename"] == "Person":
            return visit.redirect(f"/history/{found['enterpriseId']}")
        return await _search_page(visit, problem="nobody", status=404)
    found = await visit.ask("SearchPersons", description=_description(visit))
    if found["__typename"] != "FoundPersons":
        return await _search_page(visit, problem=found["code"], status=400)
    return await _search_page(visit, found=found)


async def show_history(visit: Visit) -> Response:
    """The history after the first round."""
    enterprise_id = visit.request.path_params["enterprise_id"]
    person, history, sites = await asyncio.gather(
        visit.ask("Person", patient={"enterpriseId": enterprise_id}),
        _ask(visit, enterprise_id, 0),
        visit.ask("Sites"),
    )
    if person["__typename"] != "Person" or history["__typename"] != "ImagingHistory":
        return visit.render("not_found.html", status=404)
    return visit.render(
        "history.html", person=person, sites=sites["sites"], modalities=MODALITIES, **_view(visit, history, 0)
    )


async def show_round(visit: Visit) -> Response:
    """The same history after a later round: the part of the page that fills in."""
    number = visit.request.path_params["round"]
    if not number.isdecimal() or int(number) >= len(visit.web.settings.rounds_ms):
        return visit.render("not_found.html", status=404)
    enterprise_id = visit.request.path_params["enterprise_id"]
    if not visit.is_fragment:
        return visit.redirect(f"/history/{enterprise_id}")
    history = await _ask(visit, enterprise_id, int(number))
    if history["__typename"] != "ImagingHistory":
        return visit.render("not_found.html", status=404)
    return visit.render("history_part.html", **_view(visit, history, int(number)))


async def _ask(visit: Visit, enterprise_id: str, number: int) -> Answer:
    return await visit.ask(
        "ImagingHistory",
        patient={"enterpriseId": enterprise_id},
        deadlineMs=visit.web.settings.rounds_ms[number],
        first=MOST_STUDIES,
        after=visit.request.query_params.get("after") or None,
    )


def _view(visit: Visit, history: Answer, number: int) -> dict[str, Any]:
    studies, reach = [edge["node"] for edge in history["studies"]["edges"]], reach_of(history)
    return {
        "history": history,
        "enterprise_id": history["person"]["enterpriseId"],
        "studies": studies,
        "reach": reach,
        "line": time_line(studies, visit.now),
        "next_round": number + 1 if reach.is_late and number + 1 < len(visit.web.settings.rounds_ms) else None,
        "after": visit.request.query_params.get("after", ""),
    }


def _description(visit: Visit) -> Answer:
    sex = visit.field("sex", 10)
    return {
        "family": visit.field("family", 100),
        "given": visit.field("given", 100),
        "birthDate": visit.field("birth_date", 10),
        "sex": sex if sex in ("FEMALE", "MALE", "OTHER") else None,
        "phone": visit.field("phone", 40),
    }


async def _search_page(visit: Visit, *, problem: str = "", found: Answer | None = None, status: int = 200) -> Response:
    sites = await visit.ask("Sites")
    typed = {name: visit.field(name) for name in ("authority", "family", "given", "birth_date", "sex", "phone")}
    authorities = sorted({site["assigningAuthority"] for site in sites["sites"]})
    return visit.render(
        "search.html", status=status, problem=problem, found=found, typed=typed, authorities=authorities
    )
