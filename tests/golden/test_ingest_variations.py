"""Neighbours of the ingest cases: files and FHIR Patients with the same kinds of trouble in other shapes."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.csv_files import read_table
from gateway.errors import InputRefused
from tests.golden.ingest_judge import differences, load_file, post_resources

AUTHORITIES = {"NGH": "2.999.1.1", "LKM": "2.999.1.2"}
HEADER = "facility,mrn,family,given,middle,birth_date,sex,phone,street,postal_code,note"


def test_rows_of_every_kind_are_taken_or_rejected_by_the_line_they_begin_on(tmp_path: Path) -> None:
    rows = [
        HEADER,
        "NGH,0001,LIND^Eva^Maria^Dr^Jr,,,1984-03-12,F,,,,whole name in DICOM form",
        'NGH,0002,"HOLM\nVAN",Ida,,1984-03,f,,"12 Mill Road\nBack door",00112,a cell of two lines',
        "NGH,,LOST,Eva,,1984,F,,,,no number",
        "NGH,0003,DAHL,Uno,,12/03/1984,M,,,,a date in a form nobody declared",
        "NGH,0004,RASK,Ulf,,1984,M,,,,one cell,too many",
        "NGH,0005,BERG",
        ",0006,BERG,Ida,,1984,F,,,,no facility",
        'NGH,"0,7",KARL,Eva,,1984-02-30,female,,,,a comma in the number and a day that does not exist',
        "NGH,0008,=SUM(A1),Eva,,,F,+1 202 555 0134,,,a formula for a name",
        "",
        "NGH,0001,LIND^Eva^Maria^Dr^Jr,,,1984-03-12,F,,,,the same row again",
    ]
    path = tmp_path / "export.csv"
    path.write_text("\r\n".join(rows) + "\r\n", encoding="utf-8-sig", newline="")
    result = load_file(path, AUTHORITIES, tmp_path)
    expect = {
        "error": True,
        "identities": [
            {"id": "NGH|0001", "family": "LIND", "given": "Eva", "middle": "Maria", "prefix": "Dr", "suffix": "Jr"},
            {"id": "NGH|0002", "birth_date": "1984-03", "sex": "F"},
            {"id": "NGH|0,7", "birth_date": None, "birth_date_sent": "1984-02-30", "sex": "F"},
            {"id": "NGH|0008", "family": "=SUM(A1)"},
        ],
        "absent": ["NGH|0004", "NGH|0005", "NGH|0006"],
        "absent_names": ["LOST"],
        "events_for": {"NGH|0001": 1},
    }
    assert differences(expect, result) == []


def test_a_packed_file_with_old_line_ends_and_columns_in_another_order(tmp_path: Path) -> None:
    path = tmp_path / "export.csv.gz"
    text = "given,family,extra,mrn,facility\rEva,Łącz,x,00A,LKM\rIda,Holm,y,00B,LKM"
    path.write_bytes(gzip.compress(text.encode("utf-8-sig")))
    result = load_file(path, AUTHORITIES, tmp_path)
    identities = [{"id": "LKM|00A", "family": "Łącz", "given": "Eva"}, {"id": "LKM|00B", "family": "Holm"}]
    assert differences({"accepted": 2, "error": False, "identities": identities}, result) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (HEADER.replace("mrn", "number").encode(), "mrn"),
        ((HEADER + ",mrn").encode(), "twice"),
        ((HEADER + "\nNGH,1,LIND").encode("utf-16"), "not UTF-8"),
        (HEADER.replace(",", "\t").encode(), "commas"),
        (b"", "missing"),
        ((HEADER + '\nNGH,1,"LIND').encode(), "line"),
    ],
    ids=["no number", "a column twice", "utf-16", "tabs", "empty", "an open quote"],
)
def test_a_file_that_cannot_be_meant_is_refused_whole_with_its_reason(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(content)
    with pytest.raises(InputRefused, match=reason):
        read_table(path, required=("facility", "mrn"))


def patient(**fields: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:oid:2.999.1.1", "value": "00412"}],
        "name": [{"use": "official", "family": "Osterwald", "given": ["Ilka", "Marie"]}],
        "birthDate": "1979-04-03",
        "gender": "female",
    }
    return {name: value for name, value in (whole | fields).items() if value is not None}


TAKEN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a null given name beside its extension": (
        {"name": [{"family": "Osterwald", "given": [None, "Ilka"], "_given": [{"extension": []}, None]}]},
        {"family": "Osterwald", "given": "Ilka"}),
    "prefix and suffix": (
        {"name": [{"family": "Osterwald", "given": ["Ilka"], "prefix": ["Dr."], "suffix": ["Jr"]}]},
        {"prefix": "Dr.", "suffix": "Jr"}),
    "a birth date that is only an extension": (
        {"birthDate": None, "_birthDate": {"extension": [{"url": "x", "valueCode": "unknown"}]}},
        {"birth_date": None}),
    "a birth date with a time": ({"birthDate": "1979-04-03T23:30:00+11:00"}, {"birth_date": "1979-04-03"}),
    "a year alone": ({"birthDate": "1979"}, {"birth_date": "1979"}),
    "gender unknown": ({"gender": "unknown"}, {"sex": None}),
    "gender other": ({"gender": "other"}, {"sex": "O"}),
    "mail and fax are no phones": (
        {"telecom": [{"system": "email", "value": "a@x.example"}, {"system": "fax", "value": "2025550100"},
                     {"system": "phone", "value": "tel:+1-202-555-0134"}]},
        {"phone": "2025550134"}),
    "an old address after the present one": (
        {"address": [{"use": "old", "line": ["1 Past Lane"], "postalCode": "00001"},
                     {"use": "home", "line": ["9 Elm St", "Back door"], "city": "Harlow", "postalCode": "00112"}]},
        {"city": "Harlow", "postal_code": "00112"}),
    "a maiden name with a period": (
        {"name": [{"use": "maiden", "family": "Lind", "given": ["Ilka"], "period": {"end": "2001"}},
                  {"use": "official", "family": "Osterwald", "given": ["Ilka"]}]},
        {"family": "Osterwald", "aliases": ["Lind^Ilka"]}),
    "an identifier without a value, one without a system, and a good one": (
        {"identifier": [{"system": "urn:oid:2.999.1.1"}, {"value": "9"},
                        {"system": "urn:oid:2.999.1.1", "value": " 00412 "}]}, {"family": "Osterwald"}),
}  # fmt: skip


@pytest.mark.parametrize("name", TAKEN)
def test_a_patient_is_taken_as_it_is_meant(name: str) -> None:
    fields, stored = TAKEN[name]
    result = post_resources([patient(**fields)], AUTHORITIES)
    assert differences({"accepted": 1, "identities": [{"id": "NGH|00412", **stored}]}, result) == []


REFUSED: dict[str, Any] = {
    "a list": [patient()],
    "text": "Patient",
    "nothing": None,
    "another resource": {"resourceType": "Practitioner", "name": [{"family": "Osterwald"}]},
    "a name that is text": patient(name="Osterwald"),
    "a family name that is a list": patient(name=[{"family": ["Osterwald"], "given": ["Ilka"]}]),
    "names in which nobody stands": patient(name=[{"use": "official"}]),
    "no name at all": patient(name=None),
    "an identifier that is text": patient(identifier="00412"),
    "inactive without a survivor": patient(active=False),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_patient_is_refused_with_a_reason_and_leaves_nothing(name: str) -> None:
    result = post_resources([REFUSED[name]], AUTHORITIES)
    expect = {"accepted": 0, "error": True, "absent": ["NGH|00412"], "identity_count": 0}
    assert differences(expect, result) == []


def test_merges_in_a_chain_told_backwards_end_at_one_number() -> None:
    def number(value: str) -> list[dict[str, str]]:
        return [{"system": "urn:oid:2.999.1.1", "value": value}]

    def gone(value: str, into: str) -> dict[str, Any]:
        link = {"other": {"identifier": number(into)[0]}, "type": "replaced-by"}
        return patient(identifier=number(value), active=False, link=[link])

    sent = [*(patient(identifier=number(n)) for n in "123"), gone("2", "3"), gone("1", "2"), gone("1", "2")]
    result = post_resources(sent, AUTHORITIES)
    chain = {f"NGH|{n}": "NGH|3" for n in "123"}
    assert differences({"accepted": 6, "resolves_to": chain, "identity_count": 1}, result) == []
