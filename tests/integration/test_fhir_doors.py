"""The FHIR doors over HTTP: feed, merge, match, cross-reference and search; who may, and what is remembered of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.simulated.memory_store import MemoryStore, MemoryUnitOfWork
from gateway.permissions import FHIR_ROLES_ALLOWED, Role
from gateway.settings import HttpSettings
from mpi.audit import AuditOutcome
from tests.builders import pid
from tests.fhir_door import (
    FHIR_JSON,
    LKM,
    NATID,
    FhirClient,
    codes,
    consent,
    grades,
    message,
    patient,
    placed_request,
    replaced,
    values,
)
from tests.integration.hub_world import Hub, answering

SHARED_HUB = Hub(answering("NGH"))
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def fhir() -> FhirClient:
    return FhirClient()


# Feed


def test_a_new_patient_is_created_and_told_where_it_is(fhir: FhirClient) -> None:
    answer = fhir.create(patient())
    assert answer.status_code == 201
    assert answer.headers["content-type"] == FHIR_JSON
    body = answer.json()
    assert answer.headers["location"] == f"/fhir/Patient/{body['id']}"
    assert body["id"] == fhir.hub.index.person_of("NGH|0007")
    assert values(body) == ["NGH|0007"]
    assert fhir.send("GET", f"/Patient/{body['id']}").json() == body


def test_the_same_person_at_another_hospital_gets_the_same_resource(fhir: FhirClient) -> None:
    first = fhir.create(patient())
    second = fhir.create(patient(f"{LKM}|55"))
    assert second.status_code == 201
    assert second.json()["id"] == first.json()["id"]
    assert values(second.json()) == [f"{LKM}|55", "NGH|0007"]


def test_put_names_the_record_in_its_url_and_leaves_alone_what_is_not_sent(fhir: FhirClient) -> None:
    fhir.create(patient())
    moved = patient(address=[{"line": ["9 Oak St"], "city": "Quillby", "postalCode": "00182"}], telecom=[], gender="")
    answer = fhir.send("PUT", f"/Patient?identifier={quote('NGH|0007')}", moved)
    assert answer.status_code == 200
    body = answer.json()
    assert body["address"][0]["postalCode"] == "00182"
    assert body["telecom"][0]["value"] == "202-555-0134"
    assert body["gender"] == "female"
    other = fhir.send("PUT", f"/Patient?identifier={quote('NGH|0008')}", moved)
    assert (other.status_code, codes(other)) == (400, ["resource_invalid"])


def test_an_older_update_is_kept_in_the_history_only(fhir: FhirClient) -> None:
    fhir.create(patient(meta={"lastUpdated": "2026-03-02T08:00:00Z"}))
    late = fhir.create(patient(gender="male", meta={"lastUpdated": "2026-03-01T08:00:00+02:00"}))
    assert (late.status_code, codes(late)) == (200, ["stale"])
    with fhir.hub.units() as uow:
        assert [entry.kind for entry in uow.history.of(pid("NGH|0007"))] == ["stale_update", "registered"]


def test_another_person_under_a_known_number_is_for_records_staff(fhir: FhirClient) -> None:
    fhir.create(patient())
    other = patient(name=[{"family": "Brockhaus", "given": ["Otto"]}], birthDate="1951-11-30", gender="male")
    answer = fhir.create(other)
    assert (answer.status_code, codes(answer)) == (200, ["suspected_reuse"])
    assert [kind for _, kind, _, _ in fhir.hub.index.open_items()] == ["suspected_reuse"]


def test_prefer_says_what_comes_back(fhir: FhirClient) -> None:
    assert fhir.create(patient(), headers={"Prefer": "return=minimal"}).content == b""
    assert codes(fhir.create(patient(), headers={"Prefer": "return=OperationOutcome"})) == ["unchanged"]


@pytest.mark.parametrize(
    ("resource", "status", "code", "path"),
    [
        ({"resourceType": "Practitioner", "id": "d1"}, 400, "resource_invalid", "resourceType"),
        ([1, 2], 400, "resource_structure", None),
        (patient(identifier=[]), 422, "resource_required", "identifier"),
        (patient(identifier=[{"value": "12"}]), 422, "resource_required", "identifier"),
        (patient(name=[]), 422, "name_missing", "name"),
        (patient(birthDate=19840312), 400, "resource_structure", "birthDate"),
        (patient(gender="unsure"), 422, "resource_code_invalid", "gender"),
        (patient(name=[{"family": "A\x00B"}]), 422, "resource_value", "name[0].family"),
        (patient(name=[{"family": "M\ufffdller"}]), 422, "resource_value", "name[0].family"),
        (patient(name=[{"family": "L" * 5000}]), 422, "resource_too_long", "name[0].family"),
        (patient(name=[{"family": "L"}] * 101), 422, "resource_too_costly", "name"),
        (patient(active=False), 422, "resource_not_supported", "active"),
        (patient(active=False, link=[{"type": "replaced-by"}]), 422, "resource_required", "link[0].other"),
        (replaced("NGH|1", "LKM|2"), 422, "merge_different_authorities", "link"),
        (replaced("NGH|1", "NGH|1"), 422, "merge_same_identifier", "link"),
    ],
)
def test_what_cannot_be_taken_is_named_by_its_path_and_changes_nothing(
    fhir: FhirClient, resource: Any, status: int, code: str, path: str | None
) -> None:
    answer = fhir.create(resource)
    assert (answer.status_code, codes(answer)) == (status, [code])
    assert answer.json()["issue"][0].get("expression", [None]) == [path]
    assert "Quillfeather" not in answer.text
    with fhir.hub.units() as uow:
        assert uow.records.person_count() == 0
    last = fhir.hub.audit()[-1]
    assert (last.action, last.outcome, last.detail) == ("fhir:feedPatient", AuditOutcome.FAILED, code)


def test_eight_callers_with_one_new_patient_make_one_person(fhir: FhirClient) -> None:
    answers = fhir.at_once("/Patient", [patient(f"{system}|{n}") for n in range(4) for system in ("NGH", "RDI")])
    assert {a.status_code for a in answers} == {201}
    assert len({a.json()["id"] for a in answers}) == 1
    again = fhir.at_once("/Patient", [patient("NGH|77", name=[{"family": "Abel", "given": ["Ida"]}])] * 8)
    assert sorted(a.status_code for a in again) == [200] * 7 + [201]
    assert len({a.json()["id"] for a in again}) == 1


# Merge


def test_replaced_by_retires_the_number_and_both_find_the_survivor(fhir: FhirClient) -> None:
    fhir.create(patient("NGH|1"))
    fhir.create(patient("NGH|2"))
    answer = fhir.create(replaced("NGH|2", "NGH|1"))
    assert (answer.status_code, codes(answer)) == (200, ["merge_same_person"])
    survivor = fhir.hub.index.person_of("NGH|1")
    assert fhir.hub.index.person_of("NGH|2") == survivor
    found = fhir.send("GET", f"/Patient?identifier={quote('NGH|2')}").json()
    assert [(i["use"], i["value"]) for i in found["entry"][0]["resource"]["identifier"]] == [
        ("usual", "1"),
        ("old", "2"),
    ]


def test_replaced_by_somebody_never_seen_makes_the_survivor(fhir: FhirClient) -> None:
    person = fhir.create(patient("NGH|2")).json()["id"]
    assert fhir.create(replaced("NGH|2", "NGH|1")).status_code == 200
    assert fhir.hub.index.person_of("NGH|1") == person


def test_the_survivor_may_tell_the_merge(fhir: FhirClient) -> None:
    fhir.create(patient("NGH|2"))
    link = [{"other": {"identifier": {"system": "NGH", "value": "2"}}, "type": "replaces"}]
    assert fhir.create(patient("NGH|1", link=link)).status_code == 201
    assert fhir.hub.index.person_of("NGH|2") == fhir.hub.index.person_of("NGH|1")


def test_a_merge_may_name_our_own_id_of_the_survivor(fhir: FhirClient) -> None:
    person = fhir.create(patient("NGH|1")).json()["id"]
    link = [{"other": {"reference": f"Patient/{person}"}, "type": "replaced-by"}]
    assert fhir.create(patient("NGH|2", active=False, link=link)).status_code == 200
    assert fhir.hub.index.person_of("NGH|2") == person


def test_a_refused_merge_is_shown_to_staff(fhir: FhirClient) -> None:
    fhir.create(replaced("NGH|1", "RDI|2"))
    assert [kind for _, kind, _, _ in fhir.hub.index.open_items()] == ["merge_refused"]


# Messages


def test_a_message_is_taken_whole_and_a_repeat_has_no_second_effect(fhir: FhirClient) -> None:
    bundle = message(patient("NGH|1"), patient("NGH|2"), replaced("NGH|2", "NGH|1"))
    first, again = (fhir.post("/$process-message", bundle) for _ in range(2))
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    header, details = (entry["resource"] for entry in first.json()["entry"])
    assert header["response"] == {"identifier": "m-1", "code": "ok"}
    assert [i["details"]["coding"][0]["code"] for i in details["issue"]] == ["created", "created", "merge_same_person"]
    with fhir.hub.units() as uow:
        assert len(uow.history.of(pid("NGH|1"))) == 1


def test_a_link_may_point_into_the_same_message(fhir: FhirClient) -> None:
    link = [{"other": {"reference": "Patient/here"}, "type": "replaced-by"}]
    bundle = message(patient("NGH|1", id="here"), patient("NGH|2", active=False, link=link))
    assert fhir.post("/$process-message", bundle).status_code == 200
    assert fhir.hub.index.person_of("NGH|2") == fhir.hub.index.person_of("NGH|1")


def test_a_message_with_one_bad_patient_has_no_effect_at_all(fhir: FhirClient) -> None:
    answer = fhir.post("/$process-message", message(patient("NGH|1"), patient("NGH|2", gender="?!")))
    assert (answer.status_code, codes(answer)) == (422, ["resource_code_invalid"])
    assert answer.json()["issue"][0]["expression"] == ["entry[1].resource.entry[1].resource.gender"]
    with fhir.hub.units() as uow:
        assert uow.records.person_count() == 0


@pytest.mark.parametrize(
    ("bundle", "code"),
    [
        (message(patient(), eventUri="urn:other"), "resource_not_supported"),
        (message(), "resource_required"),
        (message(patient()) | {"type": "batch"}, "resource_invalid"),
        ({"resourceType": "Bundle", "type": "message", "entry": [{"resource": patient()}]}, "resource_required"),
    ],
)
def test_what_is_no_patient_feed_is_refused(fhir: FhirClient, bundle: Any, code: str) -> None:
    assert codes(fhir.post("/$process-message", bundle)) == [code]


# Match


def test_match_scores_as_registering_does_and_stores_nothing(fhir: FhirClient) -> None:
    person = fhir.create(patient()).json()["id"]
    asked = patient("RDI|9", gender="unknown")
    answer = fhir.post(
        "/Patient/$match", {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": asked}]}
    )
    (entry,) = answer.json()["entry"]
    assert entry["resource"]["id"] == person
    assert grades(answer) == ["certain"]
    with fhir.hub.units() as uow:
        assert uow.records.get(pid("RDI|9")) is None
    fhir.create(asked)
    with fhir.hub.units() as uow:
        record = uow.records.get(pid("RDI|9"))
    assert record is not None
    assert record.link is not None
    assert record.link.match_weight == pytest.approx(entry["search"]["extension"][1]["valueDecimal"], abs=0.001)


def test_match_grades_tell_namesakes_and_twins_from_the_person(fhir: FhirClient) -> None:
    fhir.create(patient("NGH|1"))
    assert grades(fhir.post("/Patient/$match", patient(identifier=None))) == ["certain"]
    twin = patient(identifier=None, name=[{"family": "Quillfeather", "given": ["Hannah"]}])
    assert grades(fhir.post("/Patient/$match", twin)) in (["possible"], ["probable"], ["certainly-not"])
    stranger = patient(
        identifier=None, name=[{"family": "Brockhaus"}], birthDate="1951-11-30", telecom=None, address=None
    )
    empty = fhir.post("/Patient/$match", stranger).json()
    assert (empty["total"], "entry" in empty) == (0, False)


def _match_parameters(resource: dict[str, Any], **more: Any) -> dict[str, Any]:
    kinds = {bool: "valueBoolean", int: "valueInteger"}
    extra = [{"name": name, kinds[type(value)]: value} for name, value in more.items()]
    return {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": resource}, *extra]}


def test_only_certain_matches_and_count(fhir: FhirClient) -> None:
    fhir.create(patient("NGH|1"))
    twin = patient("NGH|2", name=[{"family": "Quillfeather", "given": ["Hannah"]}])
    fhir.create(twin)
    asked = patient(identifier=None)
    assert len(grades(fhir.post("/Patient/$match", _match_parameters(asked)))) == 2
    assert grades(fhir.post("/Patient/$match", _match_parameters(asked, onlyCertainMatches=True))) == ["certain"]
    cut = fhir.post("/Patient/$match", _match_parameters(asked, count=1))
    assert grades(cut) == ["certain"]
    assert cut.json()["total"] == 2
    last = cut.json()["entry"][-1]
    assert last["search"]["mode"] == "outcome"
    assert last["resource"]["issue"][0]["details"]["coding"][0]["code"] == "more_matches"
    assert codes(fhir.post("/Patient/$match", _match_parameters(asked, count=0))) == ["resource_value"]


# Cross-reference and search


def test_pix_gives_the_other_numbers_also_for_a_retired_one(fhir: FhirClient) -> None:
    person = fhir.create(patient("NGH|1")).json()["id"]
    fhir.create(patient(f"{LKM}|55"))
    fhir.create(patient("NGH|2"))
    fhir.create(replaced("NGH|2", "NGH|1"))

    def ask(source: str, *targets: str) -> tuple[list[str], str]:
        wanted = "".join(f"&targetSystem={quote(t)}" for t in targets)
        answer = fhir.send("GET", f"/Patient/$ihe-pix?sourceIdentifier={quote(source)}{wanted}")
        parameters = answer.json()["parameter"]
        found = [p["valueIdentifier"]["value"] for p in parameters if p["name"] == "targetIdentifier"]
        return found, parameters[-1]["valueReference"]["reference"]

    assert ask("NGH|1") == (["55"], f"Patient/{person}")
    assert ask("NGH|2", LKM) == (["55"], f"Patient/{person}")
    assert ask("NGH|1", "RDI") == ([], f"Patient/{person}")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("sourceIdentifier=NGH|404", 404, "patient_not_found"),
        ("sourceIdentifier=urn:oid:1.2.3|1", 400, "source_system_unknown"),
        ("sourceIdentifier=NGH|1&targetSystem=urn:oid:1.2.3", 403, "target_system_unknown"),
        ("targetSystem=NGH", 400, "source_identifier_missing"),
        ("sourceIdentifier=1", 422, "resource_value"),
    ],
)
def test_pix_says_why_not(fhir: FhirClient, query: str, status: int, code: str) -> None:
    answer = fhir.send("GET", f"/Patient/$ihe-pix?{query}")
    assert (answer.status_code, codes(answer)) == (status, [code])


def test_pix_takes_parameters_in_the_body(fhir: FhirClient) -> None:
    fhir.create(patient("NGH|1", identifier=[{"system": "NGH", "value": "1"}, {"system": NATID, "value": "880"}]))
    source = {"name": "sourceIdentifier", "valueIdentifier": {"system": NATID, "value": "880"}}
    answer = fhir.post("/Patient/$ihe-pix", {"resourceType": "Parameters", "parameter": [source]})
    assert answer.json()["parameter"][0]["valueIdentifier"]["value"] == "1"


def test_demographics_are_searched_in_the_body_only(fhir: FhirClient) -> None:
    person = fhir.create(patient()).json()["id"]
    answer = fhir.send("GET", "/Patient?family=Quillfeather&birthdate=1984-03-12")
    assert (answer.status_code, codes(answer)) == (400, ["demographics_in_url"])

    def find(form: str) -> list[str]:
        found = fhir.send("POST", "/Patient/_search", content=form, headers=FORM).json()
        return [entry["resource"]["id"] for entry in found.get("entry", [])]

    assert find("family=quillf%C3%A9ather&given=ana&birthdate=1984-03-12") == [person]
    assert find("family=Quillfeather&given=Ana&birthdate=1984-03-12&gender=male") == []
    assert find("family=Quillfeather&phone=2025550134") == [person]
    assert find("identifier=NGH%7C0007") == [person]
    assert find("identifier=NGH%7C0007&family=Brockhaus") == []
    thin = fhir.send("POST", "/Patient/_search", content="family=Quillfeather", headers=FORM)
    assert (thin.status_code, codes(thin)) == (422, ["search_too_wide"])


def test_a_person_who_is_not_there_is_no_empty_answer(fhir: FhirClient) -> None:
    assert codes(fhir.send("GET", "/Patient/nobody")) == ["patient_not_found"]
    assert fhir.send("GET", f"/Patient?identifier={quote('NGH|404')}").json()["total"] == 0


def test_metadata_is_open_and_lists_what_there_is(fhir: FhirClient) -> None:
    answer = fhir.hub.request("GET", "/fhir/metadata")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["resourceType"], body["fhirVersion"]) == ("CapabilityStatement", "4.0.1")
    assert {o["name"] for o in body["rest"][0]["resource"][0]["operation"]} == {"match", "ihe-pix"}


# Who may, and what is remembered

CALLS: dict[str, tuple[str, str, Any]] = {
    "fhir:feedPatient": ("POST", "/Patient", patient()),
    "fhir:processMessage": ("POST", "/$process-message", message(patient())),
    "fhir:match": ("POST", "/Patient/$match", patient()),
    "fhir:searchPatient": ("GET", "/Patient?identifier=NGH|0007", None),
    "fhir:readPatient": ("GET", "/Patient/nobody", None),
    "fhir:ihePix": ("GET", "/Patient/$ihe-pix?sourceIdentifier=NGH|0007", None),
    "fhir:feedOrder": ("POST", "/ServiceRequest", placed_request()),
    "fhir:readIssue": ("GET", "/DetectedIssue/nothing", None),
    "fhir:searchIssues": ("GET", "/DetectedIssue?_id=nothing", None),
    "fhir:recordConsent": ("POST", "/Consent", consent()),
    "fhir:readConsent": ("GET", "/Consent/nothing", None),
    "fhir:searchConsents": ("POST", "/Consent/_search", None),
}


def test_there_is_a_call_for_every_operation() -> None:
    assert set(CALLS) == set(FHIR_ROLES_ALLOWED)


@pytest.mark.parametrize("operation", CALLS)
def test_each_role_may_what_the_table_says_and_every_attempt_is_audited(fhir: FhirClient, operation: str) -> None:
    method, path, body = CALLS[operation]
    for role in Role:
        answer = fhir.send(method, path, body, role=role)
        may = role in FHIR_ROLES_ALLOWED[operation]
        assert (answer.status_code == 403) is not may
        event = fhir.hub.audit()[-1]
        assert (event.action, event.actor, event.purpose_of_use) == (operation, f"demo-{role.value}", "TREAT")
        assert (event.outcome is AuditOutcome.REFUSED) is not may
        assert event.role == (role.value if may else "")
        assert event.correlation_id == answer.headers["x-correlation-id"]


def test_those_who_are_shown_are_in_the_audit_log(fhir: FhirClient) -> None:
    person = fhir.create(patient()).json()["id"]
    fhir.post("/Patient/$match", patient())
    feed, look = fhir.hub.audit()[-2:]
    assert (feed.action, feed.outcome, feed.subject, feed.detail) == (
        "fhir:feedPatient",
        AuditOutcome.SUCCESS,
        person,
        "created",
    )
    assert (look.action, look.outcome, look.subject, look.detail) == (
        "fhir:match",
        AuditOutcome.SUCCESS,
        person,
        "matches=1",
    )


def test_without_a_token_nobody_gets_in_and_it_is_remembered(fhir: FhirClient) -> None:
    answer = fhir.hub.request("POST", "/fhir/Patient", json=patient())
    assert (answer.status_code, codes(answer)) == (401, ["no_token"])
    last = fhir.hub.audit()[-1]
    assert (last.actor, last.outcome, last.detail) == ("anonymous", AuditOutcome.REFUSED, "no_token")


# The edge


def test_bodies_that_cannot_be_read(fhir: FhirClient) -> None:
    text = fhir.send("POST", "/Patient", content=b"{}", headers={"Content-Type": "text/plain"})
    assert (text.status_code, codes(text)) == (415, ["content_type_not_taken"])
    for raw in (b"{", b'"\\ud800"', b'{"a": NaN}', b"[" * 5000, b"\xff\xfe"):
        broken = fhir.send("POST", "/Patient", content=raw, headers={"Content-Type": FHIR_JSON})
        assert (broken.status_code, codes(broken)) == (400, ["body_not_readable"])
    assert fhir.send("POST", "/Patient").status_code == 400
    assert fhir.create(patient(), headers={"Content-Type": "application/fhir+json; charset=utf-8"}).status_code == 201


def test_what_is_too_large_or_not_offered_is_told_as_an_outcome() -> None:
    fhir = FhirClient(Hub(answering("NGH"), http=HttpSettings(max_request_bytes=2000)))
    assert fhir.create(patient(note="x" * 3000)).status_code == 413
    assert codes(fhir.send("GET", "/Observation")) == ["http_404"]
    assert fhir.send("DELETE", "/Patient").status_code == 405


def test_an_error_of_ours_says_nothing_and_is_audited() -> None:
    store = MemoryStore()
    failures = iter([RuntimeError("cannot serve Quillfeather")])

    def units() -> MemoryUnitOfWork:
        for failure in failures:
            raise failure
        return MemoryUnitOfWork(store)

    fhir = FhirClient(Hub(answering("NGH"), units=units))
    answer = fhir.create(patient())
    assert (answer.status_code, codes(answer)) == (500, ["internal_error"])
    assert "Quillfeather" not in answer.text
    last = fhir.hub.audit()[-1]
    assert (last.outcome, last.detail) == (AuditOutcome.FAILED, "internal_error")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                "resourceType identifier system value name family given text use birthDate gender telecom address line "
                "link other reference type active meta lastUpdated contained parameter resource entry".split()
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=st.dictionaries(st.sampled_from(sorted({*patient(), "link", "active", "meta"})), JSON), whole=JSON)
def test_no_json_makes_the_server_fail(fields: dict[str, Any], whole: Any) -> None:
    fhir = FhirClient(SHARED_HUB)
    for body in (patient() | fields, whole, _match_parameters(patient() | fields), message(patient() | fields)):
        raw = json.dumps(body, ensure_ascii=True).encode()
        for path in ("/Patient", "/Patient/$match", "/$process-message", "/Patient/$ihe-pix"):
            answer = fhir.send("POST", path, content=raw, headers={"Content-Type": FHIR_JSON})
            assert answer.status_code < 500, (path, body)


def test_the_examples_of_the_guide_work(fhir: FhirClient) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "fhir.md").read_text(encoding="utf-8")
    examples = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    assert len(examples) == 3
    for example in examples:
        path = "/Patient/$match" if example["resourceType"] == "Parameters" else "/Patient"
        assert fhir.post(path, example).status_code < 300
