"""One working call of every operation, in a hub where each would have its effect, and what effect is."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

import httpx2

from federation.ports import UnitOfWork
from gateway.permissions import Role
from mpi.identity.review import ReviewKind
from mpi.usecases.escalate_review import EscalateReview, escalate_review
from mpi.usecases.open_review import open_review
from tests.builders import person, pid
from tests.fhir_door import FHIR_JSON, consent, message, patient, placed_request
from tests.integration.hub_world import ANAS, EVIDENCE, ORDER, FakeSource, Hub, hub_of_ana

PERSONS = ("NGH|0007", "NGH|90", "NGH|91")
PUT_ON_RECORD = frozenset({"audit"})
"""What changes although a caller was refused: the attempt is put on record."""


@dataclass(frozen=True, slots=True)
class Call:
    """``changes``: carried out, it leaves something behind in the store besides the audit log."""

    method: str
    path: str
    body: Any
    changes: bool = False

    def send(self, hub: Hub, token: str) -> httpx2.Response:
        content_type = FHIR_JSON if self.path.startswith("/fhir") else "application/json"
        headers = {"Authorization": f"Bearer {token}", "Content-Type": content_type}
        content = b"" if self.body is None else json.dumps(self.body).encode()
        return hub.request(self.method, self.path, content=content, headers=headers)


def look(field: str) -> Call:
    return Call("POST", "/graphql", {"query": f"{{ {field} {{ __typename }} }}"})


def change(field: str, *, changes: bool = True) -> Call:
    return Call("POST", "/graphql", {"query": f"mutation {{ {field} {{ __typename }} }}"}, changes)


def named(identifier: str) -> str:
    authority, _, number = identifier.partition("|")
    return f'{{assigningAuthority: "{authority}", localPatientId: "{number}"}}'


class AccessWorld:
    """Ana at three hospitals with an open alert, Otto and Ines at one, and a question whether Ana is Otto."""

    def __init__(self, *sources: FakeSource) -> None:
        self.hub = hub_of_ana(*sources)
        self.hub.index.register("NGH|90", as_=person("Otterbein", "Otto", born="1950-01-02", sex="M"))
        self.hub.index.register("NGH|91", as_=person("Ibarra", "Ines", born="1971-11-30", sex="F"))
        self.hub.index.register("NGH|92", as_=person("Quennell", "Bea", born="1961-07-02", sex="F"))
        self.hub.index.hold("NGH|92")
        check = self.hub.run("CheckOrder", Role.PHYSICIAN, order=ORDER)
        self.check_id, self.alert_id = check["checkId"], check["alertId"]
        assert self.alert_id is not None
        self.decision_id = self._a_decision()
        with self.hub.units() as uow:
            self.item_id = self._question("NGH|0007", "NGH|90", uow)
            self.escalated_id = self._question("LKM|55", "NGH|90", uow)
            escalate_review(EscalateReview(self.escalated_id, 1, "clerk", "hard"), uow=uow, clock=self.hub.index.clock)
            uow.commit()
        self.committed = self.hub.store.committed

    def _question(self, left: str, right: str, uow: UnitOfWork) -> str:
        return open_review(
            ReviewKind.POSSIBLE_MATCH, pid(left), pid(right), source="test", uow=uow, clock=self.hub.index.clock,
            new_id=self.hub.index.new_id, evidence=EVIDENCE, score=5.0, match_probability=0.5, guards=(),
        )  # fmt: skip

    def _a_decision(self) -> str:
        query = f"mutation {{ sayDifferent(left: {named('NGH|0007')}, right: {named('NGH|91')}, expectedVersions: "
        query += f"{json.dumps([self.version('NGH|0007'), self.version('NGH|91')])}) "
        answer = self.hub.ask(query + "{ ... on IdentityDecided { decision { id } } } }", Role.RECORDS)
        decision_id: str = answer["sayDifferent"]["decision"]["id"]
        return decision_id

    def version(self, identifier: str) -> str:
        query = f"{{ person(patient: {named(identifier)}) {{ ... on Person {{ version }} }} }}"
        version: str = self.hub.ask(query, Role.RECORDS)["person"]["version"]
        return version

    def reset(self) -> None:
        """As before any call."""
        self.hub.store.committed = self.committed
        for source in self.sources:
            source.asked.clear()

    @property
    def sources(self) -> list[FakeSource]:
        return list(self.hub.resources.directory.sources.values())  # type: ignore[arg-type]

    def effects(self) -> dict[str, object]:
        """What changed since ``reset``, by table, and how often archives were asked."""
        before, after = self.committed, self.hub.store.committed
        names = (part.name for part in dataclasses.fields(after))
        changed: dict[str, object] = {
            name: getattr(after, name)
            for name in names
            if name not in PUT_ON_RECORD and getattr(before, name) != getattr(after, name)
        }
        asked = sum(len(source.asked) for source in self.sources)
        return changed | ({"asked": asked} if asked else {})

    def calls(self) -> dict[str, Call]:
        """Operation to a call that works for whoever may."""
        ana, elsewhere = named("NGH|0007"), named("LKM|55")
        anas, persons = self.version("NGH|0007"), [self.hub.index.person_of(i) for i in PERSONS]
        both = f"expectedVersions: {json.dumps([anas, self.version('NGH|90')])}"
        one = f"expectedVersions: {json.dumps([anas])}"
        held = f"expectedVersions: {json.dumps([self.version('NGH|92')])}"
        item, order = self.item_id, f'patient: {ana}, orderingSite: "NGH", description: "CT", flags: []'
        found = {
            "imagingHistory": look(f"imagingHistory(patient: {ana})"),
            "checkOrder": change(f"checkOrder(order: {{{order}}})"),
            "orderCheck": look(f'orderCheck(checkId: "{self.check_id}")'),
            "alerts": look(f"alerts(patient: {ana})"),
            "acceptAlert": change(f'acceptAlert(alertId: "{self.alert_id}")'),
            "overrideAlert": change(f'overrideAlert(alertId: "{self.alert_id}", reason: URGENT_NO_TIME)'),
            "person": look(f"person(patient: {ana})"),
            "searchPersons": look(f"searchPersons(identifiers: [{ana}])"),
            "crossReference": look(f"crossReference(patient: {ana})"),
            "reviewQueue": look("reviewQueue"),
            "reviewItem": look(f'reviewItem(id: "{item}")'),
            "fieldHistory": look(f"fieldHistory(numbers: [{ana}])"),
            "lastSeenStudies": look(f"lastSeenStudies(numbers: [{ana}])"),
            "reviewQueueSummary": look("reviewQueueSummary"),
            "hubStatus": look("hubStatus"),
            "reviewQuality": look("reviewQuality"),
            "decideReviewItem": change(f'decideReviewItem(id: "{item}", expectedVersion: 1, decision: DIFFERENT)'),
            "claimReviewItem": change(f'claimReviewItem(id: "{item}")'),
            "escalateReviewItem": change(f'escalateReviewItem(id: "{item}", expectedVersion: 1, reason: "hard")'),
            "takeBackEscalation": change(f'takeBackEscalation(id: "{self.escalated_id}", expectedVersion: 2)'),
            "releaseReviewItem": change(f'releaseReviewItem(id: "{item}")'),
            "linkRecords": change(f"linkRecords(left: {elsewhere}, right: {ana}, {one})"),
            "unlinkRecord": change(f"unlinkRecord(identifier: {elsewhere}, {one})"),
            "heldRecords": look("heldRecords"),
            "releaseHeldRecord": change(f"releaseHeldRecord(identifier: {named('NGH|92')}, {held})"),
            "sayDifferent": change(f"sayDifferent(left: {ana}, right: {elsewhere}, {one})"),
            "mergePersons": change(f'mergePersons(survivor: "{persons[0]}", subsumed: "{persons[1]}", {both})'),
            "splitPerson": change(f'splitPerson(enterpriseId: "{persons[0]}", leaving: [{elsewhere}], {one})'),
            "undoDecision": change(f'undoDecision(decisionId: "{self.decision_id}")'),
            "identityDecisions": look(f"identityDecisions(patient: {ana})"),
            "consents": look(f"consents(patient: {ana})"),
            "recordConsent": change(f"recordConsent(patient: {ana}, scope: EVERYTHING, effect: DENY)"),
            "breakGlass": change(f'breakGlass(patient: {ana}, reason: "unconscious in the ED")'),
            "brokenGlasses": look("brokenGlasses"),
            "revokeTokens": change('revokeTokens(subject: "dr-9")'),
            "sites": look("sites"),
            "alertReport": look("alertReport"),
            "auditEvents": look("auditEvents"),
            "accessReport": look(f"accessReport(patient: {ana})"),
            "fhir:feedPatient": Call("POST", "/fhir/Patient", patient("NGH|777"), True),
            "fhir:processMessage": Call("POST", "/fhir/$process-message", message(patient("NGH|778")), True),
            "fhir:match": Call("POST", "/fhir/Patient/$match", patient()),
            "fhir:searchPatient": Call("GET", "/fhir/Patient?identifier=NGH|0007", None),
            "fhir:readPatient": Call("GET", f"/fhir/Patient/{persons[0]}", None),
            "fhir:ihePix": Call("GET", "/fhir/Patient/$ihe-pix?sourceIdentifier=NGH|0007", None),
            "fhir:feedOrder": Call("POST", "/fhir/ServiceRequest", placed_request(), True),
            "fhir:readIssue": Call("GET", f"/fhir/DetectedIssue/{self.alert_id}", None),
            "fhir:searchIssues": Call("GET", f"/fhir/DetectedIssue?_id={self.alert_id}", None),
            "fhir:recordConsent": Call("POST", "/fhir/Consent", consent(), True),
            "fhir:readConsent": Call("GET", "/fhir/Consent/never-was", None),
            "fhir:searchConsents": Call("POST", "/fhir/Consent/_search", None),
        }
        self.reset()
        return found


def was_refused(operation: str, answer: httpx2.Response) -> bool:
    """At whichever door."""
    if operation.startswith("fhir:"):
        return answer.status_code == 403
    body = answer.json()
    assert "errors" not in body, body
    return bool(body["data"][operation]["__typename"] == "NotAllowed")


__all__ = ["ANAS", "AccessWorld", "Call", "named", "was_refused"]
