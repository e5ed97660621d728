"""A score is the sum of its lines; guards cap the decision and leave the score alone."""

from __future__ import annotations

import dataclasses
import math

import pytest

from mpi.identity.demographics import PostalAddress
from mpi.identity.records import MatchGrade
from mpi.matching.comparable import ComparableDate
from mpi.matching.comparison import compare_address, compare_birth_date
from mpi.matching.contact import comparable_address
from mpi.matching.given_comparison import compare_given
from mpi.matching.guards import MatchDecision
from mpi.matching.match_model import TERM_FREQUENCY, default_model
from mpi.matching.name_comparison import compare_family
from mpi.matching.scoring import MatchScore, decide, score_pair
from tests.matching_builders import ELSEWHERE, NOWHERE, comparable

PHONE = "3934445555"
LKM = "LKM|77"


def score(a, b) -> MatchScore:
    return score_pair(a, b, default_model())


def test_the_score_is_the_sum_of_its_lines_and_names_each():
    found = score(
        comparable("Harlow", "Miriam", "1971-03-04", phone=PHONE),
        comparable("Harlow", "Miriam", "1971-03-04", phone=PHONE, patient_identifier=LKM),
    )
    assert found.score == sum(line.match_weight for line in found.weights)
    assert [line[:2] for line in found.weights] == [
        ("prior", "prior"),
        ("family", "exact"),
        ("family", TERM_FREQUENCY),
        ("given", "exact"),
        ("given", TERM_FREQUENCY),
        ("birth_date", "exact"),
        ("sex", "exact"),
        ("phone", "exact"),
        ("address", "exact"),
    ]
    assert found.model_version == default_model().version
    assert (decide(found), found.grade) == (MatchDecision.LINK, MatchGrade.CERTAIN)


def test_what_is_missing_is_no_evidence():
    full = comparable("Harlow", "Miriam", "1971-03-04", phone=PHONE)
    bare = comparable("Harlow", "Miriam", sex="", address=NOWHERE, patient_identifier=LKM)
    assert {line.comparison for line in score(full, bare).weights} == {"prior", "family", "given"}


def test_two_empty_records_score_the_prior():
    empty = comparable(sex="", address=NOWHERE)
    other = comparable(sex="", address=NOWHERE, patient_identifier=LKM)
    found = score(empty, other)
    assert found.score == default_model().prior.match_weight
    assert decide(found) is MatchDecision.NO


def test_a_rare_name_weighs_more_than_a_common_one():
    def name_bits(family: str) -> float:
        lines = score(comparable(family, "Miriam"), comparable(family, "Miriam", patient_identifier=LKM)).weights
        return sum(line.match_weight for line in lines if line.comparison == "family")

    assert name_bits("Quintrell") > name_bits("Smith") + 3


def test_match_probability_follows_the_score_and_saturates_without_overflow():
    sure = score(
        comparable("Harlow", "Miriam", "1971-03-04", phone=PHONE, national_id="9991234567"),
        comparable("Harlow", "Miriam", "1971-03-04", phone=PHONE, national_id="9991234567", patient_identifier=LKM),
    )
    assert sure.match_probability > 0.999999
    even = dataclasses.replace(sure, score=0.0)
    assert even.match_probability == 0.5
    assert dataclasses.replace(sure, score=-5000.0).match_probability == pytest.approx(0.0)
    assert math.isclose(dataclasses.replace(sure, score=2.0).match_probability, 0.8)


def test_a_guard_caps_the_decision_and_leaves_the_score():
    twin = comparable("Smith", "Anna", "2015-03-04", phone=PHONE)
    other = comparable("Smith", "Hannah", "2015-03-04", phone=PHONE, patient_identifier=LKM)
    found = score(twin, other)
    assert found.score > default_model().upper
    assert found.decision is MatchDecision.REVIEW
    assert found.grade is MatchGrade.PROBABLE
    assert found.reason == "twin"


def test_a_guard_that_is_off_does_not_fire():
    model = dataclasses.replace(default_model(), guards=default_model().guards - {"twin"})
    twin = comparable("Smith", "Anna", "2015-03-04", phone=PHONE)
    other = comparable("Smith", "Hannah", "2015-03-04", phone=PHONE, patient_identifier=LKM)
    assert score_pair(twin, other, model).decision is MatchDecision.LINK


@pytest.mark.parametrize(
    ("first", "second", "guard"),
    [
        ({"national_id": "9991234567"}, {"national_id": "9997654321"}, "strong_id_conflict"),
        ({"ssn_last4": "4821"}, {"ssn_last4": "1290", "address": ELSEWHERE}, "ssn_conflict"),
        ({"middle": "Karen"}, {"middle": "Louise", "address": ELSEWHERE}, "namesake"),
        ({"suffix": "Sr"}, {"suffix": "Jr"}, "generation"),
    ],
)
def test_contradictions_are_never_automatic_and_veto(first, second, guard):
    one = comparable("Harlow", "Robin", "1971-03-04", **first)
    other = comparable("Harlow", "Robin", "1971-03-04", patient_identifier=LKM, **second)
    found = score(one, other)
    assert found.decision is not MatchDecision.LINK
    assert guard in {fired.name for fired in found.guards if fired.vetoes}


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"given": "Robin"}, MatchDecision.LINK),
        ({"given": "Robin", "address": ELSEWHERE}, MatchDecision.REVIEW),
        ({"given": "Robert"}, MatchDecision.NO),
    ],
    ids=["all else agrees", "moved", "sibling"],
)
def test_a_strong_id_a_digit_off_is_a_typing_error_only_when_all_else_agrees(other, expected):
    one = comparable("Harlow", "Robin", "1971-03-04", sex="M", national_id="9991234567", ssn_last4="1230")
    given = other.pop("given")
    two = comparable(
        "Harlow", given, "1971-03-04", sex="M", national_id="9991234576", patient_identifier=LKM,
        ssn_last4="" if given == "Robin" else "8852", **other,
    )  # fmt: skip
    assert score(one, two).decision is expected


@pytest.mark.parametrize(
    ("address", "expected"), [({}, MatchDecision.LINK), ({"address": ELSEWHERE}, MatchDecision.REVIEW)]
)
def test_another_birth_date_links_only_with_the_same_ssn_name_and_place(address, expected):
    one = comparable("Harlow", "Robin", "1971-03-04", ssn_last4="4821", phone=PHONE)
    phone = PHONE if not address else ""
    two = comparable(
        "Harlow", "Robin", "1983-10-25", ssn_last4="4821", phone=phone, patient_identifier=LKM, **address
    )  # fmt: skip
    assert score(one, two).decision is expected
    stranger = comparable("Harlow", "Robin", "1983-10-25", phone=phone, patient_identifier=LKM, **address)
    assert score(one, stranger).decision is MatchDecision.NO


@pytest.mark.parametrize(
    ("written", "romanised"),
    [
        (("محمد", "حسين"), ("Muhammad", "Hussein")),
        (("王", "小明"), ("Wang", "Xiaoming")),
        (("Щербакова", "Юлия"), ("Shcherbakova", "Julia")),
        (("김", "민수"), ("Kim", "Minsu")),
        (("Παπαδόπουλος", "Γιώργος"), ("Papadopoulos", "Giorgos")),
    ],
    ids=["arabic", "chinese", "cyrillic", "korean", "greek"],
)
def test_other_alphabets_agree_with_their_romanisation(written, romanised):
    one = comparable(*written, "1971-03-04")
    other = comparable(*romanised, "1971-03-04", patient_identifier=LKM)
    lines = {(line.comparison, line.level) for line in score(one, other).weights}
    assert not {("family", "different"), ("given", "different")} & lines
    assert score(one, other).decision is MatchDecision.LINK


@pytest.mark.parametrize(
    "names",
    [
        ("Jose Juan", "Jose Luis"), ("Emma", "Emily"), ("Robert", "William"), ("Ivan", "Ian"), ("Tina", "Dina"),
        ("Olive", "Olivia"), ("Taylor", "Tyler"), ("Dennis", "Denise"), ("Hassan", "Hussein"), ("Billy", "Bobby"),
        ("Christian", "Christina"), ("Jun", "Jan"), ("Thanh Phong", "Tuan"), ("Daniel", "Danielle"), ("Amy", "Emily"),
    ],
    ids="-".join,
)  # fmt: skip
def test_twins_whose_names_are_alike_are_not_linked(names):
    twins = [
        comparable("Smith", name, "2015-03-04", sex="", phone=PHONE, patient_identifier=f"NGH|{number}")
        for number, name in enumerate(names)
    ]
    assert score(*twins).decision is not MatchDecision.LINK


def test_test_patients_and_the_unidentified_link_to_nobody():
    for family, given in (("ZZTEST", "ONE"), ("UNKNOWN", "MALE")):
        one = comparable(family, given, "1980-05-05", phone=PHONE)
        other = comparable(family, given, "1980-05-05", phone=PHONE, patient_identifier=LKM)
        assert score(one, other).decision is MatchDecision.NO


def test_a_newborn_named_later_links_and_a_counted_twin_waits():
    named = comparable("Harlow", "Robin", "2025-03-04", phone=PHONE, patient_identifier=LKM)
    assert score(comparable("Harlow", "BABY GIRL", "2025-03-04", phone=PHONE), named).decision is MatchDecision.LINK
    assert score(comparable("Harlow", "BABY GIRL A", "2025-03-04", phone=PHONE), named).decision is MatchDecision.REVIEW
    twin = comparable("Harlow", "BABY GIRL B", "2025-03-04", phone=PHONE, patient_identifier=LKM)
    assert score(comparable("Harlow", "BABY GIRL A", "2025-03-04", phone=PHONE), twin).decision is MatchDecision.NO


def test_a_mother_and_her_newborn_are_two_people():
    mother = comparable("Harlow", "Robin", "1995-03-04", phone=PHONE)
    child = comparable("Harlow", "BB ROBIN", "2025-03-04", phone=PHONE, patient_identifier=LKM)
    assert score(mother, child).decision is MatchDecision.NO


@pytest.mark.parametrize(
    ("a", "b", "level"),
    [
        ("Harlow", "HARLOW", "exact"),
        ("Garcia Lopez", "Lopez Garcia", "exact"),
        ("Harlow", "Harolw", "similar"),
        ("Kowalska", "Kowalski", "similar"),
        ("Zhang", "Cheung", "similar"),
        ("Garcia-Lopez", "Lopez", "part"),
        ("Garcia-Lopez", "Lopes Ruiz", "part_similar"),
        ("Harlow", "Castle", "different"),
        ("Harlow", "", "missing"),
    ],
)
def test_family_levels(a, b, level):
    one, other = comparable(a, "Miriam").name, comparable(b, "Miriam").name
    assert compare_family(one, other) == compare_family(other, one) == level


@pytest.mark.parametrize(
    ("a", "b", "level"),
    [
        (("Miriam", ""), ("MIRIAM", ""), "exact"),
        (("Soo-hyun", ""), ("Soohyun", ""), "exact"),
        (("Hanh", "Thi"), ("Thi Hanh", ""), "exact"),
        (("William", ""), ("Bill", ""), "nickname"),
        (("Jennifer", ""), ("Jenifer", ""), "sounds_alike"),
        (("Robert", ""), ("Rogbert", ""), "typo"),
        (("Maria Guadalupe", ""), ("Maria", ""), "part"),
        (("Barb", ""), ("Barbara", ""), "part"),
        (("Miriam", ""), ("M", ""), "initial"),
        (("Juan", "Luis"), ("Luis", "J"), "middle"),
        (("Jayden", ""), ("Jaylen", ""), "alike_names"),
        (("Jose Juan", ""), ("Jose Luis", ""), "alike_names"),
        (("Miriam", ""), ("Robert", ""), "different"),
        (("", ""), ("Robert", ""), "missing"),
    ],
)
def test_given_levels(a, b, level):
    one = comparable("Harlow", a[0], middle=a[1]).name
    other = comparable("Harlow", b[0], middle=b[1]).name
    assert compare_given(one, other) == compare_given(other, one) == level


@pytest.mark.parametrize(
    ("a", "b", "level"),
    [
        ((1971, 3, 4), (1971, 3, 4), "exact"),
        ((1971, 3, 4), (1971, 4, 3), "day_month_swapped"),
        ((1971, 3, 4), (1978, 3, 4), "one_digit"),
        ((1971, 3, 12), (1971, 3, 29), "near"),
        ((1971, 3, 4), (1971, 7, 1), "year_only"),
        ((1971, 3, 4), (1901, 1, 1), "default_day"),
        ((1971, 3, 4), (1971, 3, 0), "partial"),
        ((1971, 3, 4), (1971, 0, 0), "partial"),
        ((1971, 3, 4), (1972, 0, 0), "different"),
        ((1951, 3, 4), (1978, 9, 24), "different"),
    ],
)
def test_birth_date_levels(a, b, level):
    one, other = ComparableDate(*a), ComparableDate(*b)
    assert compare_birth_date(one, other) == compare_birth_date(other, one) == level


@pytest.mark.parametrize(
    ("a", "b", "level"),
    [
        (("12 Elm St", "Quillby", "00184"), ("12 ELM STREET", "QUILLBY", "184"), "exact"),
        (("12 Elm St", "", ""), ("12 Elm St", "Quillby", "00184"), "exact"),
        (("1459 Maple St", "Quillby", "00184"), ("1459 Mapel St", "Quillby", "00184"), "similar"),
        (("12 Elm St #4", "Quillby", "00184"), ("12 Elm St #9", "Quillby", "00184"), "same_area"),
        (("12 Elm St", "Quillby", "00184"), ("77 Oak St", "Quillby", "00184"), "same_area"),
        (("12 Elm St", "Quillby", "00184"), ("77 Oak St", "Tamsen", "00333"), "different"),
        (("", "", ""), ("77 Oak St", "Tamsen", "00333"), "missing"),
    ],
)
def test_address_levels(a, b, level):
    one, other = (comparable_address(PostalAddress(*address)) for address in (a, b))
    assert compare_address(one, other) == compare_address(other, one) == level
