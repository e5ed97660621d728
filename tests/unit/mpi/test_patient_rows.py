"""Rows of a patients file: what is taken, and that an error names the column and no value."""

from __future__ import annotations

import pytest

from mpi.errors import InvalidDemographics
from mpi.identity.demographics import AdministrativeSex, PartialDate
from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.patient_rows import patient_row

ROW = {
    "record_id": "R1", "facility": "NGH", "mrn": "0004412", "family": "Harlow", "given": "Miriam", "middle": "K",
    "suffix": "Jr", "birth_date": "1971-03-04", "sex": "f", "phone": "(393) 444-5555", "street": "12 Elm St",
    "city": "Quillby", "postal_code": "00181", "ssn_last4": "0047", "national_id": "9991234567",
    "registered_on": "2020-01-01", "colour": "blue",
}  # fmt: skip


def test_every_column_is_read_and_zeros_stay():
    row = patient_row(ROW)
    person = row.demographics
    assert (row.record_id, row.facility, row.identifier) == ("R1", "NGH", PatientIdentifier("NGH", "0004412"))
    assert (person.name.family, person.name.given, person.name.middle, person.name.suffix) == (
        "Harlow", "Miriam", "K", "Jr",
    )  # fmt: skip
    assert person.birth_date == PartialDate(1971, 3, 4)
    assert person.sex is AdministrativeSex.FEMALE
    assert (person.address.postal_code, person.ssn_last4, person.phones) == ("00181", "0047", ("(393) 444-5555",))


def test_a_whole_name_in_dicom_form_is_read_apart():
    name = patient_row({"family": "HARLOW^MIRIAM^K^DR^JR=ideographic"}).demographics.name
    assert (name.family, name.given, name.middle, name.prefix, name.suffix) == ("HARLOW", "MIRIAM", "K", "DR", "JR")


def test_missing_columns_empty_cells_and_nulls_are_missing():
    row = patient_row({"facility": "NGH", "mrn": " ", "family": '""', "sex": "U", "phone": None})
    assert row.identifier is None
    assert row.demographics.name.is_empty
    assert row.demographics.sex is None
    assert row.demographics.phones == ()
    assert row.demographics.birth_date is None


@pytest.mark.parametrize(("text", "date"), [("1984", (1984,)), ("1984-03", (1984, 3)), ("1984-03-09", (1984, 3, 9))])
def test_dates_keep_their_precision(text, date):
    assert patient_row({"birth_date": text}).demographics.birth_date == PartialDate(*date)


@pytest.mark.parametrize("text", ["1971-02-30", "0000-00-00", "00000000", "99999999"])
def test_dates_that_cannot_exist_are_missing_and_kept_as_sent(text):
    person = patient_row({"birth_date": text}).demographics
    assert person.birth_date is None
    assert person.birth_date_sent == text


@pytest.mark.parametrize("text", ["04/03/1971", "4.3.1971", "4 March 1971"])
def test_other_date_forms_must_be_declared(text):
    with pytest.raises(InvalidDemographics, match="birth_date") as refused:
        patient_row({"birth_date": text})
    assert text not in str(refused.value)


def test_a_declared_form_is_read_and_nothing_else():
    person = patient_row({"birth_date": "04/03/1971"}, date_format="%d/%m/%Y").demographics
    assert person.birth_date == PartialDate(1971, 3, 4)
    with pytest.raises(InvalidDemographics, match="birth_date"):
        patient_row({"birth_date": "1971-03-04"}, date_format="%d/%m/%Y")


def test_a_sex_code_that_nobody_knows_says_nothing():
    assert patient_row({"sex": "Harlow"}).demographics.sex is None


@pytest.mark.parametrize("text", ["19840312", "1984-03-12T00:00:00", "1984-03-12 00:00:00+01:00"])
def test_every_iso_form_of_a_day_is_read(text):
    born = patient_row({"birth_date": text}).demographics.birth_date
    assert born is not None
    assert born.isoformat() == "1984-03-12"
