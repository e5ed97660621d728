"""Names of DICOM, as they should be and as they are."""

from __future__ import annotations

import pytest

from adapters.dicom.person_name import parse_person_name
from mpi.identity.demographics import PersonName


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("LARK^ANA^B", PersonName("LARK", "ANA", "B")),
        ("LARK^ANA^B^Dr^Jr", PersonName("LARK", "ANA", "B", "Dr", "Jr")),
        ("LARK^", PersonName("LARK")),
        (" LARK ^ ANA ", PersonName("LARK", "ANA")),
        ("^ANA", PersonName("", "ANA")),
        ("LARK, ANA B", PersonName("LARK", "ANA", "B")),
        ("LARK, ANA B.", PersonName("LARK", "ANA", "B")),
        ("LARK,ANA MARIE", PersonName("LARK", "ANA MARIE")),
        ("LARK, ANA^^^^", PersonName("LARK", "ANA")),
        ("Иванов^Иван", PersonName("Иванов", "Иван")),
    ],
)
def test_a_certain_name(sent: str, expected: PersonName) -> None:
    parsed = parse_person_name(sent)
    assert parsed.name == expected
    assert parsed.is_evidence


@pytest.mark.parametrize("sent", ["ANA LARK", "LARK", "LARK\N{REPLACEMENT CHARACTER}^ANA"])
def test_an_uncertain_name_is_kept_and_is_no_evidence(sent: str) -> None:
    parsed = parse_person_name(sent)
    assert parsed.name is not None
    assert not parsed.is_evidence


@pytest.mark.parametrize("sent", [None, "", "^", "^^^", "???^?", "12^34", "=", "-"])
def test_a_name_without_letters_is_unknown(sent: str | None) -> None:
    parsed = parse_person_name(sent)
    assert parsed.name is None
    assert not parsed.is_evidence


def test_three_groups_in_one_text() -> None:
    parsed = parse_person_name("Satou^Hanako=佐藤^花子=さとう^はなこ")
    assert parsed.name == PersonName("Satou", "Hanako")
    assert parsed.ideographic == PersonName("佐藤", "花子")
    assert parsed.phonetic == PersonName("さとう", "はなこ")
    assert parsed.is_evidence


def test_without_an_alphabetic_group_the_ideographic_one_is_shown() -> None:
    parsed = parse_person_name("=佐藤^花子")
    assert parsed.name == PersonName("佐藤", "花子")
    assert not parsed.is_evidence
