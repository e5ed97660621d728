"""One GraphQL request in, one GraphQL answer out; what goes wrong inside is masked. The same for both ways in."""

from __future__ import annotations

import functools
import inspect
import json
from typing import Any

from graphql import GraphQLError, execute, parse, specified_rules, validate

from edge.errors import PolicyUnavailable
from edge.limits import MAX_TOKENS, rules
from edge.logs import log_event
from edge.schema import Context, InvalidPatient, build_schema
from federation.errors import (
    QueryRefused,
    SourceError,
    SourceProtocolError,
    SourceTimedOut,
    SourceUnauthorised,
)

_CODES: tuple[tuple[type[SourceError], str], ...] = (
    (QueryRefused, "QUERY_REFUSED"),
    (SourceTimedOut, "ARCHIVE_TIMED_OUT"),
    (SourceUnauthorised, "ARCHIVE_UNAUTHORISED"),
    (SourceProtocolError, "ARCHIVE_PROTOCOL_ERROR"),
    (SourceError, "ARCHIVE_UNAVAILABLE"),
)
_DOCUMENTS_KEPT = 16
_INVALID = "the question is not valid here"


class InvalidQuestion(Exception):
    """Not a GraphQL request that is answered here; the text is for demonstrations only."""


class GraphqlDoor:
    """Answers requests. With ``demo``, introspection works and errors in a question are told."""

    def __init__(self, *, demo: bool = False) -> None:
        self._schema = build_schema()
        self._demo = demo
        self._rules = [*specified_rules, *rules(introspection=demo)]
        self._document = functools.lru_cache(maxsize=_DOCUMENTS_KEPT)(self._read_document)

    async def answer(self, body: bytes, context: Context) -> bytes:
        """The JSON answer to a JSON request. Every failure is inside it."""
        try:
            query, variables, operation = _read_request(body)
            document = self._document(query)
        except InvalidQuestion as error:
            return _encoded({"errors": [_error(str(error) if self._demo else _INVALID, "BAD_REQUEST")]})
        running: Any = execute(
            self._schema, document, context_value=context, variable_values=variables, operation_name=operation
        )
        result = await running if inspect.isawaitable(running) else running
        answer: dict[str, Any] = {"data": result.data}
        if result.errors:
            answer["errors"] = [self._masked(error) for error in result.errors]
        return _encoded(answer)

    def _read_document(self, query: str) -> Any:
        try:
            document = parse(query, no_location=not self._demo, max_tokens=MAX_TOKENS)
            problems = validate(self._schema, document, self._rules, max_errors=5)
        except GraphQLError as error:
            raise InvalidQuestion(error.message) from None
        except RecursionError:
            raise InvalidQuestion("nested too deeply") from None
        if problems:
            raise InvalidQuestion(problems[0].message)
        return document

    def _masked(self, error: GraphQLError) -> dict[str, Any]:
        inner = error.original_error
        if isinstance(inner, SourceError):
            code = next(code for kind, code in _CODES if isinstance(inner, kind))
            return _error("the archive gave no answer", code, inner.reason)
        if isinstance(inner, PolicyUnavailable):
            return _error("nothing is shared now", "POLICY_UNAVAILABLE", "policy_unavailable")
        if isinstance(inner, InvalidPatient):
            return _error(_INVALID, "QUERY_REFUSED", "unusable_identifier")
        if inner is None or isinstance(inner, GraphQLError):
            # a variable of the wrong kind: graphql-core's text holds the value
            return _error(_INVALID, "BAD_REQUEST")
        log_event("question_failed", error_type=type(inner).__name__)
        return _error("internal error", "INTERNAL_ERROR", "internal_error")


def _read_request(body: bytes) -> tuple[str, dict[str, Any] | None, str | None]:
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidQuestion("the body is not JSON") from None
    if not isinstance(request, dict) or not isinstance(request.get("query"), str):
        raise InvalidQuestion("the body is not a GraphQL request")
    variables, operation = request.get("variables"), request.get("operationName")
    if not isinstance(variables, dict | None) or not isinstance(operation, str | None):
        raise InvalidQuestion("the body is not a GraphQL request")
    return request["query"], variables, operation


def _error(message: str, code: str, reason: str | None = None) -> dict[str, Any]:
    extensions = {"code": code} if reason is None else {"code": code, "reason": reason}
    return {"message": message, "extensions": extensions}


def _encoded(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
