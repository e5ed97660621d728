"""The FHIR doors as routes for the hub's application."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from adapters.fhir.identifier_systems import IdentifierSystems
from gateway.fhir import consents
from gateway.fhir.capability import capability_statement
from gateway.fhir.door import FhirDoor, Handler, fhir_response
from gateway.fhir.feed import feed_patient
from gateway.fhir.issues import read_issue, search_issues
from gateway.fhir.match import match
from gateway.fhir.orders import feed_order
from gateway.fhir.outcomes import FhirProblem, issue, outcome, outcome_of
from gateway.fhir.pix import ihe_pix
from gateway.fhir.process_message import process_message
from gateway.fhir.search import read, search
from gateway.http_middleware import CORRELATION_KEY
from gateway.metrics import HubMetrics
from gateway.observability import get_logger
from gateway.resources import HubResources
from gateway.schema.masking import INTERNAL_ERROR
from gateway.settings import Settings
from mpi.identity.identifiers import AuthorityRegistry

STATEMENT_DATE = "2026-03-01"
_TOO_LARGE = 413
"""The body limit around the whole application answers these itself, and only if they reach it."""
_log = get_logger("gateway.fhir")


def identifier_systems(settings: Settings, registry: AuthorityRegistry) -> IdentifierSystems:
    """How the settings' authorities are written as FHIR systems."""
    return IdentifierSystems(registry, {a.name: a.fhir_system for a in settings.authorities if a.fhir_system})


def fhir_routes(resources: HubResources, metrics: HubMetrics, systems: IdentifierSystems) -> list[BaseRoute]:
    """Everything under ``/fhir``."""

    def door(operation: str, handler: Handler, *, takes_form: bool = False) -> FhirDoor:
        return FhirDoor(f"fhir:{operation}", handler, resources, metrics, systems, takes_form=takes_form)

    routes: list[BaseRoute] = [
        Route("/metadata", show_metadata, methods=["GET"]),
        _route("/$process-message", door("processMessage", process_message), "POST"),
        _route("/Patient/$match", door("match", match), "POST"),
        _route("/Patient/$ihe-pix", door("ihePix", ihe_pix, takes_form=True), "GET", "POST"),
        _route("/Patient/_search", door("searchPatient", search, takes_form=True), "POST"),
        _route("/Patient/{resource_id}", door("readPatient", read), "GET"),
        _route("/Patient", door("searchPatient", search), "GET"),
        _route("/Patient", door("feedPatient", feed_patient), "POST", "PUT"),
        _route("/ServiceRequest", door("feedOrder", feed_order), "POST", "PUT"),
        _route("/DetectedIssue/_search", door("searchIssues", search_issues, takes_form=True), "POST"),
        _route("/DetectedIssue/{resource_id}", door("readIssue", read_issue), "GET"),
        _route("/DetectedIssue", door("searchIssues", search_issues), "GET"),
        _route("/Consent/_search", door("searchConsents", consents.search, takes_form=True), "POST"),
        _route("/Consent/{resource_id}", door("readConsent", consents.read), "GET"),
        _route("/Consent/{resource_id}", door("recordConsent", consents.record), "PUT"),
        _route("/Consent", door("recordConsent", consents.record), "POST"),
    ]
    handlers = {HTTPException: answer_http_error, Exception: answer_internal_error}
    return [Mount("/fhir", app=Starlette(routes=routes, exception_handlers=handlers))]


def _route(path: str, door: FhirDoor, *methods: str) -> Route:
    async def endpoint(request: Request) -> Response:
        return await door(request)

    return Route(path, endpoint, methods=list(methods))


async def show_metadata(_: Request) -> Response:
    """The CapabilityStatement."""
    return fhir_response(capability_statement(STATEMENT_DATE), 200)


async def answer_http_error(request: Request, error: Exception) -> Response:
    """No such address, or not with this method."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    if status == _TOO_LARGE:
        raise error
    problem = FhirProblem(
        status, "not-found" if status == 404 else "not-supported", f"http_{status}", "not offered here"
    )
    return fhir_response(outcome_of(problem, request.scope.get(CORRELATION_KEY, "")), status, headers)


async def answer_internal_error(request: Request, error: Exception) -> Response:
    """What a FHIR caller sees of an error of ours."""
    correlation_id = request.scope.get(CORRELATION_KEY, "")
    if not isinstance(error, HTTPException):
        _log.error("request_failed", error_type=type(error).__name__, correlation_id=correlation_id)
    shown = issue("fatal", "exception", "internal_error", INTERNAL_ERROR)
    return fhir_response(outcome(shown, correlation_id=correlation_id), 500)
