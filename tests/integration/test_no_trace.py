"""A prior that may not be shown, or that is not certainly the patient's, changes nothing at any door.

Two hubs answer the same: in one the archive holds such a study (before the order and after it), in the other it never
did. How long they take is measured by ``bench/order_sign.py``.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pytest

from federation.imaging.studies import SiteStudy
from federation.imaging.study_index import IndexedAnswer
from federation.sites.consent import ConsentPolicy, StudyClass
from federation.sites.site import SiteId
from gateway.permissions import Role
from mpi.identity.review import ReviewKind
from mpi.usecases.open_review import open_review
from tests.builders import NOON, person, pid
from tests.integration.cds_world import Ehr, service_request
from tests.integration.hub_world import ANA, ANAS, EVIDENCE, ORDER, Hub, answering, study
from tests.integration.test_consent import record, scrubbed

POLICY = ConsentPolicy((StudyClass("fetal", words=frozenset({"fetal"})),))
SHOWN = (study("2.999.1", "NGH|0007", days_ago=400), study("2.999.2", "LKM|55", days_ago=3))
ANSWERED = NOON + dt.timedelta(minutes=5)
REPORTED = NOON + dt.timedelta(days=41)
NUMBERS = ("NGH|0007", "LKM|55")


def hidden_rows(kind: str) -> tuple[SiteStudy, ...]:
    """One before the order, one after it; each would be the best prior, or undo what was avoided."""
    patient, description = {
        "of a hidden class": ("LKM|55", "CT ABD/PELVIS FETAL"),
        "at a site that shares nothing": ("RDI|A1", "CT ABD/PELVIS W CONTRAST"),
        "perhaps somebody else's": ("RDI|X9", "CT ABD/PELVIS W CONTRAST"),
    }[kind]
    return (
        study("2.999.8", patient, days_ago=1, description=description),
        study("2.999.9", patient, days_ago=-5, description=description),
    )


KINDS = ("of a hidden class", "at a site that shares nothing", "perhaps somebody else's")


def hub_with(rows: tuple[SiteStudy, ...], *, kind: str, is_there: bool) -> Hub:
    before = [row for row in rows if row.started is not None and row.started.local_date <= NOON.date()]
    sources = [answering(site, [r for r in (*SHOWN, *before) if r.site_id == site]) for site in ("NGH", "LKM", "RDI")]
    hub = Hub(*sources, consent=POLICY, deadline_seconds=3.0)
    for number in NUMBERS:
        hub.index.register(number, as_=ANA)
    if kind == "perhaps somebody else's":
        hub.index.register("RDI|X9", as_=person("Zollinger", "Bo", born="1951-01-02", sex="M"))
        with hub.units() as uow:
            open_review(
                ReviewKind.POSSIBLE_MATCH, pid("NGH|0007"), pid("RDI|X9"), source="test", uow=uow,
                clock=hub.index.clock, new_id=hub.index.new_id, evidence=EVIDENCE, score=7.75, match_probability=0.83,
            )  # fmt: skip
            uow.commit()
    if kind == "at a site that shares nothing":
        if is_there:
            hub.index.register("RDI|A1", as_=ANA)
            record(hub, "SITE", "RDI")
        hub.now = ANSWERED
    return hub


def list_studies(hub: Hub, rows: tuple[SiteStudy, ...]) -> None:
    """What the sites said last, long after the order."""
    with hub.units() as uow:
        for number in dict.fromkeys([*NUMBERS, *(str(row.patient_identifier) for row in rows)]):
            listed = tuple(row for row in (*SHOWN, *rows) if str(row.patient_identifier) == number)
            uow.study_index.save(IndexedAnswer(SiteId(number[:3]), pid(number), listed, REPORTED))
        uow.commit()


def everything_said(hub: Hub, rows: tuple[SiteStudy, ...], folder: Path) -> dict[str, Any]:
    """Cards, check, history, alerts and the report of how one alert was overridden and one accepted."""
    folder.mkdir()
    ehr = Ehr(hub, folder)
    number = {"type": {"coding": [{"code": "PLAC"}]}, "value": "P-1"}
    said: dict[str, Any] = {
        "order-sign": ehr.cards("order-sign", service_request(identifier=[number], priority="routine")),
        "order-select": ehr.cards("order-select", service_request(identity="sr2", priority="routine")),
        "patient-view": ehr.cards("patient-view"),
        "history": hub.run("ImagingHistory", Role.PHYSICIAN, patient=ANAS),
    }
    for placer, answer in (("P-2", "OverrideAlert"), ("P-3", "AcceptAlert")):
        checked = hub.run("CheckOrder", Role.PHYSICIAN, order=ORDER | {"placerOrderNumber": placer})
        more = {"reason": "DIFFERENT_QUESTION"} if answer == "OverrideAlert" else {}
        said[placer] = [checked, hub.run(answer, Role.PHYSICIAN, alertId=checked["alertId"], **more)]
    said["unknown site"] = hub.run("CheckOrder", Role.PHYSICIAN, order=ORDER | {"orderingSite": "NOWHERE"})
    said["alerts"] = hub.run("Alerts", Role.PHYSICIAN, patient=ANAS)
    list_studies(hub, rows)
    hub.now = REPORTED
    said["report"] = hub.run("AlertReport", Role.ADMIN, since="2026-01-01", until="2027-01-01")
    return said


def comparable(said: dict[str, Any]) -> Any:
    """Without the ids that every card and alert gets, and the order in which ids were given."""
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UUID", json.dumps(scrubbed(said)))
    return json.loads(text)


@pytest.mark.parametrize("kind", KINDS)
def test_a_prior_that_may_not_count_leaves_no_trace(kind: str, tmp_path: Path) -> None:
    rows = hidden_rows(kind)
    there = everything_said(hub_with(rows, kind=kind, is_there=True), rows, tmp_path / "there")
    never = everything_said(hub_with((), kind=kind, is_there=False), (), tmp_path / "never")
    assert comparable(there) == comparable(never)
    assert len(there["order-sign"]) == len(there["patient-view"]) == 1
    assert "2.999.8" not in json.dumps(there)
    assert (there["report"]["avoided"]["avoided"], there["report"]["overridden"]["notCarriedOut"]) == (1, 1)


def test_the_same_prior_is_everywhere_where_it_may_count(tmp_path: Path) -> None:
    """What the comparison above would see: the same studies, of a class that is not hidden."""
    rows = tuple(study(f"2.999.{n}", "LKM|55", days_ago=days) for n, days in ((8, 1), (9, -5)))
    shown = everything_said(hub_with(rows, kind="", is_there=True), rows, tmp_path / "shown")
    never = everything_said(hub_with((), kind="", is_there=False), (), tmp_path / "never")
    differing = {name for name, said in comparable(shown).items() if said != comparable(never)[name]}
    assert differing == {"order-sign", "order-select", "patient-view", "history", "P-2", "P-3", "alerts", "report"}
