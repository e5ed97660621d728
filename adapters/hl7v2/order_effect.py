"""From the orders that a message names to orders as they are kept (``federation.usecases.place_order``)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Protocol

from adapters.hl7v2.errors import ErrorCode, FieldError
from adapters.hl7v2.orders_mapping import SentOrder, SentProcedure
from federation.errors import OrderOfAnotherPatient
from federation.imaging.alerts import numbered_key
from federation.imaging.clinical_context import read_context
from federation.imaging.code_map import mapped_first
from federation.imaging.orders import ImagingOrder
from federation.imaging.placed_orders import PlacedOrder
from federation.imaging.procedure_normalizer import normalize_procedure
from federation.imaging.procedures import Procedure
from federation.ports import UnitOfWork
from federation.sites.site import SiteId
from federation.usecases.place_order import PlaceOrder, place_order
from mpi.identity.identifiers import PatientIdentifier
from mpi.ports import Clock


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
    command = PlaceOrder(
        sent=_placed(sent, sender, number, normalize),
        replaces=sent.replaces,
        source=sender.source,
        is_result=is_result,
    )
    try:
        place_order(command, uow=uow, clock=clock)
    except OrderOfAnotherPatient as error:
        raise FieldError(sent.location, ErrorCode.DUPLICATE_KEY, str(error)) from error


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
    return mapped_first(found)
