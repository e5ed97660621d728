"""Keep an order as its site placed, changed or closed it, and set off its check or its end. Whichever door it came by.

The check itself runs in the background (outbox), never while the sender waits.
"""

from __future__ import annotations

from dataclasses import dataclass

from federation.errors import OrderOfAnotherPatient
from federation.imaging.alerts import ORDER_CANCELLED, ORDER_FINAL, AlertState
from federation.imaging.placed_orders import OrderStatus, PlacedOrder, after_message
from federation.ports import UnitOfWork
from federation.usecases.check_placed_order import ORDER_RECEIVED
from federation.usecases.close_alerts import close_alerts
from mpi.ports import Clock
from mpi.usecases.follow_identifier import follow_identifier


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """``sent`` is what the site says of the order; ``replaces``: it speaks for the content, not for the status alone.

    ``is_result``: a report on an order that nobody told us of is no order. ``source`` names the door and the sender.
    """

    sent: PlacedOrder
    replaces: bool
    source: str
    is_result: bool = False


@dataclass(frozen=True, slots=True)
class OrderPlaced:
    """The order before and after; ``before`` is ``None`` for a new one, ``after`` for one that is not kept."""

    before: PlacedOrder | None
    after: PlacedOrder | None


def place_order(command: PlaceOrder, *, uow: UnitOfWork, clock: Clock) -> OrderPlaced:
    """Keep it. What changes nothing sets nothing off.

    Raises:
        OrderOfAnotherPatient: the number belongs to an order for another patient.
    """
    sent = command.sent
    site = sent.order.ordering_site
    uow.lock([f"placed:{site}|{sent.placer_order_number or sent.filler_order_number}"])
    kept = uow.placed_orders.by_number(
        site, placer_order_number=sent.placer_order_number, filler_order_number=sent.filler_order_number
    )
    if kept is not None and not _is_same_patient(kept, sent, uow):
        raise OrderOfAnotherPatient("order number belongs to another patient's order")
    if kept is None and command.is_result and sent.status is OrderStatus.NEW:
        return OrderPlaced(None, None)
    after = after_message(kept, sent, replaces=command.replaces)
    if after is kept:
        return OrderPlaced(kept, kept)
    uow.placed_orders.save(after)
    if after.status is not OrderStatus.NEW:
        is_final = after.status is OrderStatus.FINAL
        close_alerts(
            after.order_key,
            AlertState.EXPIRED if is_final else AlertState.SUPERSEDED,
            detail=ORDER_FINAL if is_final else ORDER_CANCELLED,
            by=command.source,
            uow=uow,
            clock=clock,
        )
    elif kept is None or after.order != kept.order:
        uow.outbox.add(ORDER_RECEIVED, {"order_key": after.order_key}, at=sent.changed_at)
    return OrderPlaced(kept, after)


def _is_same_patient(kept: PlacedOrder, sent: PlacedOrder, uow: UnitOfWork) -> bool:
    before, now = kept.order.patient_identifier, sent.order.patient_identifier
    known, named = (follow_identifier(i, uow=uow) for i in (before, now))
    if known is None or named is None or known.enterprise_id is None:
        return before == now
    return known.enterprise_id == named.enterprise_id
