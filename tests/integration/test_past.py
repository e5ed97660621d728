"""What hospitals said before, and which examinations follow which numbers, at the GraphQL door."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from federation.imaging.studies import SiteStudy
from federation.imaging.study_index import entry_of
from federation.sites.consent import ANYBODY, Viewer
from federation.sites.site import SiteId
from gateway.loaders import load_field_histories
from gateway.permissions import Role
from mpi.identity.demographics import PersonName
from tests.builders import NOON, pid
from tests.integration.hub_world import ANA, Hub, hub_of_ana, study

SEEN_AT = NOON - dt.timedelta(days=2)


def number(identifier: str) -> dict[str, str]:
    authority, _, local = identifier.partition("|")
    return {"assigningAuthority": authority, "localPatientId": local}


@pytest.fixture
def hub() -> Hub:
    """Ana, whose phone one hospital changed, and of whom two hospitals listed studies when they were asked."""
    hub = hub_of_ana()
    hub.index.register("LKM|55", as_=replace(ANA, phones=("202-555-0199",)))
    listed = study("2.999.2", "LKM|55", days_ago=3), study("2.999.3", "LKM|55", days_ago=None)
    remember(hub, "LKM|55", *listed)
    remember(hub, "NGH|0007", study("2.999.1", "NGH|0007", days_ago=400))
    return hub


def remember(hub: Hub, identifier: str, *rows: SiteStudy) -> None:
    site = SiteId(identifier.partition("|")[0])
    with hub.units() as uow:
        uow.study_index.save(entry_of(site, pid(identifier), rows, SEEN_AT, is_complete=True))
        uow.commit()


def histories(hub: Hub, *identifiers: str) -> dict[str, dict[str, list[dict[str, Any]]]]:
    answer = hub.run("FieldHistory", Role.RECORDS, numbers=[number(i) for i in identifiers])
    return {
        record["identifier"]["localPatientId"]: {field["field"]: field["values"] for field in record["fields"]}
        for record in answer["records"]
    }


def seen(hub: Hub, *identifiers: str) -> dict[str, list[dict[str, Any]]]:
    answer = hub.run("LastSeenStudies", Role.RECORDS, numbers=[number(i) for i in identifiers])
    return {n["identifier"]["localPatientId"]: n["sites"] for n in answer["numbers"]}


def test_what_a_hospital_said_before_is_told_with_its_day_and_door(hub: Hub) -> None:
    found = histories(hub, "NGH|0007", "LKM|55", "RDI|never")
    assert list(found) == ["0007", "55"], "unknown numbers are left out"
    now, before = found["55"]["PHONE"]
    assert (now["value"], now["state"]) == ("202-555-0199", "CURRENT")
    assert (before["value"], before["state"], before["source"]) == (ANA.phones[0], "EARLIER", "test")
    assert [v["state"] for v in found["0007"]["PHONE"]] == ["CURRENT"]


def test_a_look_at_the_past_is_audited_for_the_person(hub: Hub) -> None:
    histories(hub, "LKM|55")
    seen(hub, "LKM|55")
    person_id = hub.index.person_of("LKM|55")
    told = [(e.action, e.subject) for e in hub.audit()[-2:]]
    assert told == [("fieldHistory", person_id), ("lastSeenStudies", person_id)]


def test_strong_ids_are_not_told(hub: Hub) -> None:
    hub.index.register("LKM|55", as_=replace(ANA, ssn_last4="4711"))
    found = str(histories(hub, "LKM|55"))
    assert "4711" not in found
    assert ANA.ssn_last4 not in found


@pytest.mark.parametrize("role", [Role.PHYSICIAN, Role.PLUGIN, Role.ADMIN, Role.SITE_ADMIN, Role.PRIVACY_OFFICER])
def test_nobody_else_is_told(hub: Hub, role: Role) -> None:
    for operation in ("FieldHistory", "LastSeenStudies"):
        answer = hub.run(operation, role, numbers=[number("LKM|55")])
        assert answer["__typename"] == "NotAllowed"


@pytest.mark.parametrize("operation", ["FieldHistory", "LastSeenStudies"])
def test_none_and_too_many_numbers_are_refused(hub: Hub, operation: str) -> None:
    for count in (0, 101):
        answer = hub.run(operation, Role.RECORDS, numbers=[number(f"NGH|{n}") for n in range(count)])
        assert (answer["__typename"], answer["field"]) == ("InvalidInput", "numbers")


def test_whoever_may_not_see_a_person_or_a_site_sees_no_past_of_them(hub: Hub) -> None:
    every = [pid("NGH|0007"), pid("LKM|55")]
    hub.run("RecordConsent", Role.RECORDS, patient=number("NGH|0007"), scope="SITE", target="LKM", effect="DENY")
    shown = load_field_histories(hub.resources, ANYBODY, every)
    assert [past.record.identifier for past in shown] == [pid("NGH|0007")]
    assert len(load_field_histories(hub.resources, Viewer(sees_hidden=True), every)) == 2, "staff keep identities"
    hub.run("RecordConsent", Role.RECORDS, patient=number("NGH|0007"), scope="EVERYTHING", effect="DENY")
    assert load_field_histories(hub.resources, ANYBODY, every) == ()


def test_examinations_are_told_as_they_were_last_seen_without_asking_anybody(hub: Hub) -> None:
    found = seen(hub, "NGH|0007", "LKM|55", "RDI|A1", "RDI|never")
    (lkm,) = found["55"]
    assert lkm["site"] == "LKM"
    assert dt.datetime.fromisoformat(lkm["asOf"]) == SEEN_AT
    assert [s["studyInstanceUid"] for s in lkm["studies"]] == ["2.999.2", "2.999.3"], "undated last"
    assert [s["studyInstanceUid"] for s in found["0007"][0]["studies"]] == ["2.999.1"]
    nothing = [{"site": "RDI", "asOf": None, "setApartCount": 0, "studies": []}]
    assert found["A1"] == found["never"] == nothing
    assert all(not source.asked for source in hub.resources.directory.sources.values())  # type: ignore[attr-defined]


def test_a_retired_number_brings_its_examinations(hub: Hub) -> None:
    hub.index.register("NGH|old", as_=ANA)
    remember(hub, "NGH|old", study("2.999.9", "NGH|old", days_ago=9))
    hub.index.merge(survivor="NGH|0007", subsumed="NGH|old")
    assert [s["studyInstanceUid"] for s in seen(hub, "NGH|0007")["0007"][0]["studies"]] == ["2.999.9", "2.999.1"]


def test_a_study_that_names_somebody_else_is_counted_and_not_shown(hub: Hub) -> None:
    stranger = replace(study("2.999.8", "NGH|0007"), patient_name=PersonName("Zimmermann", "Kuno"))
    remember(hub, "NGH|0007", study("2.999.1", "NGH|0007", days_ago=400), stranger)
    (site,) = seen(hub, "NGH|0007")["0007"]
    assert [s["studyInstanceUid"] for s in site["studies"]] == ["2.999.1"]
    assert site["setApartCount"] == 1


@pytest.mark.parametrize(("scope", "target"), [("SITE", "LKM"), ("EVERYTHING", "")])
def test_what_consent_hides_is_as_if_the_archive_was_never_asked(hub: Hub, scope: str, target: str) -> None:
    hub.run("RecordConsent", Role.RECORDS, patient=number("NGH|0007"), scope=scope, target=target, effect="DENY")
    assert seen(hub, "LKM|55")["55"] == [{"site": "LKM", "asOf": None, "setApartCount": 0, "studies": []}]
    assert bool(seen(hub, "NGH|0007")["0007"][0]["studies"]) is (scope == "SITE")
