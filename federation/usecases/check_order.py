"""Does this order repeat a scan that was already done, anywhere?

    order -> identity -> search_priors -> facts -> duplicate rules -> assessment -> kept, with its alert

The service advises; it never blocks an order. An identity under review neither raises nor silences an alert.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from federation.imaging.alerts import DuplicateAlert, content_key, order_key, overridden_priors
from federation.imaging.assessment import DuplicateAssessment, FiredRule, OrderFacts
from federation.imaging.duplicate_rules import assess
from federation.imaging.order_checks import OrderCheck
from federation.imaging.orders import ImagingOrder
from federation.imaging.placed_orders import PlacedOrder, is_carried_out, pending_study
from federation.imaging.prior_facts import facts_of_prior
from federation.imaging.rule_set import RuleSet
from federation.imaging.timeline import in_timeline_order
from federation.ports import UnitOfWork
from federation.sites.consent import ANYBODY, PersonView, Veil, Viewer
from federation.sites.directory import SiteDirectory
from federation.usecases.keep_verdict import keep_verdict
from federation.usecases.search_priors import Deadline, PriorHistory, ProcedureOf, search_priors
from federation.usecases.see_person import all_numbers, look_at_person
from mpi.identity.review import ReviewItem
from mpi.ports import Clock, NewId
from mpi.units import carry_out
from mpi.usecases.raise_urgency import raise_urgency
from mpi.usecases.resolve_identity import ResolvedIdentity

CONTEXT_RULE = "CONTEXT"
"""Code of the lines that say which clinical context was counted, and why."""

GIVEN = "given with the order"


@dataclass(frozen=True, slots=True)
class CheckedOrder:
    """The kept check with what it was judged on.

    ``alert`` is the order's alert as it is now, ``None`` without one.
    """

    check: OrderCheck
    identity: ResolvedIdentity
    history: PriorHistory
    alert: DuplicateAlert | None = None


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
    is_shown: bool = True,
    viewer: Viewer = ANYBODY,
) -> CheckedOrder:
    """Judge the order and keep the verdict as revision 1 of a new check.

    ``is_shown``: the answer goes to a person at once.

    Raises:
        UnknownSite: the ordering site is not registered.
        UnknownIdentifier: nobody is behind the order's patient identifier.
    """
    directory.site(order.ordering_site)
    judged = await judge_order(
        order, read=read, directory=directory, procedure_of=procedure_of, rules=rules,
        deadline_seconds=deadline_seconds, clock=clock, viewer=viewer,
    )  # fmt: skip
    check = OrderCheck(
        check_id=new_id(),
        revision=1,
        order=order,
        enterprise_id=judged.identity.enterprise_id,
        assessment=judged.assessment,
        coverage=judged.history.coverage,
        identity_under_review=judged.identity.is_under_review,
        checked_at=judged.seen_at,
        checked_by=checked_by,
    )
    alert = await asyncio.to_thread(_keep, check, judged.identity.open_items, units, clock, is_shown)
    return CheckedOrder(check, judged.identity, judged.history, alert)


@dataclass(frozen=True, slots=True)
class JudgedOrder:
    """A verdict that is not kept yet. ``seen_at``: what was denied later may stand in it."""

    identity: ResolvedIdentity
    history: PriorHistory
    assessment: DuplicateAssessment
    seen_at: dt.datetime


async def judge_order(
    order: ImagingOrder,
    *,
    read: Callable[[], UnitOfWork],
    directory: SiteDirectory,
    procedure_of: ProcedureOf,
    rules: RuleSet,
    deadline_seconds: float,
    clock: Clock,
    viewer: Viewer = ANYBODY,
) -> JudgedOrder:
    """The one evaluator behind every door: identity, priors, rules. Keeps nothing.

    It is judged for the ordering site, whoever asks: no broken glass reaches into a verdict that others may read.
    """
    deadline, seen_at = Deadline(deadline_seconds), clock()
    known = await look_at_person(
        order.patient_identifier, lambda seen, uow: _what_is_known(order, seen, uow),
        read=read, directory=directory, viewer=viewer.at(order.ordering_site), clock=clock,
    )  # fmt: skip
    history = await search_priors(
        known.seen.identity,
        veil=known.seen.veil,
        directory=directory,
        procedure_of=procedure_of,
        deadline_seconds=deadline.seconds_to_ask,
        clock=clock,
    )
    history = _with_pending_orders(history, known.pending, order, rules, known.seen.veil)
    facts = OrderFacts(
        procedure=order.procedure,
        site_id=order.ordering_site,
        requested_at=order.requested_at,
        flags=order.flags,
        overridden_priors=order.overridden_priors | known.overridden,
    )
    priors = [
        facts_of_prior(study, ordering_site=order.ordering_site, match_is_certain=True) for study in history.studies
    ]
    assessment = replace(assess(facts, priors, rules), context=_context(order))
    return JudgedOrder(known.seen.identity, history, assessment, seen_at)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the index knows of an order before a site is asked."""

    seen: PersonView
    pending: tuple[PlacedOrder, ...]
    overridden: frozenset[str]


def _what_is_known(order: ImagingOrder, seen: PersonView, uow: UnitOfWork) -> _Known:
    alike = uow.alerts.alike(order_key(order), content_key(order))
    pending = tuple(uow.placed_orders.open_of(all_numbers(seen.identity)))
    return _Known(seen, pending, overridden_priors(order, alike))


def _with_pending_orders(
    history: PriorHistory, pending: tuple[PlacedOrder, ...], order: ImagingOrder, rules: RuleSet, veil: Veil
) -> PriorHistory:
    """Orders placed at other sites and not carried out yet: two equal orders at once must not miss each other."""
    within = dt.timedelta(days=rules.limits.pending_days)
    counted = [
        pending_study(placed)
        for placed in pending
        if placed.order.ordering_site != order.ordering_site
        and abs(order.requested_at - placed.order.requested_at) <= within
        and not veil.hides_order(placed.order.ordering_site, placed.order.code or "", placed.order.description)
        and not is_carried_out(placed, history.studies)
    ]
    return replace(history, studies=in_timeline_order((*history.studies, *counted))) if counted else history


def _context(order: ImagingOrder) -> tuple[FiredRule, ...]:
    """Why the order's flags are set, for the explanation."""
    explained = {evidence.flag for evidence in order.context}
    given = ((flag, GIVEN) for flag in sorted(order.flags - explained, key=lambda flag: flag.value))
    said = [(evidence.flag, evidence.said) for evidence in order.context]
    return tuple(FiredRule(CONTEXT_RULE, f"{flag.value}: {why}") for flag, why in (*said, *given))


def _keep(
    check: OrderCheck,
    questions: Collection[ReviewItem],
    units: Callable[[], UnitOfWork],
    clock: Clock,
    is_shown: bool,
) -> DuplicateAlert | None:
    def keep(uow: UnitOfWork) -> DuplicateAlert | None:
        alert = keep_verdict(check, uow=uow, clock=clock, by=check.checked_by, is_shown=is_shown, ask_again=True)
        raise_urgency(questions, uow=uow, clock=clock)
        uow.commit()
        return alert

    return carry_out(units, keep)
