"""DetectedIssues: alerts as the caller may see them, one by id, or those about an order or a patient.

Numbers of patients and orders are taken in the body only (``POST DetectedIssue/_search``): URLs end up in logs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.fhir.issue_resource import issue_resource
from adapters.fhir.resource_fields import ResourceRefused
from adapters.fhir.service_request import ORDER_SYSTEM
from federation.imaging.alerts import DuplicateAlert, numbered_key
from federation.imaging.order_checks import OrderCheck
from federation.imaging.placed_orders import OrderStatus, PlacedOrder
from federation.ports import UnitOfWork
from federation.usecases.see_person import all_numbers
from gateway.fhir.bundles import searchset, warning
from gateway.fhir.door import FhirCall
from gateway.fhir.outcomes import UNPROCESSABLE, FhirAnswer, FhirProblem

IN_URL = frozenset({"_id", "_count", "_format", "_pretty"})
_IDENTIFIED = {
    "patient:identifier": "patient",
    "patient.identifier": "patient",
    "implicated:identifier": "implicated",
    "implicated.identifier": "implicated",
}
_IGNORED = frozenset({"_format", "_pretty"})
_MOST = 100

_PENDING = "the order is not checked yet: no issue is not the same as no repeat"
_INCOMPLETE = "not every site answered: there may be priors that nobody told us of"


def read_issue(call: FhirCall) -> FhirAnswer:
    """One alert by its id."""
    with call.context.resources.read() as uow:
        shown = _visible(_by_id(call.resource_id, uow), call, uow)
        if not shown:
            raise FhirProblem(404, "not-found", "issue_not_found", "no issue has this id")
        return FhirAnswer(_resource(shown[0], call, uow), subjects=_subjects(shown))


def search_issues(call: FhirCall) -> FhirAnswer:
    """Alerts that fit all that is asked; warnings where the check of an order says less than it could."""
    asked = _asked(call)
    if not asked.keys() & {"_id", "patient", "implicated"}:
        text = "name an issue, a patient or an order: _id, patient:identifier or implicated:identifier"
        raise FhirProblem(UNPROCESSABLE, "too-costly", "search_too_wide", text)
    most = _count(asked)
    with call.context.resources.read() as uow:
        found: dict[str, DuplicateAlert] | None = None
        warnings: list[dict[str, Any]] = []
        looked_at: list[str] = []
        for name, value in ((name, value) for name, values in asked.items() for value in values):
            if name == "implicated":
                alerts, warnings = _of_order(value, call, uow, looked_at)
            elif name == "patient":
                alerts = _of_patient(value, call, uow, looked_at)
            elif name == "_id":
                alerts = _by_id(value, uow)
            else:
                continue
            these = {alert.alert_id: alert for alert in alerts}
            found = these if found is None else {i: alert for i, alert in found.items() if i in these}
        shown = _visible(list((found or {}).values()), call, uow)
        entries = [{"resource": _resource(alert, call, uow), "search": {"mode": "match"}} for alert in shown[:most]]
    body = searchset(entries, total=len(shown), warnings=warnings)
    subjects = tuple(dict.fromkeys((*looked_at, *_subjects(shown[:most]))))
    return FhirAnswer(body, subjects=subjects, detail=f"matches={len(shown)}")


def _asked(call: FhirCall) -> dict[str, list[str]]:
    for name, _ in call.in_url:
        if name not in IN_URL:
            text = "numbers are taken in the body only: POST DetectedIssue/_search"
            raise FhirProblem(400, "not-supported", "identifier_in_url", text)
    asked: dict[str, list[str]] = {}
    for name, value in (*call.in_url, *call.in_form):
        plain = _IDENTIFIED.get(name, name)
        if plain == name and name not in IN_URL:
            raise FhirProblem(400, "not-supported", "parameter_not_supported", "a search parameter is not supported")
        if value.strip() and plain not in _IGNORED:
            asked.setdefault(plain, []).append(value.strip())
    return asked


def _count(asked: dict[str, list[str]]) -> int:
    sent = asked.get("_count", [str(_MOST)])[0]
    if not (sent.isascii() and sent.isdigit()):
        raise FhirProblem(400, "value", "count_not_a_number", "_count is not a number", path="_count")
    return min(int(sent[:6]), _MOST)


def _by_id(alert_id: str, uow: UnitOfWork) -> list[DuplicateAlert]:
    newest = uow.alerts.newest(alert_id)
    return [] if newest is None else [newest]


def _of_patient(token: str, call: FhirCall, uow: UnitOfWork, looked_at: list[str]) -> Sequence[DuplicateAlert]:
    patient = call.systems.token(token, "patient")
    view = call.context.resources.seen_or_none(patient, call.context.viewer(call.operation), uow=uow)
    if view is None:
        return ()
    identity = view.identity
    looked_at.append(str(identity.enterprise_id))
    return uow.alerts.find(identifiers=all_numbers(identity), enterprise_id=identity.enterprise_id, limit=_MOST)


def _of_order(
    token: str, call: FhirCall, uow: UnitOfWork, looked_at: list[str]
) -> tuple[Sequence[DuplicateAlert], list[dict[str, Any]]]:
    """The alerts of an order, and what its check leaves open."""
    system, _, number = token.partition("|")
    if not system.startswith(ORDER_SYSTEM) or not number.strip():
        raise ResourceRefused("value", "implicated", f"expected {ORDER_SYSTEM}SITE|number")
    site, number = system.removeprefix(ORDER_SYSTEM), number.strip()
    placed = uow.placed_orders.by_number(site, placer_order_number=number, filler_order_number=number)
    key = numbered_key(site, number) if placed is None else placed.order_key
    return uow.alerts.of_order(key), _left_open(placed, call, uow, looked_at)


def _left_open(
    placed: PlacedOrder | None, call: FhirCall, uow: UnitOfWork, looked_at: list[str]
) -> list[dict[str, Any]]:
    if placed is None or placed.status is not OrderStatus.NEW:
        return []
    viewer = call.context.viewer(call.operation)
    order, resources = placed.order, call.context.resources
    if viewer.related_to is not None and order.ordering_site not in viewer.related_to:
        return []
    view = resources.seen_or_none(order.patient_identifier, viewer.at(order.ordering_site), uow=uow)
    if view is None or view.veil.hides_order(order.ordering_site, order.code or "", order.description):
        return []
    looked_at.append(str(view.identity.enterprise_id))
    checks = uow.order_checks.open_checks_of([view.identity.enterprise_id], since=placed.changed_at)
    mine = [check for check in checks if _is_of(check, placed)]
    mine = [check for check in mine if resources.visible_check(check, viewer, uow=uow)]
    if not mine:
        return [warning("check_pending", _PENDING)]
    newest = max(mine, key=lambda check: check.checked_at)
    return [] if newest.coverage.is_complete else [warning("check_incomplete", _INCOMPLETE)]


def _is_of(check: OrderCheck, placed: PlacedOrder) -> bool:
    order = check.order
    return (order.ordering_site, order.placer_order_number) == (
        placed.order.ordering_site,
        placed.order.placer_order_number,
    )


def _visible(alerts: Sequence[DuplicateAlert], call: FhirCall, uow: UnitOfWork) -> list[DuplicateAlert]:
    return call.context.resources.visible_alerts(alerts, call.context.viewer(call.operation), uow=uow)


def _resource(alert: DuplicateAlert, call: FhirCall, uow: UnitOfWork) -> dict[str, Any]:
    check = uow.order_checks.newest(alert.check_id)
    rule_set = "" if check is None else check.assessment.rule_set
    return issue_resource(alert, rule_set, call.systems)


def _subjects(alerts: Sequence[DuplicateAlert]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(a.enterprise_id) for a in alerts if a.enterprise_id is not None))
