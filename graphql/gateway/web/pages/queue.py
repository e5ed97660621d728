"""The match queue of records staff: the worklist, and one question side by side."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

from starlette.responses import Response

from gateway.web.operations import Answer
from gateway.web.past_view import Wanted, ask_pasts, ask_seen, key_of
from gateway.web.review_view import comparison_rows, waterfall
from gateway.web.visit import Visit
from mpi.matching.guards import ALWAYS_TWO_PEOPLE

KINDS = (
    "POSSIBLE_MATCH", "MERGE_CONFLICT", "MERGE_REVERSED", "MERGE_REFUSED", "SUSPECTED_REUSE", "SUSPECTED_OVERLAY"
)  # fmt: skip
LARGEST_PAGE = 50
"""Questions on one page."""

ESCALATED = "escalated"
"""The list of what was handed to somebody senior."""


async def show_queue(visit: Visit) -> Response:
    """The worklist, most urgent first."""
    asked = visit.request.query_params
    return await render_queue(
        visit, kind=asked.get("kind", ""), list_=asked.get("list", ""), after=asked.get("after") or None
    )


async def render_queue(
    visit: Visit, *, kind: str, list_: str, after: str | None = None, bulk: Answer | None = None, status: int = 200
) -> Response:
    """A page of the worklist; ``bulk`` is what was just done to several questions."""
    kinds = [kind] if kind in KINDS else None
    is_senior = list_ == ESCALATED
    escalated = True if is_senior else None
    queue = await visit.ask("ReviewQueue", first=LARGEST_PAGE, after=after, kinds=kinds, escalated=escalated)
    if queue["__typename"] != "ReviewItemConnection":
        return visit.redirect("/queue")
    return visit.render(
        "queue.html",
        status=status,
        queue=queue,
        items=[_listed(edge, visit) for edge in queue["edges"]],
        kinds=KINDS,
        kind=kind if kinds else "",
        list=ESCALATED if is_senior else "",
        done=visit.request.query_params.get("done") == "1",
        bulk=bulk,
    )


async def show_item(visit: Visit) -> Response:
    """One question, open or closed."""
    return await render_item(visit, visit.request.path_params["item_id"], visit.request.query_params.get("at", ""))


async def render_item(
    visit: Visit, item_id: str, at: str, *, notice: Answer | None = None, status: int = 200
) -> Response:
    """The page of a question. ``at`` is its place in the queue; ``notice`` is what just happened."""
    item = await visit.ask("ReviewItem", id=item_id)
    if item["__typename"] != "ReviewItem":
        return visit.render("not_found.html", status=404)
    sides = [item[side]["identifier"] for side in ("left", "right")]
    persons, pasts = await asyncio.gather(_persons(item, visit), ask_pasts(visit, sides))
    response = visit.render(
        "review_item.html",
        status=status,
        item=item,
        at=at,
        notice=notice,
        rows=comparison_rows(item),
        waterfall=waterfall(item),
        persons=persons,
        pasts=[pasts.get(key_of(side), {}) for side in sides],
        seen=await ask_seen(visit, _seen_groups(item, persons)),
        are_one=_are_one(persons),
        claim=claim_of(item, visit),
        is_open=item["status"] == "OPEN",
    )
    response.headers["HX-Push-Url"] = f"/queue/{item_id}?at={at}"
    return response


def claim_of(item: Answer, visit: Visit) -> str:
    """``mine``, ``other`` or ``free``."""
    until = item["claimedUntil"]
    if item["claimedBy"] is None or until is None or dt.datetime.fromisoformat(until) <= visit.now:
        return "free"
    return "mine" if visit.caller is not None and item["claimedBy"] == visit.caller.subject else "other"


async def _persons(item: Answer, visit: Visit) -> list[Answer | None]:
    """The persons behind the two sides; one of them twice when both records are the same person's."""
    ids = [(item[side]["record"] or {}).get("enterpriseId") for side in ("left", "right")]

    async def person(enterprise_id: str | None) -> Answer | None:
        if enterprise_id is None:
            return None
        found = await visit.ask("Person", patient={"enterpriseId": enterprise_id})
        return found if found["__typename"] == "Person" else None

    return list(await asyncio.gather(*(person(i) for i in ids)))


def _are_one(persons: list[Answer | None]) -> bool:
    """Whether both records are one person's, so that *different* parts what is together now."""
    left, right = persons
    return left is not None and right is not None and left["enterpriseId"] == right["enterpriseId"]


def _seen_groups(item: Answer, persons: list[Answer | None]) -> list[Wanted]:
    """Whose examinations would come together, or be parted: those of both persons; of one person, of both records."""
    groups: list[Wanted] = []
    for side, person in zip(("left", "right"), persons, strict=True):
        own = item[side]["identifier"]
        is_alone = _are_one(persons) or person is None
        numbers = [own] if is_alone or person is None else [record["identifier"] for record in person["records"]]
        if not any(numbers == listed for _, _, listed in groups):
            groups.append((side, "", numbers))
    return groups


def _listed(edge: Answer, visit: Visit) -> dict[str, Any]:
    item = edge["node"]
    sides = item["left"], item["right"]
    label = " / ".join(key_of(side["identifier"]) for side in sides)
    hard = sorted(ALWAYS_TWO_PEOPLE.intersection(item["guards"]))
    return {
        **item,
        "cursor": edge["cursor"],
        "claim": claim_of(item, visit),
        "sides": sides,
        "label": label,
        "chosen": f"{item['id']} {item['version']} {label}",
        "hard": " ".join(hard),
    }
