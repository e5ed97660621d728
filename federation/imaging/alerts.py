"""The life of a duplicate alert: one (order, prior) pair, from being raised to being answered. Pure.

    raised -> shown -> accepted | overridden | superseded | expired

Accepted and overridden are final: what a person decided is never undone by a later check. A superseded or expired
alert is raised again when the pair is judged a repeat once more. Every change is kept as one more event (append-only).
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from federation.errors import AlertClosed
from federation.imaging.assessment import FiredRule, Relation, Tier
from federation.imaging.order_checks import OrderCheck
from federation.imaging.orders import ImagingOrder
from federation.sites.site import SiteId
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier

ALERT_LIFETIME = dt.timedelta(days=1)
"""An alert nobody answered for so long helps nobody any more: the order was carried out or dropped."""

ORDER_CANCELLED = "order_cancelled"
ORDER_FINAL = "order_final"
BETTER_PRIOR = "better_prior"
NO_REPEAT = "no_repeat_any_more"
NOT_ANSWERED = "not_answered"

_NAMESPACE = uuid.UUID("5b0c1c9e-6f0e-5d0a-9f5e-3f1f2f9a7c11")


class AlertState(Enum):
    """Where an alert is in its life."""

    RAISED = "raised"
    SHOWN = "shown"
    ACCEPTED = "accepted"
    OVERRIDDEN = "overridden"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"


OPEN_STATES = frozenset({AlertState.RAISED, AlertState.SHOWN})
ANSWERED_STATES = frozenset({AlertState.ACCEPTED, AlertState.OVERRIDDEN})


class OverrideReason(Enum):
    """Why the order stands although it repeats a prior: the eight codes, the same at every door."""

    CLINICAL_CHANGE = "clinical-change"
    DIFFERENT_QUESTION = "different-question"
    IMAGES_NOT_ACCESSIBLE = "images-not-accessible"
    REPORT_NOT_ACCESSIBLE = "report-not-accessible"
    PRIOR_QUALITY_INADEQUATE = "prior-quality-inadequate"
    FOLLOW_UP_INTERVAL_DUE = "follow-up-interval-due"
    SPECIALIST_OR_PROTOCOL_REQUEST = "specialist-or-protocol-request"
    URGENT_NO_TIME = "urgent-no-time"


NON_ADHERENCE: Mapping[OverrideReason, str] = {
    OverrideReason.CLINICAL_CHANGE: "cds-not-applicable",
    OverrideReason.DIFFERENT_QUESTION: "cds-not-applicable",
    OverrideReason.IMAGES_NOT_ACCESSIBLE: "not-convenient-feasible",
    OverrideReason.REPORT_NOT_ACCESSIBLE: "not-convenient-feasible",
    OverrideReason.PRIOR_QUALITY_INADEQUATE: "recipient-disagrees-evidence",
    OverrideReason.FOLLOW_UP_INTERVAL_DUE: "recipient-disagrees-evidence",
    OverrideReason.SPECIALIST_OR_PROTOCOL_REQUEST: "recipient-disagrees-evidence",
    OverrideReason.URGENT_NO_TIME: "cds-suboptimal-context",
}
"""The CDS Hooks 3.0 category of each reason."""


@dataclass(frozen=True, slots=True, repr=False)
class DuplicateAlert:
    """One alert as it is after one event.

    ``sequence`` counts its events from 1. ``prior_id`` is the best prior (a StudyInstanceUID, or the key of an order
    that is still to be carried out); ``other_prior_ids`` are weaker ones, for a list. ``content_key`` says the same of
    an order that has no number. ``changed_by`` is who made the last change: a caller, a message, or ``priorlink``.
    """

    alert_id: str
    sequence: int
    state: AlertState
    order_key: str
    content_key: str
    is_numbered: bool
    prior_id: str
    other_prior_ids: tuple[str, ...]
    ordering_site: SiteId
    placer_order_number: str | None
    patient_identifier: PatientIdentifier
    enterprise_id: EnterpriseId | None
    check_id: str
    check_revision: int
    tier: Tier
    relation: Relation
    rules: tuple[FiredRule, ...]
    raised_at: dt.datetime
    changed_at: dt.datetime
    changed_by: str
    override_reason: OverrideReason | None = None
    comment: str = ""
    detail: str = ""

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def lock_keys(self) -> tuple[str, ...]:
        """What everybody who changes alerts of this order locks before."""
        return lock_keys(self.order_key, self.content_key)

    def __repr__(self) -> str:
        return f"DuplicateAlert({self.alert_id}, {self.state.value})"


def order_key(order: ImagingOrder) -> str:
    """What makes two checks checks of one order: site and order number, without a number what is ordered for whom."""
    if order.placer_order_number:
        return numbered_key(order.ordering_site, order.placer_order_number)
    return content_key(order)


def lock_keys(*keys: str) -> tuple[str, ...]:
    """What everybody who changes alerts of an order with one of these keys locks before."""
    return tuple(f"order:{key}" for key in keys)


def numbered_key(site_id: str, order_number: str) -> str:
    """The key of an order that has a number."""
    return f"{site_id}|{order_number}"


def content_key(order: ImagingOrder) -> str:
    """The same for equal orders: site, patient and canonical procedure. A digest, so that it names nobody."""
    procedure = order.procedure
    parts = (
        order.ordering_site,
        str(order.patient_identifier),
        procedure.modality.value,
        ";".join(procedure.ordered_regions),
        procedure.laterality.value,
        procedure.contrast.value,
        procedure.focus or "",
        order.description.strip().casefold() if procedure.is_unknown else "",
    )
    return f"content:{uuid.uuid5(_NAMESPACE, '|'.join(parts))}"


def alert_id(key: str, prior_id: str) -> str:
    """The id of the pair: a UUID that everybody who sees the pair arrives at, so that no pair gets two alerts."""
    return str(uuid.uuid5(_NAMESPACE, f"{key}|{prior_id}"))


def new_alert(check: OrderCheck, *, at: dt.datetime, by: str) -> DuplicateAlert | None:
    """The alert a verdict asks for; ``None`` when no prior is above tier none."""
    best = check.assessment.best
    if best is None:
        return None
    key = order_key(check.order)
    others = tuple(v.prior_id for v in check.assessment.verdicts if v.tier > Tier.NONE and v.prior_id != best.prior_id)
    return DuplicateAlert(
        alert_id=alert_id(key, best.prior_id),
        sequence=1,
        state=AlertState.RAISED,
        order_key=key,
        content_key=content_key(check.order),
        is_numbered=bool(check.order.placer_order_number),
        prior_id=best.prior_id,
        other_prior_ids=others,
        ordering_site=check.order.ordering_site,
        placer_order_number=check.order.placer_order_number,
        patient_identifier=check.order.patient_identifier,
        enterprise_id=check.enterprise_id,
        check_id=check.check_id,
        check_revision=check.revision,
        tier=best.tier,
        relation=best.relation,
        rules=best.rules,
        raised_at=at,
        changed_at=at,
        changed_by=by,
    )


def judged_again(kept: DuplicateAlert, new: DuplicateAlert) -> DuplicateAlert | None:
    """The kept alert after the same pair was judged a repeat again; ``None`` when that changes nothing.

    A higher tier makes a shown alert a raised one: what was shown was less. An order that got its number meanwhile
    changes the alert, too: who cancels the order names it by the number.
    """
    if kept.state in ANSWERED_STATES:
        return None
    if kept.is_open:
        same = (kept.tier, kept.rules, kept.other_prior_ids, kept.enterprise_id, kept.order_key) == (
            new.tier,
            new.rules,
            new.other_prior_ids,
            new.enterprise_id,
            new.order_key,
        )
        if same:
            return None
        state = AlertState.RAISED if new.tier > kept.tier else kept.state
        return replace(new, sequence=kept.sequence + 1, state=state, raised_at=kept.raised_at)
    return replace(new, sequence=kept.sequence + 1)


def shown(kept: DuplicateAlert, *, at: dt.datetime, by: str) -> DuplicateAlert | None:
    """The alert after somebody saw it; ``None`` when it was seen before or is closed."""
    if kept.state is not AlertState.RAISED:
        return None
    return _changed(kept, AlertState.SHOWN, at=at, by=by)


def accepted(kept: DuplicateAlert, *, at: dt.datetime, by: str, comment: str = "") -> DuplicateAlert | None:
    """The alert after the order was given up for it; ``None`` when that was said before.

    Raises:
        AlertClosed: it was overridden, superseded, or expired.
    """
    if kept.state is AlertState.ACCEPTED:
        return None
    _require_open(kept)
    return replace(_changed(kept, AlertState.ACCEPTED, at=at, by=by), comment=comment)


def overridden(
    kept: DuplicateAlert, reason: OverrideReason | None, *, at: dt.datetime, by: str, comment: str = ""
) -> DuplicateAlert | None:
    """The alert after somebody let the order stand; ``None`` when the same was said before.

    Raises:
        AlertClosed: it was accepted, superseded or expired, or overridden for another reason.
    """
    if kept.state is AlertState.OVERRIDDEN and reason in (None, kept.override_reason):
        return None
    _require_open(kept)
    return replace(_changed(kept, AlertState.OVERRIDDEN, at=at, by=by), override_reason=reason, comment=comment)


def closed(kept: DuplicateAlert, state: AlertState, *, at: dt.datetime, by: str, detail: str) -> DuplicateAlert | None:
    """The alert after what it was about fell away; ``None`` when it is not open."""
    return replace(_changed(kept, state, at=at, by=by), detail=detail) if kept.is_open else None


def is_overdue(kept: DuplicateAlert, now: dt.datetime) -> bool:
    """Whether an open alert went unanswered for too long."""
    return kept.is_open and now - kept.changed_at >= ALERT_LIFETIME


def about_order(order: ImagingOrder, alerts: Iterable[DuplicateAlert]) -> tuple[DuplicateAlert, ...]:
    """The alerts of this very order.

    An order that was checked before it had a number is the same order once it has one; two numbers are two orders.
    """
    key, content, is_numbered = order_key(order), content_key(order), bool(order.placer_order_number)
    return tuple(
        alert
        for alert in alerts
        if alert.order_key == key or (alert.content_key == content and not (alert.is_numbered and is_numbered))
    )


def overridden_priors(order: ImagingOrder, alerts: Iterable[DuplicateAlert]) -> frozenset[str]:
    """Priors that this order was let stand against before."""
    return frozenset(a.prior_id for a in about_order(order, alerts) if a.state is AlertState.OVERRIDDEN)


def adopted(new: DuplicateAlert, kept: DuplicateAlert) -> DuplicateAlert:
    """The new alert under the id of the one that is kept for the same order and prior.

    The order's number, once known, stays known.
    """
    if new.is_numbered or not kept.is_numbered:
        return replace(new, alert_id=kept.alert_id)
    return replace(
        new,
        alert_id=kept.alert_id,
        order_key=kept.order_key,
        is_numbered=True,
        placer_order_number=kept.placer_order_number,
    )


def _changed(kept: DuplicateAlert, state: AlertState, *, at: dt.datetime, by: str) -> DuplicateAlert:
    return replace(kept, sequence=kept.sequence + 1, state=state, changed_at=at, changed_by=by, detail="")


def _require_open(kept: DuplicateAlert) -> None:
    if not kept.is_open:
        raise AlertClosed(f"the alert is {kept.state.value}")
