"""An imaging order as a site placed it, and what a later message makes of it. Pure.

``ImagingOrder`` is what is judged; a ``PlacedOrder`` is one that exists at a site, with its number and its status.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from enum import Enum

from federation.imaging.orders import ImagingOrder
from federation.imaging.studies import PriorStudy, ReportStatus, StudyLocation, StudyStart, StudyStatus

_ORDER_PREFIX = "order:"


class OrderStatus(Enum):
    """``new``: to be carried out. A cancelled or final order is never opened again."""

    NEW = "new"
    CANCELLED = "cancelled"
    FINAL = "final"


@dataclass(frozen=True, slots=True, repr=False)
class PlacedOrder:
    """One order. ``order_key`` is that of its alerts; ``version`` counts its changes from 1.

    ``local_code`` is the site's own code beside (or instead of) a standard one. ``changed_at`` is when the site says
    that it last changed. ``context_is_known``: the message told care setting or priority.
    """

    order_key: str
    status: OrderStatus
    order: ImagingOrder
    changed_at: dt.datetime
    placer_order_number: str | None = None
    filler_order_number: str | None = None
    local_code: str | None = None
    context_is_known: bool = True
    version: int = 1

    def __repr__(self) -> str:
        return f"PlacedOrder(site={self.order.ordering_site}, {self.status.value})"


def after_message(kept: PlacedOrder | None, sent: PlacedOrder, *, replaces: bool) -> PlacedOrder:
    """The order after a message about it; the kept one itself when the message changes nothing.

    ``replaces``: the message speaks for the content (a new order or a change), not for the status alone. An older
    message that comes late changes no content.
    """
    if kept is None:
        return sent
    status = kept.status if kept.status is not OrderStatus.NEW else sent.status
    takes_content = replaces and kept.status is OrderStatus.NEW and sent.changed_at >= kept.changed_at
    order = replace(sent.order, requested_at=kept.order.requested_at) if takes_content else kept.order
    order = replace(order, placer_order_number=kept.order.placer_order_number)
    merged = replace(
        kept,
        status=status,
        order=order,
        local_code=sent.local_code if takes_content else kept.local_code,
        context_is_known=sent.context_is_known if takes_content else kept.context_is_known,
        placer_order_number=kept.placer_order_number or sent.placer_order_number,
        filler_order_number=kept.filler_order_number or sent.filler_order_number,
    )
    if merged == kept:
        return kept
    return replace(merged, changed_at=max(kept.changed_at, sent.changed_at), version=kept.version + 1)


def pending_study(placed: PlacedOrder) -> PriorStudy:
    """An order that is still to be carried out, as the rules see a scheduled exam. It has no images or report."""
    requested_at = placed.order.requested_at
    return PriorStudy(
        study_instance_uid=f"{_ORDER_PREFIX}{placed.order_key}",
        started=StudyStart(requested_at.date(), requested_at),
        modalities=(placed.order.procedure.modality.value,),
        procedure=placed.order.procedure,
        description=placed.order.description or None,
        descriptions=(placed.order.description,) if placed.order.description else (),
        status=StudyStatus.SCHEDULED,
        report_status=ReportStatus.NONE,
        locations=(
            StudyLocation(
                site_id=placed.order.ordering_site,
                patient_identifier=placed.order.patient_identifier,
                accession_number=placed.filler_order_number,
                description=placed.order.description or None,
                images_available=False,
                report_status=ReportStatus.NONE,
            ),
        ),
    )


def pending_order_key(prior_id: str) -> str | None:
    """The key of the order that a prior is, ``None`` for a study."""
    return prior_id.removeprefix(_ORDER_PREFIX) if prior_id.startswith(_ORDER_PREFIX) else None


def is_carried_out(placed: PlacedOrder, studies: tuple[PriorStudy, ...]) -> bool:
    """Whether a study of the ordering site bears one of the order's numbers: then the study speaks for itself."""
    numbers = {placed.placer_order_number, placed.filler_order_number} - {None}
    return any(
        location.site_id == placed.order.ordering_site and location.accession_number in numbers
        for study in studies
        for location in study.locations
    )
