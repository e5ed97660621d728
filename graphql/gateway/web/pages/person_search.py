"""Finding a person, for records staff: by a number, or by name and birth date. What is typed travels in POST bodies."""

from __future__ import annotations

from starlette.responses import Response

from gateway.web.operations import Answer
from gateway.web.visit import Visit

_MOST_FOUND = 20


async def show_persons(visit: Visit) -> Response:
    """Who is meant."""
    return await search_page(visit)


async def find_person(visit: Visit) -> Response:
    """Those whom a description fits, best first; each leads on to the person."""
    described = {name: visit.field(name, 100) for name in ("family", "given", "birthDate")}
    asked = {name: value for name, value in described.items() if value}
    found = await visit.ask("SearchPersons", described=asked, first=_MOST_FOUND)
    if found["__typename"] != "PersonMatchList":
        return await search_page(visit, problem=found.get("field") or found["code"], status=400)
    return await search_page(visit, found=found)


async def search_page(visit: Visit, *, problem: str = "", status: int = 200, found: Answer | None = None) -> Response:
    """Both ways to search, with what was typed."""
    sites = await visit.ask("Sites")
    sent = {name: visit.field(name, 100) for name in ("family", "given", "birthDate")}
    return visit.render(
        "persons.html", status=status, sites=sites.get("sites", []), problem=problem, found=found, sent=sent
    )


async def nobody_there(visit: Visit) -> Response:
    """Nobody is behind the number."""
    return await search_page(visit, problem="nobody_there", status=404)
