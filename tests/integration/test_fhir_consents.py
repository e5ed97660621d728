"""Consents at the FHIR door: each is one decision, kept exactly or refused with the path of what cannot be kept."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from federation.sites.consent import ConsentPolicy, StudyClass
from gateway.permissions import Role
from mpi.audit import AuditOutcome
from tests.builders import person
from tests.fhir_door import CUSTODIAN, FhirClient, codes, consent, of_site
from tests.integration.hub_world import ANAS, hub_of_ana, uids

DOCS = Path(__file__).resolve().parents[2] / "docs"
SENSITIVE = ConsentPolicy((StudyClass("fetal", words=frozenset({"fetal"})),))
FETAL = {"class": [{"system": "urn:priorlink:study-class", "code": "fetal"}]}
OTHER_CLASS = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSY"}
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
LKM = {"identifier": {"system": "urn:priorlink:site", "value": "LKM"}}
RECEIVER = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]}


@pytest.fixture
def fhir() -> FhirClient:
    return FhirClient(hub_of_ana(consent=SENSITIVE), Role.PRIVACY_OFFICER)


def say(fhir: FhirClient, sent: dict[str, Any], **how: Any) -> httpx2.Response:
    """Said a second after whatever was before; a second passes after it, too."""
    fhir.hub.now += dt.timedelta(seconds=1)
    answer = fhir.post("/Consent", sent, **how)
    fhir.hub.now += dt.timedelta(seconds=1)
    return answer


def kept(fhir: FhirClient) -> list[tuple[str, str, str]]:
    found = fhir.hub.run("Consents", Role.RECORDS, patient=ANAS)["directives"]
    return list(dict.fromkeys((d["effect"], d["scope"], d["target"]) for d in found))


def found(fhir: FhirClient) -> list[Any]:
    answer = fhir.send("POST", "/Consent/_search", data={"patient:identifier": "NGH|0007"})
    assert answer.status_code == 200, answer.text
    return [entry["resource"] for entry in answer.json().get("entry", [])]


def rule(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


@pytest.mark.parametrize(
    ("sent", "decision"),
    [
        (consent(), ("DENY", "EVERYTHING", "")),
        (consent("permit"), ("PERMIT", "EVERYTHING", "")),
        (consent(policyRule=rule(ACT_CODE, "OPTOUT")), ("DENY", "EVERYTHING", "")),
        (consent("permit", policyRule=rule(ACT_CODE, "OPTIN")), ("PERMIT", "EVERYTHING", "")),
        (consent(about=of_site("LKM")), ("DENY", "SITE", "LKM")),
        (consent(organization=[LKM]), ("DENY", "SITE", "LKM")),
        (consent(organization=[LKM], about=of_site("LKM")), ("DENY", "SITE", "LKM")),
        (consent("permit", about=FETAL), ("PERMIT", "STUDY_CLASS", "fetal")),
        (consent(about={"code": [{"coding": FETAL["class"]}]}), ("DENY", "STUDY_CLASS", "fetal")),
        (consent(dateTime="2026-03-10", about={"period": {"start": "2026-01-01"}}), ("DENY", "EVERYTHING", "")),
        (consent(sourceReference={"reference": "DocumentReference/1"}), ("DENY", "EVERYTHING", "")),
        (consent(patient="https://lkm.example/ids|55"), ("DENY", "EVERYTHING", "")),
    ],
)
def test_a_consent_is_kept_as_the_decision_it_is(
    fhir: FhirClient, sent: dict[str, Any], decision: tuple[str, str, str]
) -> None:
    answer = say(fhir, sent)
    assert answer.status_code == 201, answer.text
    assert kept(fhir) == [decision]
    body = answer.json()
    assert answer.headers["location"] == f"/fhir/Consent/{body['id']}"
    assert fhir.send("GET", f"/Consent/{body['id']}").json() == body
    assert found(fhir) == [body]
    again = say(fhir, {name: value for name, value in body.items() if name != "dateTime"})
    assert (again.status_code, again.json()["id"]) == (200, body["id"])
    assert kept(fhir) == [decision]


def test_what_is_denied_is_hidden_and_permitting_it_takes_that_back(fhir: FhirClient) -> None:
    def seen() -> list[str]:
        return uids(fhir.hub.run("ImagingHistory", Role.PHYSICIAN, patient=ANAS))

    before = seen()
    denied = say(fhir, consent(about=of_site("LKM"))).json()
    assert seen() == ["2.999.1"]
    permitted = {**denied, "provision": {**denied["provision"], "type": "permit"}}
    permitted.pop("dateTime")
    answer = fhir.send("PUT", f"/Consent/{denied['id']}", permitted)
    assert answer.status_code == 200
    assert answer.json()["id"] != denied["id"]
    assert [(c["provision"]["type"], c["status"]) for c in found(fhir)] == [("deny", "inactive"), ("permit", "active")]
    assert seen() == before


def test_the_example_of_the_page_is_taken(fhir: FhirClient) -> None:
    example = (DOCS / "examples" / "consent.json").read_text(encoding="utf-8")
    assert example in (DOCS / "fhir-consent.md").read_text(encoding="utf-8")
    assert say(fhir, json.loads(example)).status_code == 201
    assert kept(fhir) == [("DENY", "SITE", "LKM")]


def test_what_may_be_asked_of_consents_is_in_the_metadata(fhir: FhirClient) -> None:
    listed = fhir.hub.request("GET", "/fhir/metadata").json()["rest"][0]["resource"]
    (said,) = [one for one in listed if one["type"] == "Consent"]
    assert [one["code"] for one in said["interaction"]] == ["create", "update", "read", "search-type"]


def test_prefer_says_what_comes_back(fhir: FhirClient) -> None:
    assert say(fhir, consent(), headers={"Prefer": "return=minimal"}).content == b""
    told = say(fhir, consent("permit"), headers={"Prefer": "return=OperationOutcome"})
    assert codes(told) == ["consent_recorded"]


@pytest.mark.parametrize(
    ("sent", "status", "code", "path"),
    [
        (consent(resourceType="Contract"), 400, "resource_invalid", "resourceType"),
        (consent(status=None), 422, "resource_required", "status"),
        (consent(status="inactive"), 422, "resource_not_supported", "status"),
        (consent(scope=None), 422, "resource_required", "scope"),
        (consent(scope=rule("http://terminology.hl7.org/CodeSystem/consentscope", "research")), 422,
         "resource_not_supported", "scope"),
        (consent(category=None), 422, "resource_required", "category"),
        (consent(category=[rule("http://terminology.hl7.org/CodeSystem/consentcategorycodes", "emrgonly")]), 422,
         "resource_not_supported", "category[0]"),
        (consent(patient_=1), 422, "resource_not_supported", "patient_"),
        ({**consent(), "patient": {"reference": "Patient/1"}}, 422, "resource_required", "patient.identifier"),
        ({**consent(), "patient": {"identifier": {"system": "NGH"}}}, 422, "resource_required", "patient.identifier"),
        (consent(patient="NGH|404"), 404, "patient_not_found", None),
        (consent(policyRule=None), 422, "resource_required", "policyRule"),
        (consent(policyRule=rule(ACT_CODE, "OPTIN")), 422, "resource_not_supported", "policyRule"),
        (consent(policyRule=rule(ACT_CODE, "OPTOUT"), about=of_site("LKM")), 422,
         "resource_not_supported", "policyRule"),
        (consent(policy=[{"uri": "https://law.example"}]), 422, "resource_not_supported", "policy"),
        (consent(modifierExtension=[{"url": "u"}]), 422, "resource_not_supported", "modifierExtension"),
        (consent(extension=[{"url": "u"}]), 422, "resource_not_supported", "extension"),
        (consent(verification=[{"verified": False}]), 422, "resource_not_supported", "verification"),
        (consent(provision=None), 422, "resource_required", "provision"),
        (consent(provision={"period": {"start": "2026-01-01"}}), 422, "resource_required", "provision.type"),
        (consent("forbid"), 422, "resource_code_invalid", "provision.type"),
        (consent(about={"provision": [{"type": "permit"}]}), 422, "resource_not_supported", "provision.provision"),
        (consent(about={"purpose": [{"code": "TREAT"}]}), 422, "resource_not_supported", "provision.purpose"),
        (consent(about={"action": [{"text": "read"}]}), 422, "resource_not_supported", "provision.action"),
        (consent(about={"securityLabel": [{"code": "R"}]}), 422, "resource_not_supported", "provision.securityLabel"),
        (consent(about={"dataPeriod": {"start": "2026"}}), 422, "resource_not_supported", "provision.dataPeriod"),
        (consent(about={"data": [{"meaning": "instance"}]}), 422, "resource_not_supported", "provision.data"),
        (consent(about={"period": {"end": "2027-01-01"}}), 422, "resource_not_supported", "provision.period.end"),
        (consent(about={"period": {"start": "2027-01-01"}}), 422, "resource_not_supported", "provision.period.start"),
        (consent(about={"actor": [{"role": RECEIVER, "reference": LKM}]}), 422,
         "resource_not_supported", "provision.actor[0].role"),
        (consent(about={"actor": [{"role": CUSTODIAN, "reference": {"reference": "Organization/1"}}]}), 422,
         "resource_not_supported", "provision.actor[0].reference"),
        (consent(about=of_site("XX")), 422, "resource_value", "provision.actor[0].reference"),
        (consent(about={"actor": [*of_site("LKM")["actor"], *of_site("RDI")["actor"]]}), 422,
         "resource_not_supported", "provision.actor[1].reference"),
        (consent(about=of_site("RDI"), organization=[LKM]), 422, "resource_not_supported", "organization"),
        (consent(organization=[{"display": "LKM"}]), 422, "resource_not_supported", "organization"),
        (consent(about={"class": [OTHER_CLASS]}), 422, "resource_not_supported", "provision.class[0]"),
        (consent(about={"class": [FETAL["class"][0] | {"code": "unheard"}]}), 422,
         "resource_value", "provision.class[0]"),
        (consent(about={"code": [{"text": "psychiatry"}]}), 422, "resource_not_supported", "provision.code[0]"),
        (consent(about={"class": [*FETAL["class"], FETAL["class"][0] | {"code": "b"}]}), 422,
         "resource_not_supported", "provision.class[1]"),
        (consent(about=of_site("LKM") | FETAL), 422, "resource_not_supported", "provision.class[0]"),
        (consent(dateTime="2026-05-01"), 422, "resource_value", "dateTime"),
        (consent(dateTime="2026-05-01T10:00:00Z"), 422, "resource_value", "dateTime"),
        (consent(dateTime="lately"), 422, "resource_value", "dateTime"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_exactly_is_refused_by_its_path_and_nothing_is_kept(
    fhir: FhirClient, sent: dict[str, Any], status: int, code: str, path: str | None
) -> None:
    before = fhir.hub.store.committed
    answer = fhir.post("/Consent", sent)
    assert (answer.status_code, codes(answer)) == (status, [code]), answer.text
    assert answer.json()["issue"][0].get("expression", [None]) == [path]
    after = fhir.hub.store.committed
    assert (after.consents, after.outbox) == (before.consents, before.outbox)
    last = fhir.hub.audit()[-1]
    assert (last.action, last.outcome, last.detail) == ("fhir:recordConsent", AuditOutcome.FAILED, code)


def test_what_was_said_before_a_newer_decision_does_not_undo_it(fhir: FhirClient) -> None:
    said_at = fhir.hub.now.isoformat()
    say(fhir, consent())
    late = say(fhir, consent("permit", dateTime=said_at))
    assert (late.status_code, codes(late)) == (409, ["consent_older"])
    assert late.json()["issue"][0]["expression"] == ["dateTime"]
    assert kept(fhir) == [("DENY", "EVERYTHING", "")]
    assert say(fhir, consent("permit", dateTime=fhir.hub.now.isoformat())).status_code == 201


def test_an_update_changes_deny_or_permit_and_nothing_else(fhir: FhirClient) -> None:
    identity = say(fhir, consent(about=of_site("LKM"))).json()["id"]
    fhir.hub.index.register("NGH|90", as_=person("Otterbein", "Otto", born="1950-01-02", sex="M"))
    for sent, code, path in (
        (consent(id=identity, about=of_site("RDI")), "resource_business_rule", "provision.actor[0].reference"),
        (consent(id=identity), "resource_business_rule", "provision"),
        (consent(id=identity, about=of_site("LKM"), patient="NGH|90"), "resource_business_rule", "patient"),
        (consent(id="another", about=of_site("LKM")), "resource_invalid", "id"),
    ):
        answer = fhir.send("PUT", f"/Consent/{identity}", sent)
        assert codes(answer) == [code], answer.text
        assert answer.json()["issue"][0]["expression"] == [path]
    assert kept(fhir) == [("DENY", "SITE", "LKM")]
    gone = fhir.send("PUT", "/Consent/nothing", consent(id="nothing"))
    assert (gone.status_code, codes(gone)) == (404, ["consent_not_found"])


def test_numbers_are_not_taken_in_urls(fhir: FhirClient) -> None:
    answer = fhir.send("POST", "/Consent/_search?patient:identifier=NGH|0007")
    assert (answer.status_code, codes(answer)) == (400, ["identifier_in_url"])
    for form, code in (({}, "search_too_wide"), ({"status": "active"}, "parameter_not_supported")):
        assert codes(fhir.send("POST", "/Consent/_search", data=form)) == [code]
    unknown = fhir.send("POST", "/Consent/_search", data={"patient:identifier": "NGH|404"})
    assert (unknown.status_code, codes(unknown)) == (404, ["patient_not_found"])


def test_every_look_and_every_act_is_audited_with_the_person(fhir: FhirClient) -> None:
    body = say(fhir, consent()).json()
    fhir.send("GET", f"/Consent/{body['id']}")
    found(fhir)
    ana = fhir.hub.index.person_of("NGH|0007")
    entries = [e for e in fhir.hub.audit() if e.action.startswith("fhir:")]
    assert [(e.action, e.subject, e.detail) for e in entries] == [
        ("fhir:recordConsent", ana, "deny:everything"),
        ("fhir:readConsent", ana, ""),
        ("fhir:searchConsents", ana, "matches=1"),
    ]
    (directive, *_) = fhir.hub.run("Consents", Role.RECORDS, patient=ANAS)["directives"]
    assert (directive["source"], directive["recordedBy"]) == ("fhir", "demo-privacy_officer")
