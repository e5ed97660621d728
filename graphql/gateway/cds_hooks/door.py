"""The HTTP routes: discovery, services, feedback. Who calls is settled first, and every call is audited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx2
import orjson
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.cds_hooks.cards import could_not_check_card
from gateway.cds_hooks.client_auth import CdsClient, ClientVerifier, clients_of
from gateway.cds_hooks.discovery import HOOKS, discovery
from gateway.cds_hooks.feedback import take_feedback
from gateway.cds_hooks.hooks import HookAnswer, Hooks, PatientContradicts, PatientNeeded, with_warm_sources
from gateway.cds_hooks.models import CONTEXTS, FeedbackRequest, HookRequest
from gateway.context import keep_audit
from gateway.errors import ConfigurationError, NotAuthenticated
from gateway.http_middleware import CORRELATION_KEY
from gateway.observability import get_logger
from gateway.rate_limits import WAIT_SECONDS, too_fast
from gateway.resources import HubResources
from gateway.settings import CdsHooksSettings
from gateway.used_tokens import RememberUsed
from mpi.audit import AuditEvent, AuditOutcome

ROLE = "cds-client"
_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": str(WAIT_SECONDS)}}
Model = TypeVar("Model", bound=BaseModel)
_log = get_logger("gateway.cds_hooks")


class Refused(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text


def cds_routes(
    resources: HubResources, settings: CdsHooksSettings, *, http: httpx2.AsyncClient | None = None
) -> tuple[BaseRoute, ...]:
    """The routes under ``/cds-services``; none when the settings name no public address.

    Raises:
        ConfigurationError: a client's site is not registered.
    """
    if settings.base_url is None:
        return ()
    for client in settings.clients:
        if client.site not in resources.directory.sites:
            raise ConfigurationError("cds_hooks.clients.site: no site is registered under this id")
    door = CdsDoor(resources, settings, http or httpx2.AsyncClient())
    return (
        Route("/cds-services", door.discover, methods=["GET"]),
        Route("/cds-services/{service}", door.call, methods=["POST"]),
        Route("/cds-services/{service}/feedback", door.feedback, methods=["POST"]),
    )


class CdsDoor:
    """The endpoints. Errors are OperationOutcomes; an error of ours never stands in an order's way."""

    def __init__(self, resources: HubResources, settings: CdsHooksSettings, http: httpx2.AsyncClient) -> None:
        self._resources = resources
        self._base_url = (settings.base_url or "").rstrip("/")
        self._verify = ClientVerifier(
            clients_of(settings.clients), resources.clock, use_token=RememberUsed(resources.units, resources.clock)
        )
        self._hooks = Hooks(with_warm_sources(resources, settings), settings, http)

    async def discover(self, request: Request) -> Response:
        """GET /cds-services."""
        return await self._answered(request, "cds:discovery", self._discover)

    async def call(self, request: Request) -> Response:
        """POST /cds-services/{id}."""
        return await self._answered(request, "cds:call", self._call)

    async def feedback(self, request: Request) -> Response:
        """POST /cds-services/{id}/feedback."""
        return await self._answered(request, "cds:feedback", self._feedback)

    async def _answered(
        self, request: Request, action: str, answer: Callable[[Request, CdsClient], Awaitable[Response]]
    ) -> Response:
        try:
            client = await self._client(request, action)
            if await self._resources.rates.is_client_too_fast(client.issuer):
                return too_fast(request.scope)
            return await answer(request, client)
        except Refused as refusal:
            return _outcome(refusal)

    async def _client(self, request: Request, action: str) -> CdsClient:
        url = f"{self._base_url}{request.url.path}"
        try:
            return await asyncio.to_thread(self._verify, request.headers.get("authorization"), url)
        except NotAuthenticated as refusal:
            if await self._resources.rates.are_anonymous_too_many(request.scope):
                raise Refused(429, "throttled", "too many requests") from None
            await self._audit(request, "anonymous", action, AuditOutcome.REFUSED, detail=refusal.reason)
            raise Refused(401, "login", f"a valid token is needed: {refusal.reason}") from None

    async def _discover(self, request: Request, client: CdsClient) -> Response:
        return JSONResponse(discovery())

    async def _call(self, request: Request, client: CdsClient) -> Response:
        service = _service_of(request)
        call = _read(HookRequest, await request.body())
        if call.hook not in HOOKS[service]:
            raise Refused(400, "not-supported", "hook: not a hook of this service")
        context = _parse(CONTEXTS[call.hook], call.context, "context.")
        action = f"cds:{call.hook}"
        try:
            found = await self._hooks.answer(call, context, client)
        except PatientNeeded as error:
            await self._audit(request, client.issuer, action, AuditOutcome.FAILED, detail="prefetch_needed")
            raise Refused(412, "required", str(error)) from None
        except PatientContradicts as error:
            await self._audit(request, client.issuer, action, AuditOutcome.FAILED, detail="patient_contradicts")
            raise Refused(400, "invalid", f"{error}: another patient than the hook's") from None
        except Exception as error:  # noqa: BLE001 - an edge: whatever it is, the order must go on
            _log.error("cds_hook_failed", error_type=type(error).__name__, operation=action)
            await self._audit(request, client.issuer, action, AuditOutcome.FAILED, detail="internal_error")
            return _cards(HookAnswer((could_not_check_card(),)))
        await self._audit(
            request, client.issuer, action, AuditOutcome.SUCCESS,
            subject=found.enterprise_id, detail=f"cards:{len(found.cards)}",
        )  # fmt: skip
        return _cards(found)

    async def _feedback(self, request: Request, client: CdsClient) -> Response:
        _service_of(request)
        sent = _read(FeedbackRequest, await request.body())
        await asyncio.to_thread(
            take_feedback, sent, client=client, resources=self._resources, correlation_id=_correlation_id(request)
        )
        return JSONResponse({})

    async def _audit(
        self,
        request: Request,
        actor: str,
        action: str,
        outcome: AuditOutcome,
        *,
        subject: str | None = None,
        detail: str = "",
    ) -> None:
        """Keep an entry; what cannot be put on record is not answered (the door answers 500, the EHR goes on)."""
        event = AuditEvent(
            at=self._resources.clock(),
            actor=actor,
            role="" if actor == "anonymous" else ROLE,
            action=action,
            outcome=outcome,
            subject=subject,
            purpose_of_use="TREAT",
            correlation_id=_correlation_id(request),
            detail=detail,
        )
        await keep_audit([event], self._resources)


def _service_of(request: Request) -> str:
    service: str = request.path_params["service"]
    if service not in HOOKS:
        raise Refused(404, "not-found", "no service has this id")
    return service


def _read(model: type[Model], body: bytes) -> Model:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refused(400, "structure", "the body is not JSON") from None
    return _parse(model, document, "")


def _parse(model: type[Model], document: Any, path: str) -> Model:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = path + ".".join(str(part) for part in first["loc"])
        code = "required" if first["type"] == "missing" else "invalid"
        raise Refused(400, code, f"{where}: {first['msg']}".removeprefix(": ")) from None


def _cards(found: HookAnswer) -> Response:
    return JSONResponse({"cards": [card.document() for card in found.cards]})


def _outcome(refusal: Refused) -> Response:
    issue = {"severity": "error", "code": refusal.code, "diagnostics": refusal.text}
    headers = _HEADERS.get(refusal.status, {})
    return JSONResponse(
        {"resourceType": "OperationOutcome", "issue": [issue]},
        status_code=refusal.status,
        media_type="application/fhir+json",
        headers=headers,
    )


def _correlation_id(request: Request) -> str:
    found: str = request.scope.get(CORRELATION_KEY, "")
    return found
