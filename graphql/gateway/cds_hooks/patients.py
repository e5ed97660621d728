"""Whom a hook is about: from a FHIR Patient's identifiers to a number that the index knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import httpx2

from federation.sites.consent import Viewer
from gateway.cds_hooks.client_auth import CdsClient
from gateway.cds_hooks.models import HookRequest
from gateway.resources import HubResources
from mpi.errors import InvalidIdentifier
from mpi.identity.identifiers import AuthorityRegistry, EnterpriseId, PatientIdentifier

_OID = "urn:oid:"
_FETCH_TIMEOUT_SECONDS = 2.0


def identifiers_named(
    sent: Iterable[tuple[str, str]], *, systems: Mapping[str, str], own_authority: str, resources: HubResources
) -> list[PatientIdentifier]:
    """The identifiers of registered authorities, the ordering site's own first."""
    named = _identifiers(sent, systems, resources)
    return sorted(named, key=lambda identifier: identifier.assigning_authority != own_authority)


def first_known(
    named: Iterable[PatientIdentifier], *, resources: HubResources, viewer: Viewer
) -> PatientIdentifier | None:
    """The first identifier of a person whom the viewer may see. Sync, for a thread."""
    return next((identifier for identifier, _ in _seen(named, resources, viewer, most=1)), None)


def known_persons(
    sent: Iterable[tuple[str, str]], *, systems: Mapping[str, str], resources: HubResources, viewer: Viewer
) -> list[tuple[PatientIdentifier, EnterpriseId]]:
    """Every identifier of a person whom the viewer may see, with that person. Sync, for a thread."""
    return _seen(_identifiers(sent, systems, resources), resources, viewer)


def _identifiers(
    sent: Iterable[tuple[str, str]], systems: Mapping[str, str], resources: HubResources
) -> list[PatientIdentifier]:
    registry = resources.matcher.authorities
    return [i for system, value in sent if (i := _identifier(system, value, systems, registry)) is not None]


def _seen(
    named: Iterable[PatientIdentifier], resources: HubResources, viewer: Viewer, *, most: int | None = None
) -> list[tuple[PatientIdentifier, EnterpriseId]]:
    seen: list[tuple[PatientIdentifier, EnterpriseId]] = []
    with resources.read() as uow:
        for identifier in named:
            view = resources.seen_or_none(identifier, viewer, uow=uow)
            if view is not None:
                seen.append((identifier, view.identity.enterprise_id))
            if len(seen) == most:
                break
    return seen


def _identifier(
    system: str, value: str, systems: Mapping[str, str], registry: AuthorityRegistry
) -> PatientIdentifier | None:
    authority = systems.get(system)
    if authority is None and system.startswith(_OID):
        authority = registry.canonical_name("", system.removeprefix(_OID))
    if authority is None or not registry.is_registered(authority):
        return None
    try:
        return PatientIdentifier(authority, value)
    except InvalidIdentifier:
        return None


def may_ask(request: HookRequest, client: CdsClient) -> bool:
    """Whether the client's FHIR server can be asked: it gave a token, and the operator listed the server."""
    server = (request.fhir_server or "").rstrip("/")
    return request.fhir_authorization is not None and server in client.fhir_servers


async def read_resource(
    request: HookRequest, reference: str, *, timeout_seconds: float, http: httpx2.AsyncClient
) -> Mapping[str, Any] | None:
    """A resource of the client's FHIR server, ``None`` when it cannot be had in time."""
    if request.fhir_server is None or request.fhir_authorization is None:
        return None
    try:
        answer = await http.get(
            f"{request.fhir_server.rstrip('/')}/{reference}",
            headers={
                "Authorization": f"Bearer {request.fhir_authorization.access_token}",
                "Accept": "application/fhir+json",
            },
            timeout=min(timeout_seconds, _FETCH_TIMEOUT_SECONDS),
            follow_redirects=False,
        )
        answer.raise_for_status()
        resource = answer.json()
    except (httpx2.HTTPError, ValueError):
        return None
    return resource if isinstance(resource, dict) else None
