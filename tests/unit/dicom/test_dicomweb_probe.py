"""What a probe finds out of archives that behave in this way and that."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from adapters.dicom.attributes import KEYWORDS, Attributes
from adapters.dicom.dicom_json import JsonRows
from adapters.dicom.dicomweb_probe import probed
from federation.errors import SourceProtocolError, SourceUnavailable


def row(number: str, uid: str, **more: str) -> Attributes:
    texts = {"PatientID": number, "StudyInstanceUID": uid, **more}
    return Attributes({KEYWORDS[keyword]: (text,) for keyword, text in texts.items()})


@dataclass
class Archive:
    """An archive in a function; ``habits`` are what it does otherwise than asked."""

    rows: list[Attributes]
    habits: set[str] = field(default_factory=set)

    async def __call__(self, query: Mapping[str, str]) -> JsonRows:
        if "gone" in self.habits:
            raise SourceUnavailable("connection_lost")
        for name in ("fuzzymatching", "offset"):
            if name in query and f"refuses {name}" in self.habits:
                raise SourceProtocolError("http_400")
        wanted = query.get("PatientID")
        found = [r for r in self.rows if wanted is None or "ignores filter" in self.habits or self._is(r, wanted)]
        offset = 0 if "ignores offset" in self.habits else int(query.get("offset", "0"))
        limit = len(found) if "ignores limit" in self.habits else int(query["limit"])
        page = tuple(found[offset : offset + limit])
        return JsonRows(page, len(page))

    def _is(self, found: Attributes, wanted: str) -> bool:
        number = found.text(KEYWORDS["PatientID"]) or ""
        return number.lstrip("0") == wanted.lstrip("0") if "ignores zeros" in self.habits else number == wanted


TWO = [row("00412", "2.999.1"), row("00413", "2.999.2")]


def found(rows: list[Attributes], *habits: str, test_patient: str | None = "00412") -> dict[str, str]:
    archive = Archive(rows, set(habits) - {"gone"})

    async def ask() -> dict[str, str]:
        first = await archive({"limit": "1"})
        archive.habits |= set(habits)
        return dict(await probed(archive, first, test_patient))

    return asyncio.run(ask())


def test_an_archive_that_does_as_it_is_asked() -> None:
    assert found(TWO) == {
        "character_set": "not_needed",
        "fuzzy_matching": "taken",
        "issuer": "not_sent",
        "issuer_filter": "ignored",
        "leading_zeros": "significant",
        "limit": "honoured",
        "offset": "honoured",
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
        ("ignores limit", "limit", "ignored"),
        ("ignores offset", "offset", "ignored"),
        ("refuses offset", "offset", "refused"),
        ("refuses fuzzymatching", "fuzzy_matching", "refused"),
        ("ignores zeros", "leading_zeros", "ignored"),
    ],
)
def test_each_habit_is_found_out(habit: str, name: str, value: str) -> None:
    assert found(TWO, habit)[name] == value


def test_what_a_row_carries_is_told_by_name_and_never_by_value() -> None:
    rich = row(
        "A7", "2.999.1", IssuerOfPatientID="NGH", SpecificCharacterSet="ISO_IR 192", TimezoneOffsetFromUTC="-0500",
        StudyDescription="CT CHEST",
    )  # fmt: skip
    told = found([rich], test_patient=None)
    assert (told["issuer"], told["character_set"], told["time_zone"], told["study_description"]) == (
        "sent", "declared", "sent", "sent",
    )  # fmt: skip
    assert "leading_zeros" not in told
    assert not {"A7", "NGH", "-0500", "CT CHEST"} & set(told.values())


def test_without_a_test_patient_no_number_of_anybody_is_asked_for() -> None:
    told = found(TWO, test_patient=None)
    assert not {"leading_zeros", "issuer_filter", "wildcards", "test_patient"} & told.keys()


def test_an_empty_archive_and_one_that_goes_away() -> None:
    assert found([]) == {"fuzzy_matching": "taken", "limit": "honoured", "patient_id_filter": "honoured"}
    assert found(TWO, "gone") == {"probe": "connection_lost"}
