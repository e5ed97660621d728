"""From a hook to its cards, inside the deadline: answer with what has come, never wait longer, never block an order."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import httpx2

from federation.errors import FederationError
from federation.imaging.clinical_context import read_context
from federation.imaging.code_map import mapped_first
from federation.imaging.orders import ContextEvidence, ImagingOrder
from federation.sites.consent import Viewer
from federation.sites.site import Site
from federation.usecases.check_order import CheckedOrder
from federation.usecases.see_person import seconds_to_beat
from gateway.cds_hooks.cards import history_card, one_card_each, order_card
from gateway.cds_hooks.client_auth import CdsClient
from gateway.cds_hooks.fhir_orders import (
    OrderResource,
    encounter_class,
    identifiers_of,
    order_resources,
    resources_in,
)
from gateway.cds_hooks.models import Card, Context, HookRequest, OrderDispatchContext, OrderSignContext
from gateway.cds_hooks.patients import first_known, identifiers_named, may_ask, read_resource
from gateway.observability import get_logger
from gateway.resources import HubResources
from gateway.settings import CdsHooksSettings
from gateway.warm_sources import warm_directory
from mpi.errors import UnknownIdentifier
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier

_MOST_ORDERS = 20
_ANSWERING_SECONDS = 0.05
_REFERENCE = re.compile(r"(?:^|/)(ServiceRequest|ProcedureRequest|ReferralRequest)/([A-Za-z0-9.-]{1,64})$")
_PATIENT_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_log = get_logger("gateway.cds_hooks")


class PatientNeeded(Exception):
    """The patient's identifiers (or the dispatched orders) were not prefetched and cannot be read."""


class PatientContradicts(Exception):
    """The prefetched Patient is not the one the hook is about."""


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """The cards, and whom they are about (for the audit log)."""

    cards: tuple[Card, ...]
    enterprise_id: EnterpriseId | None = None


@dataclass(frozen=True, slots=True)
class Hooks:
    """Answers hooks. ``resources`` asks archives through warm sources."""

    resources: HubResources
    settings: CdsHooksSettings
    http: httpx2.AsyncClient

    async def answer(self, request: HookRequest, context: Context, client: CdsClient) -> HookAnswer:
        """The cards for one hook.

        Raises:
            PatientNeeded, PatientContradicts: see there.
            UnknownSite: the client's site is not registered.
        """
        ends_at = time.monotonic() + self.settings.deadline_ms / 1000
        site = self.resources.directory.site(client.site_id)
        if request.hook == "patient-view":
            return await self._history(request, context, client, site, ends_at)
        orders = await self._orders(request, context, client, ends_at)
        if not orders:
            return HookAnswer(())
        patient = await self._patient(request, context, client, site, ends_at, orders)
        if patient is None:
            return HookAnswer(())
        imaging = [self._imaging_order(order, patient, site, request) for order in orders]
        wanted = [(o, i) for o, i in zip(orders, imaging, strict=True) if not i.procedure.is_unknown]
        checked = await self._check([order for _, order in wanted], context, client, ends_at)
        drafts = isinstance(context, OrderSignContext)
        cards = [
            order_card(
                one,
                self.resources.directory,
                is_final=request.hook != "order-select",
                deletes=order.reference if drafts else None,
            )
            for (order, _), one in zip(wanted, checked, strict=True)
            if one is not None
        ]
        persons = [one.check.enterprise_id for one in checked if one is not None]
        return HookAnswer(one_card_each(cards), persons[0] if persons else None)

    async def _history(
        self, request: HookRequest, context: Context, client: CdsClient, site: Site, ends_at: float
    ) -> HookAnswer:
        patient = await self._patient(request, context, client, site, ends_at, ())
        if patient is None:
            return HookAnswer(())
        try:
            found = await self.resources.imaging_history(
                patient, deadline_seconds=_left(ends_at), viewer=_viewer(client)
            )
        except UnknownIdentifier:
            return HookAnswer(())
        now = self.resources.clock()
        card = history_card(found, self.resources.directory, own_site=site.site_id, now=now)
        return HookAnswer(() if card is None else (card,), found.identity.enterprise_id)

    async def _orders(
        self, request: HookRequest, context: Context, client: CdsClient, ends_at: float
    ) -> tuple[OrderResource, ...]:
        if isinstance(context, OrderSignContext):
            found: Sequence[Mapping[str, Any]] = context.draft_orders.resources()
        elif isinstance(context, OrderDispatchContext):
            found = await self._dispatched(request, context, client, ends_at)
        else:
            found = ()
        own = f"Patient/{context.patient_id}"
        orders = order_resources(found)[:_MOST_ORDERS]
        return tuple(o for o in orders if not o.subject_reference or o.subject_reference.endswith(own))

    async def _dispatched(
        self, request: HookRequest, context: OrderDispatchContext, client: CdsClient, ends_at: float
    ) -> list[Mapping[str, Any]]:
        given = {f"{r.get('resourceType')}/{r.get('id')}": r for r in resources_in(request.prefetch.values())}
        found = []
        for reference in context.dispatched_orders[:_MOST_ORDERS]:
            named = _REFERENCE.search(reference)
            if named is None:
                continue
            resource = given.get(f"{named[1]}/{named[2]}")
            if resource is None and may_ask(request, client):
                resource = await read_resource(
                    request, f"{named[1]}/{named[2]}", timeout_seconds=_left(ends_at), http=self.http
                )
            if resource is None:
                raise PatientNeeded("the dispatched orders are needed")
            found.append(resource)
        return found

    async def _patient(
        self,
        request: HookRequest,
        context: Context,
        client: CdsClient,
        site: Site,
        ends_at: float,
        orders: Sequence[OrderResource],
    ) -> PatientIdentifier | None:
        """``None``: the index does not know the patient."""
        resource = request.prefetch.get("patient")
        if resource is not None and resource.get("id", context.patient_id) != context.patient_id:
            raise PatientContradicts("prefetch.patient")
        said: list[tuple[str, str]] = list(identifiers_of(resource)) if resource is not None else []
        if resource is None:
            said = [o.subject_identifier for o in orders if o.subject_identifier is not None]
            if len(set(said)) > 1:
                raise PatientContradicts("draftOrders")
        if resource is None and not said and may_ask(request, client) and _PATIENT_ID.fullmatch(context.patient_id):
            fetched = await read_resource(
                request, f"Patient/{context.patient_id}", timeout_seconds=_left(ends_at), http=self.http
            )
            said = [] if fetched is None else list(identifiers_of(fetched))
        if resource is None and not said:
            raise PatientNeeded("the patient is needed")
        named = identifiers_named(
            said,
            systems=self.settings.identifier_systems,
            own_authority=site.assigning_authority,
            resources=self.resources,
        )
        if len(named) == 1:
            return named[0]  # whether it is known is found out by those who look the person up
        started = time.monotonic()
        known = await asyncio.to_thread(first_known, named, resources=self.resources, viewer=_viewer(client))
        if known is None:
            await asyncio.sleep(seconds_to_beat(started))
            _log.info("cds_patient_not_known", site_id=site.site_id)
        return known

    def _imaging_order(
        self, order: OrderResource, patient: PatientIdentifier, site: Site, request: HookRequest
    ) -> ImagingOrder:
        setting = encounter_class(request.prefetch.get("encounter"))
        evidence = read_context(order.reasons, priority=order.priority, setting=setting)
        if not order.priority and not setting:
            _log.info("order_context_not_known", site_id=site.site_id)
            unknown = self.resources.rules.flags_of_unknown_context - {one.flag for one in evidence}
            evidence += tuple(ContextEvidence(flag, "care setting not known") for flag in unknown)
        coding = next((c for c in order.codings if c.is_standard), None) or next(iter(order.codings), None)
        local = next((c for c in order.codings if not c.is_standard), None)
        chosen = [c for c in (local, coding) if c is not None]
        normalized = [
            self.resources.normalize_order(
                site_id=site.site_id,
                description=order.description,
                code=c.code or None,
                code_system=c.system or None,
            )
            for c in chosen
        ] or [self.resources.normalize_order(site_id=site.site_id, description=order.description)]
        return ImagingOrder(
            patient_identifier=patient,
            ordering_site=site.site_id,
            requested_at=order.requested_at or self.resources.clock(),
            procedure=mapped_first(normalized),
            description=order.description,
            code=coding.code if coding is not None else None,
            code_system=coding.system if coding is not None else None,
            placer_order_number=order.placer_order_number,
            flags=frozenset(one.flag for one in evidence),
            context=evidence,
        )

    async def _check(
        self, orders: Sequence[ImagingOrder], context: Context, client: CdsClient, ends_at: float
    ) -> list[CheckedOrder | None]:
        """Every order at once; ``None`` for one that was not judged in time (it is judged to the end all the same)."""
        by = f"{client.issuer} {context.user_id}".strip()[:255]
        tasks = [
            asyncio.create_task(
                self.resources.check_order(
                    order, checked_by=by, deadline_seconds=_left(ends_at), viewer=_viewer(client)
                )
            )
            for order in orders
        ]
        if not tasks:
            return []
        _, late = await asyncio.wait(tasks, timeout=max(0.0, ends_at - time.monotonic()) + _ANSWERING_SECONDS)
        for task in late:
            _background.add(task)
            task.add_done_callback(_forget)
            _log.warning("cds_check_late")
        return [None if task in late else _result_of(task) for task in tasks]


_background: set[asyncio.Task[CheckedOrder]] = set()
"""Checks that outlive their answer; held so that the loop does not drop them."""


def _forget(task: asyncio.Task[CheckedOrder]) -> None:
    _background.discard(task)
    if not task.cancelled():
        task.exception()


def _result_of(task: asyncio.Task[CheckedOrder]) -> CheckedOrder | None:
    error = task.exception()
    if error is None:
        return task.result()
    if isinstance(error, (UnknownIdentifier, FederationError)):
        _log.info("cds_order_not_checked", error_type=type(error).__name__)
        return None
    raise error


def _viewer(client: CdsClient) -> Viewer:
    return Viewer(sites=frozenset({client.site_id}))


def _left(ends_at: float) -> float:
    return max(0.0, ends_at - time.monotonic())


def with_warm_sources(resources: HubResources, settings: CdsHooksSettings) -> HubResources:
    """The same hub, whose archives' answers are kept for the next hook."""
    directory = warm_directory(
        resources.directory,
        keep_seconds=float(settings.warm_seconds),
        patience_seconds=settings.warm_deadline_ms / 1000,
    )
    return replace(resources, directory=directory)
