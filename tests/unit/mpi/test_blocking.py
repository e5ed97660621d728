"""Blocking keys: who must meet, what is never a key, and that a key shows nobody's name."""

from __future__ import annotations

import re

import pytest

from mpi.identity.demographics import PersonName
from mpi.matching.blocking import blocking_keys
from mpi.matching.candidates import MOST_IN_BLOCK, candidate_pairs
from tests.matching_builders import ELSEWHERE, NOWHERE, comparable

PHONE = "3934445555"


def meet(a, b) -> bool:
    return not blocking_keys(a).isdisjoint(blocking_keys(b))


def other(*args, **kwargs):
    return comparable(*args, patient_identifier="LKM|77", **kwargs)


def test_keys_are_hashed():
    keys = blocking_keys(comparable("Canaryname", "Miriam", "1971-03-04", phone=PHONE, ssn_last4="4821"))
    assert len(keys) > 5
    assert all(re.fullmatch(r"[0-9a-f]{16}", key) for key in keys)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("Harlow", "Miriam", "1971-03-04"), ("Castle", "Miriam", "1971-03-04")),
        (("Harlow", "Miriam", "1971-03-04"), ("Harlow", "Robert", "1971-03-04")),
        (("Harlow", "Miriam", "1971-03-04"), ("Miriam", "Harlow", "1971-03-04")),
        (("Harlow", "Miriam", "1971-03-04"), ("Harlow", "Miriam", "1971-04-03")),
        (("Harlow", "Miriam", "1971-03-04"), ("Harlow", "Miriam", "1978-03-04")),
        (("Harlow", "Miriam", "1971-03-04"), ("Harlow", "Miriam", "1971-03-29")),
        (("Garcia-Lopez", "Ana", "1971-03-04"), ("Lopez", "Anna", "1971-03-04")),
        (("Carver", "William", "1971-03-04"), ("Karver", "Bill", "1971-03-04")),
        (("Иванов", "Иван", "1971-03-04"), ("Ivanov", "Ivan", "1971-03-04")),
        (("Kowalska", "Anna", "1971-03-04"), ("Kowalski", "Ana", "1971-03-04")),
        (("Buregss", "Kein", "1966-09-24"), ("Burgess", "Kevin", "1966-09-24")),
    ],
)
def test_errors_in_name_or_date_still_meet(first, second):
    assert meet(comparable(*first, address=NOWHERE), other(*second, address=ELSEWHERE))


@pytest.mark.parametrize(
    "shared", [{"phone": PHONE}, {"ssn_last4": "4821"}], ids=["phone and name", "ssn_last4 and name"]
)
def test_one_number_and_one_name_meet_without_a_birth_date(shared):
    assert meet(comparable("Harlow", "Miriam", address=NOWHERE, **shared), other("Castle", "Miriam", **shared))


def test_a_strong_id_alone_is_a_key():
    assert meet(
        comparable("Harlow", "Miriam", national_id="9991234567", address=NOWHERE),
        other("Castle", "Robert", "1971-03-04", national_id="9991234567"),
    )


def test_a_former_name_is_a_key():
    renamed = other("Castle", "Joan", "1971-03-04", aliases=(PersonName("Harlow", "Miriam"),), address=ELSEWHERE)
    assert meet(comparable("Harlow", "Miriam", "1978-03-04"), renamed)


@pytest.mark.parametrize(
    "record",
    [
        {"family": "Harlow"},
        {"given": "Miriam"},
        {"birth_date": "1971-03-04"},
        {"phone": PHONE},
        {"ssn_last4": "4821"},
        {"family": "Harlow", "given": "Miriam"},
    ],
    ids="+".join,
)
def test_a_key_with_a_missing_part_is_not_made(record):
    keys = blocking_keys(comparable(address=NOWHERE, **record))
    assert len(keys) == 1, "only the local id"


def test_placeholders_make_no_keys():
    unknown = comparable("UNKNOWN", "MALE", "1900-01-01", phone="555-555-5555", address=NOWHERE)
    assert len(blocking_keys(unknown)) == 1, "only the local id"
    first, second = comparable("Harlow", "Miriam", "1900-01-01"), other("Castle", "Robert", "1900-01-01")
    assert not meet(first, second)


def test_strangers_do_not_meet():
    assert not meet(
        comparable("Harlow", "Miriam", "1971-03-04", phone=PHONE, ssn_last4="4821"),
        other("Castle", "Robert", "1950-12-30", phone="7902735673", address=ELSEWHERE, ssn_last4="1290"),
    )


def test_candidate_pairs_are_each_there_once_in_order():
    people = [
        comparable("Harlow", "Miriam", "1971-03-04"),
        comparable("Castle", "Robert", "1950-12-30", address=ELSEWHERE, patient_identifier="NGH|2"),
        other("Harlow", "Miriam", "1971-03-04"),
    ]
    found = candidate_pairs(people)
    assert found.pairs == [(0, 2)]
    assert found.truncated_blocks == 0


def test_an_over_common_block_is_cut_and_counted_never_dropped():
    crowd = [
        comparable("Harlow", "Miriam", "1971-03-04", address=NOWHERE, sex="", patient_identifier=f"NGH|{n}")
        for n in range(MOST_IN_BLOCK + 20)
    ]
    found = candidate_pairs(crowd)
    assert found.truncated_blocks > 0
    met = {position for pair in found.pairs for position in pair}
    assert met == set(range(len(crowd)))
    assert len(found.pairs) < len(crowd) * (len(crowd) - 1) // 2
