"""Cards: what the orderer reads. Pure.

One card an order, about the best prior only; what archives say is escaped, for ``detail`` is Markdown.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from federation.imaging.alerts import OverrideReason
from federation.imaging.assessment import PriorVerdict, Tier
from federation.imaging.studies import PriorStudy, ReportStatus
from federation.sites.coverage import Coverage, CoverageState
from federation.sites.directory import SiteDirectory
from federation.usecases.check_order import CheckedOrder
from federation.usecases.imaging_history import PersonHistory
from gateway.cds_hooks.models import Action, Card, Coding, Link, Source, Suggestion

LONGEST_SUMMARY = 139
REASON_SYSTEM = "urn:priorlink:override-reason"
_TOPIC = Coding(code="duplicate-imaging", system="urn:priorlink:topic", display="Duplicate imaging")
_SOURCE = Source(label="Priorlink", topic=_TOPIC)
_INDICATORS: Mapping[Tier, Literal["info", "warning", "critical"]] = {
    Tier.INFO: "info",
    Tier.WARNING: "warning",
    Tier.INTERRUPTIVE: "critical",
}
_LEADS = {Tier.INFO: "Related prior", Tier.WARNING: "Possible repeat", Tier.INTERRUPTIVE: "Likely repeat"}
_REPORTS = {
    ReportStatus.FINAL: "report final",
    ReportStatus.PRELIMINARY: "report preliminary",
    ReportStatus.NONE: "no report",
    ReportStatus.UNKNOWN: "report status not known",
}
_SILENT = {
    CoverageState.TIMED_OUT: "did not answer in time",
    CoverageState.FAILED: "did not answer",
    CoverageState.PARTIAL: "answered in part",
}
_REASON_TEXTS = {
    OverrideReason.CLINICAL_CHANGE: "The patient's condition has changed",
    OverrideReason.DIFFERENT_QUESTION: "A different clinical question",
    OverrideReason.IMAGES_NOT_ACCESSIBLE: "The images cannot be opened",
    OverrideReason.REPORT_NOT_ACCESSIBLE: "The report cannot be opened",
    OverrideReason.PRIOR_QUALITY_INADEQUATE: "The prior's quality is not sufficient",
    OverrideReason.FOLLOW_UP_INTERVAL_DUE: "A follow-up is due",
    OverrideReason.SPECIALIST_OR_PROTOCOL_REQUEST: "A specialist or a protocol asks for it",
    OverrideReason.URGENT_NO_TIME: "Too urgent to look",
}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|<>~&.-])")
_MOST_OTHERS, _MOST_LINKS = 5, 3
_HISTORY_DAYS = 90

OVERRIDE_REASONS = tuple(
    Coding(code=reason.value, system=REASON_SYSTEM, display=text) for reason, text in _REASON_TEXTS.items()
)


def order_card(checked: CheckedOrder, directory: SiteDirectory, *, is_final: bool, deletes: str | None) -> Card | None:
    """The card about one order, ``None`` when there is nothing to say.

    ``is_final``: the order is about to be signed, so warnings are shown as such and can be answered; before that
    everything is information. ``deletes`` is the reference of the draft that the card may offer to cancel.
    """
    assessment = checked.check.assessment
    best = assessment.best
    if best is None:
        return None
    studies = {study.study_instance_uid: study for study in checked.history.studies}
    study = studies[best.prior_id]
    card_id = checked.alert.alert_id if checked.alert is not None else str(uuid.uuid4())
    offers = is_final and deletes is not None
    return Card(
        uuid=card_id,
        summary=cut(f"{_LEADS[best.tier]}: {_one_line(study, best, directory)}"),
        indicator=_INDICATORS[best.tier] if is_final else "info",
        source=_SOURCE,
        detail=_detail(checked, best, studies, directory),
        suggestions=(_cancel(card_id, deletes),) if offers and deletes is not None else None,
        selection_behavior="at-most-one" if offers else None,
        override_reasons=OVERRIDE_REASONS if is_final else None,
        links=_links(study, directory),
    )


def history_card(found: PersonHistory, directory: SiteDirectory, *, own_site: str, now: dt.datetime) -> Card | None:
    """What other hospitals did lately; ``None`` when nothing."""
    elsewhere = [
        study
        for study in found.history.studies
        if study.imaging_modalities
        and any(location.site_id != own_site for location in study.locations)
        and study.started is not None
        and abs(now.date() - study.started.local_date) <= dt.timedelta(days=_HISTORY_DAYS)
    ]
    if not elsewhere:
        return None
    lines = [f"- {_line(study, directory)}" for study in elsewhere[:_MOST_OTHERS]]
    count = f"{len(elsewhere)} examination{'s' if len(elsewhere) > 1 else ''}"
    lead = f"Imaging elsewhere: {count} in {_HISTORY_DAYS} days, the latest {_what(elsewhere[0])}"
    return Card(
        uuid=str(uuid.uuid4()),
        summary=cut(lead),
        indicator="info",
        source=_SOURCE,
        detail="\n".join([*lines, *_coverage_lines(found.history.coverage, directory)]),
        links=_links(elsewhere[0], directory),
    )


def could_not_check_card() -> Card:
    """We failed: that must be said, and must not hold up anything."""
    return Card(
        uuid=str(uuid.uuid4()),
        summary="Imaging at other hospitals could not be checked this time",
        indicator="info",
        source=_SOURCE,
    )


def cut(summary: str) -> str:
    """Shorter than 140 characters, on one line."""
    text = " ".join(summary.split())
    return text if len(text) <= LONGEST_SUMMARY else text[: LONGEST_SUMMARY - 1].rstrip() + "…"


def escaped(text: str) -> str:
    """Text of an archive as plain words in Markdown."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def _one_line(study: PriorStudy, verdict: PriorVerdict, directory: SiteDirectory) -> str:
    where = _where(study, directory)
    return f"{_what(study)}, {_age(verdict.age_days)} at {where}, {_REPORTS[study.report_status]}"


def _detail(
    checked: CheckedOrder, best: PriorVerdict, studies: Mapping[str, PriorStudy], directory: SiteDirectory
) -> str:
    assessment = checked.check.assessment
    others = [v for v in assessment.verdicts if v.tier > Tier.NONE and v.prior_id != best.prior_id]
    lines = [f"**Prior:** {_line(studies[best.prior_id], directory)}", ""]
    lines += [f"- {escaped(rule.reason)}" for rule in best.rules]
    if assessment.context:
        lines += ["", "**Context counted:** " + "; ".join(escaped(rule.reason) for rule in assessment.context)]
    if others:
        lines += ["", "**Other priors:**", ""]
        lines += [f"- {_line(studies[verdict.prior_id], directory)}" for verdict in others[:_MOST_OTHERS]]
    lines += _coverage_lines(checked.history.coverage, directory)
    if checked.identity.is_under_review:
        lines += ["", "Records that may be this patient's are under review; they were not counted."]
    return "\n".join(lines)


def _coverage_lines(coverage: Coverage, directory: SiteDirectory) -> list[str]:
    silent = [
        f"{escaped(_site_name(site.site_id, directory))} {_SILENT[site.state]}"
        for site in coverage.sites
        if site.state in _SILENT
    ]
    return ["", f"**Not complete:** {'; '.join(silent)}. Other priors may be there."] if silent else []


def _line(study: PriorStudy, directory: SiteDirectory) -> str:
    day = "undated" if study.started is None else study.started.local_date.isoformat()
    images = "images available" if study.images_available else "images not available"
    parts = (_what(study), day, _where(study, directory), _REPORTS[study.report_status], images)
    return ", ".join(escaped(part) for part in parts)


def _what(study: PriorStudy) -> str:
    if study.description:
        return study.description
    return f"{study.procedure.modality.value} {' '.join(study.procedure.ordered_regions)}"


def _where(study: PriorStudy, directory: SiteDirectory) -> str:
    names = dict.fromkeys(_site_name(location.site_id, directory) for location in study.locations)
    return " and ".join(names)


def _site_name(site_id: str, directory: SiteDirectory) -> str:
    return next((site.name for known, site in directory.sites.items() if known == site_id), site_id)


def _age(age_days: float | None) -> str:
    if age_days is None:
        return "undated"
    days = round(age_days)
    if days < 0:
        return f"in {-days} d"
    return "today" if days == 0 else f"{days} d ago"


def _links(study: PriorStudy, directory: SiteDirectory) -> tuple[Link, ...] | None:
    links = _open_links(study, directory)
    return tuple(links)[:_MOST_LINKS] or None


def _open_links(study: PriorStudy, directory: SiteDirectory) -> Iterable[Link]:
    for location in study.locations:
        if location.open_url is not None and location.images_available is not False:
            yield Link(label=f"Open images ({_site_name(location.site_id, directory)})", url=location.open_url)


def _cancel(card_id: str, reference: str) -> Suggestion:
    return Suggestion(
        label="Cancel this order",
        uuid=str(uuid.uuid5(uuid.UUID(card_id), "cancel")),
        actions=(Action(type="delete", description="Cancel the imaging order", resource_id=reference),),
    )


def one_card_each(cards: Sequence[Card | None]) -> tuple[Card, ...]:
    """Cards in the order of the orders; the same alert once."""
    return tuple({card.uuid: card for card in cards if card is not None}.values())
