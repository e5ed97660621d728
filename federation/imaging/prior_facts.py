"""What the duplicate rules read of a study in the history."""

from __future__ import annotations

from federation.imaging.assessment import PriorFacts
from federation.imaging.studies import PriorStudy, ReportStatus
from federation.imaging.timeline import moment_of
from federation.sites.site import SiteId

_PLANNING_MODALITIES = frozenset({"RTPLAN", "RTDOSE", "RTSTRUCT"})
"""Objects that make a study part of radiotherapy planning."""

_REPORTED = frozenset({ReportStatus.FINAL, ReportStatus.PRELIMINARY})


def facts_of_prior(study: PriorStudy, *, ordering_site: SiteId, match_is_certain: bool) -> PriorFacts:
    """Turn a study into facts for an order of ``ordering_site``.

    Archives do not say where a study was performed, so the places it lies at decide: held by the ordering site
    alone, it was performed there; held elsewhere too, it is taken for an outside study imported at the ordering site.
    A report of unknown status is not known to be available. A bare date is passed on as such
    (``PriorFacts.is_date_only``), so that no alert is missed at the edge of a window.
    """
    started = study.started
    return PriorFacts(
        prior_id=study.study_instance_uid,
        procedure=study.procedure,
        performed_at=None if started is None else moment_of(started),
        performing_site_id=_performing_site(study, ordering_site),
        status=study.status,
        report_status=study.report_status,
        report_available=study.report_status in _REPORTED,
        images_available=study.images_available,
        match_is_certain=match_is_certain,
        is_image_object=bool(study.imaging_modalities) or not study.modalities,
        is_rt_planning=not _PLANNING_MODALITIES.isdisjoint(study.modalities),
        is_date_only=started is not None and started.instant is None,
    )


def _performing_site(study: PriorStudy, ordering_site: SiteId) -> SiteId | None:
    holders = [location.site_id for location in study.locations]
    elsewhere = [site_id for site_id in holders if site_id != ordering_site]
    return next(iter(elsewhere or holders), None)
