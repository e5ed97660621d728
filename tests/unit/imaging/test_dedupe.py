"""One UID = one study, wherever it lies."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from federation.imaging.dedupe import DATES_DIFFER, STATUSES_DIFFER, merge_site_studies
from federation.imaging.procedures import UNKNOWN_PROCEDURE, Procedure
from federation.imaging.studies import PriorStudy, ReportStatus, SiteStudy, StudyStart, StudyStatus
from mpi.identity.demographics import PartialDate
from tests.imaging_builders import ELSEWHERE, HERE, SITES, THERE, procedure, site, site_study

DAY = dt.date(2024, 3, 10)
AT_NINE = StudyStart(DAY, dt.datetime(2024, 3, 10, 9, tzinfo=dt.UTC))


def unread(_: SiteStudy) -> Procedure:
    return UNKNOWN_PROCEDURE


def merged(*rows: SiteStudy) -> PriorStudy:
    forwards = merge_site_studies(rows, procedure_of=unread, sites=SITES)
    assert forwards == merge_site_studies(reversed(rows), procedure_of=unread, sites=SITES)
    (study,) = forwards
    return study


def test_two_places_are_one_study() -> None:
    found = merged(
        site_study(site_id=HERE, modalities=("CT",), description="CT CHEST W CONTRAST", instance_count=210),
        site_study(site_id=THERE, modalities=("SR", "CT"), description="Thorax mit KM", instance_count=212),
    )
    assert found.modalities == ("CT", "SR")
    assert found.descriptions == ("CT CHEST W CONTRAST", "Thorax mit KM")
    assert found.description == "CT CHEST W CONTRAST"
    assert (found.series_count, found.instance_count) == (None, 212)
    assert [place.site_id for place in found.locations] == [HERE, THERE]
    assert found.locations[0].open_url == "https://h1.example/view/2.999.1"


def test_the_longest_description_is_the_studys() -> None:
    found = merged(*(site_study(description=text) for text in ("CT", "Thorax mit KM", "CT Thorax mKM", None)))
    assert found.descriptions == ("CT Thorax mKM", "Thorax mit KM", "CT")
    assert found.description == "CT Thorax mKM"


def test_uids_are_never_merged_by_likeness() -> None:
    rows = [site_study("2.999.1"), site_study("2.999.01"), site_study("2.999.10")]
    found = merge_site_studies(rows, procedure_of=unread, sites=SITES)
    assert [study.study_instance_uid for study in found] == ["2.999.01", "2.999.1", "2.999.10"]


def test_nothing_gives_nothing() -> None:
    assert merge_site_studies([], procedure_of=unread, sites=SITES) == ()


def test_a_row_listed_twice_is_one_location() -> None:
    found = merged(site_study(accession_number="A7"), site_study(images_available=True), site_study(description="CT"))
    (place,) = found.locations
    assert (place.accession_number, place.images_available, place.description) == ("A7", True, "CT")


def test_two_numbers_of_one_person_at_a_site_are_two_locations() -> None:
    found = merged(site_study(number="0042"), site_study(number="0099"))
    assert [place.patient_identifier.local_patient_id for place in found.locations] == ["0042", "0099"]


@pytest.mark.parametrize(
    ("said", "place"),
    [((False, None), None), ((False, True), True), ((False, False), False), ((None,), None)],
)
def test_availability_at_a_location(said: tuple[bool | None, ...], place: bool | None) -> None:
    found = merged(*(site_study(images_available=value) for value in said))
    assert found.locations[0].images_available is place
    assert found.images_available is (place is not False)


def test_images_at_one_place_are_images() -> None:
    assert merged(site_study(images_available=False), site_study(site_id=HERE, images_available=True)).images_available


def test_a_report_object_is_a_final_report_only_where_the_site_says_so() -> None:
    sites = {HERE: site(HERE, sr_means_final_report=True), THERE: site(THERE)}
    rows = [site_study(site_id=where, modalities=("CT", "SR")) for where in (HERE, THERE)]
    (found,) = merge_site_studies(rows, procedure_of=unread, sites=sites)
    assert [place.report_status for place in found.locations] == [ReportStatus.FINAL, ReportStatus.UNKNOWN]
    assert found.report_status is ReportStatus.FINAL
    (plain,) = merge_site_studies([site_study(modalities=("CT",), site_id=HERE)], procedure_of=unread, sites=sites)
    assert plain.report_status is ReportStatus.UNKNOWN


@pytest.mark.parametrize(
    ("one", "other", "best"),
    [
        (ReportStatus.PRELIMINARY, ReportStatus.FINAL, ReportStatus.FINAL),
        (ReportStatus.PRELIMINARY, ReportStatus.NONE, ReportStatus.PRELIMINARY),
        (ReportStatus.NONE, ReportStatus.UNKNOWN, ReportStatus.NONE),
    ],
)
def test_the_best_report_status_counts(one: ReportStatus, other: ReportStatus, best: ReportStatus) -> None:
    assert merged(site_study(report_status=one), site_study(site_id=HERE, report_status=other)).report_status is best


def test_a_site_without_registration_has_no_link() -> None:
    (found,) = merge_site_studies([site_study()], procedure_of=unread, sites={})
    assert found.locations[0].open_url is None


def test_a_known_time_of_day_is_kept_before_a_bare_date() -> None:
    found = merged(site_study(started=StudyStart(DAY)), site_study(site_id=HERE, started=AT_NINE))
    assert (found.started, found.warnings) == (AT_NINE, ())


def test_the_earliest_start_wins_and_other_days_are_flagged() -> None:
    later = StudyStart(dt.date(2024, 3, 12), dt.datetime(2024, 3, 12, 9, tzinfo=dt.UTC))
    found = merged(site_study(started=later), site_study(site_id=HERE, started=AT_NINE))
    assert (found.started, found.warnings) == (AT_NINE, (DATES_DIFFER,))
    bare = merged(site_study(started=StudyStart(dt.date(2024, 3, 9))), site_study(site_id=HERE, started=AT_NINE))
    assert (bare.started, bare.warnings) == (AT_NINE, (DATES_DIFFER,))
    two_bare = merged(
        site_study(started=StudyStart(DAY)), site_study(site_id=HERE, started=StudyStart(dt.date(2024, 3, 9)))
    )
    assert (two_bare.started, two_bare.warnings) == (StudyStart(dt.date(2024, 3, 9)), (DATES_DIFFER,))


def test_one_instant_on_two_local_days_is_no_conflict() -> None:
    west = StudyStart(DAY, dt.datetime(2024, 3, 10, 23, 30, tzinfo=ZoneInfo("America/New_York")))
    east = StudyStart(dt.date(2024, 3, 11), dt.datetime(2024, 3, 11, 3, 30, tzinfo=dt.UTC))
    found = merged(site_study(started=west), site_study(site_id=HERE, started=east))
    assert found.warnings == ()
    assert found.started == west


def test_an_undated_row_says_nothing_about_the_date() -> None:
    found = merged(site_study(), site_study(site_id=HERE, started=AT_NINE))
    assert (found.started, found.warnings) == (AT_NINE, ())
    assert merged(site_study()).started is None


def test_a_year_or_month_is_kept_where_no_site_knows_the_day() -> None:
    month, year = PartialDate(2024, 3), PartialDate(2023)
    found = merged(site_study(started_in=month), site_study(site_id=HERE, started_in=year))
    assert (found.started, found.started_in) == (None, month)
    dated = merged(site_study(started_in=month), site_study(site_id=HERE, started=AT_NINE))
    assert (dated.started, dated.started_in) == (AT_NINE, None)


def test_the_most_confident_known_procedure_is_the_studys() -> None:
    read = {
        HERE: UNKNOWN_PROCEDURE,
        THERE: Procedure(procedure("CT CHEST").modality, frozenset({"CHEST"}), confidence=0.6),
        ELSEWHERE: Procedure(procedure("CT CHEST").modality, frozenset({"CHEST", "ABDOMEN"}), confidence=0.9),
    }
    rows = [site_study(site_id=where) for where in read]
    for arrangement in (rows, rows[::-1]):
        (found,) = merge_site_studies(arrangement, procedure_of=lambda row: read[row.site_id], sites=SITES)
        assert found.procedure == read[ELSEWHERE]


def test_equal_confidence_prefers_what_leaves_least_open() -> None:
    read = {HERE: procedure("CT CHEST contrast-unknown"), THERE: procedure("CT CHEST with")}
    rows = [site_study(site_id=where) for where in read]
    (found,) = merge_site_studies(rows, procedure_of=lambda row: read[row.site_id], sites=SITES)
    assert found.procedure == read[THERE]


def test_a_study_done_at_one_place_and_withdrawn_at_another_is_flagged() -> None:
    found = merged(site_study(status=StudyStatus.ENTERED_IN_ERROR), site_study(site_id=HERE, warnings=("bad_number",)))
    assert found.status is StudyStatus.COMPLETED
    assert found.warnings == ("bad_number", STATUSES_DIFFER)


@pytest.mark.parametrize(
    "row",
    [
        site_study(modalities=("SR", "CT", "CT"), description="CT CHEST", warnings=("b", "a", "b"), started=AT_NINE),
        site_study(description=None, started_in=PartialDate(2024, 3), instance_count=0),
        site_study(
            site_id=THERE, started=AT_NINE, started_in=PartialDate(2024), accession_number="", images_available=False
        ),
    ],
)
def test_a_study_named_once_is_what_it_would_be_named_twice(row: SiteStudy) -> None:
    assert merged(row) == merged(row, row)
