"""Around every root field: permission before, audit and metrics after, expected refusals as typed answers.

A look-up whose audit entry cannot be written is not answered.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from strawberry.extensions import FieldExtension

from federation.errors import PersonWithheld, UnknownSite
from gateway.context import HubContext, HubInfo, keep_audit
from gateway.errors import AccessRefused
from gateway.observability import get_logger
from gateway.permissions import Role, decide_access
from gateway.schema.inputs import InputProblem
from gateway.schema.refusals import InvalidInput, NotAllowed, PatientNotFound, Refusal
from mpi.audit import AuditOutcome
from mpi.errors import UnknownIdentifier

_log = get_logger("gateway.operations")


WITHHELD = "withheld"
"""Detail of an audit entry: somebody asked for a person whom they may not see. The log and the caller are told
*not found*; only those who read the audit log learn more."""


@runtime_checkable
class AboutPersons(Protocol):
    """An answer that shows data of persons."""

    def audit_subjects(self) -> tuple[str, ...]:
        """Enterprise ids of those whom the answer is about."""


@runtime_checkable
class Audited(Protocol):
    """An answer to a change whose audit entries were written in the change's own transaction."""

    def is_audited(self) -> bool:
        """Whether they were."""


@runtime_checkable
class Remarkable(Protocol):
    """An answer whose audit entry says more than that it was given."""

    def audit_detail(self) -> str:
        """A stable code, empty for nothing."""


@dataclass(frozen=True, slots=True)
class _Note:
    outcome: AuditOutcome
    subjects: tuple[str, ...] = ()
    detail: str = ""
    is_kept: bool = False
    logged_as: str | None = None


class Guarded(FieldExtension):
    """Guards one operation; ``operation`` is the field's name in the schema and in the table of permissions."""

    def __init__(self, operation: str) -> None:
        self.operation = operation

    async def resolve_async(
        self, next_: Callable[..., Awaitable[Any]], source: Any, info: HubInfo, **kwargs: Any
    ) -> Any:
        """Permission, the resolver, audit; then, and only then, the answer."""
        started = time.monotonic()
        context: HubContext = info.context
        decision = decide_access(self.operation, context.caller.claims)
        role = decision.role
        if role is None:
            await self._keep(context, None, _Note(AuditOutcome.REFUSED, detail=decision.reason), started)
            return NotAllowed.because(decision.reason)
        try:
            answer = await _answer(next_, source, info, kwargs)
        except BaseException:
            await self._keep(context, role, _Note(AuditOutcome.FAILED, detail="internal_error"), started)
            raise
        await self._keep(context, role, _note_of(answer), started)
        return answer

    async def _keep(self, context: HubContext, role: Role | None, note: _Note, started: float) -> None:
        events = [
            context.audit_event(self.operation, note.outcome, role=role, subject=subject, detail=note.detail)
            for subject in note.subjects or (None,)
        ]
        if not note.is_kept:
            await keep_audit(events, context.resources)
        seconds = time.monotonic() - started
        context.metrics.count_operation(self.operation, note.outcome.value, seconds)
        _log.info(
            "operation_answered",
            operation=self.operation,
            outcome=note.outcome.value,
            reason=note.logged_as or note.detail or None,
            enterprise_id=note.subjects[0] if len(note.subjects) == 1 and note.logged_as is None else None,
            person_count=len(note.subjects) if note.logged_as is None else 0,
            duration_ms=int(seconds * 1000),
        )


async def _answer(next_: Callable[..., Awaitable[Any]], source: Any, info: HubInfo, kwargs: dict[str, Any]) -> Any:
    try:
        return await next_(source, info, **kwargs)
    except InputProblem as problem:
        return InvalidInput(code=problem.code, field=problem.field, message=problem.message)
    except AccessRefused as refusal:
        return NotAllowed.because(refusal.reason)
    except UnknownSite:
        return InvalidInput(code="unknown_site", field="order.orderingSite", message="no site is registered so")
    except PersonWithheld as hidden:
        return PatientNotFound(withheld=hidden.enterprise_id)
    except UnknownIdentifier:
        return PatientNotFound()


def _note_of(answer: object) -> _Note:
    if isinstance(answer, NotAllowed):
        return _Note(AuditOutcome.REFUSED, detail=answer.code)
    if isinstance(answer, PatientNotFound) and answer.withheld is not None:
        return _Note(AuditOutcome.FAILED, (answer.withheld,), WITHHELD, logged_as=answer.code)
    if isinstance(answer, Refusal):
        return _Note(AuditOutcome.FAILED, _subjects_of(answer), answer.code)
    is_kept = isinstance(answer, Audited) and answer.is_audited()
    detail = answer.audit_detail() if isinstance(answer, Remarkable) else ""
    return _Note(AuditOutcome.SUCCESS, _subjects_of(answer), detail, is_kept=is_kept)


def _subjects_of(answer: object) -> tuple[str, ...]:
    return answer.audit_subjects() if isinstance(answer, AboutPersons) else ()
