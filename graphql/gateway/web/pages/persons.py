"""Persons, for records staff: who is behind a number, and merge, split and take back with a preview.

A person is named in the body of a POST only. What is confirmed names the versions that the preview showed.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response

from gateway.web.operations import Answer
from gateway.web.pages.person_search import nobody_there
from gateway.web.past_view import Wanted, ask_pasts, ask_seen, key_of
from gateway.web.visit import Visit

_OPERATIONS = {"merge": "MergePersons", "split": "SplitPerson", "unlink": "UnlinkRecord", "undo": "UndoDecision"}
_LEAVING = ("split", "unlink")
"""Acts by which records leave a person."""

_NOT_THERE = frozenset({"PatientNotFound", "InvalidInput"})
_MOST_VERSIONS = 100


async def show_person(visit: Visit) -> Response:
    """A person: what is known and from where, its records, and what staff decided about them."""
    named = _named(visit, "")
    return await nobody_there(visit) if named is None else await _person_page(visit, named)


async def preview_act(visit: Visit) -> Response:
    """What would change. Nothing does."""
    act, named = visit.field("act", 8), _named(visit, "")
    if act not in _OPERATIONS or named is None:
        return await nobody_there(visit)
    person = await visit.ask("Person", patient=named)
    if person["__typename"] != "Person":
        return await nobody_there(visit)
    asked = await _asked(visit, act, person)
    if isinstance(asked, str):
        return await _person_page(visit, named, problem=asked)
    answer = await _run(visit, act, asked, preview=True)
    if answer["__typename"] != "IdentityDecided":
        return await _person_page(visit, named, problem=answer["code"])
    asked["expectedVersions"] = [shown["version"] for shown in answer["before"]]
    return await _preview_page(visit, act, asked, answer, person)


async def confirm_act(visit: Visit) -> Response:
    """Do what the preview showed, unless a person changed since."""
    act, home = visit.field("act", 8), visit.field("enterpriseId", 64)
    if act not in _OPERATIONS or not home:
        return await nobody_there(visit)
    asked = _confirmed(visit, act)
    answer = await _run(visit, act, asked, preview=False)
    named = {"enterpriseId": home}
    if answer["__typename"] == "IdentityDecided":
        return await _person_page(visit, named, done=answer)
    return await _person_page(visit, named, problem=answer["code"])


async def _person_page(visit: Visit, named: Answer, *, problem: str = "", done: Answer | None = None) -> Response:
    person, decided, sites = await asyncio.gather(
        visit.ask("Person", patient=named), visit.ask("IdentityDecisions", patient=named), visit.ask("Sites")
    )
    if person["__typename"] in _NOT_THERE:
        return await nobody_there(visit)
    pasts = await ask_pasts(visit, [record["identifier"] for record in person["records"]])
    golden = person["goldenRecord"] or {}
    sources: dict[str, Answer] = {source["field"]: source for source in golden.get("sources", ())}
    return visit.render(
        "person.html",
        status=409 if problem else 200,
        person=person,
        sources=sources,
        pasts=pasts,
        decisions=decided.get("decisions", []),
        sites=sites.get("sites", []),
        problem=problem,
        done=done,
    )


async def _asked(visit: Visit, act: str, person: Answer) -> dict[str, Any] | str:
    """The variables of the act's operation, or a code of what is missing."""
    reason = {"reason": visit.field("reason", 500)}
    if act == "undo":
        return {"decisionId": visit.field("decisionId", 64)}
    if act in _LEAVING:
        chosen, seen = set(visit.form.getlist("leaving")), [person["version"]]
        numbers = [record["identifier"] for record in person["records"]]
        leaving = [number for place, number in enumerate(numbers) if str(place) in chosen]
        if not leaving or person["version"] != visit.field("version", 80):
            return "nothing_chosen"
        return {**_leaving(act, person["enterpriseId"], leaving), "expectedVersions": seen, **reason}
    other_named = _named(visit, "other_")
    other = {"__typename": ""} if other_named is None else await visit.ask("Person", patient=other_named)
    if other["__typename"] != "Person":
        return "nobody_there"
    return {
        "survivor": person["enterpriseId"],
        "subsumed": other["enterpriseId"],
        "expectedVersions": [person["version"], other["version"]],
        **reason,
    }


def _confirmed(visit: Visit, act: str) -> dict[str, Any]:
    """The same variables as the preview's form carries them."""
    versions = [str(version)[:80] for version in visit.form.getlist("expectedVersions")[:_MOST_VERSIONS]]
    if act == "undo":
        return {"decisionId": visit.field("decisionId", 64), "expectedVersions": versions}
    reason = {"reason": visit.field("reason", 500), "expectedVersions": versions}
    if act == "merge":
        return {"survivor": visit.field("survivor", 64), "subsumed": visit.field("subsumed", 64), **reason}
    pairs = zip(visit.form.getlist("leavingAuthority"), visit.form.getlist("leavingNumber"), strict=False)
    leaving = [{"assigningAuthority": str(authority), "localPatientId": str(number)} for authority, number in pairs]
    return {**_leaving(act, visit.field("enterpriseId", 64), leaving), **reason}


def _leaving(act: str, enterprise_id: str, leaving: list[Answer]) -> dict[str, Any]:
    """What leaves, as the operation names it: one record for itself, or several together."""
    if act == "unlink":
        return {"identifier": leaving[0] if leaving else {"assigningAuthority": "", "localPatientId": ""}}
    return {"enterpriseId": enterprise_id, "leaving": leaving}


async def _run(visit: Visit, act: str, asked: dict[str, Any], *, preview: bool) -> Answer:
    return await visit.ask(_OPERATIONS[act], preview=preview, **asked)


async def _preview_page(visit: Visit, act: str, asked: dict[str, Any], answer: Answer, person: Answer) -> Response:
    moves = [m for m in answer["decision"]["moves"] if m["before"]["enterpriseId"] != m["after"]["enterpriseId"]]
    moved = {key_of(move["identifier"]) for move in moves}
    known = {shown["enterpriseId"] for shown in answer["before"]}
    return visit.render(
        "person_preview.html",
        act=act,
        asked=asked,
        person=person,
        sides=((False, answer["before"]), (True, answer["persons"])),
        moved=moved,
        known=known,
        seen=await ask_seen(visit, _seen_groups(answer, moves)),
    )


def _seen_groups(answer: Answer, moves: list[Answer]) -> list[Wanted]:
    """The examinations that go from one person to another, and those that stay with each."""
    names = {shown["enterpriseId"]: _name(shown) for shown in (*answer["persons"], *answer["before"])}
    going: dict[tuple[str, str], list[Answer]] = {}
    for move in moves:
        way = move["before"]["enterpriseId"], move["after"]["enterpriseId"]
        going.setdefault(way, []).append(move["identifier"])
    groups: list[Wanted] = [
        ("goes", f"{names.get(before, '–')} → {names.get(after, '–')}", numbers)
        for (before, after), numbers in going.items()
    ]
    moved = {key_of(move["identifier"]) for move in moves}
    for shown in answer["before"]:
        staying = [r["identifier"] for r in shown["records"] if key_of(r["identifier"]) not in moved]
        groups.append(("stays", names[shown["enterpriseId"]], staying))
    return groups


def _name(person: Answer) -> str:
    name = (person["goldenRecord"] or {}).get("name")
    return "–" if name is None else f"{name['family']}, {name['given']}"


def _named(visit: Visit, prefix: str) -> Answer | None:
    """Whom the form names: by the hub's id, or by a patient number."""
    enterprise_id = visit.field(f"{prefix}enterpriseId", 64)
    if enterprise_id:
        return {"enterpriseId": enterprise_id}
    authority, number = visit.field(f"{prefix}authority", 64), visit.field(f"{prefix}number", 64)
    return {"assigningAuthority": authority, "localPatientId": number} if authority and number else None
