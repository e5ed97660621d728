"""Who looked at or changed what, about whom, why, and what came of it.

Source: IHE BALP (Basic Audit Log Patterns), FHIR R4 AuditEvent. Holds identifiers, never demographics.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import Enum


class AuditOutcome(Enum):
    """REFUSED: the caller may not. FAILED: allowed, but did not work."""

    SUCCESS = "success"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One look or change.

    Attributes:
        at: aware instant.
        actor: subject of the caller's token, sending system of a message, or ``command-line``.
        role: role used, empty when the caller had none.
        action: stable name of the operation (``imagingHistory``, ``checkOrder``, ``hl7:A40`` ...).
        subject: enterprise id the action was about, ``None`` when it was about nobody (or nobody known).
        purpose_of_use: why (``TREAT`` ...), as the caller declared it.
        outcome: what came of it.
        correlation_id: ties the entry to the log lines of the request.
        detail: stable code without values (``no_token``, ``role_not_allowed``, counts).
    """

    at: dt.datetime
    actor: str
    role: str
    action: str
    outcome: AuditOutcome
    subject: str | None = None
    purpose_of_use: str = ""
    correlation_id: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AuditSearch:
    """What is looked for in the log; what is not given is not looked at.

    ``actor`` and ``action`` are parts of theirs, upper and lower case alike. ``until`` is not in the period.
    """

    actor: str = ""
    action: str = ""
    outcome: AuditOutcome | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None

    def fits(self, event: AuditEvent) -> bool:
        """Whether an entry is among what is looked for."""
        return (
            self.actor.lower() in event.actor.lower()
            and self.action.lower() in event.action.lower()
            and self.outcome in (None, event.outcome)
            and (self.since is None or event.at >= self.since)
            and (self.until is None or event.at < self.until)
        )
