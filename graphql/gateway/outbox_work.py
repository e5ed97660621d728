"""What is done with one outbox row, by its kind. At least once: a repeat of a row that is done does nothing.

    person_changed           judge the person's recent orders again
    consent_changed          a person said otherwise what may be shared: judge their recent orders again
    order_check_incomplete   judge one check again: a site that was late may answer now
    priors_changed           a late site said something new: judge the person's recent orders again
    refresh_priors           ask a person's archives: somebody was admitted, or a site says that something is new
    order_received           judge an order that a site placed
    glass_broken             tell the configured receiver that somebody looked past consent
    alert_raised             tell the configured receiver of an alert that nobody was shown

The row is not held while archives or receivers are asked: on SQLite that would keep every other writer out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from federation.imaging.alerts import DuplicateAlert
from federation.imaging.rule_set import RuleSet
from federation.ports import OutboxMessage, UnitOfWork
from federation.sites.consent import BrokenGlass, Viewer
from federation.sites.directory import SiteDirectory
from federation.usecases.break_glass import GLASS_BROKEN
from federation.usecases.check_placed_order import CHECKED_BY, ORDER_RECEIVED, check_placed_order
from federation.usecases.expire_alerts import expire_alerts
from federation.usecases.keep_verdict import ALERT_RAISED
from federation.usecases.reassess_alerts import reassess_alerts
from federation.usecases.refresh_priors import refresh_priors
from federation.usecases.search_priors import ProcedureOf
from federation.usecases.see_person import visible_alerts
from gateway.observability import get_logger
from mpi.audit import AuditEvent, AuditOutcome
from mpi.identity.identifiers import EnterpriseId
from mpi.ports import Clock, NewId
from mpi.units import carry_out

_EXPIRE_EVERY = dt.timedelta(minutes=10)
_CHANGES_KEPT = 50_000

log = get_logger("gateway.worker")


class Deliver(Protocol):
    """Takes a document to a receiver outside; raises when it was not taken."""

    def send(self, document: dict[str, object], *, delivery_id: str, at: dt.datetime) -> None: ...


class Run(Protocol):
    """Runs a coroutine in the loop that the archives' connections live in."""

    def __call__(self, work: Coroutine[Any, Any, Any], /) -> Any: ...


@dataclass(slots=True)
class OutboxWork:
    """The handler of outbox ids. ``deliver`` is ``None`` where no receiver is configured."""

    units: Callable[[], UnitOfWork]
    read: Callable[[], UnitOfWork]
    directory: SiteDirectory
    procedure_of: ProcedureOf
    rules: RuleSet
    deadline_seconds: float
    clock: Clock
    new_id: NewId
    run: Run
    deliver: Deliver | None = None
    max_deliveries: int = 20
    _expired_at: dt.datetime | None = None

    def __call__(self, outbox_id: int) -> None:
        """Do what the row asks for and mark it done."""
        self._expire()
        with self.units() as uow:
            message = uow.outbox.get(outbox_id)
        if message is None:
            return
        outcome = self._handle(message)
        with self.units() as uow:
            uow.outbox.mark_done(outbox_id, at=self.clock())
            uow.commit()
        log.info("outbox_message_handled", operation=message.kind, **outcome)

    def _handle(self, message: OutboxMessage) -> dict[str, object]:
        match message.kind:
            case "person_changed" | "priors_changed":
                return self._reassess(_texts(message, "enterprise_ids"), [])
            case "consent_changed":
                return self._reassess(_texts(message, "enterprise_ids"), [], always=True)
            case "order_check_incomplete":
                return self._reassess([], _texts(message, "check_ids"))
            case "refresh_priors":
                return self._refresh(message)
            case "order_received":
                return self._check(str(message.body.get("order_key", "")))
            case "glass_broken":
                return self._tell_of_glass(message)
            case "alert_raised":
                return self._tell(message)
        log.error("outbox_kind_not_known", operation=message.kind)
        return {"outcome": "kind_not_known"}

    def _reassess(self, persons: list[str], check_ids: list[str], *, always: bool = False) -> dict[str, object]:
        revised = self.run(
            reassess_alerts(
                [EnterpriseId(person) for person in persons],
                units=self.units,
                read=self.read,
                directory=self.directory,
                procedure_of=self.procedure_of,
                rules=self.rules,
                deadline_seconds=self.deadline_seconds,
                clock=self.clock,
                check_ids=check_ids,
                always=always,
            )
        )
        return {"revised_count": revised}

    def _refresh(self, message: OutboxMessage) -> dict[str, object]:
        site_id = message.body.get("site_id")
        asked = self.run(
            refresh_priors(
                [EnterpriseId(person) for person in _texts(message, "enterprise_ids")],
                read=self.read,
                directory=self.directory,
                wait_seconds=self.deadline_seconds,
                clock=self.clock,
                site_id=None if site_id is None else str(site_id),
            )
        )
        return {"question_count": asked}

    def _check(self, order_key: str) -> dict[str, object]:
        with self.read() as uow:
            placed = uow.placed_orders.get(order_key)
        if placed is not None and not placed.context_is_known:
            log.info("order_context_not_known", site_id=placed.order.ordering_site)
        checked = self.run(
            check_placed_order(
                order_key,
                units=self.units,
                read=self.read,
                directory=self.directory,
                procedure_of=self.procedure_of,
                rules=self.rules,
                deadline_seconds=self.deadline_seconds,
                clock=self.clock,
                new_id=self.new_id,
            )
        )
        if checked is None:
            return {"outcome": "not_checked"}
        self._audit(ORDER_RECEIVED, checked.identity.enterprise_id, checked.check.assessment.tier.name)
        return {"outcome": checked.check.assessment.tier.name}

    def _tell(self, message: OutboxMessage) -> dict[str, object]:
        if self.deliver is None:
            return {"outcome": "no_receiver"}
        if message.attempts > self.max_deliveries:
            log.error("alert_delivery_given_up")
            return {"outcome": "given_up"}
        with self.read() as uow:
            alert = uow.alerts.newest(str(message.body.get("alert_id", "")))
            viewer = Viewer(sites=frozenset(() if alert is None else {alert.ordering_site}))
            told = [] if alert is None or not alert.is_open else [alert]
            shown = visible_alerts(told, uow=uow, directory=self.directory, viewer=viewer, clock=self.clock)
        if alert is None or not shown:
            return {"outcome": "closed_before"}
        self._audit(ALERT_RAISED, alert.enterprise_id, f"attempt={message.attempts}")
        self.deliver.send(alert_document(alert), delivery_id=str(message.outbox_id), at=self.clock())
        return {"outcome": "delivered"}

    def _audit(self, action: str, subject: str | None, detail: str) -> None:
        """What leaves the hub, or is judged where nobody asked, is on record: before it is told."""
        event = AuditEvent(self.clock(), CHECKED_BY, "", action, AuditOutcome.SUCCESS, subject=subject, detail=detail)
        with self.units() as uow:
            uow.audit.append(event)
            uow.commit()

    def _tell_of_glass(self, message: OutboxMessage) -> dict[str, object]:
        with self.read() as uow:
            glass = uow.consents.glass(str(message.body.get("glass_id", "")))
        if self.deliver is None or glass is None:
            return {"outcome": "no_receiver"}
        if message.attempts > self.max_deliveries:
            log.error("glass_notice_given_up")
            return {"outcome": "given_up"}
        self._audit(GLASS_BROKEN, glass.enterprise_id, "told")
        self.deliver.send(glass_document(glass), delivery_id=str(message.outbox_id), at=self.clock())
        return {"outcome": "delivered"}

    def _expire(self) -> None:
        """Now and then, with other work: alerts that nobody answered, and entries that every listener has read."""
        now = self.clock()
        if self._expired_at is not None and now - self._expired_at < _EXPIRE_EVERY:
            return
        self._expired_at = now
        carry_out(self.units, self._expire_in)

    def _expire_in(self, uow: UnitOfWork) -> None:
        expired = expire_alerts(uow=uow, clock=self.clock)
        if uow.changes.forget_all_but(_CHANGES_KEPT) or expired:
            uow.commit()


def glass_document(glass: BrokenGlass) -> dict[str, object]:
    """What the privacy officer's receiver is told; the reason is read in the hub."""
    return {
        "type": GLASS_BROKEN,
        "glassId": glass.glass_id,
        "enterpriseId": glass.enterprise_id,
        "caller": glass.caller,
        "openedAt": glass.opened_at.astimezone(dt.UTC).isoformat(),
        "expiresAt": glass.expires_at.astimezone(dt.UTC).isoformat(),
    }


def alert_document(alert: DuplicateAlert) -> dict[str, object]:
    """What a receiver is told: ids, codes and the verdict; no demographics."""
    return {
        "type": ALERT_RAISED,
        "alertId": alert.alert_id,
        "state": alert.state.name,
        "tier": alert.tier.name,
        "relation": alert.relation.value,
        "rules": [rule.code for rule in alert.rules],
        "reasons": [rule.reason for rule in alert.rules],
        "priorId": alert.prior_id,
        "otherPriorIds": list(alert.other_prior_ids),
        "orderingSite": alert.ordering_site,
        "placerOrderNumber": alert.placer_order_number,
        "checkId": alert.check_id,
        "raisedAt": alert.raised_at.astimezone(dt.UTC).isoformat(),
    }


def _texts(message: OutboxMessage, name: str) -> list[str]:
    listed = message.body.get(name, [])
    return [str(item) for item in listed] if isinstance(listed, list) else []
