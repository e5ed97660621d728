"""The usefulness report through its doors: GraphQL, command line, CSV, metrics."""

from __future__ import annotations

import csv
import datetime as dt
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from federation.imaging.study_index import IndexedAnswer
from federation.sites.site import SiteId
from federation.usecases.report_usefulness import ReportTables
from gateway.asgi import create_app
from gateway.cli.csv_files import read_table, write_table
from gateway.permissions import Role
from gateway.settings import Settings, UsefulnessSettings
from gateway.site_files import load_report_tables
from gateway.usefulness_rows import COLUMNS, report_document, report_rows
from mpi.audit import AuditOutcome
from tests.builders import NOON, pid
from tests.integration.hub_world import Hub, answering, hub_of_ana, study
from tests.integration.test_alerts import check, override

PRIORLINK = Path(sys.executable).with_name("priorlink")
ACCEPT = "mutation($a: ID!) { acceptAlert(alertId: $a) { __typename } }"


def later_hub(hub: Hub, days: float) -> Hub:
    """The same hub so many days on."""
    resources = replace(hub.resources, clock=lambda: NOON + dt.timedelta(days=days))
    other = object.__new__(Hub)
    other.__dict__.update(hub.__dict__, resources=resources)
    return other


def hub_with_answers() -> Hub:
    """One order given up, one let stand; both for Ana, whose studies were last listed 40 days later."""
    hub = hub_of_ana()
    given_up = check(hub, placerOrderNumber="P-1")["alertId"]
    hub.ask(ACCEPT, Role.PHYSICIAN, a=given_up)
    override(hub, check(hub, placerOrderNumber="P-2")["alertId"])
    check(hub, placerOrderNumber="P-3")
    with hub.units() as uow:
        for patient in ("NGH|0007", "LKM|55", "RDI|A1"):
            site = SiteId(patient.partition("|")[0])
            uow.study_index.save(IndexedAnswer(site, pid(patient), (), NOON + dt.timedelta(days=40)))
        uow.commit()
    return hub


def test_the_report_counts_what_became_of_the_alerts() -> None:
    hub = hub_with_answers()
    report = later_hub(hub, 41).resources.usefulness(NOON, NOON + dt.timedelta(days=1))
    assert (report.outcomes.total.accepted, report.outcomes.total.overridden, report.outcomes.total.waiting) == (
        1,
        1,
        1,
    )
    assert (report.avoided.avoided, report.avoided.adult_exams, report.avoided.low_msv) == (1, 1, 7.7)
    assert (report.overridden.carried_out, report.overridden.not_carried_out) == (0, 1)
    early = hub.resources.usefulness(NOON, NOON + dt.timedelta(days=1))
    assert (early.avoided.avoided, early.avoided.too_early) == (0, 1)


def test_an_exam_of_the_class_within_30_days_avoids_nothing_and_may_be_useful() -> None:
    hub = hub_with_answers()
    again = replace(study("2.999.77", "LKM|55", days_ago=-5))
    with hub.units() as uow:
        uow.study_index.save(IndexedAnswer(SiteId("LKM"), pid("LKM|55"), (again,), NOON + dt.timedelta(days=40)))
        uow.commit()
    report = later_hub(hub, 41).resources.usefulness(NOON, NOON + dt.timedelta(days=1))
    assert (report.avoided.avoided, report.avoided.done_all_the_same) == (0, 1)
    assert (report.overridden.carried_out, report.overridden.useful) == (1, 0)


def test_a_site_that_was_not_listed_since_leaves_it_open() -> None:
    hub = hub_with_answers()
    with hub.units() as uow:
        uow.study_index.save(IndexedAnswer(SiteId("RDI"), pid("RDI|A1"), (), NOON + dt.timedelta(days=20)))
        uow.commit()
    report = later_hub(hub, 41).resources.usefulness(NOON, NOON + dt.timedelta(days=1))
    assert (report.avoided.avoided, report.avoided.not_known) == (0, 1)


def test_graphql_gives_it_to_administrators_and_audits_it() -> None:
    hub = hub_with_answers()
    answer = hub.run("AlertReport", Role.ADMIN, since="2026-01-01", until="2027-01-01")
    assert (answer["total"]["raised"], answer["total"]["overrideRate"]) == (3, 0.5)
    assert [entry["tier"] for entry in answer["byTier"]] == ["INTERRUPTIVE"]
    assert answer["byOverrideReason"] == [{"reason": "DIFFERENT_QUESTION", "count": 1}]
    assert not any(rule["isToDemote"] for rule in answer["byRule"])
    assert hub.run("AlertReport", Role.PHYSICIAN)["__typename"] == "NotAllowed"
    kept = [event.outcome for event in hub.audit() if event.action == "alertReport"]
    assert sorted(outcome.name for outcome in kept) == ["REFUSED", "SUCCESS"]


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"since": "2026-02-30"}, "invalid_date"),
        ({"since": "2027-01-01", "until": "2026-01-01"}, "empty_interval"),
        ({"since": "1900-01-01"}, "out_of_range"),
    ],
)
def test_a_period_that_is_none_is_refused(variables: dict[str, Any], code: str) -> None:
    answer = hub_of_ana().run("AlertReport", Role.ADMIN, **variables)
    assert (answer["__typename"], answer["code"]) == ("InvalidInput", code)


def test_cells_that_a_spreadsheet_would_run_are_escaped(tmp_path: Path) -> None:
    hub = hub_with_answers()
    evil = "=HYPERLINK(1)"
    orderer = hub.audit()[0].actor
    hub.resources = replace(hub.resources, report_tables=ReportTables(group_of={orderer: evil}))
    rows = report_rows(hub.resources.usefulness(NOON, NOON + dt.timedelta(days=1)))
    assert {row["name"] for row in rows if row["section"] == "orderer_group"} == {evil}
    write_table(tmp_path / "report.csv", COLUMNS, rows)
    with (tmp_path / "report.csv").open(encoding="utf-8", newline="") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    assert f"'{evil}" in cells
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]
    assert len(read_table(tmp_path / "report.csv", required=COLUMNS).rows) == len(rows)


def test_the_report_names_nobody() -> None:
    hub = hub_with_answers()
    document = json.dumps(report_document(hub.resources.usefulness(NOON, NOON + dt.timedelta(days=1))))
    for secret in ("0007", "2.999", str(hub.index.person_of("NGH|0007")), hub.audit()[0].actor):
        assert secret not in document


def test_metrics_show_the_last_30_days() -> None:
    hub = hub_with_answers()
    hub.resources = later_hub(hub, 1).resources
    hub.app = create_app(hub.resources, Settings(), metrics=hub.metrics)
    text = hub.request("GET", "/metrics").text
    assert 'priorlink_alerts_30_days{outcome="accepted",site_id="NGH"} 1.0' in text
    assert 'priorlink_alert_tiers_30_days{outcome="overridden",tier="interruptive"} 1.0' in text
    assert 'priorlink_rule_to_demote{rule="W3"} 0.0' in text


def test_metrics_are_shown_although_the_store_fails() -> None:
    hub = Hub(answering("NGH"))
    object.__setattr__(hub.resources, "read", None)
    answer = hub.request("GET", "/metrics")
    assert (answer.status_code, "priorlink_operations" in answer.text) == (200, True)


def test_the_command_line_reports_an_empty_store(tmp_path: Path) -> None:
    config = tmp_path / "priorlink.toml"
    config.write_text(
        f'[store]\nurl = "sqlite:///{tmp_path / "hub.db"}"\n[usefulness]\ncost_table = "{tmp_path / "c"}"\n'
    )
    (tmp_path / "c").write_text("site,exam_class,regions,cost,currency,as_of\n")
    subprocess.run([PRIORLINK, "db", "upgrade", "--config", config], check=True, capture_output=True)
    command = [PRIORLINK, "alerts", "report", "--json", "--csv", tmp_path / "r.csv", "--config", config]
    done = subprocess.run([*command, "--since", "2026-01-01"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["all"]["raised"] == 0
    assert (tmp_path / "r.csv").read_text().startswith("section,name,measure,value,unit\n")
    (tmp_path / "c").write_text("site\n")
    refused = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (refused.returncode, "line 1" in refused.stderr) == (2, True)


def test_refusals_are_on_record() -> None:
    hub = hub_of_ana()
    hub.run("AlertReport", Role.RECORDS)
    assert [event.outcome for event in hub.audit()] == [AuditOutcome.REFUSED]


def test_the_example_tables_can_be_loaded() -> None:
    examples = Path(__file__).resolve().parents[2] / "docs" / "examples"
    named = UsefulnessSettings(cost_table=examples / "costs.csv", orderer_groups=examples / "orderer_groups.csv")
    tables = load_report_tables(named)
    assert (tables.costs.entries, dict(tables.group_of)) == ((), {"dr-demo": "emergency"})
