"""What a Query/Retrieve SCP supports, found out by asking: each question's outcome is one capability.

Asked for are a number that nobody has and, where the site named one, its test patient; nobody's data leave this
module. Source: DICOM PS3.4 C.2.2.2 (matching), C.4.1 (C-FIND).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pydicom.dataset import Dataset

from adapters.dicom.attributes import KEYWORDS, Attributes
from adapters.dicom.dimse_query import CANCELLED, IDENTIFIER_MISMATCH, SUCCESS, is_warning, study_query
from federation.errors import SourceError

NOBODY = "PRIORLINK-PROBE-0"
MOST_ROWS = 5
_NO_ISSUER = "PRIORLINK-PROBE"


@dataclass(frozen=True, slots=True, repr=False)
class Found:
    """How one query ended. ``was_stopped``: more than the rows asked for came and the peer was asked to stop."""

    status: int | None
    rows: tuple[Attributes, ...]
    was_stopped: bool = False


Ask = Callable[[Dataset, int], Found]
"""Puts one query and reads so many rows at most. Raises ``SourceError`` only when the archive is away."""


def probe_capabilities(ask: Ask, test_patient_id: str | None, *, with_optional_keys: bool) -> dict[str, str]:
    """Capability to outcome.

    Raises:
        SourceError: the archive went away meanwhile.
    """
    nobody = ask(study_query(NOBODY, with_optional_keys=with_optional_keys), MOST_ROWS)
    found = {"optional_keys": "taken" if with_optional_keys else "not_asked"}
    if nobody.status == IDENTIFIER_MISMATCH and with_optional_keys:
        found["optional_keys"], with_optional_keys = "refused", False
        nobody = ask(study_query(NOBODY, with_optional_keys=False), MOST_ROWS)
    found["patient_id_filter"] = _outcome(nobody, "ignored", "honoured")
    if test_patient_id is not None:
        found |= _of_test_patient(ask, test_patient_id, with_optional_keys)
    return found


def probed(ask: Ask, test_patient_id: str | None, *, with_optional_keys: bool) -> tuple[tuple[str, str], ...]:
    """The same as pairs; an archive that goes away meanwhile was there all the same."""
    try:
        found = probe_capabilities(ask, test_patient_id, with_optional_keys=with_optional_keys)
    except SourceError as error:
        return (("probe", error.reason),)
    return tuple(sorted(found.items()))


def _of_test_patient(ask: Ask, number: str, with_optional_keys: bool) -> dict[str, str]:
    """What rows carry, and what else than exactly the number finds them."""

    def query(asked: str, issuer: str | None = None) -> Dataset:
        made = study_query(asked, with_optional_keys=with_optional_keys)
        if issuer is not None:
            made.IssuerOfPatientID = issuer
        return made

    def finds_it(asked: str, issuer: str | None = None) -> Found:
        answer = ask(query(asked, issuer), MOST_ROWS)
        rows = tuple(row for row in answer.rows if _text(row, "PatientID") == number)
        return Found(answer.status, rows, answer.was_stopped)

    exact = finds_it(number)
    if not exact.rows:
        return {"test_patient": _outcome(exact, "found", "not_found")}
    row = exact.rows[0]
    found = {name: "sent" if _text(row, keyword) else "not_sent" for name, keyword in _TOLD.items()}
    found |= {
        "test_patient": "found",
        "character_set": _character_set(row),
        "issuer_filter": _outcome(finds_it(number, _NO_ISSUER), "ignored", "honoured"),
        "leading_zeros": _outcome(finds_it(f"0{number}"), "ignored", "significant"),
        "wildcards": _outcome(finds_it(f"{number}*"), "matched", "literal"),
    }
    stopped = ask(query(number), 1)
    if stopped.was_stopped:
        found["cancel"] = "honoured" if stopped.status == CANCELLED else "ignored_or_late"
    return found


_TOLD = {
    "issuer": "IssuerOfPatientID",
    "time_zone": "TimezoneOffsetFromUTC",
    "study_description": "StudyDescription",
    "modalities": "ModalitiesInStudy",
}


def _outcome(found: Found, with_rows: str, without: str) -> str:
    if found.rows:
        return with_rows
    if found.status in (SUCCESS, CANCELLED) or (found.status is not None and is_warning(found.status)):
        return without
    return "lost" if found.status is None else f"status_{found.status:04x}"


def _character_set(row: Attributes) -> str:
    if row.charset_assumed:
        return "assumed"
    return "declared" if _text(row, "SpecificCharacterSet") else "not_needed"


def _text(row: Attributes, keyword: str) -> str:
    return row.text(KEYWORDS[keyword]) or ""
