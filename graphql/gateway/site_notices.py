"""``POST /notify/{site}``: a site says that something is new of one of its patients; its archive is asked behind it.

The body names the patient, as JSON (``{"localPatientId": "00412"}``) or as a FHIR subscription notification whose
ImagingStudy resources carry the patient's identifier. It is signed with the site's own secret, as our own webhooks are:

    X-Priorlink-Timestamp: seconds since 1970, at most five minutes off
    X-Priorlink-Signature: sha256=HMAC-SHA256(secret, timestamp + "." + body), hexadecimal

A notice tells us nothing but *ask*: no study in it is believed. Whether the patient is known is not answered.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from adapters.webhook.signed_delivery import signature
from federation.sites.site import Site, SiteId
from federation.usecases.refresh_priors import ask_for_refresh
from gateway.observability import get_logger
from gateway.resources import HubResources
from gateway.settings import Settings
from gateway.site_files import read_text
from mpi.errors import MpiError
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.usecases.follow_identifier import follow_identifier

MOST_PATIENTS = 100
_CLOCK_SKEW_SECONDS = 300
_log = get_logger("gateway.site_notices")


def notice_routes(resources: HubResources, settings: Settings) -> list[BaseRoute]:
    """The route, for the sites that have a secret; none when there is no such site."""
    secrets = {
        SiteId(site.id): read_text(site.notify_secret_file, "sites.notify_secret_file").strip().encode()
        for site in settings.sites
        if site.notify_secret_file is not None
    }
    if not secrets:
        return []

    async def notify(request: Request) -> Response:
        body = await request.body()
        site_id = SiteId(request.path_params["site"])
        if not _is_signed(request, body, secrets.get(site_id), resources):
            return JSONResponse({"error": "a valid signature is needed"}, status_code=401)
        numbers = _numbers(body)
        if numbers is None:
            return JSONResponse({"error": "the body names no patient that could be read"}, status_code=400)
        await asyncio.to_thread(_take, resources, resources.directory.sites[site_id], numbers)
        _log.info("site_notice_taken", site_id=site_id, patient_count=len(numbers))
        return Response(status_code=202)

    return [Route("/notify/{site}", notify, methods=["POST"])]


def _is_signed(request: Request, body: bytes, secret: bytes | None, resources: HubResources) -> bool:
    """The same work whether the site has a secret or not."""
    timestamp = request.headers.get("x-priorlink-timestamp", "")
    shown = request.headers.get("x-priorlink-signature", "")
    expected = signature(secret or b"nobody has this secret", timestamp, body)
    is_fresh = (
        timestamp.isascii()
        and timestamp.isdigit()
        and len(timestamp) < 15
        and abs(int(timestamp) - resources.clock().timestamp()) <= _CLOCK_SKEW_SECONDS
    )
    return hmac.compare_digest(expected.encode(), shown.encode()) and is_fresh and secret is not None


def _numbers(body: bytes) -> list[str] | None:
    """Local patient ids in the order in which they stand; ``None`` when there is none, or too many."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    found = list(dict.fromkeys(_named(document)))
    return found if 0 < len(found) <= MOST_PATIENTS else None


def _named(document: Any) -> Iterator[str]:
    if not isinstance(document, Mapping):
        return
    if isinstance(number := document.get("localPatientId"), str):
        yield number
    for entry in _list(document.get("entry")):
        resource = entry.get("resource")
        if isinstance(resource, Mapping) and resource.get("resourceType") == "ImagingStudy":
            subject = resource.get("subject")
            identifier = subject.get("identifier") if isinstance(subject, Mapping) else None
            if isinstance(identifier, Mapping) and isinstance(value := identifier.get("value"), str):
                yield value


def _list(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _take(resources: HubResources, site: Site, numbers: list[str]) -> None:
    now = resources.clock()
    with resources.units() as uow:
        persons: dict[EnterpriseId, None] = {}
        for number in numbers:
            try:
                identifier = PatientIdentifier(site.assigning_authority, number)
            except MpiError:
                continue
            record = follow_identifier(identifier, uow=uow)
            if record is not None and record.enterprise_id is not None:
                persons[record.enterprise_id] = None
        for person in persons:
            ask_for_refresh(person, uow=uow, at=now, site_id=site.site_id)
        uow.commit()
