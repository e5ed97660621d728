"""What users of other indexes report broken or ask for, one test each, through the doors they would use.

The numbers are those of the list that the tests were written from; what is about scores alone stands in
``test_user_reports_matching.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from gateway.permissions import Role
from mpi.identity.review import ReviewKind
from mpi.usecases.matcher import Matcher
from mpi.usecases.open_review import open_review
from tests.builders import AUTHORITIES, NOON, Index, person, pid
from tests.fhir_door import FhirClient, patient
from tests.hl7_door import Door
from tests.identity_walks import broken_rules
from tests.integration.hub_world import Hub, answering, study, uids
from tests.integration.test_identity_decisions import Staff, named

ANA = person("Arroyo", "Ana", middle="Luz", born="1984-03-12", sex="F", phone="202-555-0134", street="12 Mill Road",
             city="Harlow Falls", postal_code="00112", ssn_last4="4821")  # fmt: skip
NAMESAKE = person("Arroyo", "Ana", born="1984-03-12", sex="F")
OTTO = person("Okafor", "Otto", born="1951-11-30", sex="M", street="9 Elm Street")


@pytest.fixture
def staff() -> Staff:
    return Staff(Hub(answering("NGH")))


def asked_twice_about_one_record(staff: Staff) -> tuple[Any, Any]:
    """RDI|9 may be the person of NGH|1 and may be the person of LKM|2, whom nobody takes for one person."""
    index = staff.hub.index
    index.register("NGH|1", as_=ANA)
    index.register("LKM|1", as_=ANA)
    other = replace(ANA, name=replace(ANA.name, middle="Rosa"), ssn_last4="7310", phones=(), address=OTTO.address)
    index.register("LKM|2", as_=other)
    index.register("RDI|2", as_=other)
    index.register("RDI|9", as_=NAMESAKE)
    items = [edge["node"] for edge in staff.do("ReviewQueue")["edges"]]
    asked = [i for i in items if named("RDI|9") in (i["left"]["identifier"], i["right"]["identifier"])]
    assert len(asked) == 2, items
    return asked[0], asked[1]


def decide(staff: Staff, item: Any, decision: str) -> Any:
    return staff.do("DecideReviewItem", id=item["id"], expectedVersion=item["version"], decision=decision)


@pytest.mark.parametrize("callers", [4, 8])
def test_01_the_same_new_patient_at_the_same_moment_is_one_person_and_every_caller_gets_the_same_id(
    callers: int,
) -> None:
    fhir = FhirClient(Hub(answering("NGH")))
    for number in range(5):
        body = patient(f"NGH|{number}", birthDate=f"19{50 + number}-03-12", telecom=None, address=None)
        answers = fhir.at_once("/Patient", [body] * callers)
        assert {answer.status_code for answer in answers} <= {200, 201}
        assert len({answer.json()["id"] for answer in answers}) == 1


def test_02_a_second_accepted_match_is_a_conflict_that_offers_a_merge(staff: Staff) -> None:
    first, second = asked_twice_about_one_record(staff)
    assert decide(staff, first, "SAME")["__typename"] == "ReviewDecided"
    refused = decide(staff, second, "SAME")
    assert not staff.one("NGH|1", "LKM|2")
    assert (refused["__typename"], refused["current"]["status"]) == ("StaleReviewItem", "SUPERSEDED")
    ana, other = staff.person("NGH|1"), staff.person("LKM|2")
    ids, seen = [p["enterpriseId"] for p in (ana, other)], [p["version"] for p in (ana, other)]
    merged = staff.do("MergePersons", survivor=ids[0], subsumed=ids[1], expectedVersions=seen)
    assert merged["__typename"] == "IdentityDecided"


def test_02_and_so_is_one_that_no_score_speaks_against(staff: Staff) -> None:
    index = staff.hub.index
    for number, said in (("NGH|1", ANA), ("LKM|2", OTTO), ("RDI|9", person("Petrov", "Ida", born="1990-02-03"))):
        index.register(number, as_=said)
    for other in ("NGH|1", "LKM|2"):
        with index.units() as uow:
            open_review(ReviewKind.MERGE_CONFLICT, pid("RDI|9"), pid(other), source="hl7:A24", uow=uow,
                        clock=lambda: NOON.replace(hour=9), new_id=index.new_id)  # fmt: skip
            uow.commit()
    first, second = [edge["node"] for edge in staff.do("ReviewQueue")["edges"]]
    decide(staff, first, "SAME")
    refused = decide(staff, second, "SAME")
    assert (refused["__typename"], refused["code"]) == ("DecisionRefused", "linked_since")
    assert not staff.one("NGH|1", "LKM|2")


@pytest.mark.parametrize("order", [("SAME", "DIFFERENT"), ("DIFFERENT", "SAME")])
def test_03_each_candidate_is_decided_on_its_own_in_any_order(staff: Staff, order: tuple[str, str]) -> None:
    for item, decision in zip(asked_twice_about_one_record(staff), order, strict=True):
        assert decide(staff, item, decision)["__typename"] == "ReviewDecided"
    assert staff.do("ReviewQueue")["totalCount"] == 0


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("way", ["link", "merge", "a40"])
def test_04_the_direction_of_a_merge_never_matters_for_open_questions(swapped: bool, way: str) -> None:
    index = Index()
    index.register("NGH|1", as_=ANA)
    index.register("LKM|1", as_=ANA)
    index.register("NGH|2", as_=NAMESAKE)
    assert len(index.open_items()) == 1
    pair = ("NGH|2", "NGH|1") if swapped else ("NGH|1", "NGH|2")
    if way == "link":
        index.link(*pair)
    elif way == "merge":
        index.merge_persons(*pair)
    else:
        index.merge(survivor=pair[0], subsumed=pair[1])
    assert index.are_one("NGH|1", "NGH|2")
    assert index.open_items() == []


def test_05_after_an_unlink_the_best_view_holds_nothing_of_the_one_who_left(staff: Staff) -> None:
    index = staff.hub.index
    index.register("NGH|1", as_=ANA)
    before = staff.person("NGH|1")["goldenRecord"]
    index.register("LKM|9", as_=replace(OTTO, phones=("202-555-0199",)))
    staff.pair("LinkRecords", "LKM|9", "NGH|1")
    assert staff.person("NGH|1")["goldenRecord"] != before
    staff.do("UnlinkRecord", identifier=named("LKM|9"), expectedVersions=staff.versions("LKM|9"))
    assert staff.person("NGH|1")["goldenRecord"] == before


def test_06_the_best_view_is_the_same_in_any_order_of_arrival() -> None:
    said = {
        "NGH|1": (ANA, 1),
        "LKM|9": (replace(ANA, phones=("202-555-0199",), ssn_last4=""), 3),
        "RDI|5": (replace(ANA, name=replace(ANA.name, family="Arroyo-Diaz"), address=person().address), 2),
    }
    views = []
    for order in permutations(said):
        staff = Staff(Hub(answering("NGH")))
        for number in order:
            demographics, hour = said[number]
            staff.hub.index.register(number, as_=demographics, at=NOON.replace(hour=hour))
        assert staff.one(*said)
        views.append(staff.person("NGH|1")["goldenRecord"])
    assert all(view == views[0] for view in views)
    assert views[0]["phone"] == "202-555-0199"


def test_07_a_key_with_a_missing_part_is_not_used(staff: Staff) -> None:
    for number in range(30):
        staff.hub.index.register(f"NGH|{number}", as_=person("Arroyo", f"N{number}", born=f"19{40 + number}-01-01"))
    match = FhirClient(staff.hub).post("/Patient/$match", {"resourceType": "Parameters", "parameter": [
        {"name": "resource", "resource": {"resourceType": "Patient", "name": [{"family": "Arroyo"}]}}]})  # fmt: skip
    assert match.status_code == 200, match.text
    assert [e for e in match.json().get("entry", []) if e["search"]["mode"] == "match"] == []


def test_08_over_the_limit_the_nearest_are_compared_and_it_is_said(staff: Staff) -> None:
    hub = staff.hub
    small = Matcher(hub.resources.matcher.model, AUTHORITIES, max_candidates=3)
    object.__setattr__(hub.resources, "matcher", small)
    hub.index.matcher = small
    for number in range(12):
        crowd = person("Arroyo", "Bea", born="1984-03-12", sex="F", street=f"{number} Hill Way")
        hub.index.register(f"NGH|{number}", as_=crowd)
    fhir = FhirClient(hub)
    assert fhir.create(patient("NGH|99")).status_code == 201
    said = patient("https://lkm.example/ids|1", name=[{"family": "Arroyo", "given": ["Bea"]}])
    asked = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": said}]}
    codes = [e["resource"] for e in fhir.post("/Patient/$match", asked).json()["entry"]]
    assert any("truncated" in str(entry) for entry in codes)
    assert b'priorlink_truncated_matches_total{operation="fhir:match"} 1.0' in hub.metrics.exposition()
    fhir.create(patient("https://lkm.example/ids|55"))
    assert staff.one("NGH|99", "LKM|55")


def test_09_the_queue_in_numbers_is_one_call(staff: Staff) -> None:
    asked_twice_about_one_record(staff)
    staff.hub.index.register("NGH|1", as_=OTTO)
    told = staff.do("ReviewQueueSummary")
    assert told["totalCount"] == staff.do("ReviewQueue")["totalCount"] == sum(g["count"] for g in told["groups"])
    kinds = {group["kind"]: group for group in told["groups"]}
    assert set(kinds) == {"POSSIBLE_MATCH", "SUSPECTED_REUSE"}
    assert kinds["POSSIBLE_MATCH"]["scoreFrom"] % 5 == 0
    assert kinds["SUSPECTED_REUSE"]["scoreFrom"] is None
    assert told["oldestOpenedAt"] == min(group["oldestOpenedAt"] for group in told["groups"])


def test_10_every_operation_works_across_hospitals(staff: Staff) -> None:
    index = staff.hub.index
    for number in ("NGH|1", "LKM|1", "RDI|1"):
        index.register(number, as_=ANA)
    index.register("LKM|2", as_=OTTO)
    linked = staff.pair("LinkRecords", "LKM|2", "NGH|1")
    assert staff.do("UndoDecision", decisionId=linked["decision"]["id"])["__typename"] == "IdentityDecided"
    assert staff.do("UnlinkRecord", identifier=named("RDI|1"), expectedVersions=staff.versions("RDI|1"))["decision"]
    assert staff.do("IdentityDecisions", patient=named("LKM|1"))["totalCount"] == 2


def test_11_what_staff_set_survives_every_update(staff: Staff) -> None:
    index = staff.hub.index
    index.register("NGH|1", as_=ANA)
    index.register("LKM|9", as_=OTTO)
    staff.pair("LinkRecords", "LKM|9", "NGH|1")
    for said in (ANA, replace(ANA, phones=()), replace(ANA, name=replace(ANA.name, family="Whitlock"))):
        index.register("NGH|1", as_=said)
        index.register("LKM|9", as_=replace(OTTO, phones=("202-555-0199",)))
    assert staff.one("NGH|1", "LKM|9")
    assert {record["linkSource"] for record in staff.person("NGH|1")["records"]} == {"MANUAL"}


def test_12_what_is_given_up_leaves_nobody_behind() -> None:
    index = Index()
    numbers = ["NGH|1", "LKM|9", "RDI|5", "NGH|2"]
    for number, said in zip(numbers, (ANA, ANA, NAMESAKE, OTTO), strict=True):
        index.register(number, as_=said)
    index.merge_persons("NGH|1", "NGH|2")
    for number in numbers:
        index.a29(number)
        assert broken_rules(index.store.committed) == []
    state = index.store.committed
    assert (state.members, state.with_key) == ({}, {})
    assert index.open_items() == []


def test_13_a_link_keeps_the_model_that_made_it_and_stays_editable_after_a_new_one(staff: Staff) -> None:
    index = staff.hub.index
    index.register("NGH|1", as_=ANA)
    index.register("LKM|9", as_=ANA)
    made_by = {record["modelVersion"] for record in staff.person("NGH|1")["records"]} - {None}
    assert made_by == {index.matcher.model.version}
    newer = Matcher(replace(index.matcher.model, version="next"), AUTHORITIES)
    object.__setattr__(staff.hub.resources, "matcher", newer)
    index.matcher = newer
    gone = staff.do("UnlinkRecord", identifier=named("LKM|9"), expectedVersions=staff.versions("LKM|9"))
    assert gone["__typename"] == "IdentityDecided"
    staff.do("UndoDecision", decisionId=gone["decision"]["id"])
    assert {record["modelVersion"] for record in staff.person("NGH|1")["records"]} - {None} == made_by


def test_14_a_record_that_fits_a_person_and_one_that_was_parted_from_it_waits(staff: Staff) -> None:
    index = staff.hub.index
    index.register("NGH|1", as_=ANA)
    index.register("LKM|9", as_=ANA)
    staff.pair("SayDifferent", "LKM|9", "NGH|1")
    index.register("RDI|5", as_=ANA)
    assert not staff.one("NGH|1", "LKM|9")
    items = [edge["node"] for edge in staff.do("ReviewQueue")["edges"]]
    assert items
    assert all("never_link" in item["guards"] for item in items)
    assert not staff.one("RDI|5", "NGH|1")
    assert not staff.one("RDI|5", "LKM|9")


def test_16_and_17_a_dry_run_gives_the_scores_of_the_link_that_it_does_not_make(staff: Staff) -> None:
    fhir = FhirClient(staff.hub)
    first = fhir.create(patient("NGH|0007")).json()
    other = patient("https://lkm.example/ids|55")
    body = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": other}]}
    dry = [e for e in fhir.post("/Patient/$match", body).json()["entry"] if e["search"]["mode"] == "match"]
    assert [entry["resource"]["id"] for entry in dry] == [first["id"]]
    assert staff.do("Person", patient=named("LKM|55"))["__typename"] == "PatientNotFound"
    fhir.create(other)
    (record,) = [r for r in staff.person("LKM|55")["records"] if r["identifier"] == named("LKM|55")]
    told = {e["url"].rpartition("/")[2]: e for e in dry[0]["search"]["extension"]}
    weight = next(e["valueDecimal"] for e in told.values() if "valueDecimal" in e)
    version = next(e["valueString"] for e in told.values() if "valueString" in e)
    assert record["matchWeight"] == pytest.approx(weight, abs=0.001)
    assert (record["modelVersion"], record["matchGrade"]) == (version, "CERTAIN")
    assert staff.person("LKM|55")["enterpriseId"] == first["id"]


def test_18_questions_follow_merges_and_old_ids_lead_on(staff: Staff) -> None:
    index = staff.hub.index
    index.register("NGH|1", as_=ANA)
    index.register("LKM|1", as_=ANA)
    index.register("LKM|9", as_=NAMESAKE)
    ana = staff.person("NGH|1")["enterpriseId"]
    assert staff.do("ReviewQueue")["totalCount"] == 1
    index.merge(survivor="NGH|7", subsumed="NGH|1")
    (item,) = [edge["node"] for edge in staff.do("ReviewQueue")["edges"]]
    sides = [item[side]["identifier"]["localPatientId"] for side in ("left", "right")]
    assert "9" in sides
    assert all(item[side]["record"]["isActive"] for side in ("left", "right"))
    index.link("NGH|7", "LKM|9")
    for old in (ana, index.person_of("LKM|9")):
        assert staff.do("Person", patient={"enterpriseId": old})["enterpriseId"] == index.person_of("NGH|7")
    assert staff.do("ReviewQueue")["totalCount"] == 0


def test_19_the_history_of_a_link_says_by_which_rule_with_model_and_levels() -> None:
    index = Index()
    index.register("NGH|1", "NATID|999000123", as_=ANA)
    index.register("LKM|9", as_=ANA)
    index.link("NGH|1", "LKM|9")
    with index.units() as uow:
        first, scored = (uow.history.of(pid(number)) for number in ("NGH|1", "LKM|9"))
    assert first[0].detail == "told together"
    assert scored[0].detail.startswith("score ")
    assert index.matcher.model.version in scored[0].detail
    assert "family=exact+" in scored[0].detail
    assert "Arroyo" not in scored[0].detail
    assert (scored[-1].kind, scored[-1].source) == ("linked:manual", "review:clerk-1")


@pytest.mark.parametrize("second", ["SAME", "DIFFERENT"])
def test_27_of_two_who_decide_the_same_question_one_is_told_that_it_changed(staff: Staff, second: str) -> None:
    first, _ = asked_twice_about_one_record(staff)
    assert decide(staff, first, "SAME")["__typename"] == "ReviewDecided"
    assert decide(staff, first, second)["__typename"] == "StaleReviewItem"


def test_28_an_undone_merge_restores_both_sides(staff: Staff) -> None:
    index = staff.hub.index
    for number, said in (("NGH|1", ANA), ("LKM|1", ANA), ("NGH|2", OTTO), ("RDI|2", OTTO)):
        index.register(number, as_=said)
    before = [staff.person(number) for number in ("NGH|1", "NGH|2")]
    ids, seen = [p["enterpriseId"] for p in before], [p["version"] for p in before]
    merged = staff.do("MergePersons", survivor=ids[0], subsumed=ids[1], expectedVersions=seen)
    staff.do("UndoDecision", decisionId=merged["decision"]["id"])
    assert [staff.person(number) for number in ("NGH|1", "NGH|2")] == before


def test_29_an_undone_merge_gives_each_study_back_to_whom_it_came_in_with() -> None:
    rows = [study("2.999.1", "NGH|0007"), study("2.999.2", "NGH|0008")]
    staff = Staff(Hub(answering("NGH", rows)))
    ana = person("Quillfeather", "Ana", born="1984-03-12", sex="F")
    staff.hub.index.register("NGH|0007", as_=ana)
    staff.hub.index.register("NGH|0008", as_=replace(ana, birth_date=None, sex=None))

    def history(number: str) -> list[str]:
        return sorted(uids(staff.hub.run("ImagingHistory", Role.PHYSICIAN, patient=named(number))))

    before = [history("NGH|0007"), history("NGH|0008")]
    linked = staff.pair("LinkRecords", "NGH|0008", "NGH|0007")
    assert history("NGH|0007") == ["2.999.1", "2.999.2"]
    staff.do("UndoDecision", decisionId=linked["decision"]["id"])
    assert [history("NGH|0007"), history("NGH|0008")] == before == [["2.999.1"], ["2.999.2"]]


ADT = "MSH|^~\\&|REG|NGH|HUB|HUB|20260310115900||ADT^{event}|{control}|P|2.5\rEVN|{event}|20260310115900\r"


def message(event: str, control: str, number: str, *, mrg: str = "", name: str = "Arroyo^Ana") -> str:
    text = ADT.format(event=event, control=control) + f"PID|1||{number}^^^NGH^MR||{name}||19840312|F\r"
    return text + (f"MRG|{mrg}\r" if mrg else "")


def merging_door() -> tuple[Door, Callable[[str, str, str], str]]:
    index = Index()
    door = Door(index.units)
    for number in ("1", "2"):
        door.send(message("A04", f"r{number}", number))

    def merge(control: str, survivor: str, mrg: str) -> str:
        return door.send(message("A40", control, survivor, mrg=mrg)).code

    return door, merge


def test_30_merges_repeated_reversed_and_of_itself() -> None:
    door, merge = merging_door()
    assert merge("m1", "1", "2^^^NGH^MR") == "AA"
    assert merge("m2", "1", "2^^^NGH^MR") == "AA"
    with door.units() as uow:
        assert uow.reviews.open_page(kinds=None, offset=0, limit=9).total == 0
    assert merge("m3", "2", "1^^^NGH^MR") in {"AA", "AE"}
    assert merge("m4", "1", "1^^^NGH^MR") == "AE"
    with door.units() as uow:
        kinds = sorted(item.kind.value for item in uow.reviews.open_page(kinds=None, offset=0, limit=9).items)
        survivor = uow.records.get(pid("NGH|1"))
    assert kinds == ["merge_refused", "merge_reversed"]
    assert survivor is not None
    assert survivor.is_active


def test_31_a_number_is_one_only_with_its_issuer_and_the_issuer_is_always_shown(staff: Staff) -> None:
    _, merge = merging_door()
    assert merge("m1", "1", "2^^^LKM^MR") == "AE"
    index = staff.hub.index
    index.register("NGH|77", as_=ANA)
    index.register("LKM|77", as_=OTTO)
    assert not staff.one("NGH|77", "LKM|77")
    linked = staff.pair("LinkRecords", "LKM|77", "NGH|77")
    shown = [r["identifier"]["assigningAuthority"] for r in linked["persons"][0]["records"]]
    assert sorted(shown) == ["LKM", "NGH"]
