"""Check an order that a site has placed, in the background: nobody waits, the alert is kept and told later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from federation.imaging.orders import ContextEvidence, ImagingOrder
from federation.imaging.placed_orders import OrderStatus, PlacedOrder
from federation.imaging.rule_set import RuleSet
from federation.ports import UnitOfWork
from federation.sites.directory import SiteDirectory
from federation.usecases.check_order import CheckedOrder, check_order
from federation.usecases.search_priors import ProcedureOf
from mpi.errors import UnknownIdentifier
from mpi.ports import Clock, NewId

ORDER_RECEIVED = "order_received"
CHECKED_BY = "priorlink"


async def check_placed_order(
    order_key: str,
    *,
    units: Callable[[], UnitOfWork],
    read: Callable[[], UnitOfWork],
    directory: SiteDirectory,
    procedure_of: ProcedureOf,
    rules: RuleSet,
    deadline_seconds: float,
    clock: Clock,
    new_id: NewId,
) -> CheckedOrder | None:
    """Judge the order and put its alert into the outbox; ``None`` when there is nothing to judge.

    Nothing to judge: the order is closed by now, its site has no archive of ours, or nobody is behind its patient.
    Doing it again raises no second alert and tells nobody twice.
    """
    with read() as uow:
        placed = uow.placed_orders.get(order_key)
    if placed is None or placed.status is not OrderStatus.NEW or placed.order.ordering_site not in directory.sites:
        return None
    try:
        return await check_order(
            _with_unknown_context(placed, rules),
            checked_by=CHECKED_BY,
            units=units,
            read=read,
            directory=directory,
            procedure_of=procedure_of,
            rules=rules,
            deadline_seconds=deadline_seconds,
            clock=clock,
            new_id=new_id,
            is_shown=False,
        )
    except UnknownIdentifier:
        return None


def _with_unknown_context(placed: PlacedOrder, rules: RuleSet) -> ImagingOrder:
    if placed.context_is_known or not rules.flags_of_unknown_context:
        return placed.order
    evidence = tuple(ContextEvidence(flag, "care setting not known") for flag in rules.flags_of_unknown_context)
    return replace(
        placed.order,
        flags=placed.order.flags | rules.flags_of_unknown_context,
        context=(*placed.order.context, *evidence),
    )
