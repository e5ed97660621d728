"""What is hidden leaves no trace in how well somebody fits: answers are those of a hub that never had the record."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.permissions import Role
from tests.builders import person
from tests.integration.hub_world import SURNAME, Hub, answering
from tests.integration.test_consent import record

PHONE = "202-555-0134"
SEARCH = """query($d: PersonDescriptionInput!) { searchPersons(described: $d) { ... on PersonMatchList {
  totalCount matches { grade matchWeight matchedOn { localPatientId } person { records { site } } } } } }"""
DESCRIBED = {"family": SURNAME, "given": "Ana", "birthDate": "1984-03-12", "sex": "FEMALE", "phone": PHONE}


def hub_where(record_elsewhere: str) -> Hub:
    """Ana at NGH; her record at LKM, with the phone that is asked for, is ``never`` there, ``denied`` or ``shared``."""
    hub = Hub(answering("NGH"), answering("LKM"))
    said = {"ssn_last4": "4821", "born": "1984-03-12", "sex": "F"}
    hub.index.register("NGH|0007", as_=person(SURNAME, "Ana", **said))
    if record_elsewhere != "never":
        hub.index.register("LKM|55", as_=person(SURNAME, "Ana", phone=PHONE, **said))
        assert hub.index.person_of("NGH|0007") == hub.index.person_of("LKM|55")
    if record_elsewhere == "denied":
        record(hub, "SITE", "LKM")
    return hub


def matched(hub: Hub, headers: dict[str, str]) -> list[Any]:
    sent = {
        "resourceType": "Patient",
        "name": [{"family": SURNAME, "given": ["Ana"]}],
        "birthDate": "1984-03-12",
        "gender": "female",
        "telecom": [{"system": "phone", "value": PHONE}],
    }
    answer = hub.request("POST", "/fhir/Patient/$match", json=sent, headers=headers).json()
    entries = [entry for entry in answer.get("entry", ()) if entry["search"]["mode"] == "match"]
    return [answer["total"], *((e["search"], len(e["resource"].get("identifier", ()))) for e in entries)]


def answers(hub: Hub) -> dict[str, Any]:
    """As a physician of NGH gets them."""
    token = hub.issuer.sign(hub.issuer.claims(Role.PHYSICIAN) | {"sites": ["NGH"]})
    found = hub.post(SEARCH, token=token, variables={"d": DESCRIBED}).json()["data"]["searchPersons"]
    named_only = hub.post(SEARCH, token=token, variables={"d": {"family": SURNAME, "phone": PHONE}}).json()
    return {"match": matched(hub, {"Authorization": f"Bearer {token}"}), "search": found, "by_phone": named_only}


def test_a_hidden_record_adds_nothing_to_a_score() -> None:
    never, denied, shared = (answers(hub_where(how)) for how in ("never", "denied", "shared"))
    assert denied == never
    assert shared != never
    assert never["match"][0] == 1
    assert never["search"]["matches"][0]["grade"] == "CERTAIN"


@pytest.mark.parametrize("how", ["never", "shared"])
def test_records_staff_are_shown_all_of_it(how: str) -> None:
    hub = hub_where(how)
    found = hub.post(SEARCH, Role.RECORDS, variables={"d": DESCRIBED}).json()["data"]["searchPersons"]
    if how == "shared":
        record(hub, "SITE", "LKM")
        assert hub.post(SEARCH, Role.RECORDS, variables={"d": DESCRIBED}).json()["data"]["searchPersons"] == found
    assert len(found["matches"][0]["person"]["records"]) == (2 if how == "shared" else 1)
