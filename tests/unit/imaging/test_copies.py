"""When two studies with two UIDs look like one examination, and when they do not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from federation.imaging.copies import are_probable_copies, flag_probable_copies
from federation.imaging.studies import PriorStudy, ReportStatus, StudyLocation, StudyStart
from federation.sites.site import SiteId
from mpi.identity.identifiers import PatientIdentifier
from tests.imaging_builders import procedure, started, study

BERLIN, UTC = dt.timezone(dt.timedelta(hours=1)), dt.UTC


def at(site: str, accession: str | None, *, authority: str | None = None) -> tuple[StudyLocation, ...]:
    patient = PatientIdentifier(authority or site, "1")
    return (StudyLocation(SiteId(site), patient, accession, None, True, ReportStatus.UNKNOWN),)


def exam(uid: str = "1.1", **changes: Any) -> PriorStudy:
    facts: dict[str, Any] = {
        "started": StudyStart(dt.date(2026, 3, 1), dt.datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        "descriptions": ("CT CHEST",),
        "series_count": 3,
        "instance_count": 300,
        "locations": at("H1", "A1"),
    }
    return study(uid, "CT CHEST", **{**facts, **changes})


def copy(**changes: Any) -> PriorStudy:
    """The exam as H2 imported it: new UIDs, its own patient number, its own accession number."""
    return exam("2.2", **{"locations": at("H2", "IMPORT-7"), **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"locations": at("H2", None)},
        {"locations": at("H2", "A1"), "descriptions": ("Fremd-CT",), "instance_count": None},
        {"locations": at("H2", "A1"), "started": StudyStart(dt.date(2026, 3, 1))},
        {"locations": at("H1", "A1")},
        {"descriptions": ("Fremd-CT",)},
        {"instance_count": None, "descriptions": ("  ct   Chest",)},
        {"series_count": None},
        {"modalities": ("CT", "SR")},
        {"started": StudyStart(dt.date(2026, 3, 1), dt.datetime(2026, 3, 1, 9, 30, 40, tzinfo=UTC))},
        {"started": StudyStart(dt.date(2026, 3, 1), dt.datetime(2026, 3, 1, 10, 30, tzinfo=BERLIN))},
        {"started": StudyStart(dt.date(2026, 3, 1), dt.datetime(2026, 3, 1, 9, 30, tzinfo=BERLIN))},
        {"procedure": procedure("CT CHEST contrast-unknown")},
    ],
)
def test_an_imported_copy_is_recognised(changes: dict[str, Any]) -> None:
    assert are_probable_copies(exam(), copy(**changes))
    assert are_probable_copies(copy(**changes), exam())


@pytest.mark.parametrize(
    "changes",
    [
        {"started": None},
        {"started": StudyStart(dt.date(2026, 3, 2), dt.datetime(2026, 3, 2, 9, 30, tzinfo=UTC))},
        {"started": StudyStart(dt.date(2026, 3, 1), dt.datetime(2026, 3, 1, 9, 45, tzinfo=UTC))},
        {"started": StudyStart(dt.date(2026, 3, 1))},
        {"modalities": ("MR",)},
        {"modalities": ("CT", "PT")},
        {"modalities": ("SR",)},
        {"instance_count": 301},
        {"series_count": 4},
        {"procedure": procedure("CT ABDOMEN")},
        {"procedure": procedure("CT CHEST with")},
        {"locations": at("H1", "A2")},
        {"locations": at("H2", "A2", authority="H1")},
        {"instance_count": None, "descriptions": ("Fremd-CT",)},
        {"locations": at("H2", "A1"), "instance_count": 301},
    ],
)
def test_what_may_be_another_examination_is_not_flagged(changes: dict[str, Any]) -> None:
    assert not are_probable_copies(exam(), copy(**changes))
    assert not are_probable_copies(copy(**changes), exam())


def test_two_sides_on_one_order_are_two_examinations() -> None:
    left = exam(procedure=procedure("XR KNEE left"), modalities=("DX",))
    right = copy(procedure=procedure("XR KNEE right"), modalities=("DX",), locations=at("H1", "A1"))
    assert not are_probable_copies(left, right)


def test_flags_merge_nothing_and_keep_the_order() -> None:
    others = (exam("3.3", started=started(400)), exam("4.4", started=None))
    flagged = flag_probable_copies((copy(), *others, exam()))
    assert [s.study_instance_uid for s in flagged] == ["2.2", "3.3", "4.4", "1.1"]
    assert [s.probable_copies for s in flagged] == [("1.1",), (), (), ("2.2",)]


def test_an_unflagged_history_is_the_same_history() -> None:
    history = (exam(), exam("3.3", started=started(400)))
    assert flag_probable_copies(history) == history
