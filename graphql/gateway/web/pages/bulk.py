"""Several questions at once, where that is safe: taken, given back, escalated, or *different* by a hard rule.

Each question is an operation, a transaction and an answer of its own; so is each when the lot is taken back. *Same* is
never said of several.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.responses import Response

from gateway.web.operations import Answer
from gateway.web.pages.queue import LARGEST_PAGE, render_queue
from gateway.web.visit import Visit
from mpi.matching.guards import ALWAYS_TWO_PEOPLE

PAIRWISE = frozenset({"POSSIBLE_MATCH", "MERGE_CONFLICT", "MERGE_REVERSED", "MERGE_REFUSED"})
"""Kinds of questions that *different* answers in one way: two records that are never one person."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """One line of the form. ``name`` is what an operation is given, ``seen`` a version, or several with commas."""

    name: str
    seen: str
    label: str

    @classmethod
    def read(cls, text: str) -> Chosen | None:
        name, _, rest = text[:400].partition(" ")
        seen, _, label = rest.partition(" ")
        return cls(name, seen, label) if name and seen else None

    @property
    def version(self) -> int:
        return int(self.seen) if self.seen.isdecimal() and len(self.seen) < 10 else 0

    @property
    def text(self) -> str:
        return f"{self.name} {self.seen} {self.label}"


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of one question: a code of ``words("bulk_answer")``, and what takes it back."""

    chosen: Chosen
    code: str
    undo: Chosen | None = None


Act = Callable[[Visit, Chosen], Awaitable[Answered]]


async def act_on_several(visit: Visit) -> Response:
    """Do the same to each of the chosen questions, as they were shown."""
    act, chosen = visit.field("act", 16), _chosen(visit)
    if act not in ACTS or not chosen:
        return await _show(visit, problem="nothing_chosen")
    if act == "escalate" and not visit.field("reason"):
        return await _show(visit, problem="no_reason")
    if act == "different" and not await _is_safe(visit, chosen):
        return await _show(visit, problem="not_safe")
    return await _show(visit, act=act, answered=[await ACTS[act](visit, one) for one in chosen])


async def undo_several(visit: Visit) -> Response:
    """Take back what was done to each, newest first."""
    act, chosen = visit.field("act", 16), _chosen(visit)
    if act not in UNDOING or not chosen:
        return await _show(visit, problem="nothing_chosen")
    return await _show(visit, act="undo", answered=[await UNDOING[act](visit, one) for one in reversed(chosen)])


async def _show(visit: Visit, *, problem: str = "", act: str = "", answered: list[Answered] | None = None) -> Response:
    told = answered or []
    bulk = {
        "problem": problem,
        "act": act,
        "done": [one for one in told if one.code == "done"],
        "refused": [one for one in told if one.code != "done"],
        "undo": [one.undo.text for one in told if one.undo is not None],
    }
    return await render_queue(
        visit, kind=visit.field("kind", 32), list_=visit.field("list", 16), bulk=bulk, status=400 if problem else 200
    )


def _chosen(visit: Visit) -> list[Chosen]:
    sent = [Chosen.read(str(text)) for text in visit.form.getlist("chosen")[:LARGEST_PAGE]]
    return [one for one in sent if one is not None]


async def _is_safe(visit: Visit, chosen: list[Chosen]) -> bool:
    """All of one kind, and one rule says of each of them that two people must be meant, whatever else agrees."""
    items = [await visit.ask("ReviewItem", id=one.name) for one in chosen]
    kinds = {item.get("kind") for item in items}
    shared = frozenset.intersection(ALWAYS_TWO_PEOPLE, *(frozenset(item.get("guards", ())) for item in items))
    return len(kinds) == 1 and kinds <= PAIRWISE and bool(shared)


async def _take(visit: Visit, one: Chosen) -> Answered:
    answer = await visit.ask("ClaimReviewItem", id=one.name)
    return _answered(one, answer, "ReviewItemClaimed", Chosen(one.name, "-", one.label))


async def _give_back(visit: Visit, one: Chosen) -> Answered:
    answer = await visit.ask("ReleaseReviewItem", id=one.name)
    return _answered(one, answer, "ReviewItemClaimed", Chosen(one.name, "-", one.label))


async def _escalate(visit: Visit, one: Chosen) -> Answered:
    reason = visit.field("reason", 500)
    answer = await visit.ask("EscalateReviewItem", id=one.name, expectedVersion=one.version, reason=reason)
    version = str(answer["item"]["version"]) if "item" in answer else ""
    return _answered(one, answer, "ReviewItemEscalated", Chosen(one.name, version, one.label))


async def _take_back_escalation(visit: Visit, one: Chosen) -> Answered:
    answer = await visit.ask("TakeBackEscalation", id=one.name, expectedVersion=one.version)
    return _answered(one, answer, "ReviewItemEscalated", None)


async def _say_different(visit: Visit, one: Chosen) -> Answered:
    asked = {"id": one.name, "expectedVersion": one.version, "reason": visit.field("reason", 500)}
    answer = await visit.ask("DecideReviewItem", decision="DIFFERENT", **asked)
    named, seen = answer.get("decisionId"), ",".join(answer.get("personVersions", ()))
    return _answered(one, answer, "ReviewDecided", Chosen(named, seen, one.label) if named else None)


async def _undo_decision(visit: Visit, one: Chosen) -> Answered:
    answer = await visit.ask("UndoDecision", decisionId=one.name, expectedVersions=one.seen.split(","))
    return _answered(one, answer, "IdentityDecided", None)


def _answered(one: Chosen, answer: Answer, done: str, undo: Chosen | None) -> Answered:
    if answer["__typename"] == done:
        return Answered(one, "done", undo)
    return Answered(one, answer.get("code") or "refused")


ACTS: dict[str, Act] = {
    "take": _take,
    "give_back": _give_back,
    "escalate": _escalate,
    "different": _say_different,
}
UNDOING: dict[str, Act] = {
    "take": _give_back,
    "give_back": _take,
    "escalate": _take_back_escalation,
    "different": _undo_decision,
}
