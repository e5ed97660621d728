"""Finding persons by numbers and by demographics, a person's numbers everywhere, and where the best view comes from."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from gateway.permissions import Role
from mpi.audit import AuditOutcome
from mpi.identity.survivorship import TrustOrder
from tests.builders import NOON, person
from tests.integration.hub_world import ANA, SURNAME, Hub, answering
from tests.integration.test_identity_decisions import named

ASKED = {"family": SURNAME, "given": "Ana", "birthDate": "1984-03-12", "sex": "FEMALE", "phone": "202-555-0134"}


@pytest.fixture
def hub() -> Hub:
    """Ana at two hospitals, once under an old number; her brother; somebody with a name that begins alike."""
    hub = Hub(answering("NGH"))
    hub.index.register("NGH|0007", as_=ANA)
    hub.index.register("LKM|55", as_=ANA)
    hub.index.register("NGH|0099", as_=ANA)
    hub.index.merge(survivor="NGH|0007", subsumed="NGH|0099")
    hub.index.register("NGH|8", as_=person(SURNAME, "Ben", born="1986-05-30", sex="M", phone="202-555-0134"))
    hub.index.register("RDI|9", as_=person(f"{SURNAME}-Hale", "Anabel", born="1984-11-02", sex="F"))
    return hub


def search(hub: Hub, **variables: Any) -> Any:
    return hub.run("SearchPersons", Role.PHYSICIAN, **variables)


def found(answer: Any) -> list[tuple[str, str]]:
    return [(m["grade"], m["matchedOn"]["localPatientId"]) for m in answer["matches"]]


def test_a_full_description_finds_the_person_for_certain_with_evidence_that_adds_up(hub: Hub) -> None:
    answer = search(hub, described=ASKED)
    first = answer["matches"][0]
    assert (first["grade"], first["person"]["enterpriseId"]) == ("CERTAIN", hub.index.person_of("NGH|0007"))
    assert sum(line["matchWeight"] for line in first["evidence"]) == pytest.approx(first["matchWeight"])
    assert first["modelVersion"] == hub.index.matcher.model.version
    assert 0.99 < first["matchProbability"] <= 1
    assert answer["truncated"] is False
    only = search(hub, described=ASKED, onlyCertain=True)
    assert (only["totalCount"], len(only["matches"])) == (1, 1)


@pytest.mark.parametrize("number", ["NGH|0007", "NGH|0099", "LKM|55"])
def test_a_number_finds_whose_it_is_also_when_it_is_retired(hub: Hub, number: str) -> None:
    (match,) = search(hub, identifiers=[named(number)])["matches"]
    assert match["grade"] == "CERTAIN"
    assert match["matchWeight"] is None
    assert match["person"]["enterpriseId"] == hub.index.person_of("NGH|0007")
    assert search(hub, identifiers=[named("NGH|404")])["totalCount"] == 0


def test_a_few_words_find_everybody_whom_they_fit_and_no_more(hub: Hub) -> None:
    answer = search(hub, described={"family": SURNAME[:5], "phone": "(202) 555-0134"})
    assert {number for _, number in found(answer)} == set()
    answer = search(hub, described={"family": SURNAME, "phone": "(202) 555-0134"})
    persons = {match["person"]["enterpriseId"] for match in answer["matches"]}
    assert persons == {hub.index.person_of("NGH|0007"), hub.index.person_of("NGH|8")}
    assert all(match["grade"] != "CERTAIN" for match in answer["matches"])


def test_a_number_with_a_description_of_somebody_else_is_not_certain(hub: Hub) -> None:
    otto = {"family": "Okafor", "given": "Otto", "birthDate": "1951-11-30", "sex": "MALE"}
    grades = {m["grade"] for m in search(hub, identifiers=[named("NGH|0007")], described=otto)["matches"]}
    assert "CERTAIN" not in grades
    assert grades


def test_nothing_is_kept_of_a_search_but_who_saw_whom(hub: Hub) -> None:
    before = hub.index.open_items()
    answer = search(hub, described=ASKED, first=1)
    event = hub.audit()[-1]
    assert (event.action, event.outcome) == ("searchPersons", AuditOutcome.SUCCESS)
    assert event.subject == answer["matches"][0]["person"]["enterpriseId"]
    assert hub.index.open_items() == before
    assert SURNAME not in repr(hub.audit())


@pytest.mark.parametrize(
    ("variables", "code", "field"),
    [
        ({}, "too_little", "described"),
        ({"described": {"family": SURNAME}}, "too_little", "described"),
        ({"described": {"birthDate": "12.03.1984", "family": SURNAME}}, "invalid_date", "described.birthDate"),
        ({"described": {"postalCode": "1\x00"}}, "control_character", "described.postalCode"),
        ({"identifiers": [named("NGH|1")] * 21}, "out_of_range", "identifiers"),
        ({"identifiers": [named("NGH| ")]}, "empty", "identifiers.0.localPatientId"),
        ({"described": ASKED, "first": 0}, "out_of_range", "first"),
    ],
)
def test_a_search_names_the_argument_that_cannot_be_used(hub: Hub, variables: Any, code: str, field: str) -> None:
    answer = search(hub, **variables)
    assert (answer["__typename"], answer["code"], answer["field"]) == ("InvalidInput", code, field)


def test_the_numbers_of_a_person_everywhere_or_at_one_place(hub: Hub) -> None:
    answer = hub.run("CrossReference", Role.PLUGIN, patient=named("LKM|55"))
    assert answer["enterpriseId"] == hub.index.person_of("NGH|0007")
    assert [(k["identifier"], k["isRetired"], k["survivor"]) for k in answer["identifiers"]] == [
        (named("LKM|55"), False, None),
        (named("NGH|0007"), False, None),
        (named("NGH|0099"), True, named("NGH|0007")),
    ]
    at_ngh = hub.run("CrossReference", Role.PLUGIN, patient=named("LKM|55"), authorities=["NGH"])
    assert [k["identifier"]["localPatientId"] for k in at_ngh["identifiers"]] == ["0007", "0099"]
    assert hub.run("CrossReference", Role.PLUGIN, patient=named("LKM|55"), authorities=["RDI"])["identifiers"] == []


def test_an_authority_that_nobody_knows_and_a_patient_that_nobody_knows_are_told_apart(hub: Hub) -> None:
    wrong = hub.run("CrossReference", Role.PLUGIN, patient=named("LKM|55"), authorities=["NGH", "ACME"])
    assert (wrong["code"], wrong["field"]) == ("unknown_authority", "authorities.1")
    nobody = hub.run("CrossReference", Role.PLUGIN, patient=named("LKM|404"))
    assert nobody["code"] == "patient_not_found"


# Where the best view comes from


SAID = {
    "NGH|0007": (ANA, 1),
    "LKM|55": (replace(ANA, phones=("202-555-0199",)), 3),
    "RDI|1": (replace(ANA, name=replace(ANA.name, middle="Luz")), 2),
}


def best_view(order: tuple[str, ...], trust: TrustOrder) -> Any:
    hub = Hub(answering("NGH"))
    object.__setattr__(hub.resources, "trust", trust)
    for number in order:
        said, hour = SAID[number]
        hub.index.register(number, as_=said, at=NOON.replace(hour=hour))
    return hub.run("Person", Role.RECORDS, patient=named("NGH|0007"))["goldenRecord"]


@pytest.mark.parametrize(
    ("trust", "expected"),
    [
        (TrustOrder(), {"name": "LKM", "birthDate": "LKM", "sex": "LKM", "phone": "LKM"}),
        (TrustOrder(("NGH",)), {"name": "NGH", "birthDate": "NGH", "sex": "NGH", "phone": "NGH"}),
        (TrustOrder(("NGH",), {"name": ("RDI",)}), {"name": "RDI", "birthDate": "NGH", "sex": "NGH", "phone": "NGH"}),
    ],
    ids=["newest", "most trusted", "most trusted for the name"],
)
def test_each_value_says_which_site_said_it_and_when_in_any_order_of_arrival(trust: TrustOrder, expected: Any) -> None:
    views = [best_view(order, trust) for order in permutations(SAID)]
    assert all(view == views[0] for view in views)
    hours = {"NGH": 1, "RDI": 2, "LKM": 3}
    for source in views[0]["sources"]:
        site = expected[source["field"]]
        assert (source["site"], source["identifier"]["assigningAuthority"]) == (site, site)
        assert source["saidAt"].startswith(f"2026-03-10T{hours[site]:02d}:00")
    assert {source["field"] for source in views[0]["sources"]} == set(expected)
