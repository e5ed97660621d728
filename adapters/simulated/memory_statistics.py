"""In-memory counts of alerts by what became of them."""

from __future__ import annotations

import datetime as dt
from collections import Counter

from adapters.simulated.memory_state import MemoryTransaction
from federation.imaging.alerts import ANSWERED_STATES, DuplicateAlert
from federation.usefulness.outcomes import OutcomeCount, RuleCount


class MemoryAlertStatistics:
    """``federation.ports.AlertStatistics`` in memory."""

    def __init__(self, transaction: MemoryTransaction) -> None:
        self._transaction = transaction

    def outcomes(self, since: dt.datetime, until: dt.datetime) -> tuple[OutcomeCount, ...]:
        counted = Counter(
            (now.tier, now.state, now.ordering_site, first.changed_by, now.override_reason)
            for first, now in self._raised(since, until)
        )
        return tuple(OutcomeCount(*key, count) for key, count in counted.items())

    def rule_outcomes(self, since: dt.datetime, until: dt.datetime) -> tuple[RuleCount, ...]:
        counted = Counter(
            (code, now.state) for _, now in self._raised(since, until) for code in {rule.code for rule in now.rules}
        )
        return tuple(RuleCount(code, state, count) for (code, state), count in counted.items())

    def answered(self, since: dt.datetime, until: dt.datetime) -> tuple[DuplicateAlert, ...]:
        return tuple(now for _, now in self._raised(since, until) if now.state in ANSWERED_STATES)

    def _raised(self, since: dt.datetime, until: dt.datetime) -> list[tuple[DuplicateAlert, DuplicateAlert]]:
        """The first and the newest event of each alert of the period."""
        alerts = self._transaction.state.alerts
        both = ((alerts[alert_id][0], alerts[alert_id][-1]) for alert_id in sorted(alerts))
        return [(first, now) for first, now in both if since <= first.changed_at < until]
