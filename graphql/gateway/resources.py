"""What every door of the hub works with. Built once (``gateway.bootstrap``), read by many requests."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from federation.errors import PersonWithheld
from federation.imaging.alerts import DuplicateAlert
from federation.imaging.order_checks import OrderCheck
from federation.imaging.orders import ImagingOrder
from federation.imaging.procedures import Procedure
from federation.imaging.rule_set import RuleSet
from federation.ports import UnitOfWork
from federation.sites.consent import PersonView, Viewer
from federation.sites.directory import SiteDirectory
from federation.usecases.check_order import CheckedOrder, check_order
from federation.usecases.imaging_history import PersonHistory, imaging_history
from federation.usecases.report_usefulness import ReportTables, report_usefulness
from federation.usecases.search_priors import ProcedureOf
from federation.usecases.see_person import find_person, see_person, visible_alerts, visible_check
from federation.usefulness.outcomes import Outcomes, count_outcomes
from federation.usefulness.report import UsefulnessReport
from gateway.audit_desk import AuditDesk
from gateway.authentication import Authenticate, Caller
from gateway.rate_limits import RateLimits, no_rate_limits
from gateway.revoked_tokens import KnownCaller, nobody_known
from mpi.errors import UnknownIdentifier
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.survivorship import NEWEST_WINS, TrustOrder
from mpi.ports import Clock, NewId
from mpi.usecases.matcher import Matcher


class NormalizeOrder(Protocol):
    """Turns an order's words and codes into a canonical procedure, the site's own code map first."""

    def __call__(
        self,
        *,
        site_id: str,
        description: str,
        modality: str | None = None,
        body_part: str | None = None,
        code: str | None = None,
        code_system: str | None = None,
    ) -> Procedure: ...


def nobody_is_denied(_: Caller) -> bool:
    """Nothing was ever taken back."""
    return False


@dataclass(frozen=True, slots=True)
class HubResources:
    """Ports and pure parts behind the resolvers.

    ``units`` gives units of work that write, ``read`` ones that only read. Both are sync: they run in threads.
    """

    units: Callable[[], UnitOfWork]
    read: Callable[[], UnitOfWork]
    directory: SiteDirectory
    matcher: Matcher
    rules: RuleSet
    procedure_of: ProcedureOf
    normalize_order: NormalizeOrder
    clock: Clock
    new_id: NewId
    default_deadline_seconds: float
    authenticate: Authenticate
    is_denied: Callable[[Caller], bool] = nobody_is_denied
    known_caller: KnownCaller = nobody_known
    trust: TrustOrder = NEWEST_WINS
    longest_token_life: dt.timedelta = dt.timedelta(days=1)
    report_tables: ReportTables = field(default_factory=ReportTables)
    rates: RateLimits = field(default_factory=no_rate_limits)
    audit_desk: AuditDesk = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "audit_desk", AuditDesk(self.units))

    async def caller(self, authorization: str | None) -> Caller:
        """Who asks, by the Authorization header.

        Raises:
            NotAuthenticated: nobody who is let in.
        """
        known = self.known_caller(authorization)
        return known if known is not None else await asyncio.to_thread(self.authenticate, authorization)

    async def imaging_history(
        self, patient: PatientIdentifier | EnterpriseId, *, deadline_seconds: float, viewer: Viewer
    ) -> PersonHistory:
        """The use case of the same name, with the ports it needs."""
        return await imaging_history(
            patient,
            read=self.read,
            directory=self.directory,
            procedure_of=self.procedure_of,
            deadline_seconds=deadline_seconds,
            clock=self.clock,
            viewer=viewer,
        )

    def usefulness(self, since: dt.datetime, until: dt.datetime) -> UsefulnessReport:
        """The report of the use case of the same name. Sync, for threads."""
        with self.read() as uow:
            return report_usefulness(
                since,
                until,
                uow=uow,
                directory=self.directory,
                rules=self.rules,
                procedure_of=self.procedure_of,
                tables=self.report_tables,
                now=self.clock(),
            )

    def alert_outcomes(self, since: dt.datetime, until: dt.datetime) -> Outcomes:
        """Only what became of the alerts of a period. Sync, for threads."""
        with self.read() as uow:
            statistics = uow.alert_statistics
            counts, rules = statistics.outcomes(since, until), statistics.rule_outcomes(since, until)
        return count_outcomes(counts, rules, group_of=self.report_tables.group_of)

    async def check_order(
        self, order: ImagingOrder, *, checked_by: str, deadline_seconds: float, viewer: Viewer
    ) -> CheckedOrder:
        """The use case of the same name, with the ports it needs."""
        return await check_order(
            order,
            checked_by=checked_by,
            units=self.units,
            read=self.read,
            directory=self.directory,
            procedure_of=self.procedure_of,
            rules=self.rules,
            deadline_seconds=deadline_seconds,
            clock=self.clock,
            new_id=self.new_id,
            viewer=viewer,
        )

    def see_person(self, patient: PatientIdentifier | EnterpriseId, viewer: Viewer, *, uow: UnitOfWork) -> PersonView:
        """The use case of the same name, with the ports it needs."""
        return see_person(patient, uow=uow, directory=self.directory, viewer=viewer, clock=self.clock)

    def seen_or_none(
        self, patient: PatientIdentifier | EnterpriseId, viewer: Viewer, *, uow: UnitOfWork
    ) -> PersonView | None:
        """``see_person``, where somebody who may not be seen is simply left out."""
        try:
            return self.see_person(patient, viewer, uow=uow)
        except UnknownIdentifier:
            return None

    def views_of(self, viewer: Viewer, *, uow: UnitOfWork) -> Callable[[EnterpriseId], PersonView | None]:
        """``seen_or_none`` of persons in one unit of work, each looked up once."""
        return cache(lambda person: self.seen_or_none(person, viewer, uow=uow))

    def without_withheld(
        self, numbers: Iterable[PatientIdentifier], viewer: Viewer, *, uow: UnitOfWork
    ) -> tuple[PatientIdentifier, ...]:
        """The numbers without those that lead to somebody whom the viewer may not see by them; unknown ones stay."""
        if viewer.sees_everybody:
            return tuple(numbers)
        return tuple(number for number in numbers if not self._is_withheld(number, viewer, uow))

    def _is_withheld(self, number: PatientIdentifier, viewer: Viewer, uow: UnitOfWork) -> bool:
        try:
            self.see_person(number, viewer, uow=uow)
        except PersonWithheld:
            return True
        except UnknownIdentifier:
            return False
        return False

    async def find_person(self, patient: PatientIdentifier | EnterpriseId, viewer: Viewer) -> PersonView:
        """The use case of the same name, with the ports it needs."""
        return await find_person(patient, read=self.read, directory=self.directory, viewer=viewer, clock=self.clock)

    def visible_alerts(
        self, alerts: Iterable[DuplicateAlert], viewer: Viewer, *, uow: UnitOfWork
    ) -> list[DuplicateAlert]:
        """The use case of the same name, with the ports it needs."""
        return visible_alerts(alerts, uow=uow, directory=self.directory, viewer=viewer, clock=self.clock)

    def visible_check(self, check: OrderCheck, viewer: Viewer, *, uow: UnitOfWork) -> bool:
        """The use case of the same name, with the ports it needs."""
        return visible_check(check, uow=uow, directory=self.directory, viewer=viewer, clock=self.clock)
