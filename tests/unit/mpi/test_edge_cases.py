"""The sixteen pairs that matchers are tried on: what is linked, what waits for a person, what is never automatic."""

from __future__ import annotations

import pytest

from mpi.identity.demographics import PersonName
from mpi.matching.guards import MatchDecision
from mpi.matching.match_model import default_model
from mpi.matching.scoring import MatchScore, decide, score_pair
from tests.matching_builders import ELSEWHERE, HOME, NOWHERE, comparable

LINK, REVIEW, NO = MatchDecision.LINK, MatchDecision.REVIEW, MatchDecision.NO
NATIONAL_ID = "9991234567"
PHONE = "3934445555"
LKM = "LKM|77"


def judged(a: object, b: object) -> MatchScore:
    return score_pair(a, b, default_model())  # type: ignore[arg-type]


def decision(a: object, b: object) -> MatchDecision:
    return decide(judged(a, b))


@pytest.mark.parametrize("address", [HOME, NOWHERE])
def test_identical_with_another_hospitals_id_and_no_national_id_is_a_match(address):
    here = comparable("Harlow", "Miriam", "1971-03-04", address=address)
    there = comparable("Harlow", "Miriam", "1971-03-04", address=address, patient_identifier=LKM)
    assert decision(here, there) is LINK


@pytest.mark.parametrize("national_id", ["", NATIONAL_ID], ids=["without the id", "with the id"])
def test_bill_and_william_match(national_id):
    formal = comparable("Carver", "William", "1971-03-04", sex="M", national_id=national_id)
    short = comparable("Carver", "Bill", "1971-03-04", sex="M", national_id=national_id, patient_identifier=LKM)
    assert decision(formal, short) is LINK


@pytest.mark.parametrize("address", [HOME, ELSEWHERE])
def test_half_of_a_compound_surname_matches_with_id_and_birth_date(address):
    whole = comparable("Garcia-Lopez", "Ana", "1971-03-04", national_id=NATIONAL_ID)
    half = comparable("Lopez", "Ana", "1971-03-04", national_id=NATIONAL_ID, address=address, patient_identifier=LKM)
    assert decision(whole, half) is LINK


def test_given_and_family_swapped_match_with_id_and_birth_date():
    right = comparable("Harlow", "Miriam", "1971-03-04", national_id=NATIONAL_ID, address=NOWHERE)
    swapped = comparable(
        "Miriam", "Harlow", "1971-03-04", national_id=NATIONAL_ID, address=NOWHERE, patient_identifier=LKM
    )
    assert decision(right, swapped) is LINK
    assert judged(right, swapped).score == judged(swapped, right).score


@pytest.mark.parametrize("address", [HOME, NOWHERE])
def test_day_and_month_swapped_is_a_match_or_waits(address):
    right = comparable("Harlow", "Miriam", "1971-03-04", address=address)
    swapped = comparable("Harlow", "Miriam", "1971-04-03", address=address, patient_identifier=LKM)
    assert decision(right, swapped) in {LINK, REVIEW}


@pytest.mark.parametrize("sex", ["F", "M"])
@pytest.mark.parametrize("phone", ["", PHONE])
def test_both_born_on_the_default_date_with_one_name_and_address_wait(sex, phone):
    first = comparable("Harlow", "Robin", "1900-01-01", sex=sex, phone=phone)
    second = comparable("Harlow", "Robin", "1900-01-01", sex=sex, phone=phone, patient_identifier=LKM)
    assert decision(first, second) is REVIEW
    assert judged(first, second).reason == "birth_date_missing"


def test_another_surname_after_a_move_matches_with_id_and_birth_date():
    before = comparable("Harlow", "Miriam", "1971-03-04", national_id=NATIONAL_ID)
    after = comparable(
        "Castle", "Miriam", "1971-03-04", national_id=NATIONAL_ID, address=ELSEWHERE, patient_identifier=LKM
    )
    assert decision(before, after) is LINK


@pytest.mark.parametrize("ssn_last4", ["", "4821"])
def test_twins_anna_and_hannah_are_not_linked_automatically(ssn_last4):
    anna = comparable("Smith", "Anna", "2015-03-04", phone=PHONE, ssn_last4=ssn_last4)
    hannah = comparable("Smith", "Hannah", "2015-03-04", phone=PHONE, ssn_last4=ssn_last4, patient_identifier=LKM)
    assert decision(anna, hannah) is not LINK
    assert "twin" in {guard.name for guard in judged(anna, hannah).guards}


@pytest.mark.parametrize("ids", [("9991231111", "9994561111"), ("", "")], ids=["equal last four", "no ids"])
def test_twins_jayden_and_jaylen_are_not_linked_automatically(ids):
    jayden = comparable("Smith", "Jayden", "2015-03-04", sex="M", phone=PHONE, ssn_last4="1111", national_id=ids[0])
    jaylen = comparable(
        "Smith", "Jaylen", "2015-03-04", sex="M", phone=PHONE, ssn_last4="1111", national_id=ids[1],
        patient_identifier=LKM,
    )  # fmt: skip
    assert decision(jayden, jaylen) is not LINK


def test_two_baby_boys_smith_at_different_addresses_are_not_linked_automatically():
    first = comparable("SMITH", "BABY BOY", "2025-03-04", sex="M")
    second = comparable("BABY BOY SMITH", "", "2025-03-04", sex="M", address=ELSEWHERE, patient_identifier=LKM)
    assert decision(first, second) is not LINK
    assert first.name == second.name


@pytest.mark.parametrize("phone", ["", PHONE])
def test_a_reused_local_id_is_not_linked_automatically(phone):
    first = comparable("Harlow", "Miriam", "1971-03-04", phone=phone)
    second = comparable("Stone", "Judith", "1971-03-04", phone=phone)
    assert decision(first, second) is not LINK
    assert "reused_local_id" in {guard.name for guard in judged(first, second).guards}


@pytest.mark.parametrize("suffixes", [("Sr", "Jr"), ("", "")], ids=["said", "not said"])
def test_father_and_son_with_one_name_and_address_are_not_linked(suffixes):
    father = comparable("Harlow", "John", "1951-03-04", sex="M", phone=PHONE, suffix=suffixes[0])
    son = comparable("Harlow", "John", "1978-09-24", sex="M", phone=PHONE, suffix=suffixes[1], patient_identifier=LKM)
    assert decision(father, son) is NO


def test_father_and_son_born_on_one_day_of_the_year_wait_but_a_mistyped_year_links():
    father = comparable("Harlow", "John", "1951-03-04", sex="M", phone=PHONE)
    son = comparable("Harlow", "John", "1981-03-04", sex="M", phone=PHONE, patient_identifier=LKM)
    assert decision(father, son) is REVIEW
    mistyped = comparable("Harlow", "John", "1953-03-04", sex="M", phone=PHONE, patient_identifier=LKM)
    assert decision(father, mistyped) is LINK


def test_father_and_son_whose_birth_dates_are_missing_are_not_linked():
    father = comparable("Harlow", "John", sex="M", phone=PHONE, suffix="Sr.")
    son = comparable("Harlow", "John", sex="M", phone=PHONE, suffix="II", patient_identifier=LKM)
    assert decision(father, son) is NO


@pytest.mark.parametrize("address", [HOME, NOWHERE])
def test_accents_do_not_matter(address):
    accented = comparable("Núñez", "José", "1971-03-04", sex="M", address=address)
    plain = comparable("Nunez", "Jose", "1971-03-04", sex="M", address=address, patient_identifier=LKM)
    assert decision(accented, plain) is LINK


def test_romanisations_of_one_name_match_with_id_and_birth_date():
    one = comparable("Hussein", "Muhammad", "1971-03-04", sex="M", national_id=NATIONAL_ID, address=NOWHERE)
    other = comparable(
        "Husain", "Mohamed", "1971-03-04", sex="M", national_id=NATIONAL_ID, address=NOWHERE, patient_identifier=LKM
    )
    assert decision(one, other) is LINK


def test_cyrillic_and_latin_match_with_id_and_birth_date():
    cyrillic = comparable("Иванов", "Иван", "1971-03-04", sex="M", national_id=NATIONAL_ID)
    latin = comparable("Ivanov", "Ivan", "1971-03-04", sex="M", national_id=NATIONAL_ID, patient_identifier=LKM)
    assert decision(cyrillic, latin) is LINK


def test_a_former_name_among_the_aliases_matches():
    before = comparable("Harlow", "Miriam", "1971-03-04")
    after = comparable(
        "Castle", "Miriam", "1971-03-04", aliases=(PersonName("Harlow", "", use="M"),), patient_identifier=LKM
    )
    assert decision(before, after) is LINK
