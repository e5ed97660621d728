"""Canonical records: what is folded, what is read apart, what counts as missing."""

from __future__ import annotations

import pytest

from mpi.identity.demographics import Demographics, PersonName, PostalAddress
from mpi.identity.identifiers import PatientIdentifier
from mpi.matching.comparable import PlaceholderName
from mpi.matching.contact import canonical_phone, canonical_postal_code, comparable_address
from mpi.matching.nickname_table import are_nicknames
from mpi.matching.normalize import normalize_record
from mpi.matching.spelling import are_one_surname, romanisation_key, spelling_key, ungendered
from tests.matching_builders import comparable


@pytest.mark.parametrize(
    ("family", "given", "tokens"),
    [
        ("NÚÑEZ", "José", (("nunez",), ("jose",))),
        ("O'Brien", "Seán", (("obrien",), ("sean",))),
        ("Garcia-Lopez", "Ana María", (("garcia", "lopez"), ("ana", "maria"))),
        ("de la Rosa", "Ana", (("rosa",), ("ana",))),
        ("Lê", "Tâm", (("le",), ("tam",))),
        ("de", "Juan", ((), ("juan",))),
        ("Иванов", "Юрий", (("ivanov",), ("yuriy",))),
        ("HARLOW^MIRIAM^K^^", "", (("harlow",), ("miriam",))),
        ("HARLOW, MIRIAM K", "", (("harlow",), ("miriam",))),
        ("Harlow MD", "Dr. Miriam", (("harlow",), ("miriam",))),
    ],
)
def test_names_are_folded_and_read_apart(family, given, tokens):
    name = comparable(family, given).name
    assert (name.family, name.given) == tokens


@pytest.mark.parametrize(
    ("family", "suffix", "generation"),
    [
        ("Harlow", "Jr.", 2),
        ("Harlow II", "", 2),
        ("Harlow SR", "", 1),
        ("HARLOW^JOHN^^^III", "", 3),
        ("Harlow", "MD", 0),
    ],
)
def test_the_generation_is_read_from_suffix_or_name(family, suffix, generation):
    record = comparable(family, "John", suffix=suffix)
    assert record.generation == generation
    assert record.name.family == ("harlow",)


@pytest.mark.parametrize(
    ("family", "given", "kind"),
    [
        ("Smith", "BABY BOY", PlaceholderName.NEWBORN),
        ("Smith", "BB  B", PlaceholderName.NEWBORN),
        ("Luo", "Haiyan's boy", PlaceholderName.NEWBORN),
        ("Smith", "Newborn A", PlaceholderName.NEWBORN),
        ("BABY GIRL^MILLER", "", PlaceholderName.NEWBORN),
        ("UNKNOWN", "MALE", PlaceholderName.UNIDENTIFIED),
        ("Trauma", "Alpha", PlaceholderName.UNIDENTIFIED),
        ("Doe", "Jane", PlaceholderName.UNIDENTIFIED),
        ("ZZTEST", "PATIENT", PlaceholderName.TEST),
        ("Mouse", "Mickey", PlaceholderName.TEST),
        ("Li", "Bo Ling", None),
        ("Testa", "Maria", None),
        ("Boyd", "Baby", PlaceholderName.NEWBORN),
        ("Babyak", "Anna", None),
    ],
)
def test_placeholder_names(family, given, kind):
    assert comparable(family, given).placeholder is kind


def test_a_newborn_keeps_family_and_place_among_twins_but_no_given_name():
    record = comparable("Gonzalez", "BB  B")
    assert (record.name.family, record.name.given, record.birth_order) == (("gonzalez",), (), "2")


def test_an_unidentified_patient_has_no_name_at_all():
    record = comparable("UNKNOWN", "FEMALE")
    assert not record.name.family
    assert not record.name.given


@pytest.mark.parametrize("date", ["1900-01-01", "0001-01-01", "9999-09-09"])
def test_placeholder_dates_are_missing(date):
    assert comparable("Harlow", "Miriam", date).birth_date is None


@pytest.mark.parametrize("date", ["1901-05-06", "1899-12-31", "1900-01-02", "1930-01-01"])
def test_old_dates_are_no_placeholders(date):
    assert comparable("Harlow", "Miriam", date).birth_date is not None


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("(393) 355-3565", "3933553565"),
        ("+13933553565", "3933553565"),
        ("1-393-355-3565", "3933553565"),
        ("393-355-3565 x12", "3933553565"),
        ("+49 30 7654123", "307654123"),
        ("030 7654123", "307654123"),
        ("393 123 4567", ""),
        ("999-999-9999", ""),
        ("5555555555", ""),
        ("000", ""),
        ("none", ""),
    ],
)
def test_phones(written, canonical):
    assert canonical_phone(written) == canonical


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("00184", "184"),
        ("184", "184"),
        ("00105-6942", "105"),
        ("001056942", "105"),
        ("SW1A 1AA", "SW1A1AA"),
        ("00000", ""),
    ],
)
def test_postal_codes(written, canonical):
    assert canonical_postal_code(written) == canonical


def test_streets_are_spelled_one_way():
    first = comparable_address(PostalAddress("1459 N Maple St. Unit 49B", "Harlow Falls", "00111"))
    second = comparable_address(PostalAddress("1459 NORTH MAPLE STREET #49B", "HARLOW FALLS", "111"))
    assert first == second
    assert (first.house_number, first.unit) == ("1459", "49b")


def test_strong_ids_come_from_strong_authorities_and_the_national_id():
    demographics = Demographics(name=PersonName("Harlow", "Miriam"), national_id="999 123-4567")
    record = normalize_record(
        [PatientIdentifier("NATID", "9991234567"), PatientIdentifier("NGH", "0012")],
        demographics,
        strong_authorities=frozenset({"NATID"}),
    )
    assert record.strong_ids == (("NATID", "9991234567"),)
    assert record.local_ids == (("NGH", "0012"),)


@pytest.mark.parametrize("number", ["0000000000", "9999999999", "1234567890"])
def test_placeholder_numbers_are_no_strong_ids(number):
    assert comparable("Harlow", "Miriam", national_id=number).strong_ids == ()


def test_ssn_placeholders_are_missing():
    assert comparable("Harlow", "Miriam", ssn_last4="9999").ssn_last4 == ""
    assert comparable("Harlow", "Miriam", ssn_last4="0047").ssn_last4 == "0047"


def test_sex_other_is_no_evidence():
    assert comparable("Harlow", "Miriam", sex="O").sex == ""


def test_no_repr_shows_a_value():
    record = comparable("Canaryname", "Miriam", "1971-03-04", phone="3934445555")
    shown = repr(record) + repr(record.name) + repr(record.birth_date) + repr(record.address)
    assert "canary" not in shown.casefold()
    assert "1971" not in shown
    assert "quillby" not in shown


@pytest.mark.parametrize(
    ("a", "b"), [("bill", "william"), ("chuy", "jesus"), ("maria elena", "malena"), ("muhammad", "mohd")]
)
def test_nicknames(a, b):
    assert are_nicknames(a, b)
    assert are_nicknames(b, a)


@pytest.mark.parametrize(("a", "b"), [("anna", "hannah"), ("emma", "emily"), ("john", "mary")])
def test_names_that_twins_both_bear_are_no_nicknames(a, b):
    assert not are_nicknames(a, b)


def test_spelling_keys():
    assert romanisation_key("hussein") == romanisation_key("husain")
    assert romanisation_key("hussein") != romanisation_key("hassan")
    assert spelling_key("sarah") == spelling_key("sara")
    assert ungendered("ivanova") == "ivanov"
    assert are_one_surname("zhang", "cheung")
    assert not are_one_surname("zhang", "wang")
