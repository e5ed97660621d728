"""Bodies and datasets as archives send them become attributes; what cannot be read loses only itself."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom.dsutils import decode, encode

from adapters.dicom.attributes import PATIENT_ID, PATIENT_NAME, STUDY_DESCRIPTION, STUDY_INSTANCE_UID
from adapters.dicom.character_sets import decode_text
from adapters.dicom.dataset import read_dataset
from adapters.dicom.dicom_json import JsonRows, read_rows
from adapters.dicom.mapping import map_row
from federation.errors import SourceProtocolError
from tests.unit.dicom.rows import question, row


def read(body: Any) -> JsonRows:
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return read_rows(raw, fallback_charset="ISO_IR 100")


@pytest.mark.parametrize("body", [b"", b"  \r\n", b"[]", b"[{}]", b"{}", b"[{}, {}]"])
def test_nothing_found(body: bytes) -> None:
    assert read(body).row_count == 0


@pytest.mark.parametrize(
    "body",
    [
        b"<html>login",
        b"null",
        b"[1, 2]",
        b'"text"',
        b"42",
        b'{"error": "no such patient"}',
        b'[{"message": "x"}]',
        b'[{"0020000D":',
        b"\xff\xfe\x00garbage",
        b"[" * 100_000,
    ],
)
def test_what_is_not_dicom_json_is_an_error(body: bytes) -> None:
    with pytest.raises(SourceProtocolError):
        read(body)


def test_one_lone_object_is_a_list_of_one() -> None:
    assert read(row()).row_count == 1


def test_a_bad_row_loses_only_itself() -> None:
    found = read([row(), "what?", {"error": 1}, {}])
    assert (len(found.rows), found.row_count, found.bad_row_count) == (1, 3, 2)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_json_says_itself_how_it_is_encoded(encoding: str) -> None:
    found = read(json.dumps([row(StudyDescription="HÜFTE")], ensure_ascii=False).encode(encoding))
    assert found.rows[0].text(STUDY_DESCRIPTION) == "HÜFTE"
    assert not found.rows[0].charset_assumed


def test_a_body_in_an_old_character_set_is_read_with_the_sites() -> None:
    found = read(json.dumps([row(StudyDescription="HÜFTE")], ensure_ascii=False).encode("latin-1"))
    assert found.rows[0].text(STUDY_DESCRIPTION) == "HÜFTE"
    assert found.rows[0].charset_assumed


@pytest.mark.parametrize(
    ("raw", "declared", "expected", "is_assumed"),
    [
        (b"HEAD", (), "HEAD", False),
        (b"M\xdcLLER", ("ISO_IR 100",), "MÜLLER", False),
        ("MÜLLER".encode(), ("ISO_IR 192",), "MÜLLER", False),
        (b"M\xdcLLER", (), "MÜLLER", True),
        ("MÜLLER".encode(), (), "MÜLLER", True),
        (b"M\xdcLLER", ("ISO-IR 6",), "MÜLLER", True),
        (b"M\xdcLLER", ("latin1",), "MÜLLER", True),
        (b"M\xdcLLER", ("ISO_IR 6",), "MÜLLER", True),
        (b"M\xdcLLER", ("ISO_IR 192",), "MÜLLER", True),
        ("ΝΙΚΟΣ".encode("iso8859-7"), ("ISO_IR 126",), "ΝΙΚΟΣ", False),
        ("王".encode("gb18030"), ("GB18030",), "王", False),
        (
            b"\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7",
            ("", "ISO 2022 IR 149"),
            b"\xfb\xf3^\xd1\xce\xd4\xd7".decode("euc_kr"),
            False,
        ),
    ],
)
def test_text_of_any_character_set(raw: bytes, declared: tuple[str, ...], expected: str, is_assumed: bool) -> None:
    assert decode_text(raw, declared, "ISO_IR 100") == (expected, is_assumed)


def test_the_sites_own_fall_back_set_is_used() -> None:
    assert decode_text("ΝΙΚΟΣ".encode("iso8859-7"), (), "ISO_IR 126") == ("ΝΙΚΟΣ", True)
    assert decode_text(b"M\xdcLLER", (), "no such set") == ("MÜLLER", True)


def _over_the_wire(dataset: Dataset) -> Dataset:
    raw = encode(dataset, True, True)
    assert raw is not None
    return decode(BytesIO(raw), True, True)


def test_a_dataset_and_the_same_json_become_the_same_study() -> None:
    sent = row(
        ModalitiesInStudy=["CT", "SR"],
        NumberOfStudyRelatedInstances="12",
        StudyDescription="CT CHEST",
        PatientSex="F",
        PatientBirthDate="19840312",
    )
    dataset = Dataset()
    dataset.StudyInstanceUID = "2.999.72.1"
    dataset.PatientID = "00412"
    dataset.PatientName = "LARK^ANA^B"
    dataset.StudyDate, dataset.StudyTime = "20240310", "093000"
    dataset.ModalitiesInStudy = ["CT", "SR"]
    dataset.NumberOfStudyRelatedInstances = 12
    dataset.StudyDescription = "CT CHEST"
    dataset.PatientSex, dataset.PatientBirthDate = "F", "19840312"
    from_json = map_row(read(sent).rows[0], question())
    for form in (dataset, _over_the_wire(dataset)):
        assert map_row(read_dataset(form, fallback_charset="ISO_IR 100"), question()) == from_json


def test_nested_ids_of_a_dataset_are_read() -> None:
    item = Dataset()
    item.PatientID, item.IssuerOfPatientID = "9990001234", "NATID"
    dataset = Dataset()
    dataset.PatientID, dataset.StudyInstanceUID = "00412", "1.2.3"
    dataset.OtherPatientIDsSequence = [item]
    study = map_row(read_dataset(_over_the_wire(dataset), fallback_charset="ISO_IR 100"), question()).study
    assert study is not None
    assert [str(other) for other in study.other_identifiers] == ["NATID|9990001234"]


def test_a_broken_sequence_loses_only_itself() -> None:
    dataset = Dataset()
    dataset.PatientID, dataset.StudyInstanceUID = "00412", "1.2.3"
    broken = b"\xfe\xff\x00\xe0\x10\x00\x00\x00\x01\x02"
    element = b"\x10\x00\x02\x10" + len(broken).to_bytes(4, "little") + broken
    raw = (encode(dataset, True, True) or b"") + element
    attributes = read_dataset(decode(BytesIO(raw), True, True), fallback_charset="ISO_IR 100")
    assert attributes.text(STUDY_INSTANCE_UID) == "1.2.3"
    assert attributes.text(PATIENT_ID) == "00412"


def test_undeclared_names_of_a_dataset_are_flagged() -> None:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.PatientName = "MÜLLER^JÖRG"
    dataset = _over_the_wire(dataset)
    del dataset.SpecificCharacterSet
    attributes = read_dataset(dataset, fallback_charset="ISO_IR 100")
    assert attributes.text(PATIENT_NAME) == "MÜLLER^JÖRG"
    assert attributes.charset_assumed
