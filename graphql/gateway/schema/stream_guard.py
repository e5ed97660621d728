"""Around every subscription: permission before, audit of the opening and of all that shows a person, an end in time.

The token is checked again while the subscription is open; one that ran out, was revoked or lost the role ends it, with
``SubscriptionEnded`` as the last word. What cannot be audited is not told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from strawberry.extensions import FieldExtension

from gateway.context import StreamContext, StreamInfo, keep_audit
from gateway.errors import NotAuthenticated
from gateway.observability import get_logger
from gateway.permissions import Role, decide_access
from gateway.schema.guard import AboutPersons
from gateway.schema.inputs import InputProblem
from gateway.schema.refusals import InvalidInput, NotAllowed, PatientNotFound, SubscriptionEnded
from mpi.audit import AuditOutcome
from mpi.errors import UnknownIdentifier

EXPIRED = "token_expired"
TOO_MANY = "too_many_subscriptions"
_log = get_logger("gateway.subscriptions")


class GuardedStream(FieldExtension):
    """Guards one subscription; ``operation`` is the field's name in the schema and in the table of permissions."""

    def __init__(self, operation: str) -> None:
        self.operation = operation

    async def resolve_async(
        self, next_: Callable[..., Any], source: Any, info: StreamInfo, **kwargs: Any
    ) -> AsyncGenerator[Any, None]:
        """The guarded stream of answers."""
        return self._opened(lambda: next_(source, info, **kwargs), info.context)

    async def _opened(
        self, open_stream: Callable[[], AsyncGenerator[Any, None]], context: StreamContext
    ) -> AsyncGenerator[Any, None]:
        started = time.monotonic()
        decision = decide_access(self.operation, context.caller.claims)
        role = decision.role
        if role is None:
            await self._keep(context, None, AuditOutcome.REFUSED, detail=decision.reason)
            self._count(context, AuditOutcome.REFUSED, decision.reason, started)
            yield NotAllowed.because(decision.reason)
            return
        with context.streams.open_streams.one_of(context.caller.subject) as has_place:
            if not has_place:
                await self._keep(context, role, AuditOutcome.REFUSED, detail=TOO_MANY)
                self._count(context, AuditOutcome.REFUSED, TOO_MANY, started)
                yield SubscriptionEnded(code=TOO_MANY)
                return
            await self._keep(context, role, AuditOutcome.SUCCESS, detail="subscribed")
            reason = ""
            try:
                async with aclosing(_until_unwanted(_answers(open_stream()), self.operation, context)) as answers:
                    async for answer in answers:
                        reason = answer.code if isinstance(answer, SubscriptionEnded) else reason
                        if isinstance(answer, AboutPersons):
                            await self._keep(context, role, AuditOutcome.SUCCESS, answer.audit_subjects())
                        yield answer
            finally:
                self._count(context, AuditOutcome.SUCCESS, reason, started)

    async def _keep(
        self,
        context: StreamContext,
        role: Role | None,
        outcome: AuditOutcome,
        subjects: tuple[str, ...] = (),
        *,
        detail: str = "",
    ) -> None:
        events = [
            context.audit_event(self.operation, outcome, role=role, subject=subject, detail=detail)
            for subject in subjects or (None,)
        ]
        await keep_audit(events, context.resources)

    def _count(self, context: StreamContext, outcome: AuditOutcome, reason: str, started: float) -> None:
        seconds = time.monotonic() - started
        context.metrics.count_subscription(self.operation, outcome.value, reason)
        _log.info(
            "subscription_closed",
            operation=self.operation,
            outcome=outcome.value,
            reason=reason or None,
            correlation_id=context.correlation_id,
            duration_ms=int(seconds * 1000),
        )


async def _answers(stream: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
    """The stream, with what can be refused before its first answer as a typed answer."""
    async with aclosing(stream):
        try:
            async for answer in stream:
                yield answer
        except InputProblem as problem:
            yield InvalidInput(code=problem.code, field=problem.field, message=problem.message)
        except UnknownIdentifier:
            yield PatientNotFound()


async def _until_unwanted(
    stream: AsyncGenerator[Any, None], operation: str, context: StreamContext
) -> AsyncGenerator[Any, None]:
    """The stream until the caller may not see it any more."""
    async with aclosing(stream):
        waiting: asyncio.Task[Any] | None = None
        try:
            next_check = _seconds_to_next_check(context)
            checked_at = time.monotonic()
            while True:
                waiting = waiting or asyncio.create_task(_next_of(stream))
                left = checked_at + next_check - time.monotonic()
                if left > 0:
                    await asyncio.wait([waiting], timeout=left)
                if checked_at + next_check <= time.monotonic():
                    reason = await _why_unwanted(operation, context)
                    if reason is not None:
                        yield SubscriptionEnded(code=reason)
                        return
                    checked_at, next_check = time.monotonic(), _seconds_to_next_check(context)
                if waiting.done():
                    answer, waiting = waiting.result(), None
                    if answer is _OVER:
                        return
                    yield answer
        finally:
            if waiting is not None:
                waiting.cancel()
                await asyncio.wait([waiting])


_OVER = object()


async def _next_of(stream: AsyncIterator[Any]) -> Any:
    return await anext(stream, _OVER)


def _seconds_to_next_check(context: StreamContext) -> float:
    left = (context.caller.token_expires_at - context.resources.clock()).total_seconds()
    return max(0.0, min(context.streams.recheck_seconds, left))


async def _why_unwanted(operation: str, context: StreamContext) -> str | None:
    """A stable reason to end, ``None`` to go on. The leeway for new requests does not prolong a subscription."""
    if context.resources.clock() >= context.caller.token_expires_at:
        return EXPIRED
    try:
        caller = await asyncio.to_thread(context.resources.authenticate, context.authorization)
    except NotAuthenticated as refusal:
        return refusal.reason
    decision = decide_access(operation, caller.claims)
    return None if decision.is_allowed else decision.reason
