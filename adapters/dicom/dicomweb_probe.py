"""What a QIDO-RS archive supports, found out by asking: each question's outcome is one capability.

Asked for are one row of anything, a number that nobody has and, where the site named one, its test patient. No value
of a patient leaves this module: what a row carries is told by name. Source: DICOM PS3.18 10.6.1.2.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from adapters.dicom.attributes import KEYWORDS, Attributes
from adapters.dicom.dicom_json import JsonRows
from federation.errors import SourceError, SourceProtocolError

Ask = Callable[[Mapping[str, str]], Awaitable[JsonRows]]
"""Puts one search (without a field list of its own) and gives its rows."""

_NOBODY = "PRIORLINK-PROBE-0"


async def probe_capabilities(ask: Ask, first: JsonRows, test_patient_id: str | None) -> dict[str, str]:
    """Capability to outcome, after an archive gave ``first`` for one row of anything.

    Raises:
        SourceError: the archive went away meanwhile.
    """
    found = {
        "limit": _limit(first),
        "patient_id_filter": "ignored" if (await ask({"PatientID": _NOBODY, "limit": "5"})).row_count else "honoured",
        "fuzzy_matching": await _is_taken(ask, {"fuzzymatching": "true", "limit": "1"}),
    }
    if not first.rows:
        return found
    row = first.rows[0]
    found |= {
        "issuer": "sent" if _text(row, "IssuerOfPatientID") else "not_sent",
        "character_set": "assumed"
        if row.charset_assumed
        else ("declared" if _text(row, "SpecificCharacterSet") else "not_needed"),
        "time_zone": "sent" if _text(row, "TimezoneOffsetFromUTC") else "not_sent",
        "study_description": "sent" if _text(row, "StudyDescription") else "not_sent",
        "offset": await _offset(ask, row),
    }
    return found if test_patient_id is None else found | await _of_test_patient(ask, test_patient_id)


async def _of_test_patient(ask: Ask, number: str) -> dict[str, str]:
    """What else than exactly the number finds the test patient."""

    async def finds_it(query: Mapping[str, str]) -> bool:
        rows = (await ask({**query, "limit": "5"})).rows
        return any(_text(row, "PatientID") == number for row in rows)

    if not await finds_it({"PatientID": number}):
        return {"test_patient": "not_found"}
    has_issuer_ignored = await finds_it({"PatientID": number, "IssuerOfPatientID": _NOBODY})
    return {
        "test_patient": "found",
        "leading_zeros": "ignored" if await finds_it({"PatientID": f"0{number}"}) else "significant",
        "issuer_filter": "ignored" if has_issuer_ignored else "honoured",
        "wildcards": "matched" if await finds_it({"PatientID": f"{number}*"}) else "literal",
    }


def _text(row: Attributes, keyword: str) -> str:
    return row.text(KEYWORDS[keyword]) or ""


def _limit(first: JsonRows) -> str:
    """One row was asked for."""
    return "honoured" if first.row_count <= 1 else "ignored"


async def _is_taken(ask: Ask, query: Mapping[str, str]) -> str:
    try:
        await ask(query)
    except SourceProtocolError:
        return "refused"
    return "taken"


async def _offset(ask: Ask, row: Attributes) -> str:
    try:
        second = await ask({"limit": "1", "offset": "1"})
    except SourceProtocolError:
        return "refused"
    same = any(_text(other, "StudyInstanceUID") == _text(row, "StudyInstanceUID") for other in second.rows)
    return "ignored" if same else "honoured"


async def probed(ask: Ask, first: JsonRows, test_patient_id: str | None = None) -> tuple[tuple[str, str], ...]:
    """The same as pairs; an archive that goes away meanwhile was there all the same."""
    try:
        return tuple(sorted((await probe_capabilities(ask, first, test_patient_id)).items()))
    except SourceError as error:
        return (("probe", error.reason),)
