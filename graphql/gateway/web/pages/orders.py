"""Checking an order for the patient on the page, and answering its alert."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response

from gateway.web.history_view import reach_of
from gateway.web.operations import Answer
from gateway.web.pages.history import MODALITIES
from gateway.web.visit import Visit

FLAGS = (
    "SERIAL_MONITORING", "DEVICE_CHECK", "FOLLOW_UP_RECOMMENDED", "INTERVENTION_SINCE_PRIOR", "NEW_INJURY_SINCE_PRIOR",
    "ACUTE_CHANGE", "IMAGE_GUIDANCE", "RT_PLANNING", "RESEARCH_PROTOCOL", "ONCOLOGY_RESTAGING", "LIFE_THREATENING",
    "ED_CONTEXT",
)  # fmt: skip
OVERRIDE_REASONS = (
    "CLINICAL_CHANGE", "DIFFERENT_QUESTION", "IMAGES_NOT_ACCESSIBLE", "REPORT_NOT_ACCESSIBLE",
    "PRIOR_QUALITY_INADEQUATE", "FOLLOW_UP_INTERVAL_DUE", "SPECIALIST_OR_PROTOCOL_REQUEST", "URGENT_NO_TIME",
)  # fmt: skip


async def check_order(visit: Visit) -> Response:
    """The verdict on an order."""
    enterprise_id = visit.request.path_params["enterprise_id"]
    person, sites = await asyncio.gather(
        visit.ask("Person", patient={"enterpriseId": enterprise_id}), visit.ask("Sites")
    )
    if person["__typename"] != "Person":
        return visit.render("not_found.html", status=404)
    site = next((s for s in sites["sites"] if s["id"] == visit.field("site", 40)), sites["sites"][0])
    answer = await visit.ask("CheckOrder", order=_order(visit, person, site))
    if answer["__typename"] != "OrderCheck":
        return _verdict(visit, status=400, refusal=answer)
    return _verdict(visit, check=answer, reach=reach_of(answer))


async def accept_alert(visit: Visit) -> Response:
    """The order is given up for the prior."""
    return _answered(visit, await visit.ask("AcceptAlert", alertId=visit.request.path_params["alert_id"]))


async def override_alert(visit: Visit) -> Response:
    """The order stands, with a reason."""
    reason = visit.field("reason", 40)
    if reason not in OVERRIDE_REASONS:
        return _verdict(visit, status=400, refusal={"code": "reason_needed"})
    answer = await visit.ask(
        "OverrideAlert",
        alertId=visit.request.path_params["alert_id"],
        reason=reason,
        comment=visit.field("comment", 500),
    )
    return _answered(visit, answer)


def _answered(visit: Visit, answer: Answer) -> Response:
    if answer["__typename"] == "AlertAnswered":
        return _verdict(visit, answered=answer["alert"])
    return _verdict(visit, status=409, refusal=answer)


def _verdict(visit: Visit, *, status: int = 200, **values: Any) -> Response:
    shown = {"check": None, "reach": None, "answered": None, "refusal": None, **values}
    layout = "bare.html" if visit.is_fragment else "base.html"
    return visit.render("verdict.html", status=status, layout=layout, reasons=OVERRIDE_REASONS, **shown)


def _order(visit: Visit, person: Answer, site: Answer) -> Answer:
    """The order as the API takes it, for the patient's number at the ordering site where there is one."""
    known = [record["identifier"] for record in person["records"]]
    here = [i for i in known if i["assigningAuthority"] == site["assigningAuthority"]]
    identifier = (here or known)[0]
    modality = visit.field("modality", 4)
    flags = [flag for flag in visit.form.getlist("flags") if flag in FLAGS]
    return {
        "patient": {key: identifier[key] for key in ("assigningAuthority", "localPatientId")},
        "orderingSite": site["id"],
        "description": visit.field("description", 200),
        "modality": modality if modality in MODALITIES else None,
        "flags": flags,
    }
