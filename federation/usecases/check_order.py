"""Does this order repeat a scan that was already done, anywhere?

    order -> identity -> search_priors -> facts -> duplicate rules -> assessment + ranked priors -> kept

The service advises; it never blocks an order. An identity under review neither raises nor silences an alert.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from federation.imaging.assessment import DuplicateAssessment, OrderFacts
from federation.imaging.duplicate_rules import assess
from federation.imaging.order_checks import OrderCheck
from federation.imaging.orders import ImagingOrder
from federation.imaging.prior_facts import facts_of_prior
from federation.imaging.relevance import Relevance, rank_priors
from federation.imaging.rule_set import RuleSet
from federation.ports import UnitOfWork
from federation.sites.directory import SiteDirectory
from federation.usecases.imaging_history import resolve_patient
from federation.usecases.search_priors import Deadline, PriorHistory, ProcedureOf, search_priors
from mpi.ports import Clock, NewId
from mpi.usecases.resolve_identity import ResolvedIdentity


@dataclass(frozen=True, slots=True)
class CheckedOrder:
    """The kept check with what it was judged on. ``relevance`` is aligned with ``history.studies``."""

    check: OrderCheck
    identity: ResolvedIdentity
    history: PriorHistory
    relevance: tuple[Relevance, ...]


async def check_order(
    order: ImagingOrder,
    *,
    checked_by: str,
    units: Callable[[], UnitOfWork],
    read: Callable[[], UnitOfWork],
    directory: SiteDirectory,
    procedure_of: ProcedureOf,
    rules: RuleSet,
    deadline_seconds: float,
    clock: Clock,
    new_id: NewId,
) -> CheckedOrder:
    """Judge the order and keep the verdict as revision 1 of a new check.

    Raises:
        UnknownSite: the ordering site is not registered.
        UnknownIdentifier: nobody is behind the order's patient identifier.
    """
    directory.site(order.ordering_site)
    judged = await judge_order(
        order, read=read, directory=directory, procedure_of=procedure_of, rules=rules,
        deadline_seconds=deadline_seconds, clock=clock,
    )  # fmt: skip
    check = OrderCheck(
        check_id=new_id(),
        revision=1,
        order=order,
        enterprise_id=judged.identity.enterprise_id,
        assessment=judged.assessment,
        coverage=judged.history.coverage,
        identity_under_review=judged.identity.is_under_review,
        checked_at=clock(),
        checked_by=checked_by,
    )
    await asyncio.to_thread(_keep, check, units)
    return CheckedOrder(check, judged.identity, judged.history, judged.relevance)


@dataclass(frozen=True, slots=True)
class JudgedOrder:
    """A verdict that is not kept yet."""

    identity: ResolvedIdentity
    history: PriorHistory
    assessment: DuplicateAssessment
    relevance: tuple[Relevance, ...]


async def judge_order(
    order: ImagingOrder,
    *,
    read: Callable[[], UnitOfWork],
    directory: SiteDirectory,
    procedure_of: ProcedureOf,
    rules: RuleSet,
    deadline_seconds: float,
    clock: Clock,
) -> JudgedOrder:
    """The one evaluator behind every door: identity, priors, rules. Keeps nothing."""
    deadline = Deadline(deadline_seconds)
    identity = await asyncio.to_thread(resolve_patient, order.patient_identifier, read)
    history = await search_priors(
        identity,
        directory=directory,
        procedure_of=procedure_of,
        deadline_seconds=deadline.seconds_to_ask,
        clock=clock,
    )
    facts = OrderFacts(
        procedure=order.procedure,
        site_id=order.ordering_site,
        requested_at=order.requested_at,
        flags=order.flags,
        overridden_priors=order.overridden_priors,
    )
    priors = [
        facts_of_prior(study, ordering_site=order.ordering_site, match_is_certain=True) for study in history.studies
    ]
    relevance = rank_priors(order.procedure, order.requested_at, history.studies, rules)
    return JudgedOrder(identity, history, assess(facts, priors, rules), relevance)


def _keep(check: OrderCheck, units: Callable[[], UnitOfWork]) -> None:
    with units() as uow:
        uow.order_checks.append(check)
        uow.commit()
