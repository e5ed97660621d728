"""The edge of the HTTP application: malformed requests, limits, headers, and that nothing leaks."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from graphql import parse, validate
from strawberry.extensions.validation_cache import _get_validate_cache

from federation.ports import UnitOfWork
from gateway.asgi import create_app
from gateway.permissions import Role
from gateway.schema.build import build_schema
from gateway.schema.limits import MAX_DEPTH, RULES
from gateway.settings import HttpSettings, Settings
from mpi.audit import AuditOutcome
from tests.integration.hub_world import (
    ANAS,
    OPERATIONS,
    ORDER,
    SURNAME,
    Hub,
    answering,
    exploding,
    hub_of_ana,
    refusing,
    study,
)

# What is wrong with a request


@pytest.mark.parametrize(
    "query",
    [
        "{",
        "",
        "{ nothing }",
        "{ sites { nothing } }",
    ],
)
def test_malformed_graphql_is_an_error_without_data_or_audit(query: str) -> None:
    hub = hub_of_ana()
    answer = hub.post(query, Role.ADMIN)
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        assert answer.json()["data"] is None
        assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert hub.audit() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b'"text"',
        b"[]",
        b"[{}]",
        b"null",
        b'{"variables": {}}',
        b'{"operationName": 5, "query": "{ sites }"}',
    ],
)
def test_a_body_that_is_no_request_is_refused(body: bytes) -> None:
    hub = hub_of_ana()
    headers = {"Authorization": f"Bearer {hub.issuer.token(Role.ADMIN)}", "Content-Type": "application/json"}
    assert hub.request("POST", "/graphql", content=body, headers=headers).status_code == 400


def test_a_value_of_the_wrong_type_is_not_quoted() -> None:
    hub = hub_of_ana()
    variable = hub.post(
        (OPERATIONS / "CheckOrder.graphql").read_text(),
        Role.PLUGIN,
        variables={"order": ORDER | {"flags": [SURNAME], "orderingSite": {"x": SURNAME}}},
    )
    literal = hub.post(f'{{ imagingHistory(enterpriseId: {{x: "{SURNAME}"}}) {{ __typename }} }}', Role.PLUGIN)
    syntax = hub.post(f"{{ imagingHistory {SURNAME} ) }}", Role.PLUGIN)
    for answer in (variable, literal, syntax):
        errors = answer.json()["errors"]
        assert errors
        assert all(error["extensions"]["code"] == "BAD_REQUEST" for error in errors)
        assert SURNAME not in answer.text
    messages = {error["message"] for error in variable.json()["errors"]}
    assert messages == {"'$order.flags[0]' has an invalid value", "'$order.orderingSite' has an invalid value"}


def test_introspection_is_refused_unless_it_is_asked_for() -> None:
    query = "{ __schema { queryType { name fields { name } } } }"
    for asked in (query, '{ __type(name: "Person") { name } }'):
        refused = hub_of_ana().post(asked, Role.ADMIN).json()
        assert refused["data"] is None
        assert "introspection" in refused["errors"][0]["message"]
    assert hub_of_ana().ask("{ __typename }", Role.ADMIN) == {"__typename": "Query"}
    assert hub_of_ana(http=HttpSettings(graphiql=True)).ask(query, Role.PHYSICIAN)
    hub = hub_of_ana(http=HttpSettings(introspection=True))
    answer = hub.ask(query, Role.PHYSICIAN)
    assert {field["name"] for field in answer["__schema"]["queryType"]["fields"]} >= {"imagingHistory", "checkOrder"}


def test_too_many_aliases_fields_or_tokens_are_refused() -> None:
    hub = hub_of_ana()
    many_roots = "{" + " ".join(f"a{n}: sites {{ __typename }}" for n in range(6)) + "}"
    many_aliases = "{ sites { ... on SiteList { " + " ".join(f"a{n}: asOf" for n in range(16)) + " } } }"
    many_tokens = "{ sites { " + "__typename " * 2000 + "} }"
    hidden = "{ ...F } fragment F on Query {" + " ".join(f"a{n}: sites {{ __typename }}" for n in range(6)) + "}"
    for query in (many_roots, many_aliases, many_tokens, hidden):
        answer = hub.post(query, Role.ADMIN).json()
        assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
        assert answer.get("data") is None
    assert hub.audit() == []


def test_a_question_that_goes_too_deep_is_refused() -> None:

    hub = hub_of_ana()
    # No type of the schema nests without end, so the rule itself is shown a deep document.
    schema = build_schema()
    document = parse("{ a " + "{ a " * (MAX_DEPTH + 2) + "}" * (MAX_DEPTH + 2) + " }")

    errors = validate(schema._schema, document, RULES[:1])
    assert any("maximum operation depth" in error.message for error in errors)
    deepest = hub.run("ImagingHistory", Role.PHYSICIAN, patient=ANAS)
    assert deepest["__typename"] == "ImagingHistory"


def test_a_document_is_validated_once_and_found_again() -> None:
    hub = hub_of_ana()
    cache = _get_validate_cache(256)
    before = cache.cache_info()  # type: ignore[attr-defined]
    for _ in range(3):
        hub.ask("{ sites { __typename } again: sites { __typename } }", Role.ADMIN)
    after = cache.cache_info()  # type: ignore[attr-defined]
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 2)


def test_get_is_not_taken() -> None:
    hub = hub_of_ana()
    answer = hub.request("GET", "/graphql", params={"query": "{ sites { __typename } }"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert hub.request("PUT", "/graphql").status_code == 405


def test_a_body_that_is_too_large_is_refused() -> None:
    hub = hub_of_ana(http=HttpSettings(max_request_bytes=2000))
    refused = hub.post("{ sites { __typename } }" + " " * 3000, Role.ADMIN)
    assert refused.status_code == 413
    assert refused.headers["x-content-type-options"] == "nosniff"
    assert len(refused.headers["x-correlation-id"]) == 32
    assert hub.post("{ sites { __typename } }", Role.ADMIN).status_code == 200


def test_graphiql_is_served_only_where_it_is_enabled() -> None:
    page = {"Accept": "text/html"}
    assert hub_of_ana().request("GET", "/graphql", headers=page).status_code == 405
    enabled = hub_of_ana(http=HttpSettings(graphiql=True))
    answer = enabled.request("GET", "/graphql", headers=page)
    assert answer.status_code == 200
    assert "http" not in answer.text.replace("http-equiv", "")
    for own in re.findall(r'(?:src|href)="(/[^"]+)"', answer.text):
        assert enabled.request("GET", own).status_code == 200
    query = {"query": "{ sites { __typename } }"}
    assert enabled.request("GET", "/graphql", params=query, headers={"Accept": "application/json"}).status_code == 405


# Every answer


def test_an_id_ties_answer_and_log_together() -> None:
    hub = hub_of_ana()
    mine = "0f8fad5b-d9cb-469f-a165-70867728950e"
    taken = hub.request("GET", "/healthz", headers={"X-Correlation-Id": mine})
    assert taken.headers["x-correlation-id"] == mine
    for other in (SURNAME, "a" * 65, "", "12; DROP"):
        made = hub.request("GET", "/healthz", headers={"X-Correlation-Id": other}).headers["x-correlation-id"]
        assert len(made) == 32
        assert made != other


@pytest.mark.parametrize("path", ["/graphql", "/healthz", "/metrics", "/nowhere"])
def test_browsers_are_told_to_be_careful_and_nobody_is_let_in_from_elsewhere(path: str) -> None:
    answer = hub_of_ana().request("GET", path, headers={"Origin": "https://elsewhere.example"})
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "access-control-allow-origin" not in answer.headers


class NoStore:
    """A store that does not answer."""

    def __enter__(self) -> NoStore:
        raise OSError(f"password of {SURNAME} refused")

    def __exit__(self, *error: Any) -> None:
        return None


def test_ready_means_that_the_store_answers() -> None:
    assert hub_of_ana().request("GET", "/readyz").json() == {"status": "ready"}
    down: Callable[[], UnitOfWork] = NoStore  # type: ignore[assignment,return-value]
    broken = Hub(answering("NGH"), units=down)
    answer = broken.request("GET", "/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable"})
    assert broken.request("GET", "/healthz").status_code == 200


def test_metrics_count_operations_and_sites_and_nothing_about_persons() -> None:
    hub = hub_of_ana(answering("NGH", [study("2.999.1", "NGH|0007")]), refusing("LKM"))
    hub.run("ImagingHistory", Role.PHYSICIAN, patient=ANAS)
    hub.run("ReviewQueue", Role.PHYSICIAN)
    text = hub.request("GET", "/metrics").text
    assert 'priorlink_operations_total{operation="imagingHistory",outcome="success"} 1.0' in text
    assert 'priorlink_operations_total{operation="reviewQueue",outcome="refused"} 1.0' in text
    assert 'priorlink_site_answers_total{site_id="LKM",state="FAILED"} 1.0' in text
    assert 'priorlink_site_circuit{site_id="LKM"} 0.0' in text
    assert "priorlink_open_questions 0.0" in text
    assert hub.index.person_of("NGH|0007") not in text
    assert '0007"' not in text
    assert "|0007" not in text


# Nothing leaks


def test_an_unexpected_error_tells_nobody_anything(log: io.StringIO) -> None:
    def broken(**_: Any) -> Any:
        raise RuntimeError(f"cannot read {SURNAME}")

    hub = hub_of_ana()
    hub.app = create_app(replace(hub.resources, normalize_order=broken), Settings())
    answer = hub.post((OPERATIONS / "CheckOrder.graphql").read_text(), Role.PLUGIN, variables={"order": ORDER})
    (error,) = answer.json()["errors"]
    assert answer.json()["data"] is None
    assert error["message"] == "internal error"
    assert error["extensions"] == {"code": "INTERNAL_ERROR", "correlationId": answer.headers["x-correlation-id"]}
    assert SURNAME not in answer.text
    (event,) = hub.audit()
    assert (event.action, event.outcome, event.detail) == ("checkOrder", AuditOutcome.FAILED, "internal_error")
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    failed = next(line for line in lines if line["event"] == "operation_failed")
    assert (failed["error_type"], failed["path"]) == ("RuntimeError", "checkOrder")
    assert SURNAME not in log.getvalue()


def test_a_surname_that_walks_through_everything_never_reaches_the_log(log: io.StringIO) -> None:
    hub = hub_of_ana(answering("NGH", [study("2.999.1", "NGH|0007")]), exploding("LKM"), refusing("RDI"))
    hub.run("ImagingHistory", Role.PHYSICIAN, patient=ANAS, deadlineMs=200)
    hub.run("ImagingHistory", Role.PHYSICIAN, patient={"assigningAuthority": "NGH", "localPatientId": SURNAME})
    hub.run("Person", Role.RECORDS, patient=ANAS)
    hub.run("CheckOrder", Role.PLUGIN, order=ORDER | {"description": f"CT ABDOMEN {SURNAME}"})
    hub.post(f'{{ person(enterpriseId: "{SURNAME}") {{ nothing }} }}', Role.PHYSICIAN)
    hub.post(f"{{ {SURNAME}", Role.PHYSICIAN)
    hub.request("POST", f"/graphql?name={SURNAME}", json={"query": SURNAME}, headers={"Authorization": SURNAME})
    hub.request("GET", f"/patients/{SURNAME}")
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert {line["event"] for line in lines} >= {"operation_answered", "http_answered"}
    assert SURNAME.lower() not in log.getvalue().lower()
    assert '0007"' not in log.getvalue()
    assert "|0007" not in log.getvalue()
