"""What became of cards: accepted or overridden. Said twice it counts once; ignored cards are never reported."""

from __future__ import annotations

from federation.errors import AlertClosed, UnknownAlert
from federation.imaging.alerts import OverrideReason
from federation.ports import UnitOfWork
from federation.sites.consent import Viewer
from federation.usecases.decide_alert import DecideAlert, decide_alert
from gateway.cds_hooks.client_auth import CdsClient
from gateway.cds_hooks.models import Feedback, FeedbackRequest
from gateway.observability import get_logger
from gateway.resources import HubResources
from mpi.audit import AuditEvent, AuditOutcome
from mpi.units import carry_out

_LONGEST_COMMENT = 500
_REASONS = {reason.value: reason for reason in OverrideReason}
_log = get_logger("gateway.cds_hooks")


def take_feedback(sent: FeedbackRequest, *, client: CdsClient, resources: HubResources, correlation_id: str) -> None:
    """Carry each word over to the alert that the card was about. Sync, for a thread.

    Cards that are about no alert (a list of studies), or about an order of another site, are passed over.
    """
    for one in sent.feedback:
        try:
            _take(one, client, resources, correlation_id)
        except UnknownAlert:
            _log.info("cds_feedback_on_no_alert")
        except AlertClosed:
            _log.info("cds_feedback_on_closed_alert")


def _take(one: Feedback, client: CdsClient, resources: HubResources, correlation_id: str) -> None:
    def take(uow: UnitOfWork) -> None:
        before = uow.alerts.newest(one.card)
        viewer = Viewer(sites=frozenset({client.site_id}))
        if (
            before is None
            or before.ordering_site != client.site_id
            or not resources.visible_alerts([before], viewer, uow=uow)
        ):
            raise UnknownAlert("no alert of this site")
        alert = decide_alert(_command(one, client), uow=uow, clock=resources.clock)
        if alert.sequence == before.sequence:
            return
        uow.audit.append(
            AuditEvent(
                at=resources.clock(),
                actor=client.issuer,
                role="cds-client",
                action="cds:feedback",
                outcome=AuditOutcome.SUCCESS,
                subject=alert.enterprise_id,
                purpose_of_use="TREAT",
                correlation_id=correlation_id,
                detail=one.outcome,
            )
        )
        uow.commit()

    carry_out(resources.units, take)


def _command(one: Feedback, client: CdsClient) -> DecideAlert:
    said = one.override_reason
    reason = _REASONS.get(said.reason.code) if said is not None and said.reason is not None else None
    return DecideAlert(
        alert_id=one.card,
        accept=one.outcome == "accepted",
        decided_by=client.issuer,
        reason=reason,
        comment="" if said is None else said.user_comment[:_LONGEST_COMMENT],
    )
