"""What is hidden leaves no trace in what is counted: open questions, and whether a list was cut."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.asgi import create_app
from gateway.permissions import Role
from gateway.settings import Settings
from mpi.identity.review import ReviewKind
from mpi.usecases.open_review import open_review
from tests.builders import person, pid
from tests.contract.conftest import migrated_postgres, migrated_sqlite, store  # noqa: F401
from tests.contract.stores import Store
from tests.integration.hub_world import ANA, ANAS, EVIDENCE, SURNAME, Hub, answering

COUNTS = """query($p: PatientRefInput) {
  person(patient: $p) { ... on Person { openReviewCount } }
  crossReference(patient: $p) { ... on CrossReference { openReviewCount } }
  imagingHistory(patient: $p) { ... on ImagingHistory { identityUnderReview } } }"""
ALIKE = {"family": SURNAME, "birthDate": "1984-03-12"}
SEARCH = "query($d: PersonDescriptionInput!) { searchPersons(described: $d) { ... on PersonMatchList "
SEARCH += "{ totalCount truncated } } }"
GIVEN = (
    "Beatrix", "Cosima", "Dolores", "Frieda", "Gudrun", "Hedwig", "Isolde", "Jolanta",
    "Katinka", "Leokadia", "Mirabel", "Nofretete", "Ottilie",
)  # fmt: skip
OTHERS = {"assigningAuthority": "LKM", "localPatientId": "77"}


def hub_with_a_question(store: Store) -> Hub:  # noqa: F811
    """Ana at NGH, somebody at LKM who may be she, and a question about it."""
    hub = Hub(answering("NGH"), answering("LKM"), units=store.begin)
    hub.index.register("NGH|0007", as_=ANA)
    hub.index.register("LKM|77", as_=person("Zimmer", "Zoe", born="1999-09-09", sex="F"))
    with hub.units() as uow:
        open_review(
            ReviewKind.POSSIBLE_MATCH, pid("NGH|0007"), pid("LKM|77"), source="test", uow=uow, clock=hub.index.clock,
            new_id=hub.index.new_id, evidence=EVIDENCE, score=7.75, match_probability=0.83, guards=(),
        )  # fmt: skip
        uow.commit()
    return hub


def counted(hub: Hub, role: Role = Role.PHYSICIAN, **claims: Any) -> list[Any]:
    token = hub.issuer.sign(hub.issuer.claims(role) | claims)
    answer = hub.post(COUNTS, token=token, variables={"p": ANAS}).json()["data"]
    return [next(iter(found.values()), None) for found in answer.values()]


def test_a_question_counts_only_where_both_sides_may_be_seen(store: Store) -> None:  # noqa: F811
    hub = hub_with_a_question(store)
    assert counted(hub) == [1, 1, True]
    assert counted(hub, sites=["NGH", "LKM"]) == [1, 1, True]
    assert counted(hub, sites=["NGH"]) == [0, 0, False]
    assert counted(hub, Role.RECORDS)[:2] == [1, 1]
    assert counted(hub, Role.RECORDS, sites=["NGH"])[:2] == [0, 0]


@pytest.mark.parametrize("scope", [("EVERYTHING", ""), ("SITE", "LKM")])
def test_a_question_about_somebody_who_opted_out_counts_for_staff_alone(scope: tuple[str, str]) -> None:
    hub = Hub(answering("NGH"), answering("LKM"))
    hub = hub_with_a_question(Store(hub.units, hub.units, (), Exception))
    hub.run("RecordConsent", Role.PRIVACY_OFFICER, patient=OTHERS, scope=scope[0], effect="DENY", target=scope[1])
    assert counted(hub) == [0, 0, False]
    assert counted(hub, Role.RECORDS)[:2] == [1, 1]


def test_a_denial_kept_for_a_number_that_was_retired_hides_the_question_too(store: Store) -> None:  # noqa: F811
    hub = hub_with_a_question(store)
    hub.index.register("LKM|70", as_=person("Zimmer", "Zoe", born="1999-09-09", sex="F"))
    before = {"assigningAuthority": "LKM", "localPatientId": "70"}
    hub.run("RecordConsent", Role.PRIVACY_OFFICER, patient=before, scope="EVERYTHING", effect="DENY", target="")
    hub.index.merge(survivor="LKM|77", subsumed="LKM|70")
    assert counted(hub) == [0, 0, False]


def hub_of_many(alike_at_lkm: int, alike_at_ngh: int) -> Hub:
    """People of one family name and birth date, of whom three at once are looked at."""
    hub = Hub(answering("NGH"), answering("LKM"))
    for site, count in (("LKM", alike_at_lkm), ("NGH", alike_at_ngh)):
        for number in range(count):
            given = GIVEN[-number - 1 if site == "LKM" else number]
            hub.index.register(f"{site}|{number}", as_=person(SURNAME, given, born="1984-03-12", sex="F"))
    matcher = replace(hub.resources.matcher, max_candidates=3)
    hub.resources = replace(hub.resources, matcher=matcher)
    hub.app = create_app(hub.resources, Settings())
    return hub


def searched(hub: Hub, *sites: str) -> dict[str, Any]:
    token = hub.issuer.sign(hub.issuer.claims(Role.PHYSICIAN) | {"sites": sites})
    found: dict[str, Any] = hub.post(SEARCH, token=token, variables={"d": ALIKE}).json()["data"]["searchPersons"]
    return found


def test_those_of_other_sites_neither_cut_the_list_nor_take_a_place_in_it() -> None:
    crowded, alone = hub_of_many(9, 2), hub_of_many(0, 2)
    assert searched(crowded, "NGH") == searched(alone, "NGH") == {"totalCount": 2, "truncated": False}
    assert searched(crowded, "NGH", "LKM")["truncated"]
    assert searched(hub_of_many(0, 4), "NGH")["truncated"]


def test_a_denial_for_everything_uncuts_the_list() -> None:
    hub = hub_of_many(0, 4)
    assert searched(hub, "NGH")["truncated"]
    record_for(hub, "0")
    assert searched(hub, "NGH") == {"totalCount": 3, "truncated": False}


def record_for(hub: Hub, number: str) -> None:
    patient = {"assigningAuthority": "NGH", "localPatientId": number}
    hub.run("RecordConsent", Role.PRIVACY_OFFICER, patient=patient, scope="EVERYTHING", effect="DENY", target="")
