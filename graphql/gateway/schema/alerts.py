"""Duplicate alerts: what they say, what became of them, and what the orderer answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, TypeAlias

import strawberry

from federation.imaging import alerts as domain
from federation.imaging.alerts import AlertState, OverrideReason
from federation.imaging.assessment import Relation, Tier
from gateway.schema.persons import identifier_of
from gateway.schema.refusals import (
    CODE,
    MESSAGE,
    AlertNotFound,
    InvalidInput,
    NotAllowed,
    PatientNotFound,
    Refusal,
)
from gateway.schema.studies import PatientIdentifier


@strawberry.type(description="One change of an alert.")
class AlertEvent:
    state: AlertState = strawberry.field(description="The state after it.")
    tier: Tier = strawberry.field(description="The tier after it.")
    at: dt.datetime = strawberry.field(description="When.")
    by: str = strawberry.field(description="Who: a caller, a sending system, or priorlink.")
    detail: str = strawberry.field(description="Stable code of why, such as better_prior; empty when there is none.")

    @classmethod
    def from_domain(cls, alert: domain.DuplicateAlert) -> AlertEvent:
        """The event that made the alert what it is."""
        return cls(state=alert.state, tier=alert.tier, at=alert.changed_at, by=alert.changed_by, detail=alert.detail)


@strawberry.type(description="An order that seems to repeat a prior. There is one alert for an order and a prior.")
class Alert:
    alert_id: strawberry.ID = strawberry.field(description="Names the alert; the same at every door.")
    state: AlertState = strawberry.field(description="Where it is in its life.")
    tier: Tier = strawberry.field(description="How strongly the order should be reconsidered.")
    relation: Relation = strawberry.field(description="How the prior answers the order.")
    rules: list[str] = strawberry.field(description="Codes of the rules that fired.")
    reasons: list[str] = strawberry.field(description="The same rules in plain words, in the same order.")
    prior_id: str = strawberry.field(
        description="The best prior: its StudyInstanceUID, or order:SITE|NUMBER for an order not carried out yet."
    )
    other_prior_ids: list[str] = strawberry.field(description="Weaker priors, strongest first.")
    ordering_site: strawberry.ID = strawberry.field(description="Id of the site at which it is ordered.")
    placer_order_number: str | None = strawberry.field(description="The orderer's number, once it is known.")
    patient: PatientIdentifier = strawberry.field(description="Whom the order is for.")
    enterprise_id: strawberry.ID | None = strawberry.field(description="The person.")
    check_id: strawberry.ID = strawberry.field(description="The check that raised or revised it last.")
    raised_at: dt.datetime = strawberry.field(description="When it was raised.")
    changed_at: dt.datetime = strawberry.field(description="When it last changed.")
    changed_by: str = strawberry.field(description="Who changed it last.")
    override_reason: OverrideReason | None = strawberry.field(description="Why the order stands all the same.")
    comment: str = strawberry.field(description="What the orderer added.")
    history: list[AlertEvent] = strawberry.field(description="Every change, oldest first.")

    @classmethod
    def from_domain(cls, events: Sequence[domain.DuplicateAlert]) -> Alert:
        """The alert from its events, oldest first."""
        alert = events[-1]
        return cls(
            alert_id=strawberry.ID(alert.alert_id),
            state=alert.state,
            tier=alert.tier,
            relation=alert.relation,
            rules=[rule.code for rule in alert.rules],
            reasons=[rule.reason for rule in alert.rules],
            prior_id=alert.prior_id,
            other_prior_ids=list(alert.other_prior_ids),
            ordering_site=strawberry.ID(alert.ordering_site),
            placer_order_number=alert.placer_order_number,
            patient=identifier_of(alert.patient_identifier),
            enterprise_id=None if alert.enterprise_id is None else strawberry.ID(alert.enterprise_id),
            check_id=strawberry.ID(alert.check_id),
            raised_at=alert.raised_at,
            changed_at=alert.changed_at,
            changed_by=alert.changed_by,
            override_reason=alert.override_reason,
            comment=alert.comment,
            history=[AlertEvent.from_domain(event) for event in events],
        )

    def audit_subjects(self) -> tuple[str, ...]:
        """Whom it is about."""
        return () if self.enterprise_id is None else (self.enterprise_id,)


@strawberry.type(description="Alerts, last changed first.")
class AlertList:
    alerts: list[Alert] = strawberry.field(description="At most as many as were asked for.")

    def audit_subjects(self) -> tuple[str, ...]:
        """Whom they are about."""
        return tuple(dict.fromkeys(subject for alert in self.alerts for subject in alert.audit_subjects()))


@strawberry.type(description="The alert was answered.")
class AlertAnswered:
    alert: Alert = strawberry.field(description="The alert as it is now.")

    def audit_subjects(self) -> tuple[str, ...]:
        """Whom it is about."""
        return self.alert.audit_subjects()

    def is_audited(self) -> bool:
        """The entry was written in the transaction of the answer."""
        return True


@strawberry.type(description="The alert was answered otherwise before, or what it was about fell away.")
class AlertNotOpen(Refusal):
    code: str = strawberry.field(default="alert_not_open", description=CODE)
    message: str = strawberry.field(default="the alert is closed", description=MESSAGE)
    current: Alert | None = strawberry.field(default=None, description="The alert as it is now.")

    def audit_subjects(self) -> tuple[str, ...]:
        """Whom it is about."""
        return () if self.current is None else self.current.audit_subjects()


AlertsResult: TypeAlias = Annotated[
    AlertList | PatientNotFound | InvalidInput | NotAllowed,
    strawberry.union("AlertsResult", description="Alerts, or why there are none to show."),
]
AnswerAlertResult: TypeAlias = Annotated[
    AlertAnswered | AlertNotOpen | AlertNotFound | InvalidInput | NotAllowed,
    strawberry.union("AnswerAlertResult", description="The answered alert, or why nothing was changed."),
]
