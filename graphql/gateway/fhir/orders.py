"""ServiceRequests: an order is taken in, changed or cancelled, and checked in the background like one that came by HL7.

The order, its audit entry and the request to check it are one transaction, committed before the answer leaves.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from adapters.fhir.issue_resource import order_resource
from adapters.fhir.resource_fields import ResourceRefused
from adapters.fhir.service_request import OrderNumber, ServiceRequestSaid, read_service_request
from federation.errors import OrderOfAnotherPatient
from federation.imaging.alerts import numbered_key
from federation.imaging.clinical_context import read_context
from federation.imaging.code_map import mapped_first
from federation.imaging.orders import ImagingOrder
from federation.imaging.placed_orders import OrderStatus, PlacedOrder
from federation.imaging.procedures import Laterality, Procedure
from federation.ports import UnitOfWork
from federation.sites.site import SiteId
from federation.usecases.place_order import OrderPlaced, PlaceOrder, place_order
from gateway.fhir.door import FhirCall
from gateway.fhir.outcomes import FhirAnswer, FhirProblem, issue, outcome
from gateway.permissions import SITE_NOT_YOURS
from mpi.units import carry_out

_SIDED = frozenset({Laterality.LEFT, Laterality.RIGHT})
_TEXTS = {
    "order_taken": "taken; it is checked in the background",
    "order_changed": "changed; it is checked again in the background",
    "order_unchanged": "says nothing new",
    "order_cancelled": "cancelled; its alert is withdrawn",
    "order_final": "carried out; its alert has ended",
    "order_closed": "was cancelled or carried out before and is not opened again",
    "order_stale": "older than what is known: its content was not taken over",
}
_WARNINGS = frozenset({"order_closed", "order_stale"})


def feed_order(call: FhirCall) -> FhirAnswer:
    """POST and PUT of a ServiceRequest; the order's number says which order it is."""
    resources = call.context.resources
    said = read_service_request(call.body, call.systems)
    sent = _placed(said, call)
    viewer = call.context.viewer(call.operation).at(sent.order.ordering_site)

    def take(uow: UnitOfWork) -> FhirAnswer:
        person = resources.see_person(said.patient, viewer, uow=uow).identity.enterprise_id
        command = PlaceOrder(sent=sent, replaces=sent.status is OrderStatus.NEW, source=call.source)
        try:
            done = place_order(command, uow=uow, clock=resources.clock)
        except OrderOfAnotherPatient as error:
            path = said.numbers[0].path
            raise FhirProblem(409, "duplicate", "order_of_another_patient", str(error), path=path) from error
        answer = replace(_answer(done, sent, call), subjects=(str(person),), is_audited=True)
        uow.audit.append(call.audit_event(subject=person, detail=answer.detail))
        uow.commit()
        return answer

    return carry_out(resources.units, take)


def _placed(said: ServiceRequestSaid, call: FhirCall) -> PlacedOrder:
    resources = call.context.resources
    site = _site(said, call)
    placer = next((n for n in said.numbers if not n.is_fillers), None)
    filler = next((n for n in said.numbers if n.is_fillers), None)
    number = (placer or filler or said.numbers[0]).value
    now = resources.clock()
    changed_at = said.updated_at if said.updated_at is not None and said.updated_at <= now else now
    evidence = read_context(said.reasons, priority=said.priority)
    coding = next((c for c in said.codes if c.is_standard), None) or next(iter(said.codes), None)
    local = next((c for c in said.codes if not c.is_standard), None)
    return PlacedOrder(
        order_key=numbered_key(site, number),
        status=said.status,
        order=ImagingOrder(
            patient_identifier=said.patient,
            ordering_site=site,
            requested_at=said.wanted_at or changed_at,
            procedure=_procedure(said, site, call),
            description=_in_words(said),
            code=None if coding is None else coding.code,
            code_system=None if coding is None else coding.system or None,
            placer_order_number=number,
            flags=frozenset(one.flag for one in evidence),
            context=evidence,
        ),
        changed_at=changed_at,
        placer_order_number=None if placer is None else placer.value,
        filler_order_number=None if filler is None else filler.value,
        local_code=None if local is None else local.code,
        context_is_known=bool(said.priority),
    )


def _site(said: ServiceRequestSaid, call: FhirCall) -> SiteId:
    """The site that a number names; else the only one that gives its patients numbers like this one's."""
    sites = call.context.resources.directory.sites
    named = {one.site: one for one in said.numbers if one.site}
    if len(named) > 1:
        raise ResourceRefused("business-rule", said.numbers[1].path, "the numbers are of two sites")
    if named:
        ((site, number),) = named.items()
        return _registered(site, number, call)
    authority = said.patient.assigning_authority
    own = [site_id for site_id, site in sites.items() if site.assigning_authority == authority]
    if len(own) != 1:
        text = "which site placed the order is not said (system urn:priorlink:order:SITE)"
        raise ResourceRefused("required", said.numbers[0].path, text)
    return _registered(own[0], said.numbers[0], call)


def _registered(site: str, number: OrderNumber, call: FhirCall) -> SiteId:
    own = call.context.caller.sites
    if own is not None and site not in own:
        raise FhirProblem(403, "forbidden", SITE_NOT_YOURS, "an order of a site that is not yours", path=number.path)
    if site not in call.context.resources.directory.sites:
        raise ResourceRefused("value", number.path, "names a site that is not registered")
    return SiteId(site)


def _in_words(said: ServiceRequestSaid) -> str:
    is_said = not said.body_site or said.body_site.casefold() in said.description.casefold()
    return said.description if is_said else f"{said.description} {said.body_site}".strip()


def _procedure(said: ServiceRequestSaid, site: SiteId, call: FhirCall) -> Procedure:
    """The site's code map knows its own codes best; else the standard code and the words.

    Raises:
        ResourceRefused: the body site is of the other side than the code: which one is meant, nobody can tell.
    """
    normalize = call.context.resources.normalize_order
    words = _in_words(said)
    local = next((c for c in said.codes if not c.is_standard), None)
    standard = next((c for c in said.codes if c.is_standard), local)
    codes = [one for one in (local, standard) if one is not None]

    def read(description: str) -> Procedure:
        found = [
            normalize(site_id=site, description=description, code=c.code, code_system=c.system or None) for c in codes
        ]
        return mapped_first(found or [normalize(site_id=site, description=description)])

    if said.body_site:
        side = normalize(site_id=site, description=said.body_site).laterality
        without = read(said.description).laterality
        if {side, without} == _SIDED:
            raise ResourceRefused("business-rule", "bodySite", "is of the other side than code")
    return read(words)


def _effect(done: OrderPlaced, sent: PlacedOrder) -> str:
    before, after = done.before, done.after
    if after is not None and after.status is not OrderStatus.NEW and (before is None or before.status != after.status):
        return "order_cancelled" if after.status is OrderStatus.CANCELLED else "order_final"
    if before is None:
        return "order_taken"
    if before.status is not OrderStatus.NEW and sent.status is not before.status:
        return "order_closed"
    if after is not None and after.order != before.order:
        return "order_changed"
    kept = before.order
    same = replace(sent.order, requested_at=kept.requested_at, placer_order_number=kept.placer_order_number) == kept
    return "order_unchanged" if same or sent.status is not OrderStatus.NEW else "order_stale"


def _answer(done: OrderPlaced, sent: PlacedOrder, call: FhirCall) -> FhirAnswer:
    effect = _effect(done, sent)
    status = 201 if done.before is None else 200
    is_warning = effect in _WARNINGS
    body: dict[str, Any] | None = outcome(
        issue(
            "warning" if is_warning else "information",
            "business-rule" if is_warning else "informational",
            effect,
            _TEXTS[effect],
        )
    )
    if not is_warning and "return=OperationOutcome" not in call.prefer and done.after is not None:
        is_minimal = "return=minimal" in call.prefer
        body = None if is_minimal else order_resource(done.after, call.systems)
    return FhirAnswer(body, status, detail=effect)
