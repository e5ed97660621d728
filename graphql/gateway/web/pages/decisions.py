"""What a clerk does with a question: take it, decide it, put it back, and take a decision back."""

from __future__ import annotations

from starlette.responses import Response

from gateway.web.operations import Answer
from gateway.web.pages.queue import ESCALATED, claim_of, render_item
from gateway.web.visit import Visit

DECISIONS = ("SAME", "DIFFERENT", "DISMISSED")
OVERLAYS = {"OVERLAY_LEFT": "LEFT", "OVERLAY_RIGHT": "RIGHT"}
"""Buttons that say which of the two records may hold two people's data."""

ESCALATE = "ESCALATE"
"""Not a decision: it leaves the question to somebody senior."""

_MOST_VERSIONS = 100
_LOOK_AHEAD = (5, 50)
"""Questions to try first, and when others work on all of those."""


async def take_next(visit: Visit) -> Response:
    """Claim the most urgent question that nobody works on."""
    return await _go_on(visit, visit.field("at"), None)


async def decide_item(visit: Visit) -> Response:
    """Carry out a decision, then go on to the next question. A stale one changes nothing and shows what is now."""
    item_id, decision, at = visit.request.path_params["item_id"], visit.field("decision"), visit.field("at")
    version = visit.field("version", 12)
    if decision == ESCALATE and version.isdecimal():
        return await _escalate(visit, item_id, int(version), at)
    suspected, reason = OVERLAYS.get(decision), visit.field("reason", 500)
    if (decision not in DECISIONS and suspected is None) or not version.isdecimal():
        return await render_item(visit, item_id, at, notice={"kind": "unclear"}, status=400)
    if suspected is not None and not reason:
        return await render_item(visit, item_id, at, notice={"kind": "no_overlay_reason"}, status=400)
    answer = await visit.ask(
        "DecideReviewItem",
        id=item_id,
        expectedVersion=int(version),
        decision=decision if suspected is None else "POSSIBLE_OVERLAY",
        reason=reason,
        suspected=suspected,
    )
    if answer["__typename"] == "ReviewDecided":
        return await _go_on(visit, at, _decided(answer, at))
    return await render_item(visit, item_id, at, notice=_not_done(answer), status=409)


async def _escalate(visit: Visit, item_id: str, version: int, at: str) -> Response:
    """Hand the question to somebody senior, with a reason, and go on to the next one."""
    reason = visit.field("reason", 500)
    if not reason:
        return await render_item(visit, item_id, at, notice={"kind": "no_reason"}, status=400)
    answer = await visit.ask("EscalateReviewItem", id=item_id, expectedVersion=version, reason=reason)
    if answer["__typename"] == "ReviewItemEscalated":
        return await _go_on(visit, at, {"kind": "escalated", "at": at, **_seen(answer["item"])})
    return await render_item(visit, item_id, at, notice=_not_done(answer), status=409)


async def take_back_escalation(visit: Visit) -> Response:
    """The question is everybody's again: show it, claimed for this clerk."""
    item_id, version, at = visit.request.path_params["item_id"], visit.field("version", 12), visit.field("at")
    if not version.isdecimal():
        return await render_item(visit, item_id, at, notice={"kind": "unclear"}, status=400)
    answer = await visit.ask("TakeBackEscalation", id=item_id, expectedVersion=int(version))
    if answer["__typename"] != "ReviewItemEscalated":
        return await render_item(visit, item_id, at, notice=_not_done(answer), status=409)
    await visit.ask("ClaimReviewItem", id=item_id)
    return await render_item(visit, item_id, at, notice={"kind": "not_escalated"})


async def release_item(visit: Visit) -> Response:
    """Not sure: leave the question to somebody else and go on behind it."""
    item_id = visit.request.path_params["item_id"]
    await visit.ask("ReleaseReviewItem", id=item_id)
    return await _go_on(visit, visit.field("at"), {"kind": "put_back", "item_id": item_id})


async def undo_last(visit: Visit) -> Response:
    """Take a decision back and show the question again; not if a person changed since: then show what is now."""
    item_id, at, decision_id = visit.field("item_id", 64), visit.field("at"), visit.field("decision_id", 64)
    seen = [str(version)[:80] for version in visit.form.getlist("versions")[:_MOST_VERSIONS]]
    answer = await visit.ask("UndoDecision", decisionId=decision_id, expectedVersions=seen or None)
    if answer["__typename"] == "IdentityDecided":
        await visit.ask("ClaimReviewItem", id=item_id)
        return await render_item(visit, item_id, at, notice={"kind": "undone"})
    if answer["__typename"] != "StalePersons":
        return await render_item(visit, item_id, at, notice={"kind": "not_undone", **answer}, status=409)
    notice: Answer = {"kind": "undo_stale", "item_id": item_id, "at": at, "decision_id": decision_id}
    notice["versions"] = [person["version"] for person in answer["persons"]]
    return await render_item(visit, item_id, at, notice=notice, status=409)


async def _go_on(visit: Visit, at: str, notice: Answer | None) -> Response:
    """Show the next free question, claimed for this clerk; the worklist when there is none."""
    found = await _take_one(visit, at)
    if found is None:
        return visit.redirect(f"/queue?done=1{'&list=escalated' if _is_senior(visit) else ''}")
    return await render_item(visit, found["node"]["id"], found["cursor"], notice=notice)


async def _take_one(visit: Visit, at: str) -> Answer | None:
    for after in (at, None) if at else (None,):
        for count in _LOOK_AHEAD:
            queue = await visit.ask("ReviewQueue", first=count, after=after, escalated=_is_senior(visit))
            edges: list[Answer] = queue.get("edges", [])
            for edge in edges:
                if claim_of(edge["node"], visit) == "other":
                    continue
                claimed = await visit.ask("ClaimReviewItem", id=edge["node"]["id"])
                if claimed["__typename"] == "ReviewItemClaimed":
                    return edge
            if len(edges) < count:
                break
    return None


def _is_senior(visit: Visit) -> bool:
    """Whether they work down the list of what was escalated: everybody else's list leaves those out."""
    return visit.field("list") == ESCALATED


def _seen(item: Answer) -> Answer:
    return {"item_id": item["id"], "version": item["version"]}


def _not_done(answer: Answer) -> Answer:
    return {"kind": "stale" if answer["__typename"] == "StaleReviewItem" else "refused", **answer}


def _decided(answer: Answer, at: str) -> Answer:
    """What the next page says of it, with what is needed to take it back."""
    item = answer["item"]
    return {
        "kind": "decided",
        "decision": item["decision"],
        "item_id": item["id"],
        "at": at,
        "decision_id": answer["decisionId"] or "",
        "versions": answer["personVersions"],
    }
