"""Answers one question: ask the archive, apply the site's policy, keep the audit, and only then answer."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from adapters.edge.tokens import Machine
from edge.audit_file import AuditEntry, AuditFile
from edge.errors import PolicyUnavailable
from edge.policy import SharedAnswer, SharingPolicy, apply_policy, check_own
from federation.errors import QueryRefused, SourceError
from federation.ports import PriorSource, SiteAnswer, SiteProbe
from federation.sites.site import Site
from mpi.identity.identifiers import PatientIdentifier

LONGEST_DEADLINE_MS = 30_000


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything a question needs. ``policy`` gives the policy as it stands at the moment of the question."""

    site: Site
    source: PriorSource
    policy: Callable[[], SharingPolicy]
    audit: AuditFile
    clock: Callable[[], dt.datetime]

    async def prior_studies(self, caller: Machine, identifier: PatientIdentifier, deadline_ms: int) -> SiteAnswer:
        """What the site shares about one of its own numbers.

        A patient whose studies are all withheld is asked for like any other: answer and time are those of a stranger.

        Raises:
            SourceError: of the archive, or ``QueryRefused`` for a number that is not the site's.
            PolicyUnavailable: a list of the policy cannot be read.
        """
        try:
            check_own(identifier, self.site.assigning_authority)
            policy = self.policy()
            seconds = min(max(deadline_ms, 1), LONGEST_DEADLINE_MS) / 1000
            found = await self.source.search_for_studies(identifier, timeout_seconds=seconds)
            shared = apply_policy(policy, found)
        except QueryRefused as error:
            await self._keep(caller, identifier, "refused", reason=error.reason)
            raise
        except SourceError as error:
            await self._keep(caller, identifier, "failed", reason=error.reason)
            raise
        except PolicyUnavailable:
            await self._keep(caller, identifier, "failed", reason="policy_unavailable")
            raise
        await self._keep(caller, identifier, "answered", shared=shared)
        return shared.answer

    async def probe(self, deadline_ms: int) -> SiteProbe:
        """Whether the archive is there. Nobody's data: not audited."""
        return await self.source.check(timeout_seconds=min(max(deadline_ms, 1), LONGEST_DEADLINE_MS) / 1000)

    async def refuse(self, reason: str) -> None:
        """Keep that somebody was not let in."""
        entry = AuditEntry(self._now(), "", "authenticate", "refused", reason=reason)
        await asyncio.to_thread(self.audit.append, entry)

    async def _keep(
        self,
        caller: Machine,
        identifier: PatientIdentifier,
        outcome: str,
        *,
        reason: str = "",
        shared: SharedAnswer | None = None,
    ) -> None:
        entry = AuditEntry(
            at=self._now(),
            caller=caller.name,
            action="priorStudies",
            outcome=outcome,
            request_id=caller.request_id,
            patient=str(identifier),
            reason=reason,
            shared_count=0 if shared is None else len(shared.answer.studies),
            withheld_count=0 if shared is None else shared.withheld_count,
        )
        await asyncio.to_thread(self.audit.append, entry)

    def _now(self) -> str:
        return self.clock().isoformat(timespec="milliseconds")
