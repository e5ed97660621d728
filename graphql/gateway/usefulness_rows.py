"""The usefulness report as rows for a table, and as one JSON document. One row a measure; no row names a patient."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from federation.usefulness.outcomes import UNGROUPED, Tally
from federation.usefulness.report import UsefulnessReport

COLUMNS = ("section", "name", "measure", "value", "unit")
_NO_GROUP = "(no group)"
_NO_REASON = "(no reason)"


def report_rows(report: UsefulnessReport) -> list[dict[str, str]]:
    """The whole report, long form."""
    outcomes = report.outcomes
    rows = [
        *_row("period", "", "since", report.since.isoformat()),
        *_row("period", "", "until", report.until.isoformat()),
        *_row("period", "", "as_of", report.as_of.isoformat()),
        *_tally("all", "", outcomes.total),
    ]
    for tier, tally in outcomes.by_tier:
        rows += _tally("tier", tier.name.lower(), tally)
    for site, tally in outcomes.by_site:
        rows += _tally("site", site, tally)
    for group, tally in outcomes.by_orderer_group:
        rows += _tally("orderer_group", _NO_GROUP if group == UNGROUPED else group, tally)
    for use in outcomes.by_rule:
        rows += _tally("rule", use.rule, use.tally)
        rows += _row("rule", use.rule, "is_to_demote", "yes" if use.is_to_demote else "no")
    for reason, count in outcomes.by_override_reason:
        rows += _row("override_reason", _NO_REASON if reason is None else reason.value, "overridden", count, "alerts")
    return [*rows, *_what_followed(report)]


def _what_followed(report: UsefulnessReport) -> Iterator[dict[str, str]]:
    accepted, overridden = report.avoided, report.overridden
    for measure in ("avoided", "done_all_the_same", "too_early", "not_known"):
        yield from _row("accepted", "", measure, getattr(accepted, measure), "exams")
    yield from _row("avoided_dose", report.dose_table, "adult_exams", accepted.adult_exams, "exams")
    yield from _row("avoided_dose", report.dose_table, "low", f"{accepted.low_msv:.3f}", "mSv")
    yield from _row("avoided_dose", report.dose_table, "high", f"{accepted.high_msv:.3f}", "mSv")
    for level, count in accepted.by_level:
        yield from _row("avoided_dose", report.dose_table, f"children_level_{level}", count, "exams")
    yield from _row("avoided_dose", report.dose_table, "without_dose", accepted.without_dose, "exams")
    for cost in accepted.costs:
        yield from _row("avoided_cost", cost.currency, "amount", f"{cost.amount:f}", cost.currency)
        yield from _row("avoided_cost", cost.currency, "exams", cost.exam_count, "exams")
        yield from _row("avoided_cost", cost.currency, "oldest_price_of", cost.oldest_price_of.isoformat())
    yield from _row("avoided_cost", "", "without_cost", accepted.without_cost, "exams")
    for measure in ("carried_out", "useful", "not_carried_out", "too_early", "not_known"):
        yield from _row("overridden", "", measure, getattr(overridden, measure), "exams")


def report_document(report: UsefulnessReport) -> dict[str, dict[str, Any]]:
    """The same as nested JSON: section, name, measure."""
    document: dict[str, dict[str, Any]] = {}
    for row in report_rows(report):
        section = document.setdefault(row["section"], {})
        measures = section.setdefault(row["name"], {}) if row["name"] else section
        measures[row["measure"]] = _number(row["value"])
    return document


def _number(text: str) -> object:
    return int(text) if text.isdigit() else text


def _tally(section: str, name: str, tally: Tally) -> Iterable[dict[str, str]]:
    for measure in ("raised", "accepted", "overridden", "ignored", "withdrawn", "waiting"):
        yield from _row(section, name, measure, getattr(tally, measure), "alerts")
    rate = tally.override_rate
    yield from _row(section, name, "override_rate", "" if rate is None else f"{rate:.4f}")


def _row(section: str, name: str, measure: str, value: object, unit: str = "") -> Iterator[dict[str, str]]:
    yield {"section": section, "name": name, "measure": measure, "value": str(value), "unit": unit}
