"""What an order or result message does to the orders it names: each is kept, its check or its end is set off.

The check itself runs in the background (outbox), never while the sender waits.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Protocol

from adapters.hl7v2.errors import ErrorCode, FieldError
from adapters.hl7v2.orders_mapping import SentOrder, SentProcedure
from federation.imaging.alerts import ORDER_CANCELLED, ORDER_FINAL, AlertState, numbered_key
from federation.imaging.clinical_context import read_context
from federation.imaging.orders import ImagingOrder
from federation.imaging.placed_orders import OrderStatus, PlacedOrder, after_message
from federation.imaging.procedure_normalizer import normalize_procedure
from federation.imaging.procedures import Procedure
from federation.ports import UnitOfWork
from federation.sites.site import SiteId
from federation.usecases.check_placed_order import ORDER_RECEIVED
from federation.usecases.close_alerts import close_alerts
from mpi.identity.identifiers import PatientIdentifier
from mpi.ports import Clock
from mpi.usecases.follow_identifier import follow_identifier

_CODE_MAP = "code_map"


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


def without_code_maps(
    *,
    site_id: str,
    description: str,
    modality: str | None = None,
    body_part: str | None = None,
    code: str | None = None,
    code_system: str | None = None,
) -> Procedure:
    """``NormalizeOrder`` of a hub whose sites have no code maps."""
    return normalize_procedure(
        description, dicom_modality=modality, body_part_examined=body_part, code=code, code_system=code_system
    )


@dataclass(frozen=True, slots=True)
class OrderSender:
    """The message around its orders: whose they are, from where, when, and the care setting if it was said."""

    site_id: str
    patient: PatientIdentifier
    event_at: dt.datetime
    patient_class: str
    source: str


def take_order(
    sent: SentOrder, sender: OrderSender, *, uow: UnitOfWork, clock: Clock, normalize: NormalizeOrder, is_result: bool
) -> None:
    """Keep what the message says of one order. A message that changes nothing sets nothing off.

    Raises:
        FieldError: the number belongs to an order for another patient.
    """
    number = sent.placer_order_number or sent.filler_order_number
    uow.lock([f"placed:{sender.site_id}|{number}"])
    kept = uow.placed_orders.by_number(
        sender.site_id,
        placer_order_number=sent.placer_order_number or None,
        filler_order_number=sent.filler_order_number or None,
    )
    if kept is not None and not _is_same_patient(kept, sender, uow):
        raise FieldError(sent.location, ErrorCode.DUPLICATE_KEY, "order number belongs to another patient's order")
    if kept is None and is_result and sent.status is OrderStatus.NEW:
        return
    after = after_message(kept, _placed(sent, sender, number, normalize), replaces=sent.replaces)
    if after is kept:
        return
    uow.placed_orders.save(after)
    if after.status is not OrderStatus.NEW:
        is_final = after.status is OrderStatus.FINAL
        close_alerts(
            after.order_key,
            AlertState.EXPIRED if is_final else AlertState.SUPERSEDED,
            detail=ORDER_FINAL if is_final else ORDER_CANCELLED,
            by=sender.source,
            uow=uow,
            clock=clock,
        )
    elif kept is None or after.order != kept.order:
        uow.outbox.add(ORDER_RECEIVED, {"order_key": after.order_key}, at=sender.event_at)


def _is_same_patient(kept: PlacedOrder, sender: OrderSender, uow: UnitOfWork) -> bool:
    known, named = (follow_identifier(i, uow=uow) for i in (kept.order.patient_identifier, sender.patient))
    if known is None or named is None or known.enterprise_id is None:
        return kept.order.patient_identifier == sender.patient
    return known.enterprise_id == named.enterprise_id


def _placed(sent: SentOrder, sender: OrderSender, number: str, normalize: NormalizeOrder) -> PlacedOrder:
    evidence = read_context(sent.reasons, priority=sent.priority, setting=sender.patient_class)
    procedure = sent.procedure
    order = ImagingOrder(
        patient_identifier=sender.patient,
        ordering_site=SiteId(sender.site_id),
        requested_at=sender.event_at,
        procedure=_canonical(procedure, sent.modality, sender.site_id, normalize),
        description=procedure.description,
        code=procedure.code or None,
        code_system=procedure.system or None,
        placer_order_number=number,
        flags=frozenset(one.flag for one in evidence),
        context=evidence,
    )
    return PlacedOrder(
        order_key=numbered_key(sender.site_id, number),
        status=sent.status,
        order=order,
        changed_at=sender.event_at,
        placer_order_number=sent.placer_order_number or None,
        filler_order_number=sent.filler_order_number or None,
        local_code=procedure.local_code or None,
        context_is_known=bool(sent.priority or sender.patient_class),
    )


def _canonical(procedure: SentProcedure, modality: str, site_id: str, normalize: NormalizeOrder) -> Procedure:
    """The site's code map knows its own codes best; else the standard code and the words."""
    codes = [(procedure.local_code, procedure.local_system), (procedure.code, procedure.system)]
    found = [
        normalize(
            site_id=site_id,
            description=procedure.description,
            modality=modality or None,
            code=code or None,
            code_system=system or None,
        )
        for code, system in codes
    ]
    mapped = (p for p in found if any(evidence.source == _CODE_MAP for evidence in p.evidence))
    return next(mapped, found[-1])
