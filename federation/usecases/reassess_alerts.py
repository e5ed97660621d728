"""Judge recent orders again: a person's records changed, a late site may answer now, a study was withdrawn."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial

from federation.errors import PersonWithheld
from federation.imaging.alerts import NO_REPEAT, AlertState, order_key
from federation.imaging.order_checks import OrderCheck
from federation.imaging.placed_orders import OrderStatus
from federation.imaging.rule_set import RuleSet
from federation.ports import UnitOfWork
from federation.sites.directory import SiteDirectory
from federation.usecases.check_order import judge_order
from federation.usecases.close_alerts import close_alerts
from federation.usecases.keep_verdict import keep_verdict
from federation.usecases.search_priors import ProcedureOf
from mpi.audit import AuditEvent, AuditOutcome
from mpi.errors import UnknownIdentifier
from mpi.identity.identifiers import EnterpriseId
from mpi.ports import Clock
from mpi.units import carry_out

REASSESSED_BY = "priorlink"
REASSESS = "reassess"
"""Action of the audit entry of each check that is judged again."""

REASSESS_WITHIN = dt.timedelta(days=1)
"""An order older than this has been carried out or dropped; its alert helps nobody any more."""


async def reassess_alerts(
    enterprise_ids: Collection[EnterpriseId],
    *,
    units: Callable[[], UnitOfWork],
    read: Callable[[], UnitOfWork],
    directory: SiteDirectory,
    procedure_of: ProcedureOf,
    rules: RuleSet,
    deadline_seconds: float,
    clock: Clock,
    check_ids: Collection[str] = (),
    always: bool = False,
) -> int:
    """Append a new revision to each recent check whose verdict is another one now; return how many.

    ``check_ids`` names checks directly. ``always``: a new revision whatever the verdict (a person's consent changed).
    Alerts follow the verdicts. Running it twice appends nothing the second time, unless ``always``.
    """
    with read() as uow:
        checks = _recent_checks(enterprise_ids, check_ids, uow, clock() - REASSESS_WITHIN)
    revised = 0
    for check in checks:
        try:
            judged = await judge_order(
                check.order, read=read, directory=directory, procedure_of=procedure_of, rules=rules,
                deadline_seconds=deadline_seconds, clock=clock,
            )  # fmt: skip
        except PersonWithheld:
            carry_out(units, partial(_withdraw, check, clock))
            continue
        except UnknownIdentifier:
            continue
        new = replace(
            check,
            revision=check.revision + 1,
            enterprise_id=judged.identity.enterprise_id,
            assessment=judged.assessment,
            coverage=judged.history.coverage,
            identity_under_review=judged.identity.is_under_review,
            checked_at=judged.seen_at,
        )
        is_revised = always or _says_otherwise(check, new)
        carry_out(units, partial(_keep, new, clock, is_revised))
        revised += is_revised
    return revised


def _withdraw(check: OrderCheck, clock: Clock, uow: UnitOfWork) -> None:
    """Nobody may see the person any more: the order has no open alert."""
    if close_alerts(
        order_key(check.order), AlertState.SUPERSEDED, detail=NO_REPEAT, by=REASSESSED_BY, uow=uow, clock=clock
    ):
        uow.commit()


def _keep(check: OrderCheck, clock: Clock, is_revised: bool, uow: UnitOfWork) -> None:
    if is_revised:
        keep_verdict(check, uow=uow, clock=clock, by=REASSESSED_BY, is_shown=False)
    uow.audit.append(_audited(check, clock(), "revised" if is_revised else "as_before"))
    uow.commit()


def _audited(check: OrderCheck, at: dt.datetime, detail: str) -> AuditEvent:
    """Nobody sees the answer, but the archives were asked about the person."""
    return AuditEvent(at, REASSESSED_BY, "", REASSESS, AuditOutcome.SUCCESS, subject=check.enterprise_id, detail=detail)


def _recent_checks(
    enterprise_ids: Collection[EnterpriseId], check_ids: Collection[str], uow: UnitOfWork, since: dt.datetime
) -> list[OrderCheck]:
    """Newest revision of each, once; not of orders that are cancelled or carried out by now."""
    found = {check.check_id: check for check in uow.order_checks.open_checks_of(enterprise_ids, since=since)}
    for check_id in check_ids:
        check = uow.order_checks.newest(check_id)
        if check is not None and check.checked_at >= since:
            found[check_id] = check
    return [check for check in found.values() if not _is_closed(check, uow)]


def _is_closed(check: OrderCheck, uow: UnitOfWork) -> bool:
    placed = uow.placed_orders.get(order_key(check.order))
    return placed is not None and placed.status is not OrderStatus.NEW


def _says_otherwise(old: OrderCheck, new: OrderCheck) -> bool:
    """A site that is down must not withdraw an alert: a lower tier counts only from a complete answer."""
    if new.assessment.tier < old.assessment.tier and not new.coverage.is_complete:
        return False
    return (
        old.assessment.tier is not new.assessment.tier
        or old.assessment.best_prior_id != new.assessment.best_prior_id
        or old.identity_under_review != new.identity_under_review
    )
