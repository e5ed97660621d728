"""What the duplicate rules are told of a study."""

from __future__ import annotations

import datetime as dt

import pytest

from federation.imaging.assessment import PriorFacts
from federation.imaging.prior_facts import facts_of_prior
from federation.imaging.studies import PriorStudy, ReportStatus, StudyStart
from federation.sites.site import SiteId
from tests.imaging_builders import ELSEWHERE, HERE, NOW, THERE, codes, judge, location, order, procedure, study


def facts(prior_study: PriorStudy) -> PriorFacts:
    return facts_of_prior(prior_study, ordering_site=HERE, match_is_certain=True)


def test_a_plain_study() -> None:
    found = facts(study("2.999.7", days=2, report_status=ReportStatus.FINAL))
    assert found.prior_id == "2.999.7"
    assert found.procedure == procedure("CT CHEST")
    assert found.performed_at == NOW - dt.timedelta(days=2)
    assert (found.images_available, found.report_available, found.is_image_object) == (True, True, True)
    assert (found.is_date_only, found.is_rt_planning) == (False, False)
    assert not facts_of_prior(study(), ordering_site=HERE, match_is_certain=False).match_is_certain


@pytest.mark.parametrize(
    ("holders", "performed_at"),
    [
        ((HERE,), HERE),
        ((HERE, HERE), HERE),
        ((HERE, THERE), THERE),
        ((HERE, THERE, ELSEWHERE), THERE),
        ((THERE,), THERE),
        ((), None),
    ],
)
def test_a_study_held_elsewhere_too_was_performed_elsewhere(
    holders: tuple[SiteId, ...], performed_at: SiteId | None
) -> None:
    assert facts(study(locations=tuple(map(location, holders)))).performing_site_id == performed_at


@pytest.mark.parametrize(
    ("modalities", "is_image_object"),
    [(("SR",), False), (("KO", "PR", "SR"), False), (("CT", "SR"), True), ((), True)],
)
def test_report_objects_alone_are_no_exam(modalities: tuple[str, ...], is_image_object: bool) -> None:
    assert facts(study(modalities=modalities)).is_image_object is is_image_object


@pytest.mark.parametrize("modality", ["RTPLAN", "RTSTRUCT", "RTDOSE"])
def test_planning_objects_make_a_planning_study(modality: str) -> None:
    assert facts(study(modalities=("CT", modality))).is_rt_planning


@pytest.mark.parametrize(
    ("status", "available"),
    [
        (ReportStatus.FINAL, True),
        (ReportStatus.PRELIMINARY, True),
        (ReportStatus.NONE, False),
        (ReportStatus.UNKNOWN, False),
    ],
)
def test_a_report_is_there_when_it_is_known_to_be(status: ReportStatus, available: bool) -> None:
    found = facts(study(report_status=status))
    assert found.report_available is available
    assert ("C2" in codes(judge(order(), found))) is (status is not ReportStatus.FINAL)


def test_images_that_no_place_can_give_are_not_retrievable() -> None:
    assert not facts(study(locations=(location(images=False), location(HERE, images=False)))).images_available
    assert facts(study(locations=(location(images=False), location(HERE, images=None)))).images_available


def test_an_undated_study_never_alerts() -> None:
    found = facts(study(days=None, report_status=ReportStatus.FINAL))
    assert found.performed_at is None
    assert codes(judge(order(), found)) == ["UNDATED"]


def test_a_bare_date_is_passed_on_as_one() -> None:
    found = facts(study(started=StudyStart(dt.date(2026, 3, 3)), report_status=ReportStatus.FINAL))
    assert (found.performed_at, found.is_date_only) == (dt.datetime(2026, 3, 3, 12, tzinfo=dt.UTC), True)
    late_on_day_seven = order(requested_at=dt.datetime(2026, 3, 10, 23, tzinfo=dt.UTC))
    assert codes(judge(late_on_day_seven, found)) == ["W3"]
