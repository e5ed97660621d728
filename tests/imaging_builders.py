"""Builders of orders, priors and studies for tests: short words in, domain objects out. Everything is invented."""

from __future__ import annotations

import datetime as dt
from typing import Any

from federation.imaging.assessment import DuplicateAssessment, OrderFacts, PriorFacts
from federation.imaging.duplicate_rules import assess
from federation.imaging.orders import ClinicalFlag
from federation.imaging.procedures import PAIRED_REGIONS, Contrast, Laterality, Modality, Procedure, ProcedureFlag
from federation.imaging.rule_set import default_rule_set
from federation.imaging.studies import PriorStudy, SiteStudy, StudyLocation, StudyStart
from federation.sites.site import Site, SiteId
from mpi.identity.identifiers import PatientIdentifier

NOW = dt.datetime(2026, 3, 10, 10, tzinfo=dt.UTC)
HERE, THERE, ELSEWHERE = SiteId("H1"), SiteId("H2"), SiteId("H3")


def procedure(text: str) -> Procedure:
    """``CT ABDOMEN+PELVIS left with FOCUS:LIVER limited``: modality, regions, then words in any order.

    Sides default to none (unpaired) or left (paired), contrast to without.
    """
    modality, regions_text, *words = text.split()
    regions = frozenset(regions_text.split("+"))
    side = Laterality.LEFT if regions & set(PAIRED_REGIONS) else Laterality.NONE
    contrast, focus, flags = Contrast.WITHOUT, None, set()
    for word in words:
        if word.startswith("FOCUS:"):
            focus = word.removeprefix("FOCUS:")
        elif word == "contrast-unknown":
            contrast = Contrast.UNKNOWN
        elif word == "side-unknown":
            side = Laterality.UNKNOWN
        elif word in [flag.value for flag in ProcedureFlag]:
            flags.add(ProcedureFlag(word))
        elif word in [value.value for value in Laterality]:
            side = Laterality(word)
        else:
            contrast = Contrast(word)
    return Procedure(Modality(modality), regions, side, contrast, focus, frozenset(flags))


def order(text: str = "CT CHEST", *flags: ClinicalFlag, **changes: Any) -> OrderFacts:
    """An order placed now at H1."""
    facts: dict[str, Any] = {"site_id": HERE, "requested_at": NOW, "flags": frozenset(flags)}
    return OrderFacts(procedure(text), **{**facts, **changes})


def prior(text: str = "CT CHEST", days: float = 1, prior_id: str = "P1", **changes: Any) -> PriorFacts:
    """A completed, reported, retrievable prior done at H2 so many days before the order."""
    facts: dict[str, Any] = {
        "procedure": procedure(text),
        "performed_at": NOW - dt.timedelta(days=days),
        "performing_site_id": THERE,
    }
    return PriorFacts(prior_id, **{**facts, **changes})


def judge(ordered: OrderFacts, *priors: PriorFacts) -> DuplicateAssessment:
    """The verdict of the default rules."""
    return assess(ordered, priors, default_rule_set())


def codes(assessment: DuplicateAssessment) -> list[str]:
    """The codes of the rules that fired."""
    return [rule.code for rule in assessment.rules]


def site(site_id: SiteId = THERE, **changes: Any) -> Site:
    """A site with a viewer."""
    facts: dict[str, Any] = {"viewer_url_template": f"https://{site_id.lower()}.example/view/{{study_instance_uid}}"}
    return Site(site_id, f"Hospital {site_id}", site_id, **{**facts, **changes})


SITES = {site_id: site(site_id) for site_id in (HERE, THERE, ELSEWHERE)}


def site_study(uid: str = "2.999.1", site_id: SiteId = THERE, **changes: Any) -> SiteStudy:
    """A row of one archive."""
    identifier = PatientIdentifier(site_id, changes.pop("number", "0042"))
    return SiteStudy(site_id, uid, identifier, **changes)


def started(days: float = 1) -> StudyStart:
    """A start so many days before now, to the second."""
    instant = NOW - dt.timedelta(days=days)
    return StudyStart(instant.date(), instant)


def location(site_id: SiteId = THERE, images: bool | None = True, **changes: Any) -> StudyLocation:
    """A place where a study lies."""
    facts: dict[str, Any] = {
        "patient_identifier": PatientIdentifier(site_id, "0042"),
        "accession_number": None,
        "description": None,
        "images_available": images,
        "report_status": changes.pop("report_status", SiteStudy.__dataclass_fields__["report_status"].default),
    }
    return StudyLocation(site_id, **{**facts, **changes})


def study(uid: str = "2.999.1", text: str = "CT CHEST", days: float | None = 1, **changes: Any) -> PriorStudy:
    """A study of the history, held by H2."""
    proc = procedure(text)
    facts: dict[str, Any] = {
        "started": None if days is None else started(days),
        "modalities": (proc.modality.value,),
        "procedure": proc,
        "locations": (location(),),
    }
    return PriorStudy(uid, **{**facts, **changes})
