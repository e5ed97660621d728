"""The study index: one suite over every store."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from federation.imaging.studies import ReportStatus, SiteStudy, StudyStart, StudyStatus
from federation.imaging.study_index import IndexedAnswer
from federation.sites.site import SiteId
from mpi.identity.demographics import AdministrativeSex, PartialDate, PersonName
from tests.contract.stores import NOW, Store, an_identifier, later

NORTH, WEST = SiteId("north"), SiteId("west")


def a_study(uid: str = "2.999.1", number: str = "1001") -> SiteStudy:
    """A study with a value in every field."""
    return SiteStudy(
        site_id=NORTH,
        study_instance_uid=uid,
        patient_identifier=an_identifier(number),
        started=StudyStart(dt.date(2026, 2, 1), NOW),
        modalities=("CT", "SR"),
        description="CT ABD/PELVIS W CONTRAST",
        body_part_examined="ABDOMEN",
        procedure_code="CTAP",
        procedure_code_system="99LOC",
        accession_number="A-17",
        series_count=3,
        instance_count=512,
        images_available=False,
        status=StudyStatus.IN_PROGRESS,
        report_status=ReportStatus.PRELIMINARY,
        patient_name=PersonName("Ødegård", "Çağla"),
        name_is_evidence=False,
        birth_date=PartialDate(1984, 3),
        sex=AdministrativeSex.OTHER,
        other_identifiers=(an_identifier("NI-5", "NATIONAL"),),
        warnings=("bad_number",),
        ideographic_name=PersonName("李", "小龍"),
        phonetic_name=PersonName("リー"),
        started_in=PartialDate(2026, 2),
    )


def an_entry(number: str = "1001", *, site: SiteId = NORTH, uids: tuple[str, ...] = ("2.999.1",)) -> IndexedAnswer:
    studies = tuple(a_study(uid, number) for uid in uids)
    return IndexedAnswer(site, an_identifier(number), studies, NOW, True, ("charset_assumed",))


def keep(store: Store, *entries: IndexedAnswer) -> None:
    with store.begin() as unit:
        for entry in entries:
            unit.study_index.save(entry)
        unit.commit()


def test_an_entry_comes_back_as_it_was(store: Store) -> None:
    keep(store, an_entry())
    with store.begin_reading() as unit:
        assert list(unit.study_index.of([an_identifier()])) == [an_entry()]


def test_the_last_word_replaces_the_one_before(store: Store) -> None:
    newer = replace(an_entry(uids=("2.999.2",)), as_of=later(hours=1), is_complete=False, warnings=())
    keep(store, an_entry())
    keep(store, newer)
    with store.begin_reading() as unit:
        assert list(unit.study_index.of([an_identifier()])) == [newer]


def test_entries_are_found_by_exactly_their_identifier(store: Store) -> None:
    keep(store, an_entry("1001"), an_entry("01001"), an_entry("1001", site=WEST), an_entry("1002", uids=()))
    with store.begin_reading() as unit:
        assert [(e.site_id, e.identifier) for e in unit.study_index.of([an_identifier("1001")])] == [
            (NORTH, an_identifier("1001")),
            (WEST, an_identifier("1001")),
        ]
        both = unit.study_index.of([an_identifier("1002"), an_identifier("01001"), an_identifier("1002")])
        assert [entry.identifier.local_patient_id for entry in both] == ["01001", "1002"]
        assert list(unit.study_index.of([])) == []
        assert list(unit.study_index.of([an_identifier("1001", "SOUTH")])) == []


def test_an_entry_without_studies_is_an_entry(store: Store) -> None:
    keep(store, an_entry(uids=()))
    with store.begin_reading() as unit:
        (entry,) = unit.study_index.of([an_identifier()])
    assert entry.studies == ()


def test_nothing_is_kept_without_commit(store: Store) -> None:
    with store.begin() as unit:
        unit.study_index.save(an_entry())
    with store.begin_reading() as unit:
        assert list(unit.study_index.of([an_identifier()])) == []


def test_who_only_reads_cannot_write(store: Store) -> None:
    with store.begin_reading() as unit, pytest.raises(store.refusals):
        unit.study_index.save(an_entry())
