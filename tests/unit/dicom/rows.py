"""Rows as archives send them, in one line, and what the mapping makes of them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from adapters.dicom.dicom_json import read_object
from adapters.dicom.mapping import MappedRow, map_row
from adapters.dicom.question import Question
from federation.imaging.studies import SiteStudy
from federation.sites.issuers import IssuerNames
from federation.sites.site import Site, SiteId
from mpi.identity.identifiers import PatientIdentifier
from tests.builders import AUTHORITIES

NOW = dt.datetime(2026, 3, 10, 12, 0, tzinfo=dt.UTC)
SITE = Site(SiteId("NGH"), "Northgate", "NGH", "Europe/Berlin")
ASKED = PatientIdentifier("NGH", "00412")


def row(**changed: Any) -> dict[str, Any]:
    """A plain row by keyword; ``None`` takes an attribute away, a ``dict`` is the element as sent."""
    values = {
        "StudyInstanceUID": "2.999.72.1",
        "PatientID": "00412",
        "PatientName": {"Alphabetic": "LARK^ANA^B"},
        "StudyDate": "20240310",
        "StudyTime": "093000",
        **changed,
    }
    return {keyword: _element(value) for keyword, value in values.items() if value is not None}


def _element(value: Any) -> Any:
    if isinstance(value, dict) and "Alphabetic" not in value:
        return value
    return {"vr": "UN", "Value": value if isinstance(value, list) else [value]}


def question(
    *, site: Site = SITE, aliases: frozenset[str] = frozenset(), identifier: PatientIdentifier = ASKED
) -> Question:
    return Question(site, identifier, NOW, IssuerNames(AUTHORITIES, aliases))


def mapped(sent: dict[str, Any], asked: Question | None = None) -> MappedRow:
    return map_row(read_object(sent), asked or question())


def study_of(sent: dict[str, Any], asked: Question | None = None) -> SiteStudy:
    study = mapped(sent, asked).study
    assert study is not None
    return study
