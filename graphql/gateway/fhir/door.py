"""Around every FHIR operation: token, permission, body before; audit and metrics after; refusals as OperationOutcomes.

The same rules as at the GraphQL door: those who are not let in are audited too, and an answer whose audit entry cannot
be written is not given.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import Response

from adapters.fhir.identifier_systems import IdentifierSystems
from adapters.fhir.resource_fields import ResourceRefused
from federation.ports import UnitOfWork
from federation.sites.consent import PersonView
from federation.usecases.see_person import seconds_to_beat
from gateway.authentication import Caller
from gateway.context import HubContext
from gateway.errors import NotAuthenticated
from gateway.fhir.outcomes import FhirAnswer, FhirProblem, issue, outcome, outcome_of, problem_of
from gateway.http_middleware import CORRELATION_KEY
from gateway.metrics import HubMetrics
from gateway.observability import get_logger
from gateway.permissions import ANSWERED_ON_BEAT, Role, decide_access
from gateway.rate_limits import too_fast
from gateway.resources import HubResources
from mpi.audit import AuditEvent, AuditOutcome
from mpi.errors import MpiError
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.usecases.resolve_identity import ResolvedIdentity

FHIR_JSON = "application/fhir+json"
_JSON = frozenset({FHIR_JSON, "application/json"})
_FORM = "application/x-www-form-urlencoded"
_log = get_logger("gateway.fhir")

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class FhirCall:
    """One request of a caller who may. ``body`` is parsed JSON; ``in_url`` and ``in_form`` are parameters as sent."""

    context: HubContext
    role: Role
    operation: str
    systems: IdentifierSystems
    body: Any = None
    in_url: Pairs = ()
    in_form: Pairs = ()
    resource_id: str = ""
    prefer: str = ""

    @property
    def source(self) -> str:
        """Names the door and the caller for histories and review items."""
        return f"{self.operation} {self.context.caller.subject}"

    def see(self, patient: PatientIdentifier | EnterpriseId, uow: UnitOfWork) -> PersonView:
        """The person as the caller may see them.

        Raises:
            UnknownIdentifier: nobody is, as far as the caller may see.
        """
        return self.context.resources.see_person(patient, self.context.viewer(self.operation), uow=uow)

    def seen(self, persons: Iterable[EnterpriseId], uow: UnitOfWork) -> list[ResolvedIdentity]:
        """Those of the persons whom the caller may see, as far as they may be seen."""
        viewer, resources = self.context.viewer(self.operation), self.context.resources
        views = (resources.seen_or_none(person, viewer, uow=uow) for person in persons)
        return [view.identity for view in views if view is not None]

    def audit_event(self, *, subject: str | None = None, detail: str = "") -> AuditEvent:
        """The entry for this call when it succeeds, for handlers that write it in their own transaction."""
        return self.context.audit_event(
            self.operation, AuditOutcome.SUCCESS, role=self.role, subject=subject, detail=detail
        )


Handler = Callable[[FhirCall], FhirAnswer]


@dataclass(frozen=True, slots=True)
class _Sent:
    """What is taken from the request before a thread works on it."""

    authorization: str | None
    correlation_id: str
    content_type: str
    raw: bytes
    in_url: Pairs
    resource_id: str
    prefer: str


@dataclass(frozen=True, slots=True)
class _Answered:
    """``is_on_beat``: nobody was found, which must take as long for those who are hidden as for those who are not."""

    response: Response
    is_on_beat: bool = False


@dataclass(frozen=True, slots=True)
class FhirDoor:
    """One operation as an endpoint."""

    operation: str
    handler: Handler
    resources: HubResources
    metrics: HubMetrics
    systems: IdentifierSystems
    takes_form: bool = False
    _types: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_types", _JSON | {_FORM} if self.takes_form else _JSON)

    async def __call__(self, request: Request) -> Response:
        """Read the request here; everything that waits for a database happens in one thread."""
        raw = await request.body()
        sent = _Sent(
            authorization=request.headers.get("authorization"),
            correlation_id=request.scope[CORRELATION_KEY],
            content_type=request.headers.get("content-type", "").partition(";")[0].strip().lower(),
            raw=raw,
            in_url=request.query_params.multi_items(),
            resource_id=request.path_params.get("resource_id", ""),
            prefer=request.headers.get("prefer", ""),
        )
        rates = self.resources.rates
        try:
            caller = await self.resources.caller(sent.authorization)
        except NotAuthenticated as refusal:
            if await rates.are_anonymous_too_many(request.scope):
                return too_fast(request.scope)
            return await asyncio.to_thread(self._unauthenticated, refusal.reason, sent.correlation_id)
        if await rates.is_client_too_fast(caller.subject):
            return too_fast(request.scope)
        started = time.monotonic()
        answered = await asyncio.to_thread(self._answer, sent, caller, started)
        if answered.is_on_beat:
            await asyncio.sleep(seconds_to_beat(started))
        return answered.response

    def _answer(self, sent: _Sent, caller: Caller, started: float) -> _Answered:
        context = HubContext(self.resources, self.metrics, caller, sent.correlation_id)
        decision = decide_access(self.operation, caller.claims)
        role = decision.role
        if role is None:
            self._keep(context, None, AuditOutcome.REFUSED, started, detail=decision.reason)
            text = "your role, purpose, scopes or sites do not cover this operation"
            return _Answered(fhir_response(outcome(issue("error", "forbidden", decision.reason, text)), 403))
        may_miss = self.operation in ANSWERED_ON_BEAT and not context.viewer(self.operation).sees_everybody
        try:
            answer = self._carry_out(sent, context, role)
        except FhirProblem as problem:
            result = AuditOutcome.REFUSED if problem.issue == "forbidden" else AuditOutcome.FAILED
            self._keep(context, role, result, started, detail=problem.code)
            response = fhir_response(outcome_of(problem, sent.correlation_id), problem.status)
            return _Answered(response, is_on_beat=may_miss and problem.status == 404)
        except BaseException:
            self._keep(context, role, AuditOutcome.FAILED, started, detail="internal_error")
            raise
        self._keep(
            context,
            role,
            AuditOutcome.SUCCESS,
            started,
            subjects=answer.subjects,
            detail=answer.detail,
            is_kept=answer.is_audited,
        )
        response = fhir_response(answer.resource, answer.status, answer.headers)
        return _Answered(response, is_on_beat=may_miss and not answer.subjects)

    def _carry_out(self, sent: _Sent, context: HubContext, role: Role) -> FhirAnswer:
        try:
            body, form = self._read_body(sent)
            return self.handler(
                FhirCall(
                    context,
                    role,
                    self.operation,
                    self.systems,
                    body=body,
                    in_url=sent.in_url,
                    in_form=form,
                    resource_id=sent.resource_id,
                    prefer=sent.prefer,
                )
            )
        except (ResourceRefused, MpiError) as error:
            raise problem_of(error) from error

    def _read_body(self, sent: _Sent) -> tuple[Any, Pairs]:
        if not sent.raw:
            return None, ()
        if sent.content_type not in self._types:
            text = f"only {', '.join(sorted(self._types))} are taken"
            raise FhirProblem(415, "not-supported", "content_type_not_taken", text)
        try:
            if sent.content_type == _FORM:
                return None, parse_qsl(sent.raw.decode(), strict_parsing=True)
            return orjson.loads(sent.raw), ()
        except ValueError as error:
            raise FhirProblem(400, "structure", "body_not_readable", "the body cannot be read") from error

    def _unauthenticated(self, reason: str, correlation_id: str) -> Response:
        self.metrics.count_refused_token(reason)
        with self.resources.units() as uow:
            uow.audit.append(
                AuditEvent(
                    at=self.resources.clock(),
                    actor="anonymous",
                    role="",
                    action=self.operation,
                    outcome=AuditOutcome.REFUSED,
                    correlation_id=correlation_id,
                    detail=reason,
                )
            )
            uow.commit()
        problem = FhirProblem(401, "login", reason, "a valid token is needed")
        return fhir_response(outcome_of(problem, correlation_id), 401, {"WWW-Authenticate": "Bearer"})

    def _keep(
        self,
        context: HubContext,
        role: Role | None,
        result: AuditOutcome,
        started: float,
        *,
        subjects: Sequence[str] = (),
        detail: str = "",
        is_kept: bool = False,
    ) -> None:
        if not is_kept:
            with self.resources.units() as uow:
                for subject in subjects or (None,):
                    uow.audit.append(
                        context.audit_event(self.operation, result, role=role, subject=subject, detail=detail)
                    )
                uow.commit()
        seconds = time.monotonic() - started
        self.metrics.count_operation(self.operation, result.value, seconds)
        _log.info(
            "operation_answered",
            operation=self.operation,
            outcome=result.value,
            reason=detail or None,
            enterprise_id=subjects[0] if len(subjects) == 1 else None,
            person_count=len(subjects),
            duration_ms=int(seconds * 1000),
        )


def fhir_response(body: Mapping[str, Any] | None, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """The answer with FHIR's content type."""
    content = b"" if body is None else orjson.dumps(body)
    return Response(content, status, headers=dict(headers or {}), media_type=FHIR_JSON)
