"""A repeated request is answered as it was the first time and not carried out again.

The client gives a request a key of its own (``Idempotency-Key``, as in the IETF draft of that name). Its answer is kept
for two hours, with the caller and a hash of the request and of what the caller's token allows. Answers that hold an
error of ours are not kept: the request may be tried again.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from gateway.context import HubContext, keep_audit
from gateway.used_tokens import KEPT_FOR
from mpi.audit import AuditOutcome

HEADER = "idempotency-key"
REPLAYED = "Idempotency-Replayed"
REPLAY = "replayedAnswer"
"""Action of the audit entry of a repeat; its detail names the correlation id of the first request."""

GIVEN_UP_AFTER = dt.timedelta(minutes=1)
"""A request that takes longer was that of a process that died."""

_KEY = re.compile(r"[\x21-\x7e]{1,128}")
Answer = Callable[[Scope, Receive, Send], Awaitable[None]]


async def answer_once(answer: Answer, context: HubContext, scope: Scope, receive: Receive, send: Send) -> None:
    """Have the request answered, unless it was before. Streams have no single answer and take no key."""
    request = Request(scope, receive)
    key = request.headers.get(HEADER)
    if key is None or "text/event-stream" in request.headers.get("accept", ""):
        await answer(scope, receive, send)
        return
    if not _KEY.fullmatch(key):
        refusal = _refusal(400, "IDEMPOTENCY_KEY_INVALID", "a key is 1 to 128 visible ASCII characters")
        await refusal(scope, receive, send)
        return
    body = await request.body()
    claim = _Claim(context, key, _hash_of(body, context))
    before = await asyncio.to_thread(claim.take)
    if before is not None:
        if REPLAYED in before.headers:
            await keep_audit([context.audit_event(REPLAY, AuditOutcome.SUCCESS, role=None, detail=claim.first)],
                             context.resources)  # fmt: skip
        await before(scope, receive, send)
        return
    recorder = _Recorder()
    try:
        await answer(scope, _again(body), recorder)
    finally:
        await asyncio.shield(asyncio.to_thread(claim.settle, recorder.worth_keeping()))
    for message in recorder.messages:
        await send(message)


@dataclass(slots=True)
class _Claim:
    """A caller's key. ``first`` is the correlation id of the request that was carried out. Sync, for threads."""

    context: HubContext
    key: str
    request_hash: str
    first: str = ""

    def take(self) -> Response | None:
        """``None`` when the request is ours to carry out, else what is to be answered instead."""
        now = self.context.resources.clock()
        with self.context.resources.units() as uow:
            uow.answered_requests.forget_before(now - KEPT_FOR)
            found = uow.answered_requests.claim(
                self.context.caller.subject,
                self.key,
                request_hash=self.request_hash,
                at=now,
                stale_before=now - GIVEN_UP_AFTER,
            )
            uow.commit()
        if found is None:
            return None
        if found.request_hash != self.request_hash:
            return _refusal(422, "IDEMPOTENCY_KEY_REUSED", "this key was given to another request")
        if found.answer is None:
            return _refusal(409, "IDEMPOTENCY_IN_PROGRESS", "the request with this key is carried out", retry=True)
        first, _, body = found.answer.partition(b"\n")
        self.first = first.decode()
        return Response(body, 200, {REPLAYED: "true"}, media_type="application/json")

    def settle(self, body: bytes | None) -> None:
        """Keep the answer, or give the key back."""
        caller = self.context.caller.subject
        with self.context.resources.units() as uow:
            if body is None:
                uow.answered_requests.release(caller, self.key)
            else:
                answer = self.context.correlation_id.encode() + b"\n" + body
                uow.answered_requests.keep(caller, self.key, answer=answer)
            uow.commit()


@dataclass(slots=True)
class _Recorder:
    """Takes an answer instead of the client, who gets it once it is kept."""

    messages: list[Message] = field(default_factory=list)

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)

    def worth_keeping(self) -> bytes | None:
        """The body of a whole answer without an error of ours."""
        if not self.messages or self.messages[0].get("status") != 200 or self.messages[-1].get("more_body"):
            return None
        body = b"".join(message.get("body", b"") for message in self.messages[1:])
        errors = orjson.loads(body).get("errors") or []
        is_ours = any(error.get("extensions", {}).get("code") == "INTERNAL_ERROR" for error in errors)
        return None if is_ours else body


def _again(body: bytes) -> Receive:
    """Gives a body that was read already."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    return receive


def _hash_of(body: bytes, context: HubContext) -> str:
    caller = context.caller
    allowed = [sorted(role.value for role in caller.roles), caller.purpose_of_use, caller.patient]
    allowed.append(None if caller.sites is None else sorted(caller.sites))
    return hashlib.sha256(orjson.dumps(allowed) + b"\n" + body).hexdigest()


def _refusal(status: int, code: str, message: str, *, retry: bool = False) -> Response:
    body = {"errors": [{"message": message, "extensions": {"code": code}}]}
    return JSONResponse(body, status, {"Retry-After": "1"} if retry else {})
