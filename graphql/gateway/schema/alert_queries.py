"""Reading alerts, and answering them."""

from __future__ import annotations

import asyncio

import strawberry

from federation.errors import AlertClosed, UnknownAlert
from federation.imaging.alerts import AlertState, OverrideReason
from federation.usecases.decide_alert import DecideAlert
from gateway.alert_answers import answer_and_read
from gateway.context import HubInfo
from gateway.loaders import load_alert, load_alerts
from gateway.schema.alerts import Alert, AlertAnswered, AlertList, AlertNotOpen, AlertsResult, AnswerAlertResult
from gateway.schema.inputs import (
    MAX_PAGE,
    InputProblem,
    PatientRefInput,
    read_number,
    read_patient,
    read_text,
)
from gateway.schema.refusals import AlertNotFound

_MAX_COMMENT = 500


async def resolve_alerts(
    info: HubInfo,
    patient: PatientRefInput | None = None,
    check_id: strawberry.ID | None = None,
    state: AlertState | None = None,
    first: int = 50,
) -> AlertsResult:
    """Alerts that fit all that is given."""
    if patient is None and check_id is None and state is None:
        raise InputProblem("one_way_needed", "patient", "name a patient, a check or a state")
    found = await asyncio.to_thread(
        load_alerts,
        info.context.resources,
        info.context.viewer("alerts"),
        patient=None if patient is None else read_patient(patient, None),
        check_id=None if check_id is None else read_text(check_id, "checkId"),
        state=state,
        first=read_number(first, "first", 1, MAX_PAGE),
    )
    return AlertList(alerts=[Alert.from_domain(events) for events in found])


async def resolve_accept_alert(info: HubInfo, alert_id: strawberry.ID, comment: str = "") -> AnswerAlertResult:
    """The order is given up for the prior."""
    return await _answer(info, "acceptAlert", _command(info, alert_id, comment, accept=True))


async def resolve_override_alert(
    info: HubInfo, alert_id: strawberry.ID, reason: OverrideReason, comment: str = ""
) -> AnswerAlertResult:
    """The order stands."""
    return await _answer(info, "overrideAlert", _command(info, alert_id, comment, accept=False, reason=reason))


def _command(
    info: HubInfo, alert_id: str, comment: str, *, accept: bool, reason: OverrideReason | None = None
) -> DecideAlert:
    return DecideAlert(
        alert_id=read_text(alert_id, "alertId"),
        accept=accept,
        decided_by=info.context.caller.subject,
        reason=reason,
        comment=read_text(comment, "comment", _MAX_COMMENT),
    )


async def _answer(info: HubInfo, operation: str, command: DecideAlert) -> AnswerAlertResult:
    try:
        events = await asyncio.to_thread(answer_and_read, operation, command, info.context)
        return AlertAnswered(alert=Alert.from_domain(events))
    except UnknownAlert:
        return AlertNotFound()
    except AlertClosed:
        viewer = info.context.viewer(operation)
        current = await asyncio.to_thread(load_alert, info.context.resources, viewer, command.alert_id)
        return AlertNotOpen(current=Alert.from_domain(current) if current else None)
