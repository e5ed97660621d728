"""Errors that leave the hub: ours say nothing but where to ask, the caller's say what to mend but no value."""

from __future__ import annotations

import re
from collections.abc import Iterable

from graphql import GraphQLError
from strawberry.extensions import MaskErrors

from gateway.context import HubContext

INTERNAL_ERROR = "internal error"
_CODE = "code"
_VARIABLE = re.compile(r"Variable '(\$\w+)' has invalid (?:default )?value(?: at '?([\w.\[\]]+)'?)?")
_WITH_VALUE = ("cannot represent", "does not exist in", "Expected value", " found: ")
_TOO_LONG = "Syntax Error: Document contains more than"


def is_unexpected(error: GraphQLError) -> bool:
    """True for errors of ours; false for what the caller wrote wrong (syntax, unknown field, limits)."""
    original = error.original_error
    return original is not None and not isinstance(original, GraphQLError)


def mask_errors(errors: Iterable[GraphQLError], correlation_id: str) -> list[GraphQLError]:
    """The errors as callers may see them, each with a code. Masking twice changes nothing."""
    return [error if _CODE in (error.extensions or {}) else _mask(error, correlation_id) for error in errors]


def _mask(error: GraphQLError, correlation_id: str) -> GraphQLError:
    is_ours = is_unexpected(error)
    return GraphQLError(
        INTERNAL_ERROR if is_ours else without_values(error.message),
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions={_CODE: "INTERNAL_ERROR" if is_ours else "BAD_REQUEST", "correlationId": correlation_id},
    )


class HubMaskErrors(MaskErrors):
    """Masks whatever an operation ends with. What fails before (syntax) is masked at the door."""

    def _process_errors(self, errors: list[GraphQLError]) -> list[GraphQLError]:
        context = self.execution_context.context
        return mask_errors(errors, context.correlation_id if isinstance(context, HubContext) else "")


def without_values(message: str) -> str:
    """The message of a caller's error, without the values that graphql-core quotes in it."""
    variable = _VARIABLE.match(message)
    if variable is not None:
        return f"'{variable.group(1)}{variable.group(2) or ''}' has an invalid value"
    if message.startswith("Syntax Error") and not message.startswith(_TOO_LONG):
        return "Syntax Error"
    if any(words in message for words in _WITH_VALUE):
        return "an argument has a value that its type does not allow"
    return message
