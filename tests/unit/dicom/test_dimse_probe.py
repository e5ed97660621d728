"""What a C-FIND probe finds out of archives that behave in this way and that."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field

import pytest
from pydicom.dataset import Dataset

from adapters.dicom.attributes import KEYWORDS, Attributes
from adapters.dicom.dimse_probe import NOBODY, Found, probed
from federation.errors import SourceUnavailable

TEST_PATIENT = "T007"


def row(number: str, **more: str) -> Attributes:
    return Attributes({KEYWORDS[keyword]: (text,) for keyword, text in {"PatientID": number, **more}.items()})


@dataclass
class Archive:
    """An archive in a function; ``habits`` are what it does otherwise than asked."""

    rows: list[Attributes]
    habits: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def __call__(self, query: Dataset, most_rows: int) -> Found:
        self.asked.append(str(query.PatientID))
        if "gone" in self.habits:
            raise SourceUnavailable("association_lost")
        if "refuses keys" in self.habits and "StudyDescription" in query:
            return Found(0xA900, ())
        if "refuses everything" in self.habits:
            return Found(0xC001, ())
        found = tuple(r for r in self.rows if self._is(r, query))
        ending = 0xFE00 if len(found) > most_rows and "sends on" not in self.habits else 0x0000
        return Found(ending, found[:most_rows], len(found) > most_rows)

    def _is(self, found: Attributes, query: Dataset) -> bool:
        if "ignores filter" in self.habits:
            return True
        if query.get("IssuerOfPatientID") and "ignores issuer" not in self.habits:
            return False
        number, wanted = found.text(KEYWORDS["PatientID"]) or "", str(query.PatientID)
        if "ignores zeros" in self.habits:
            return number.lstrip("0") == wanted.lstrip("0")
        return number == wanted or ("wildcards" in self.habits and fnmatch.fnmatchcase(number, wanted))


def found(*habits: str, rows: int = 3, test_patient: str | None = TEST_PATIENT, **carried: str) -> dict[str, str]:
    archive = Archive([row(TEST_PATIENT, **carried)] * rows, set(habits))
    return dict(probed(archive, test_patient, with_optional_keys=True))


def test_an_archive_that_does_as_it_is_asked() -> None:
    assert found() == {
        "cancel": "honoured",
        "character_set": "not_needed",
        "issuer": "not_sent",
        "issuer_filter": "honoured",
        "leading_zeros": "significant",
        "modalities": "not_sent",
        "optional_keys": "taken",
        "patient_id_filter": "honoured",
        "study_description": "not_sent",
        "test_patient": "found",
        "time_zone": "not_sent",
        "wildcards": "literal",
    }


@pytest.mark.parametrize(
    ("habit", "name", "value"),
    [
        ("ignores filter", "patient_id_filter", "ignored"),
        ("ignores issuer", "issuer_filter", "ignored"),
        ("ignores zeros", "leading_zeros", "ignored"),
        ("wildcards", "wildcards", "matched"),
        ("refuses keys", "optional_keys", "refused"),
        ("sends on", "cancel", "ignored_or_late"),
        ("refuses everything", "patient_id_filter", "status_c001"),
        ("refuses everything", "test_patient", "status_c001"),
    ],
)
def test_each_habit_is_found_out(habit: str, name: str, value: str) -> None:
    assert found(habit)[name] == value


def test_without_a_test_patient_only_a_number_that_nobody_has_is_asked_for() -> None:
    archive = Archive([row("A7")])
    assert dict(probed(archive, None, with_optional_keys=True)) == {
        "optional_keys": "taken",
        "patient_id_filter": "honoured",
    }
    assert archive.asked == [NOBODY]


def test_what_a_row_carries_is_told_by_name_and_never_by_value() -> None:
    told = found(
        IssuerOfPatientID="NGH", SpecificCharacterSet="ISO_IR 192", TimezoneOffsetFromUTC="-0500",
        StudyDescription="CT CHEST", ModalitiesInStudy="CT",
    )  # fmt: skip
    names = ("issuer", "character_set", "time_zone", "study_description", "modalities")
    assert [told[name] for name in names] == ["sent", "declared", "sent", "sent", "sent"]
    assert not {TEST_PATIENT, "NGH", "-0500", "CT CHEST"} & set(told.values())


def test_a_test_patient_that_is_not_there_and_an_archive_that_goes_away() -> None:
    assert found(test_patient="NONE")["test_patient"] == "not_found"
    assert found("gone") == {"probe": "association_lost"}
