"""Documents that are made to hurt: nested without end, numbers without end, text without sense. No door answers 5xx."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.permissions import Role
from tests.integration.hub_world import OPERATIONS, SURNAME, Hub, hub_of_ana

PERSON = (OPERATIONS / "Person.graphql").read_text()
CHECK = (OPERATIONS / "CheckOrder.graphql").read_text()
DEEP = 900
"""Deeper than any document of ours, not so deep that the parser of JSON refuses it by itself."""


def nested(opening: str, closing: str, depth: int = DEEP, inner: str = "1") -> str:
    return opening * depth + inner + closing * depth


BOMBS = {
    "lists": nested("[", "]"),
    "objects": nested('{"a":', "}"),
    "lists deeper than the parser goes": nested("[", "]", 50_000),
    "objects deeper than the parser goes": nested('{"a":', "}", 20_000),
    "lists that never close": "[" * 100_000,
    "a number of 5000 digits": "9" * 5_000,
    "a number far out of range": "1e99999",
    "a fraction of 5000 digits": "0." + "3" * 5_000,
    "a text with a lone surrogate": '"\\ud800"',
    "a text with a NUL": '"\\u0000"',
    "a text of 200 kB": '"' + "x" * 200_000 + '"',
    "40,000 names": "{" + ",".join(f'"n{n}":1' for n in range(20_000)) + "}",
    "the same name again and again": "{" + ",".join(['"a":1'] * 20_000) + "}",
}


def send(hub: Hub, path: str, body: str, *roles: Role, content_type: str = "application/json") -> Any:
    headers = {"Authorization": f"Bearer {hub.issuer.token(*roles)}", "Content-Type": content_type}
    return hub.request("POST", path, content=body.encode(), headers=headers)


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("place", ["body", "variables", "patient", "order", "documentId", "extensions"])
def test_graphql_outlives_it(place: str, bomb: str) -> None:
    what, query = BOMBS[bomb], PERSON.replace("\n", " ").replace('"', '\\"')
    if place == "order":
        query = CHECK.replace("\n", " ").replace('"', '\\"')
    bodies = {
        "body": what,
        "variables": f'{{"query": "{query}", "variables": {what}}}',
        "patient": f'{{"query": "{query}", "variables": {{"patient": {what}}}}}',
        "order": f'{{"query": "{query}", "variables": {{"order": {{"patient": {what}, "description": {what}}}}}}}',
        "documentId": f'{{"documentId": {what}}}',
        "extensions": f'{{"query": "{query}", "extensions": {{"persistedQuery": {what}}}}}',
    }
    hub = hub_of_ana()
    answer = send(hub, "/graphql", bodies[place], Role.PHYSICIAN)
    assert answer.status_code in (200, 400, 413)
    if answer.status_code == 200:
        codes = {error["extensions"]["code"] for error in answer.json().get("errors", [])}
        assert codes <= {"BAD_REQUEST"}
    assert len(answer.text) < 20_000
    assert SURNAME not in answer.text


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/fhir/Patient", "{what}"),
        ("/fhir/Patient", '{{"resourceType": "Patient", "identifier": {what}}}'),
        ("/fhir/Patient", '{{"resourceType": "Patient", "identifier": [{{"system": "s", "value": {what}}}]}}'),
        ("/fhir/Patient", '{{"resourceType": "Patient", "extension": [{what}], "name": [{{"family": {what}}}]}}'),
        ("/fhir/Patient/$match", '{{"resourceType": "Parameters", "parameter": {what}}}'),
        ("/fhir/$process-message", '{{"resourceType": "Bundle", "type": "message", "entry": {what}}}'),
    ],
)
def test_the_fhir_doors_outlive_it(path: str, template: str, bomb: str) -> None:
    hub = hub_of_ana()
    answer = send(hub, path, template.format(what=BOMBS[bomb]), Role.RECORDS, content_type="application/fhir+json")
    assert 400 <= answer.status_code < 500
    assert len(answer.text) < 20_000


def test_no_xml_is_read_anywhere() -> None:
    from pathlib import Path

    root = Path(__file__).resolve().parents[2]
    for package in ("mpi", "federation", "adapters", "graphql"):
        for path in (root / package).rglob("*.py"):
            text = path.read_text()
            assert "import xml" not in text, path
            assert "from xml" not in text, path
            assert "lxml" not in text, path
