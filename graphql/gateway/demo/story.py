"""The story of the README, played against a running demo: what each person does, sees, and what must hold.

A step is a function that plays and reports ``Expectation``s; nothing is assumed from the step before but what it did.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from adapters.simulated.adt_feed import merge_message
from adapters.simulated.faults import Fault
from adapters.simulated.story import STORY
from gateway.clock import utc_now
from gateway.demo.browsing import Visitor
from gateway.demo.people import Answer, Person, Reply, order_for, patient_ref
from gateway.demo.world import DEADLINE_MS, DemoWorld
from gateway.permissions import Role
from mpi.identity.identifiers import PatientIdentifier

CT_ABDOMEN = ("CT ABD/PELVIS W CONTRAST", "CT")
CT_HEAD = ("CT HEAD WO CONTRAST", "CT")
CT_CHEST = ("CT CHEST WO CONTRAST", "CT")
DEADLINE_TOLERANCE_MS = 100
REVISION_WAIT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Expectation:
    """Something that must hold, and whether it did."""

    text: str
    holds: bool


@dataclass(slots=True)
class Step:
    """One step as it was played: who saw what, and what had to hold."""

    letter: str
    title: str
    seen: list[str] = field(default_factory=list)
    expectations: list[Expectation] = field(default_factory=list)

    def see(self, who: str, what: str) -> None:
        self.seen.append(f"{who} sees: {what}")

    def expect(self, text: str, holds: bool) -> None:
        self.expectations.append(Expectation(text, bool(holds)))

    @property
    def ok(self) -> bool:
        return bool(self.expectations) and all(e.holds for e in self.expectations)


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays."""

    physician: Person
    clerk: Person
    admin: Person
    stranger: Person

    @classmethod
    def of(cls, world: DemoWorld) -> Cast:
        def someone(role: Role) -> Person:
            return Person(world.url, world.issuer.token(role))

        return cls(someone(Role.PHYSICIAN), someone(Role.RECORDS), someone(Role.ADMIN), Person(world.url, None))


def play(world: DemoWorld) -> Iterator[Step]:
    """Every step in order."""
    cast = Cast.of(world)
    steps: tuple[tuple[str, str, Callable[[DemoWorld, Cast, Step], None]], ...] = (
        ("a", "a CT is ordered that another hospital did three days ago, under her maiden name", _duplicate_elsewhere),
        ("b", "her twin sister's order", _twin),
        ("c", "a patient whose record elsewhere is uncertain", _uncertain_match),
        ("d", "one hospital hangs and one refuses connections", _hospitals_in_trouble),
        ("e", "a hospital merges two of its numbers (A40)", _merge),
        ("f", "no token, and the wrong role", _refusals),
    )
    for letter, title, act in steps:
        step = Step(letter, title)
        act(world, cast, step)
        yield step


def _duplicate_elsewhere(world: DemoWorld, cast: Cast, step: Step) -> None:
    reply = cast.physician.check_order(order_for(STORY.marta_here, STORY.ordering_site, *CT_ABDOMEN))
    check = reply.field("checkOrder")
    step.see("the physician", describe_check(check, world))
    best = check.get("best") or {}
    sites = [location["site"] for location in (best.get("study") or {}).get("locations", [])]
    step.expect("the alert is interruptive", check.get("tier") == "INTERRUPTIVE")
    step.expect("it names the study done elsewhere", best.get("studyInstanceUid") == STORY.marta_ct)
    step.expect("and the hospital that did it", sites == [STORY.marta_elsewhere.assigning_authority])
    step.expect("it was done three days ago", 2.9 < (best.get("ageDays") or 0) < 3.2)
    step.expect("every hospital asked has answered", check.get("complete") is True)
    step.expect("the reasons are given", bool(check.get("reasons")))
    page = _history_page(world, cast.physician, STORY.marta_here)
    step.see("the physician at the page", "her imaging history, the study done elsewhere among it")
    step.expect("the page shows the study, too", f"StudyInstanceUIDs={STORY.marta_ct}" in page)


def _history_page(world: DemoWorld, physician: Person, patient: PatientIdentifier) -> str:
    with Visitor(world.url) as visitor:
        visitor.sign_in(physician.token or "")
        return visitor.send(
            "/history", "/history", authority=patient.assigning_authority, number=patient.local_patient_id
        )


def _twin(world: DemoWorld, cast: Cast, step: Step) -> None:
    check = cast.physician.check_order(order_for(STORY.maria_here, STORY.ordering_site, *CT_ABDOMEN)).field(
        "checkOrder"
    )
    step.see("the physician", describe_check(check, world))
    step.expect("no alert", check.get("tier") == "NONE")
    step.expect("no doubt about who she is", check.get("identityUnderReview") is False)
    step.expect("her sister's CT is not in her list", STORY.marta_ct not in _uids(check))
    persons = {_enterprise_id(cast, identifier) for identifier in (STORY.marta_here, STORY.maria_here)}
    step.expect("the twins are two persons", len(persons) == 2 and None not in persons)


def _uncertain_match(world: DemoWorld, cast: Cast, step: Step) -> None:
    order = order_for(STORY.tomasz_here, STORY.ordering_site, *CT_HEAD)
    before = cast.physician.check_order(order).field("checkOrder")
    step.see("the physician", describe_check(before, world))
    step.expect("no alert before staff decided", before.get("tier") == "NONE")
    step.expect("but identity under review", before.get("identityUnderReview") is True)
    item = _find_item(cast, STORY.tomasz_here, STORY.tomasz_elsewhere)
    step.see("the records clerk", describe_item(item))
    evidence = sum(line["matchWeight"] for line in item.get("evidence", []))
    step.expect("the evidence adds up to the score", abs(evidence - (item.get("score") or 0)) < 0.01 and bool(item))
    decided = cast.clerk.ask(
        "DecideReviewItem",
        {
            "id": item.get("id"),
            "expectedVersion": item.get("version"),
            "decision": "SAME",
            "reason": "same phone, family confirmed",
        },
    ).field("decideReviewItem")
    step.expect("the clerk's decision is taken", decided.get("__typename") == "ReviewDecided")
    after = cast.physician.check_order(order).field("checkOrder")
    step.see("the physician", describe_check(after, world))
    step.expect("the same order now alerts", after.get("tier") == "INTERRUPTIVE")
    step.expect("about his CT elsewhere", (after.get("best") or {}).get("studyInstanceUid") == STORY.tomasz_ct)
    revision = _wait_for_revision(cast, before.get("checkId"))
    step.see("the plugin", f"the first check is at revision {revision.get('revision')}: {revision.get('tier')}")
    step.expect("the earlier answer was revised in the background", revision.get("tier") == "INTERRUPTIVE")


def _hospitals_in_trouble(world: DemoWorld, cast: Cast, step: Step) -> None:
    hanging, refusing = STORY.irene_elsewhere.assigning_authority, STORY.irene_third.assigning_authority
    world.servers[hanging].set_fault(Fault.HANG)
    world.servers[refusing].set_fault(Fault.REFUSE)
    try:
        order = order_for(STORY.irene_here, STORY.ordering_site, *CT_CHEST)
        reply = cast.physician.check_order(order, deadline_ms=DEADLINE_MS)
    finally:
        world.servers[hanging].set_fault(Fault.NONE)
        world.servers[refusing].set_fault(Fault.NONE)
    check = reply.field("checkOrder")
    step.see("the physician", f"{describe_check(check, world)} ({reply.elapsed_ms:.0f} ms)")
    states = {entry["site"]: entry["state"] for entry in check.get("coverage", [])}
    step.expect("the answer came within the deadline", reply.elapsed_ms <= DEADLINE_MS + DEADLINE_TOLERANCE_MS)
    step.expect("the hanging hospital is said to have timed out", states.get(hanging) == "TIMED_OUT")
    step.expect("the refusing hospital is said to have failed", states.get(refusing) == "FAILED")
    step.expect("the ordering hospital answered", states.get(STORY.ordering_site) == "ANSWERED")
    step.expect("the answer never reads as complete", check.get("complete") is False)
    step.expect("what did answer is shown", len(_uids(check)) > 0)


def _merge(world: DemoWorld, cast: Cast, step: Step) -> None:
    surviving, subsumed = STORY.nuria_surviving, STORY.nuria_subsumed
    hospital = world.hospitals[surviving.assigning_authority]
    (acknowledgement,) = world.send([merge_message(hospital, surviving, subsumed, utc_now())])
    step.expect("the merge is acknowledged", b"\rMSA|AA|" in acknowledgement)
    histories = [
        cast.physician.ask("ImagingHistory", {"patient": patient_ref(i)}).field("imagingHistory")
        for i in (surviving, subsumed)
    ]
    person = cast.clerk.ask("Person", {"patient": patient_ref(subsumed)}).field("person")
    records = [r["identifier"]["localPatientId"] for r in person.get("records", [])]
    retired = [r["identifier"]["localPatientId"] for r in person.get("retiredIdentifiers", [])]
    uids = [[edge["node"]["studyInstanceUid"] for edge in _edges(h.get("studies"))] for h in histories]
    step.see("the physician", f"{len(uids[0])} studies under the surviving number, filed under the old one")
    step.see("the records clerk", f"numbers in use: {len(records)}, retired: {len(retired)}")
    step.expect("both numbers lead to the same studies", uids[0] == uids[1] and len(uids[0]) >= 2)
    step.expect("both numbers lead to the same person", _same_person(histories))
    step.expect("the old number is retired", subsumed.local_patient_id in retired)
    step.expect("only the surviving number is in use", subsumed.local_patient_id not in records)


def _refusals(world: DemoWorld, cast: Cast, step: Step) -> None:
    variables = {"patient": patient_ref(STORY.marta_here)}
    nobody = cast.stranger.ask("ImagingHistory", variables)
    clerk = cast.clerk.ask("ImagingHistory", variables)
    step.see("a caller without a token", f"HTTP {nobody.status}: {_first_error(nobody)}")
    step.see("a records clerk who asks for images", str(clerk.field("imagingHistory").get("code")))
    step.expect("no token: refused", nobody.status == 401 and "data" not in nobody.body)
    step.expect("wrong role: refused", clerk.field("imagingHistory").get("__typename") == "NotAllowed")
    step.expect("nothing leaked", STORY.marta_ct not in f"{nobody.body}{clerk.body}")
    trail = cast.admin.ask("AuditEvents", {"first": 20}).field("auditEvents").get("events", [])
    refused = [(e["action"], e["detail"], e["actor"]) for e in trail if e["outcome"] == "REFUSED"]
    for action, detail, actor in refused[:2]:
        step.see("the administrator", f"refused: {action} by {actor or 'nobody'} ({detail})")
    step.expect("the audit trail shows both refusals", len(refused) >= 2)


def _wait_for_revision(cast: Cast, check_id: Any) -> Answer:
    """The background worker revises the first check after the clerk's decision."""
    deadline = time.monotonic() + REVISION_WAIT_SECONDS
    while True:
        newest = cast.physician.ask("OrderCheck", {"checkId": check_id}).field("orderCheck")
        if (newest.get("revision") or 0) >= 2 or time.monotonic() > deadline:
            return newest
        time.sleep(0.1)


def _find_item(cast: Cast, one: PatientIdentifier, other: PatientIdentifier) -> Answer:
    """The question about these two records, wherever it stands in the queue."""
    wanted = {one.local_patient_id, other.local_patient_id}
    after = None
    while True:
        queue = cast.clerk.ask("ReviewQueue", {"first": 50, "after": after}).field("reviewQueue")
        for edge in _edges(queue):
            node: Answer = edge["node"]
            if {node[side]["identifier"]["localPatientId"] for side in ("left", "right")} == wanted:
                return node
        if not (queue.get("pageInfo") or {}).get("hasNextPage"):
            return {}
        after = queue["pageInfo"]["endCursor"]


def _enterprise_id(cast: Cast, identifier: PatientIdentifier) -> str | None:
    enterprise_id: str | None = (
        cast.clerk.ask("Person", {"patient": patient_ref(identifier)}).field("person").get("enterpriseId")
    )
    return enterprise_id


def _same_person(histories: list[Answer]) -> bool:
    persons = [(h.get("person") or {}).get("enterpriseId") for h in histories]
    return persons[0] is not None and persons[0] == persons[1]


def _edges(connection: Answer | None) -> list[Answer]:
    edges: list[Answer] = (connection or {}).get("edges", [])
    return edges


def _uids(check: Answer) -> list[str]:
    return [prior["studyInstanceUid"] for prior in check.get("priors", [])]


def _first_error(reply: Reply) -> str:
    errors = reply.body.get("errors") or [{}]
    return str((errors[0].get("extensions") or {}).get("code"))


def describe_check(check: Answer, world: DemoWorld) -> str:
    """One line as a record system would show it."""
    if "tier" not in check:
        return f"refused ({check.get('code')})"
    parts = [f"{check['tier']}"]
    best = check.get("best")
    if best:
        study = best.get("study") or {}
        where = ", ".join(world.hospitals[location["site"]].name for location in study.get("locations", []))
        parts.append(f"{study.get('description')}, {best['ageDays']:.1f} days ago, {where}")
        parts.append("; ".join(check["reasons"]))
    if check["identityUnderReview"]:
        parts.append("identity under review")
    silent = [f"{e['siteName']}: {e['state']}" for e in check["coverage"] if e["state"] in ("TIMED_OUT", "FAILED")]
    return " | ".join(parts + silent)


def describe_item(item: Answer) -> str:
    """One line as the queue would show it."""
    if not item:
        return "nothing in the queue"
    lines = ", ".join(f"{e['comparison']} {e['level']} {e['matchWeight']:+.1f}" for e in item["evidence"])
    return f"{item['kind']}: {item['score']:.1f} bits = {lines}; guards: {', '.join(item['guards']) or 'none'}"
