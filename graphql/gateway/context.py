"""What one GraphQL request carries: who asks, with which id, and the parts of the hub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from strawberry.types import Info

from federation.sites.consent import Viewer
from gateway.authentication import Caller
from gateway.metrics import HubMetrics
from gateway.permissions import KEEPERS_OF_IDENTITIES, OPENED_BY_GLASS, SEEN_BY_STAFF, Role, decide_access
from gateway.resources import HubResources
from gateway.stream_tools import StreamTools
from mpi.audit import AuditEvent, AuditOutcome


@dataclass(frozen=True, slots=True)
class HubContext:
    """Context of one request.

    ``longest_history``: studies that a page of a history may hold, where that is more than callers from outside get.
    """

    resources: HubResources
    metrics: HubMetrics
    caller: Caller
    correlation_id: str
    longest_history: int | None = field(default=None, kw_only=True)

    def viewer(self, operation: str) -> Viewer:
        """For whom persons are looked up in this operation (``federation.sites.consent``)."""
        claims = self.caller.claims
        return Viewer(
            sites=claims.sites or frozenset(),
            related_to=claims.sites,
            only_patient=decide_access(operation, claims).only_patient,
            sees_hidden=operation in SEEN_BY_STAFF and not claims.roles.isdisjoint(KEEPERS_OF_IDENTITIES),
            caller=self.caller.subject if operation in OPENED_BY_GLASS else None,
        )

    def audit_event(
        self, operation: str, outcome: AuditOutcome, *, role: Role | None, subject: str | None = None, detail: str = ""
    ) -> AuditEvent:
        """The entry for one operation of this request."""
        return AuditEvent(
            at=self.resources.clock(),
            actor=self.caller.subject,
            role="" if role is None else role.value,
            action=operation,
            outcome=outcome,
            subject=subject,
            purpose_of_use=self.caller.purpose_of_use,
            correlation_id=self.correlation_id,
            detail=detail,
        )


@dataclass(frozen=True, slots=True)
class StreamContext(HubContext):
    """Context of a request at the door that also takes subscriptions.

    ``authorization`` is what the caller showed: it is looked at again while a subscription is open.
    """

    streams: StreamTools
    authorization: str | None = field(repr=False)


async def keep_audit(events: Sequence[AuditEvent], resources: HubResources) -> None:
    """Write the entries, in a transaction of those who ask at once. Whoever cannot write them must not answer."""
    await resources.audit_desk.keep(events)


HubInfo: TypeAlias = Info[HubContext, None]
StreamInfo: TypeAlias = Info[StreamContext, None]
