"""Laws of probable copies: symmetric, independent of the order, nothing added, nothing lost."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from federation.imaging.copies import are_probable_copies, flag_probable_copies
from federation.imaging.studies import PriorStudy, ReportStatus, StudyLocation, StudyStart
from federation.sites.site import SiteId
from mpi.identity.identifiers import PatientIdentifier
from tests.imaging_builders import procedure

_ZONES = st.sampled_from([dt.timezone(dt.timedelta(hours=hours)) for hours in (-12, -5, 0, 1, 14)])
_DAYS = st.integers(1, 4).map(lambda day: dt.date(2026, 3, day))


@st.composite
def _starts(draw: st.DrawFn) -> StudyStart | None:
    day = draw(_DAYS)
    if draw(st.booleans()):
        return draw(st.sampled_from([None, StudyStart(day)]))
    time = dt.time(draw(st.sampled_from([0, 9, 23])), draw(st.integers(0, 2)))
    return StudyStart(day, dt.datetime.combine(day, time, draw(_ZONES)))


@st.composite
def _locations(draw: st.DrawFn) -> tuple[StudyLocation, ...]:
    site = draw(st.sampled_from(["H1", "H2"]))
    accession = draw(st.sampled_from([None, "A1", "A2"]))
    return (StudyLocation(SiteId(site), PatientIdentifier(site, "1"), accession, None, None, ReportStatus.UNKNOWN),)


_STUDIES = st.builds(
    PriorStudy,
    study_instance_uid=st.integers(1, 30).map(lambda number: f"1.{number}"),
    started=_starts(),
    modalities=st.sampled_from([(), ("CT",), ("CT", "SR"), ("MR",)]),
    procedure=st.sampled_from([procedure("CT CHEST"), procedure("CT HEAD"), procedure("MR HEAD")]),
    descriptions=st.sampled_from([(), ("CT CHEST",), ("ct chest", "x")]),
    series_count=st.sampled_from([None, 1, 2]),
    instance_count=st.sampled_from([None, 10, 20]),
    locations=st.lists(_locations(), max_size=2).map(lambda listed: sum(listed, ())),
)
_HISTORIES = st.lists(_STUDIES, max_size=12, unique_by=lambda study: study.study_instance_uid)


@given(_STUDIES, _STUDIES)
def test_being_a_copy_is_mutual_and_never_of_oneself(one: PriorStudy, other: PriorStudy) -> None:
    assert are_probable_copies(one, other) == are_probable_copies(other, one)
    assert not are_probable_copies(one, one)


@given(_HISTORIES, st.randoms(use_true_random=False))
def test_the_order_of_the_studies_does_not_matter(history: list[PriorStudy], random) -> None:  # type: ignore[no-untyped-def]
    shuffled = random.sample(history, len(history))
    flags = {study.study_instance_uid: study.probable_copies for study in flag_probable_copies(history)}
    assert flags == {study.study_instance_uid: study.probable_copies for study in flag_probable_copies(shuffled)}


@given(_HISTORIES)
def test_only_flags_change_and_every_pair_is_found(history: list[PriorStudy]) -> None:
    flagged = flag_probable_copies(history)
    assert [replace(study, probable_copies=()) for study in flagged] == history
    for study in flagged:
        expected = {other.study_instance_uid for other in history if are_probable_copies(study, other)}
        assert set(study.probable_copies) == expected
